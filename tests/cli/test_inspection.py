"""Whatever a file holds, `hallmark inspect` says what it is or refuses it with a typed error."""

from __future__ import annotations

import json
import random

import pytest

from cli.inspection import describe
from runtime import artifact
from runtime.errors import HallmarkError, InvalidInput, TooLarge

KINDS = (
    "checkpoint", "execution_records", "segment_proof", "recursion_witness", "recursion_proof", "batch_proof",
    "statement", "proof", "advice", "unknown",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_any_payload_of_any_kind_is_refused_or_described(kind: str) -> None:
    source = random.Random(kind)
    for _ in range(200):
        size = source.choice([0, 1, 7, 8, 36, 64, 100, 449, 481, 2000])
        payload = bytearray(source.randbytes(size)) if source.random() < 0.5 else bytearray(size)
        for _ in range(source.randrange(4)):
            if size:
                payload[source.randrange(min(size, 80))] = source.randrange(256)
        try:
            describe(artifact.pack(kind, bytes(payload), compress=source.random() < 0.3))
        except HallmarkError as error:
            assert error.message


def test_artifacts_in_artifacts_are_opened_once() -> None:
    data = b"content"
    for _ in range(2000):
        data = artifact.pack("unknown", data)
    with pytest.raises(InvalidInput):
        describe(data)


@pytest.mark.parametrize("kind", ["unknown", "checkpoint", "batch_proof"])
def test_a_small_file_does_not_inflate(kind: str) -> None:
    """Its header states two gibibytes; whether the stream has them is not looked at."""
    data = artifact.pack(kind, bytes(1 << 16), compress=True)
    assert len(data) < 200
    with pytest.raises(TooLarge, match="over the limit"):
        describe(data[:16] + (2 << 30).to_bytes(8, "little") + data[24:])


@pytest.mark.parametrize("depth", [900, 5000])
def test_nested_json_is_refused(depth: int) -> None:
    for data in (b'{"a":' * depth + b"1" + b"}" * depth, b'{"header":' + b"[" * depth, json.dumps({"a": 1}).encode()):
        with pytest.raises(InvalidInput):
            describe(data)
