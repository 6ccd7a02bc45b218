"""The wrap circuit: it shows that a batch's last proof holds, and that its public input is what L1 computes.

The last proof's public input is that of the scheduler: key set and program commitment as digests, protocol version, and
the eight words of the output. The circuit's public inputs are those of ``docs/snark.md``, section 9.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proving.hash import DIGEST
from proving.snark.arithmetic import SnarkArithmetic
from proving.snark.bn254.field import FR, Elements
from proving.snark.builder import Builder
from proving.snark.circuit import Ids
from proving.snark.representatives import WORD_BITS, Numbers
from proving.snark.statement import PUBLIC_INPUTS
from proving.stark.arithmetic import Words
from proving.stark.key import Key
from proving.stark.proof import Part, Proof, assemble, parts_of
from proving.stark.shape import EXTENSION_DEGREE, Shape
from proving.stark.verifier import Claim, check

#: Words of the last proof's public input: two digests, the version, the output.
CLAIM_WORDS = 2 * DIGEST + 1 + 8
_OUTPUT_BITS = 32


def require_proof(arithmetic: SnarkArithmetic, key: Key, shape: Shape, profile: str, publics: Numbers) -> None:
    """Write down that a proof of a shape holds; its parts are the circuit's next inputs, in the order of the format.

    Parameters
    ----------
    key
        The key of the proof, a constant of the circuit.
    publics
        The proof's public input, ``(key.publics,)``.
    """
    parameters = key.parameters(profile)
    with arithmetic.builder.counting("words"):
        parts = [_given(arithmetic, part) for part in parts_of(shape, parameters)]
    absent = arithmetic.constant(np.zeros((0, EXTENSION_DEGREE), dtype=np.uint64))
    proof: Proof[Numbers] = assemble(shape, parts, absent)
    cap = None
    if key.preprocessed_cap is not None:
        cap = arithmetic.constant_digests(FR.decode(FR.from_limbs(key.preprocessed_cap)))
    check(arithmetic, key, shape, parameters, Claim(arithmetic.constant(key.digest), cap, publics), proof)


def write_wrap(key: Key, profile: str, *, table_bits: int = 16) -> Builder:
    """Write down the wrap of the last layer's proofs.

    Parameters
    ----------
    key
        The last layer's, whose proofs have its largest shape.
    """
    builder = Builder(table_bits=table_bits)
    public_inputs = builder.public_input(PUBLIC_INPUTS)
    arithmetic = SnarkArithmetic(builder)
    with builder.counting("public inputs"):
        publics = arithmetic.given((CLAIM_WORDS,))
        builder.assert_equal(public_inputs, claim_inputs(builder, publics))
    require_proof(arithmetic, key, key.layout.largest(), profile, publics)
    return builder


def wrap_inputs(publics: Words, proof: Proof[Words], parts: Sequence[Part]) -> Elements:
    """Return the circuit's inputs: the last proof's public input, then its parts."""
    found = [FR.from_u64(publics)]
    for part, values in zip(parts, proof.parts(), strict=True):
        found.append(FR.from_limbs(values.reshape(-1, DIGEST)) if part.digests else FR.from_u64(values.reshape(-1)))
    return np.concatenate(found)


def claim_inputs(builder: Builder, publics: Numbers) -> Ids:
    """Return the circuit's public inputs ``(7,)`` of a claim ``(17,)``; words of the output have 32 bits."""
    key_set, program, version, output = np.split(publics.ids, [DIGEST, 2 * DIGEST, 2 * DIGEST + 1])
    builder.limbs(output, _OUTPUT_BITS // builder.table_bits)
    pairs = np.concatenate([program, key_set]).reshape(-1, 2)
    digests = builder.combine({"a": pairs[:, 0], "b": pairs[:, 1]}, {"a": 1, "b": 1 << WORD_BITS})
    halves = builder.weighted_sum(output.reshape(2, -1), [1 << _OUTPUT_BITS * place for place in range(4)])
    return np.concatenate([digests, version, halves])


def _given(arithmetic: SnarkArithmetic, part: Part) -> Numbers:
    return arithmetic.given_digests(part.shape[:-1]) if part.digests else arithmetic.given(part.shape)
