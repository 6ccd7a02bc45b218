"""Circuits beside `main_vm`, and the parts that several circuits share."""
