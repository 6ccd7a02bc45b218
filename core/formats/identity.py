"""What core and its provers must agree on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """What both sides must agree on before a batch is lent.

    Attributes
    ----------
    chain_id : int
    protocol_version : str
    key_digest : str
        Hex digest of the proving key that core verifies with.
    program_commitment : str
        Hex digest of the initial state of the state-transition program.
    program_sha256 : str
        Hex digest of its ELF.
    snark_key : str
        Hex digest of the key of the SNARKs that must come with proofs; empty where none is asked for.
    """

    chain_id: int
    protocol_version: str
    key_digest: str
    program_commitment: str
    program_sha256: str
    snark_key: str = ""
