"""Table capacities for tests."""

from __future__ import annotations


def capacities(log_size: int) -> dict[str, int]:
    """Return capacities in the proportions of a real size class, with room for paths in small ones."""
    size = 1 << log_size
    return {
        "add": size,
        "control": size // 2,
        "bitwise": size // 2,
        "shift": size // 2,
        "mul": size // 2,
        "div": size // 8,
        "memory_word": size,
        "memory_sub": size // 4,
        "poseidon2_call": max(size // 64, 8),
        "decode": 1 << 15,
        "block": max(size // 16, 64),
        "node": max(size // 16, 256),
        "poseidon2": max(size, 1 << 12),
    }
