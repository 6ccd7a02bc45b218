"""Every error has a code, a sentence and a place in the tree; every wire message is typed and bounded."""

from __future__ import annotations

import pytest

from runtime import errors
from runtime.errors import HallmarkError, InvalidInput, OutOfMemory, Retry, TooLarge, cause_of
from runtime.wire import (
    BatchOffer,
    ErrorBody,
    ErrorDetail,
    ProofDataRequest,
    TraceContext,
    WitnessInputReference,
    decode,
    encode,
)

TREE = [found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, HallmarkError)]


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_says_what_it_is(kind: type[HallmarkError]) -> None:
    made = kind()
    assert made.code and made.message.endswith(".") and made.line().startswith(f"{made.code}: ")


def test_codes_are_unique() -> None:
    assert len({kind.code for kind in TREE}) == len(TREE)


def test_causes_are_classed() -> None:
    assert cause_of(InvalidInput("no"))[2] is Retry.NEVER
    assert cause_of(MemoryError())[0] == OutOfMemory.code
    assert cause_of(KeyError("x")) == ("internal", "KeyError: 'x'", Retry.LATER)


def offer() -> BatchOffer:
    return BatchOffer(
        batch_number=7,
        chain_id=4242,
        protocol_version="1",
        program_commitment="aa",
        program_sha256="bb",
        snark_key="",
        old_root="cc",
        new_root="dd",
        metadata_commitment="ee",
        offer_token="t",
        offer_expires_at=1.5,
        trace=TraceContext(traceparent="00-1-2-01"),
        witness_input=WitnessInputReference(url="http://x/y", size=3, sha256="ff"),
    )


def test_messages_survive_the_wire() -> None:
    for message in (offer(), ErrorBody(error=ErrorDetail(code="a", message="b"))):
        assert decode(encode(message), type(message)) == message


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"prover": 1, "protocol_version": "1", "key_digest": ""}', b'{"prover": "p"}', b"\xff\xfe"],
)
def test_malformed_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode(body, ProofDataRequest)


def test_unknown_fields_and_oversized_bodies_are_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown field"):
        decode(encode(offer())[:-1] + b',"more":1}', BatchOffer)
    with pytest.raises(TooLarge):
        decode(b" " * (1 << 20) + encode(offer()), BatchOffer)
