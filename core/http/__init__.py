"""What every route of core's server shares: typed errors and bounded threads."""
