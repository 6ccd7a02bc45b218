"""Whole-array computing: one interface, implemented by the native kernels and by CUDA."""

from __future__ import annotations
