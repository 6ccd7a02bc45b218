"""The envelope: what goes in comes out, and any other byte is refused with a typed error."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.artifact import pack, read_header, unpack
from runtime.errors import ArtifactCorrupt, ArtifactError, ArtifactKind, ArtifactTruncated, ArtifactVersion, TooLarge

NAMES = st.text("abcdefghij.0123", min_size=1, max_size=20)


@given(payload=st.binary(max_size=2000), kind=NAMES, protocol=NAMES, version=st.integers(0, 65535), small=st.booleans())
def test_round_trip(payload: bytes, kind: str, protocol: str, version: int, small: bool) -> None:
    data = pack(kind, payload, version=version, protocol=protocol, compress=small)
    found = unpack(data, kind=kind, version=version, protocol=protocol)
    assert found.payload == payload and found.kind == kind and found.version == version
    assert data == pack(kind, payload, version=version, protocol=protocol, compress=small)


@settings(max_examples=300)
@given(data=st.data(), compress=st.booleans())
def test_any_changed_byte_is_refused(data: st.DataObject, compress: bool) -> None:
    whole = bytearray(pack("proof", b"payload " * 20, protocol="1", compress=compress))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((ArtifactError, TooLarge)):
        unpack(bytes(whole))


@given(st.binary(max_size=300))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(ArtifactError):
        unpack(noise)


@pytest.mark.parametrize("compress", [False, True])
def test_every_cut_is_truncation_and_every_tail_corruption(compress: bool) -> None:
    whole = pack("proof", b"payload " * 20, compress=compress)
    for size in range(len(whole)):
        with pytest.raises(ArtifactTruncated):
            unpack(whole[:size])
    with pytest.raises(ArtifactCorrupt, match="trailing"):
        unpack(whole + b"\0")


def test_expectations_are_held_against_the_header() -> None:
    whole = pack("proof", b"x", version=3, protocol="2")
    with pytest.raises(ArtifactKind, match="'statement', got 'proof'"):
        unpack(whole, kind="statement")
    with pytest.raises(ArtifactVersion, match="version 3"):
        unpack(whole, version=4)
    with pytest.raises(ArtifactVersion, match="protocol version '2'"):
        unpack(whole, protocol="3")


def test_another_envelope_version_is_named() -> None:
    whole = bytearray(pack("proof", b"x"))
    struct.pack_into("<H", whole, 8, 2)
    with pytest.raises(ArtifactVersion, match="envelope has version 2"):
        read_header(bytes(whole))


def test_a_bomb_is_refused_before_it_expands() -> None:
    bomb = pack("proof", bytes(1 << 24), compress=True)
    assert len(bomb) < 10_000
    with pytest.raises(TooLarge):
        unpack(bomb, limit=1 << 20)
    lying = bytearray(bomb)
    struct.pack_into("<Q", lying, 16, 1000)
    with pytest.raises(ArtifactCorrupt, match="another length"):
        unpack(bytes(lying), limit=1 << 20)
