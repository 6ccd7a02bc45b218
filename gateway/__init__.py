"""The prover gateway: fetches work from core, creates the batch's jobs, and returns finished proofs."""

from __future__ import annotations
