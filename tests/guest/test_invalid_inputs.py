from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.formats.witness_input import encode
from core.state_tree import StateTree
from proving.machine.executor import execute
from tests.guest.batches import (
    CYCLES,
    ETHER,
    FEE_RECIPIENT,
    HEADER,
    Value,
    address,
    content_of,
    machine_program,
    output_of,
    reason_of,
    sign,
)
from tests.guest.native import Host

TO = b"\x11" * 20
STATE = {address(i): Value(0, ETHER) for i in range(8)}
TOUCHED = [address(0), address(1), TO, FEE_RECIPIENT]
RAWS = [sign(0), sign(1)]
TREE = StateTree(STATE)
CONTENT = encode(HEADER, RAWS, TREE.partial(TOUCHED))
LENGTH, HEAD, TRANSACTIONS, SECTION, INCOMPLETE = range(1, 6)


def set_word(content: bytes, index: int, value: int) -> bytes:
    return content[: 4 * index] + value.to_bytes(4, "little") + content[4 * index + 4 :]


def with_tree(section: bytes) -> bytes:
    return encode(HEADER, RAWS, section)


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "little") for value in values)


def check(content: bytes, reason: int) -> None:
    assert reason_of(output_of(content)) == reason


def test_the_batch_itself_is_valid() -> None:
    check(CONTENT, 0)


@pytest.mark.parametrize("content", [b"", b"\x00", CONTENT[:92], CONTENT[:95], CONTENT + b"\x00"])
def test_a_length_that_cannot_be_is_refused(content: bytes) -> None:
    check(content, LENGTH)


@pytest.mark.parametrize("length", [2**28 + 4, 2**28 + 1, 2**32 - 1])
def test_a_length_beyond_the_limit_is_refused_without_reading_on(length: int) -> None:
    output = execute(machine_program(), np.array([length], dtype=np.uint32), cycle_limit=CYCLES).output
    assert reason_of(output) == LENGTH


@pytest.mark.parametrize(
    "content",
    [
        CONTENT[:-4],
        CONTENT + bytes(4),
        set_word(CONTENT, 0, 0),
        set_word(CONTENT, 21, 2),
        set_word(CONTENT, 22, 1),
        set_word(CONTENT, 23, 1),
        set_word(CONTENT, 17, 4097),
        set_word(CONTENT, 18, 2**32 - 1),
        set_word(CONTENT, 19, 2**32 - 1),
        set_word(set_word(CONTENT, 18, 2**31), 19, 2**31),
    ],
)
def test_a_wrong_header_is_refused(content: bytes) -> None:
    check(content, HEAD)


@pytest.mark.parametrize(
    "content",
    [
        set_word(CONTENT, 17, 1),
        set_word(CONTENT, 17, 3),
        set_word(CONTENT, 24, 0),
        set_word(CONTENT, 24, 131073),
        set_word(CONTENT, 24, 2**32 - 1),
        set_word(CONTENT, 24, 2**32 - 4),
        set_word(CONTENT, 24, len(RAWS[0]) - 1),  # the last byte is padding now
    ],
)
def test_a_malformed_transaction_section_is_refused(content: bytes) -> None:
    check(content, TRANSACTIONS)


@pytest.mark.parametrize(
    "section",
    [
        b"",
        words(4),
        words(1),
        words(2),
        words(2, 0x100),
        words(3, 1, 0xFFFFFFFF, 0, 0, 0, 0, 0, 0),  # an element that is p
        words(1, 1, 0xFFFFFFFF, *[0] * 16),
        words(1, *[0] * 17),
        words(0, 0),
        words(2, *[2] * 128, 0),  # internal nodes at depth 128
        words(2, *[2] * 1000),
        words(2, 0xC0, 1, 0, 2, 0, 8, 0, 0, 0),  # an internal node in the form of a leaf
        TREE.partial(TOUCHED)[:-4],
        TREE.partial(TOUCHED) + bytes(4),
    ],
)
def test_a_malformed_tree_is_refused(section: bytes) -> None:
    check(with_tree(section), SECTION)


def test_an_account_under_an_opaque_node_is_missed() -> None:
    """Unless the paths of the others show that it is absent."""
    whole = TREE.partial(TOUCHED)
    sections = {place: TREE.partial([other for other in TOUCHED if other != place]) for place in TOUCHED}
    hidden = {place: section for place, section in sections.items() if section != whole}
    assert address(0) in hidden
    for place, section in hidden.items():
        reason = reason_of(output_of(with_tree(section)))
        assert reason == INCOMPLETE or (TREE.value(place) == (0, 0) and reason == 0)


def test_an_opaque_root_shows_nothing() -> None:
    check(with_tree(words(3) + TREE.root), INCOMPLETE)


def test_two_leaves_of_one_path_cannot_loop() -> None:
    """A forged tree whose leaf lies where its key does not lead: the new leaf finds no digit in which they differ."""
    from core.state_tree.accounts import keys_of

    key = int.from_bytes(keys_of([address(0)])[0].astype("<u8").tobytes(), "little")
    other = (key ^ 3).to_bytes(32, "little")  # differs in the first digit only
    nodes = b""
    kind = 1
    for depth in reversed(range(127)):
        nodes = words(kind << (2 * ((key >> (2 * depth)) & 3))) + (nodes or other + bytes(40))
        kind = 2
    free = replace(HEADER, base_fee=0)
    content = encode(free, [sign(0, gasPrice=0, value=0)], words(2) + nodes)
    check(content, SECTION)


def test_a_leaf_cannot_be_shown_as_an_internal_node() -> None:
    """The root of a one-account tree, taken as an internal node, would have an empty child for other keys."""
    tree = StateTree({address(0): Value(0, ETHER)})
    leaf = tree.partial([address(0)])[4:]
    key, nonce, balance = leaf[:32], leaf[32:40], leaf[40:]
    lanes = [nonce[:4], nonce[4:]] + [balance[i : i + 4] for i in range(0, 32, 4)] + [words(8), words(0)]
    wide = b"".join(lane + bytes(4) for lane in lanes)
    digests = [key, wide[:32], wide[32:64], wide[64:]]
    kinds = sum((3 if any(digest) else 0) << (2 * i) for i, digest in enumerate(digests))
    section = words(2, kinds) + b"".join(digest for digest in digests if any(digest))
    check(encode(HEADER, [], section), SECTION)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_trap(content: bytes) -> None:
    output_of(content)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_changed_batch_traps(data: st.DataObject) -> None:
    output_of(mutate(CONTENT, data.draw(st.randoms(use_true_random=False))))


def mutate(content: bytes, source: random.Random) -> bytes:
    """Change a few words, bytes or the length of a batch."""
    changed = bytearray(content)
    for _ in range(source.randint(1, 4)):
        place = source.randrange(len(changed))
        match source.randrange(5):
            case 0:
                changed[place] ^= 1 << source.randrange(8)
            case 1:
                changed[place] = source.choice((0, 1, 0x7F, 0x80, 0xB8, 0xC0, 0xF8, 0xFF))
            case 2:
                word = place // 4 * 4
                value = source.choice((0, 1, 2, 3, 0x7FFFFFFF, 0xFFFFFFFF, len(changed), source.getrandbits(32)))
                changed[word : word + 4] = value.to_bytes(4, "little")
            case 3:
                del changed[place // 4 * 4 : place // 4 * 4 + 4 * source.randint(1, 8)]
            case _:
                changed[place // 4 * 4 : place // 4 * 4] = source.randbytes(4 * source.randint(1, 8))
        if len(changed) < 100:
            break
    if source.randrange(2):  # keep the sections adding up, so that more of the program is reached
        left = len(changed) // 4 - 24 - int.from_bytes(changed[72:76], "little")
        if left >= 0:
            changed[76:80] = left.to_bytes(4, "little")
            changed[80:84] = bytes(4)
    return bytes(changed)


@pytest.mark.parametrize("count", [60, pytest.param(400, marks=pytest.mark.long)])
def test_the_sanitizers_find_nothing_in_changed_batches(host: Host, count: int) -> None:
    source = random.Random(1)
    reasons = set()
    for number in range(count):
        content = mutate(CONTENT, source)
        output, _ = host.run(content)
        if number % 20 == 0:
            assert output == output_of(content)
        reasons.add(reason_of(output))
    assert reasons >= {0, HEAD, TRANSACTIONS, SECTION}


@pytest.mark.parametrize("count", [2, pytest.param(12, marks=pytest.mark.long)])
def test_the_sanitizers_find_nothing_in_changed_transactions(host: Host, count: int) -> None:
    """Batches of many broken transactions with whole sections around them."""
    source = random.Random(2)
    listing = [{"address": "0x" + "22" * 20, "storageKeys": ["0x" + "33" * 32]}]
    listed = sign(0, accessList=listing, gas=50_000, data=b"\x01" * 60)
    seeds = [*RAWS, listed, sign(2, gasPrice=10**9), sign(3, gasPrice=10**9, type=1, accessList=[], to="", gas=60_000)]
    for _ in range(count):
        raws = []
        for _ in range(60):
            raw = bytearray(source.choice(seeds))
            for _ in range(source.randint(0, 3)):
                place = source.randrange(min(len(raw), 60))
                raw[place] = source.choice((0, 0x80, 0xB7, 0xB8, 0xBF, 0xC0, 0xF7, 0xF8, 0xFB, 0xFF, raw[place] ^ 1))
            raws.append(bytes(raw[: source.choice((len(raw), len(raw), source.randint(1, len(raw))))]))
        output, journal = host.run(content_of(STATE, raws, [TO]))
        assert reason_of(output) in (0, INCOMPLETE)
        if reason_of(output) == 0:
            assert int.from_bytes(journal[:4], "little") == 60
