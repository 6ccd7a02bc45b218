"""Small real stage functions: they sleep and hash, so that tests of the platform need no prover.

The advice chooses what happens: ``segments``, ``seconds`` per segment's proof and ``later_seconds`` per proof of a
later round, ``run_seconds`` for the run, ``marks`` and ``later_marks`` (files that say which proofs were begun),
``hoard`` (bytes that a proof of the first round takes) and ``fail`` (the name of a fault).
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cuda.errors import DeviceLost
from gateway.serving import PINNED
from proving.stages.rounds import Round, tree
from runtime.errors import InvalidInput, OutOfMemory

SNARK_KEY_DIGEST = "cd" * 32


def key_digest(profile: str) -> str:
    """The digest of the profile's pinned key set, which a gateway asks for."""
    return str(json.loads(PINNED.read_text("utf-8"))["key_sets"][profile])


@dataclass
class Witness:
    checkpoints: list[bytes]
    statement: bytes
    requests: dict[str, list[bytes]]


def basic_witness(
    program: bytes, advice: bytes, *, size_class: int, cycle_limit: int, progress: Callable[[float, str], None]
) -> Witness:
    wanted = json.loads(advice)
    if wanted.get("fail") == "trap":
        raise InvalidInput("The program trapped at pc 0x1000.")
    _work("run", None, wanted.get("run_seconds", 0), progress)
    segments = int(wanted["segments"])
    checkpoints = [
        json.dumps({**wanted, "index": index, "program": program.hex()}).encode() for index in range(segments)
    ]
    requests = {
        circuit_type: [json.dumps({**wanted, "index": index, "part": circuit_type}).encode() for index in range(count)]
        for circuit_type, count in wanted.get("parts", {}).items()
    }
    return Witness(checkpoints, hashlib.sha256(program + advice).digest(), requests)


def execution_records(checkpoint: bytes) -> bytes:
    return hashlib.sha256(b"vectors" + checkpoint).digest()


def prove_segment(
    checkpoint: bytes,
    records: bytes | None,
    *,
    backend: Any,
    profile: str,
    progress: Callable[[float, str], None],
) -> bytes:
    wanted = json.loads(checkpoint)
    if records is not None and records != execution_records(checkpoint):
        raise InvalidInput("The records are of another checkpoint.")
    bytearray(wanted.get("hoard", 0))
    if wanted.get("fail") == "memory":
        raise OutOfMemory()
    if wanted.get("fail") == "device" and not Path(wanted["marks"]).exists():
        Path(wanted["marks"]).touch()
        raise DeviceLost("The device answered with an error and its context is lost.")
    if wanted.get("fail") == "bug":
        raise ZeroDivisionError("one over zero")
    index = wanted["index"]
    _work(str(index), wanted.get("marks"), wanted.get("seconds", 0), progress)
    return _proof(wanted, Round.BASIC, index, index, execution_records(checkpoint))


def prove_requests(
    part: bytes,
    vectors: bytes | None,
    *,
    backend: Any,
    profile: str,
    progress: Callable[[float, str], None],
) -> bytes:
    if vectors is not None:
        raise InvalidInput("Requests have no vectors.")
    wanted = json.loads(part)
    bytearray(wanted.get("hoard", 0))
    index = wanted["index"]
    _work(f"part {index}", wanted.get("marks"), wanted.get("seconds", 0), progress)
    return _proof(wanted, Round.BASIC, index, index, part)


def recursive_witness(made: Round, proofs: Sequence[bytes], *, statement: bytes, profile: str) -> bytes:
    """Refuse whatever the real one would: other rounds than the round takes, and proofs that are no chain."""
    children = [json.loads(proof) for proof in proofs]
    takes = {
        Round.LEAF: (1, {Round.BASIC}),
        Round.NODE: (2, {Round.LEAF, Round.NODE}),
        Round.TIP: (1, {Round.LEAF, Round.NODE}),
        Round.SCHEDULER: (1, {Round.TIP}),
    }
    if made is Round.TIP and len(children) == 2:
        return _tie(children, proofs, statement)
    number, rounds = takes[made]
    if len(children) != number or not {child["round"] for child in children} <= rounds:
        raise InvalidInput(f"Round {made} does not take {children}.")
    if any(right["first"] != left["last"] + 1 for left, right in itertools.pairwise(children)):
        raise InvalidInput(f"The proofs are no chain: {children}.")
    first, last, wanted = children[0]["first"], children[-1]["last"], children[0]["wanted"]
    if made is Round.TIP and (first, last) != (0, wanted["segments"] - 1):
        raise InvalidInput(f"The proof is of segments {first} to {last} of {wanted['segments']}.")
    said = hashlib.sha256(b"".join(proofs) + statement).hexdigest()
    return json.dumps({"round": made, "first": first, "last": last, "said": said, "wanted": wanted}).encode()


def _tie(children: list[Any], proofs: Sequence[bytes], statement: bytes) -> bytes:
    tip, chain = children
    if tip["round"] != Round.TIP or chain["round"] not in (Round.LEAF, Round.NODE) or not chain["wanted"].get("part"):
        raise InvalidInput(f"A tie does not take {children}.")
    count = chain["wanted"]["parts"][chain["wanted"]["part"]]
    if (chain["first"], chain["last"]) != (0, count - 1):
        raise InvalidInput(f"The chain is of parts {chain['first']} to {chain['last']} of {count}.")
    said = hashlib.sha256(b"".join(proofs) + statement).hexdigest()
    told = {"round": Round.TIP, "first": tip["first"], "last": tip["last"], "said": said, "wanted": tip["wanted"]}
    return json.dumps(told).encode()


def recursive_vectors(witness: bytes) -> bytes:
    return hashlib.sha256(b"trace" + witness).digest()


def prove_recursive(
    witness: bytes,
    vectors: bytes | None,
    *,
    backend: Any,
    profile: str,
    progress: Callable[[float, str], None],
) -> bytes:
    told = json.loads(witness)
    if vectors is not None and vectors != recursive_vectors(witness):
        raise InvalidInput("The trace is of another witness.")
    made, wanted = Round(told["round"]), told["wanted"]
    label = f"{made.name.lower()} {told['first']} {told['last']}"
    _work(label, wanted.get("later_marks"), wanted.get("later_seconds", 0), progress)
    return _proof(wanted, made, told["first"], told["last"], witness)


def compress(
    proof: bytes, *, backend: Any, profile: str, setup: Path | None, progress: Callable[[float, str], None]
) -> bytes:
    made = json.loads(proof)
    if made["round"] != Round.SCHEDULER:
        raise InvalidInput(f"Round {made['round']} is not compressed.")
    wanted = made["wanted"]
    _work("compress", wanted.get("later_marks"), wanted.get("later_seconds", 0), progress)
    return hashlib.sha256(b"snark" + proof).digest()


def snark_key_digest(profile: str, setup: Path | None) -> str:
    return SNARK_KEY_DIGEST


def _work(label: str, marks: str | None, seconds: float, progress: Callable[[float, str], None]) -> None:
    """Note that a proof is begun, and take some time."""
    if marks:
        with Path(marks).open("a") as noted:
            noted.write(f"{label} {os.getpid()}\n")
    started = time.monotonic()
    while (spent := time.monotonic() - started) < seconds:
        time.sleep(0.02)
        progress(spent / seconds, "prove")


def _proof(wanted: Any, made: Round, first: int, last: int, witness: bytes) -> bytes:
    proven = hashlib.sha256(b"proof" + witness).hexdigest()
    made_of = {"round": made, "first": first, "last": last, "proven": proven, "wanted": wanted}
    return json.dumps(made_of, sort_keys=True).encode()


def expected(program: bytes, advice: bytes) -> bytes:
    """The proof that a batch must end in, whatever happened on the way."""
    witness = basic_witness(program, advice, size_class=18, cycle_limit=1, progress=lambda fraction, note: None)
    proofs: list[bytes] = []
    requests = {circuit_type: len(parts) for circuit_type, parts in witness.requests.items()}
    for step in tree(len(witness.checkpoints), requests):
        if step.round is Round.BASIC and step.circuit_type in witness.requests:
            part = witness.requests[step.circuit_type][step.index]
            proofs.append(_proof(json.loads(part), Round.BASIC, step.index, step.index, part))
            continue
        if step.round is Round.BASIC:
            checkpoint = witness.checkpoints[step.index]
            wanted = json.loads(checkpoint)
            proofs.append(_proof(wanted, Round.BASIC, step.index, step.index, execution_records(checkpoint)))
            continue
        children = [proofs[child] for child in step.children]
        told = recursive_witness(step.round, children, statement=witness.statement, profile="proven100")
        proofs.append(_proof(json.loads(told)["wanted"], step.round, *_ends(told), told))
    return proofs[-1]


def _ends(witness: bytes) -> tuple[int, int]:
    told = json.loads(witness)
    return told["first"], told["last"]
