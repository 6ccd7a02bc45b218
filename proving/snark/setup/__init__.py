"""Setups: read from a public ceremony's file, kept as an extract, or made insecurely for tests."""
