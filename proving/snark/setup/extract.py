"""What is kept of a ceremony's file: as many powers as circuits need and the point of G2, checksummed."""

from __future__ import annotations

import numpy as np

from proving.snark.bn254.curve import POINT_BYTES, POINT_LIMBS
from proving.snark.bn254.field import FQ, LIMBS, NotCanonical
from proving.snark.layout import MARKS, PRODUCTION, WORD, split_words, text_word, words
from proving.snark.points import TWO_ADICITY
from proving.snark.setup import pinned
from proving.snark.setup.errors import SetupFormat, SetupPoint
from proving.snark.setup.powers import Setup
from proving.snark.setup.ptau import check
from runtime import artifact

KIND = "snark_setup"
VERSION = 1
#: Mark, two words of the file's digest, the point of G2.
_HEAD = 7 * WORD
_LIMIT = _HEAD + (POINT_BYTES << TWO_ADICITY)


def pack(setup: Setup) -> bytes:
    """Return an extract: an artifact of the setup's mark, source, point of G2 and powers."""
    source = bytes.fromhex(setup.source).rjust(2 * WORD, b"\0")
    head = text_word(setup.mark) + source + words(*setup.point)
    return artifact.pack(KIND, head + setup.powers.astype("<u8").tobytes(), version=VERSION)


def unpack(data: bytes) -> Setup:
    """Parse an extract and check its points as those of a ceremony's file.

    A ``production`` extract must hold the pinned ceremony's point of G2: all powers follow from it, so no other file
    can pass for an extract of that ceremony.

    Raises
    ------
    ArtifactError
        Another kind or version; truncated or corrupt bytes.
    SetupRefused
        The points are not a setup's, or not the one that the mark claims.
    """
    payload = artifact.unpack(data, kind=KIND, version=VERSION, limit=_LIMIT).payload
    count, rest = divmod(len(payload) - _HEAD, POINT_BYTES)
    mark = {text_word(mark): mark for mark in MARKS}.get(payload[:WORD])
    if count < 2 or rest or mark is None:
        raise SetupFormat(f"The extract's {len(payload)} bytes are no mark, digest, point and powers.")
    source = payload[WORD : 3 * WORD].hex() if any(payload[WORD : 3 * WORD]) else ""
    x_imaginary, x_real, y_imaginary, y_real = split_words(payload[3 * WORD : _HEAD])
    point = (x_imaginary, x_real, y_imaginary, y_real)
    if mark == PRODUCTION and (source not in pinned.FILES or point != pinned.SETUP_POINT):
        raise SetupFormat("The extract claims a production setup, and its source is not pinned.")
    powers = np.frombuffer(payload, dtype="<u8", offset=_HEAD).astype(np.uint64).reshape(-1, POINT_LIMBS)
    try:
        FQ.check(powers.reshape(-1, LIMBS))
    except NotCanonical as error:
        raise SetupPoint(f"A coordinate of the extract is not canonical: {error.message}.") from error
    check(powers, point)
    return Setup(mark, source, powers, point)
