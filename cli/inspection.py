"""What `hallmark inspect` says about each kind of file."""

from __future__ import annotations

from collections.abc import Callable

from cli import exported
from cli.display import size
from core.formats.witness_input import decode as decode_witness_input
from core.proofs.batch_file import read_batch_file
from proving.hash.text import digest_hex
from proving.keys import hex_of
from proving.machine import checkpoint, records
from proving.machine.program import Program
from proving.snark.layout import PRODUCTION
from proving.snark.proof import SnarkProof
from proving.stages import batch_proof, development, proof, recursion_proof, recursion_witness, run_proof, snark_proof
from proving.stages.statement import Statement
from runtime import artifact
from runtime.errors import InvalidInput

Rows = list[tuple[str, str]]

#: What the artifact store keeps inside an envelope of its own starts with one of these.
_ELF_MAGIC = b"\x7fELF"
_WITNESS_INPUT_MAGIC = b"HMK1"
#: Bytes that a small file may make of itself: a checkpoint in the store's envelope is the largest that is compressed.
_MAX_INFLATED = checkpoint.MAX_BYTES + 4096
_NESTED = (artifact.MAGIC, _ELF_MAGIC, _WITNESS_INPUT_MAGIC)


def describe(data: bytes, *, nested: bool = False) -> tuple[str, Rows]:
    """Return a file's kind and what is in it.

    Parameters
    ----------
    nested
        The data is the content of an artifact of the store; what it holds is not opened again.

    Raises
    ------
    InvalidInput
        It is none of the known kinds, or is broken.
    """
    if data.startswith(_ELF_MAGIC):
        return "RV32IM program", _program(data)
    if data.startswith(artifact.MAGIC):
        header = artifact.read_header(data)
        rows = [
            ("format version", str(header.version)),
            ("protocol version", header.protocol or "-"),
            ("payload", size(header.payload_length) + (" (compressed)" if header.compressed else "")),
            ("sha256", header.sha256),
        ]
        payload = artifact.unpack(data, limit=_MAX_INFLATED if header.compressed else artifact.DEFAULT_LIMIT).payload
        if payload.startswith(_NESTED) and not nested:
            inner, more = describe(payload, nested=True)
            return f"{inner}, as the artifact store keeps it", [*rows, *more]
        read = _KINDS.get(header.kind)
        if read is None:
            raise InvalidInput(f"This release does not know artifacts of kind {header.kind!r}.")
        return header.kind, rows + read(data)
    if data.startswith(_WITNESS_INPUT_MAGIC):
        return "witness input", _witness_input(data)
    if data.lstrip().startswith(b"{"):
        return "batch file", _batch(data)
    raise InvalidInput("This is no program, artifact, witness input or batch file.")


def _program(data: bytes) -> Rows:
    program = Program.from_elf(data)
    rows = [
        ("program commitment", digest_hex(program.commitment)),
        ("sha256", program.sha256.hex()),
        ("entry", f"{program.entry:#010x}"),
    ]
    for segment in program.segments:
        use = "code and data" if segment.executable else "data"
        rows.append(("segment", f"{segment.address:#010x}, {size(len(segment.data))}, {use}"))
    if program.guard is not None:
        rows.append(("guard", f"{program.guard.address:#010x}, {size(program.guard.size)}, no access"))
    return rows


def _checkpoint(data: bytes) -> Rows:
    found = checkpoint.Checkpoint.from_bytes(data)
    return [("segment", found.summary()), ("start", digest_hex(found.start)), ("end", digest_hex(found.end))]


def _records(data: bytes) -> Rows:
    found = records.Records.from_bytes(data)
    return [("rows", found.summary()), ("start", digest_hex(found.start)), ("end", digest_hex(found.end))]


def _proof(data: bytes) -> Rows:
    found = proof.unpack(data)
    return [
        ("start", digest_hex(found.publics[:4])),
        ("end", digest_hex(found.publics[4:])),
        ("proof", size(len(found.proof))),
    ]


def _batch_proof(data: bytes) -> Rows:
    return _claimed(*batch_proof.unpack(data))


def _run_proof(data: bytes) -> Rows:
    claim, _, made = run_proof.unpack(data)
    return _claimed(claim, made)


def _claimed(claim: batch_proof.Claim, made: bytes) -> Rows:
    return [
        ("program commitment", digest_hex(claim.program_commitment)),
        ("output (unverified)", claim.output.hex()),
        ("key set", hex_of(claim.key_set)),
        ("protocol version of the claim", str(claim.protocol)),
        ("proof", size(len(made))),
    ]


def _snark_proof(data: bytes) -> Rows:
    claim, made = snark_proof.unpack(data)
    found = SnarkProof.from_bytes(made)
    return [
        ("program commitment", digest_hex(claim.program_commitment)),
        ("output (unverified)", claim.output.hex()),
        ("key set", hex_of(claim.key_set)),
        ("protocol version of the claim", str(claim.protocol)),
        ("setup (unverified)", found.mark if found.mark == PRODUCTION else found.mark.upper()),
        ("proof", size(len(made))),
    ]


def _recursion_proof(data: bytes) -> Rows:
    found = recursion_proof.unpack(data)
    return [
        ("circuit", found.circuit),
        ("public input", ", ".join(str(int(word)) for word in found.publics)),
        ("proof", size(len(found.proof))),
    ]


def _recursion_witness(data: bytes) -> Rows:
    found = recursion_witness.RecursionWitness.unpack(data)
    return [
        ("profile", found.profile),
        ("circuit", found.circuit),
        ("verifies", ", ".join(child.circuit for child in found.children)),
    ]


def _statement(data: bytes) -> Rows:
    found = Statement.decode(artifact.unpack(data).payload)
    return [
        ("program commitment", digest_hex(found.program_commitment)),
        ("output (unproven)", found.final.output().hex()),
        ("segments", str(found.segments)),
    ]


def _witness_input(data: bytes) -> Rows:
    found = decode_witness_input(data)
    header = found.header
    return [
        ("batch", f"{header.batch_number} of chain {header.chain_id}"),
        ("timestamp", str(header.timestamp)),
        ("transactions", str(len(found.transactions))),
    ]


def _batch(data: bytes) -> Rows:
    found = read_batch_file(data)
    return [
        ("batch", f"{found.header.batch_number} of chain {found.header.chain_id}"),
        ("transactions", str(found.transactions)),
        ("program commitment", found.program_commitment),
        ("old root", found.old_root),
        ("new root", found.new_root),
        ("expected output", found.expected_output),
    ]


def _development(data: bytes) -> Rows:
    found = development.DevelopmentRun.unpack(data)
    return [
        ("proof", "none: DEVELOPMENT MODE, NOT PROVEN"),
        ("program commitment", digest_hex(found.program_commitment)),
        ("output (unproven)", found.output.hex()),
        ("cycles (unproven)", f"{found.cycles:,}"),
    ]


def _batch_to_prove(data: bytes) -> Rows:
    found, _ = exported.unpack(data, exported.BatchWork)
    return [*_named(found), ("program", size(len(found.program))), ("input", size(len(found.advice)))]


def _proven_batch(data: bytes) -> Rows:
    found, _ = exported.unpack(data, exported.ProvenBatch)
    return [*_named(found), ("result", size(len(found.result)))]


def _named(found: exported.BatchWork | exported.ProvenBatch) -> Rows:
    return [
        ("batch", f"{found.number} of chain {found.chain_id}"),
        ("program commitment", found.program_commitment or "-"),
        ("keys", found.key_identity or "-"),
        ("SNARK's key", found.snark_key or "-"),
    ]


_KINDS: dict[str, Callable[[bytes], Rows]] = {
    checkpoint.KIND: _checkpoint,
    records.KIND: _records,
    proof.KIND: _proof,
    batch_proof.KIND: _batch_proof,
    batch_proof.RUN_KIND: _run_proof,
    snark_proof.KIND: _snark_proof,
    recursion_proof.KIND: _recursion_proof,
    recursion_witness.KIND: _recursion_witness,
    development.KIND: _development,
    "statement": _statement,
    exported.WORK: _batch_to_prove,
    exported.PROVEN: _proven_batch,
}
