"""Small tools that talk to a running core."""
