"""The core side: sequencer, state tree, commitments, witness inputs, proof data handler."""

from __future__ import annotations
