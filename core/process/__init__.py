"""Core as one process: its parts over one store, its server and its loops."""
