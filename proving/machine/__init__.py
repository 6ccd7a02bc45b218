"""The RV32IM machine: programs, execution, segments, checkpoints and execution records."""
