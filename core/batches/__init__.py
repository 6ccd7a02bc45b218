"""What becomes of a sealed batch, until it can be offered to provers."""
