"""A batch's public inputs (``docs/snark.md``, section 9): what the contract computes and the circuit exposes."""

from __future__ import annotations

#: Public inputs of a batch's proof.
PUBLIC_INPUTS = 7

_DIGEST_BYTES = 32
_HALF = 16


def halves(digest: bytes) -> tuple[int, int]:
    """Return the two elements of 32 bytes: each half as a number, low byte first.

    For a digest of four Goldilocks elements they are ``e_0 + 2^64 e_1`` and ``e_2 + 2^64 e_3``.
    """
    if len(digest) != _DIGEST_BYTES:
        raise ValueError(f"a digest has {_DIGEST_BYTES} bytes, not {len(digest)}")
    return int.from_bytes(digest[:_HALF], "little"), int.from_bytes(digest[_HALF:], "little")


def batch_inputs(*, program: bytes, key_set: bytes, protocol_version: int, output: bytes) -> list[int]:
    """Return the public inputs of the proof that a program gave an output.

    Parameters
    ----------
    program, key_set
        Program commitment and key-set digest, 32 bytes each.
    protocol_version
        Below 2^32.
    output
        The program's 32 bytes.
    """
    if not 0 <= protocol_version < 1 << 32:
        raise ValueError(f"protocol version {protocol_version} is not below 2^32")
    return [*halves(program), *halves(key_set), protocol_version, *halves(output)]
