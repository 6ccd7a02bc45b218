"""Table capacities for tests."""

from __future__ import annotations


def capacities(log_size: int) -> dict[str, int]:
    """Return capacities in the proportions of a real size class, with room for paths in small ones."""
    size = 1 << log_size
    return {
        "add_immediate": size,
        "add": size,
        "control": size // 2,
        "bitwise": size,
        "mul_div": size // 2,
        "memory_word": size,
        "memory_sub": size // 4,
        "call": max(size // 64, 8),
        "idle": max(size // 4, 1 << 9),
        "decode": 1 << 15,
        "page": max(size // 8, 320),
        "poseidon2": max(size // 8, 1 << 9),
    }
