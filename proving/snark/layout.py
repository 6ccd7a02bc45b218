"""Names and order of everything that a key and a proof consist of: the tables of ``docs/snark.md``."""

from __future__ import annotations

#: Columns fixed by the circuit, in the order of the key.
SELECTORS = ("q_ab", "q_cd", "q_a", "q_b", "q_c", "q_d", "q_n", "q_k", "q_r", "q_i", "q_f", "q_p")
TABLE = "t"
PERMUTATION = ("s_0", "s_1", "s_2", "s_3")
PREPROCESSED = (*SELECTORS, TABLE, *PERMUTATION)

#: Columns of the witness.
WIRES = ("a", "b", "c", "d")
MULTIPLICITY = "m"
PRODUCT = "z"
SUM = "p"
QUOTIENT = ("t_0", "t_1", "t_2", "t_3", "t_4")

#: The two opening proofs: at the evaluation point, and at the row after it.
OPENING, OPENING_NEXT = "W", "W'"

#: What the prover commits to, round by round.
ROUNDS = ((*WIRES, MULTIPLICITY), (PRODUCT, SUM), QUOTIENT)
#: Values at the evaluation point, and at the row after it, in the order of the batching.
VALUES = (*WIRES, *PERMUTATION[:3], TABLE, "q_i", "q_f", "q_p")
NEXT_VALUES = ("a", "b", "c", PRODUCT, SUM)
#: Points of a proof in order.
POINTS = (*(name for names in ROUNDS for name in names), OPENING, OPENING_NEXT)

WORD = 32
#: A mark, points of two words, values of one: bytes of every proof.
PROOF_BYTES = WORD * (1 + 2 * len(POINTS) + len(VALUES) + len(NEXT_VALUES))
#: Tag, mark, rows, public inputs, commitments, the setup's point of G2: bytes of every key.
KEY_BYTES = WORD * (4 + 2 * len(PREPROCESSED) + 4)

#: Name and version of the proof system: the first word of a key.
TAG = "hallmark-snark-1"

#: Where a setup comes from: the second word of a key, the first of a proof.
PRODUCTION = "production"
INSECURE_TEST = "insecure-test"
MARKS = (PRODUCTION, INSECURE_TEST)


def text_word(text: str) -> bytes:
    """Return ASCII text as one word, padded on the right."""
    return text.encode("ascii").ljust(WORD, b"\0")


def words(*values: int) -> bytes:
    """Return integers as big-endian words."""
    return b"".join(value.to_bytes(WORD, "big") for value in values)


def split_words(data: bytes) -> list[int]:
    """Return whole words as integers."""
    return [int.from_bytes(data[i : i + WORD], "big") for i in range(0, len(data), WORD)]
