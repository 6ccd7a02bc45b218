"""The `main_vm` circuit: RV32IM execution from one state digest to another."""
