"""The state-transition program, executed natively: the one place that knows the rollup's rules."""
