"""`hallmark batch export` and `batch import`: take a batch to a machine of its own, and its proof back."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from broker.artifacts import artifact_name, open_artifacts
from broker.jobs import Batch, Job, JobStore, Stage
from broker.jobs import status as jobs_status
from cli import display, exported, files
from cli.exported import BatchWork, ProvenBatch
from cli.options import BatchArgument, ChainOption, JsonOption, YesOption, ask, opened, print_json
from runtime.errors import InvalidInput
from runtime.settings import load_settings
from runtime.wire import SNARK_KEY

#: Kinds of the artifacts that a batch begins with and ends in.
_PROGRAM, _ADVICE, _RESULT = "program", "advice", "batch_proof"
#: More jobs than a batch can have.
_ALL = 1_000_000


def register(group: typer.Typer) -> None:
    """Add the commands to those on batches."""
    group.command("export")(export)
    group.command("import")(import_)


def export(
    batch: BatchArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the file is written.")],
    chain: ChainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a batch to a file that `hallmark prove-batch` proves on any machine; nothing changes here."""
    files.check_place(output)
    store = opened(chain)
    found = jobs_status.batch(store, batch)
    first = _first_job(store, found)
    artifacts, protocol = open_artifacts(load_settings()), found.protocol_version
    program, advice = (artifacts.load(first.inputs[kind], kind=kind, protocol=protocol) for kind in (_PROGRAM, _ADVICE))
    work = BatchWork(
        chain_id=found.chain_id,
        number=found.number,
        program_commitment=found.program_commitment,
        key_identity=found.key_identity,
        snark_key=str(first.parameters.get(SNARK_KEY, "")),
        program=program,
        advice=advice,
    )
    data = exported.pack(work, protocol=protocol)
    files.write(output, data)
    if as_json:
        print_json({"batch": batch, "chain_id": found.chain_id, "file": output, "bytes": len(data)})
    else:
        typer.echo(f"batch {batch} is in {output} ({display.size(len(data))}): `hallmark prove-batch {output} -o FILE`")


def import_(
    file: Annotated[Path, typer.Argument(help="What `hallmark prove-batch` wrote.", show_default=False)],
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take the proof of an exported batch: it is verified, and goes to core as if it had been made here."""
    made, protocol = exported.unpack(files.read(file, limit=exported.MAX_BYTES), ProvenBatch)
    store = opened(made.chain_id)
    found = jobs_status.batch(store, made.number)
    first = _first_job(store, found)
    expected = {
        "protocol version": (protocol, found.protocol_version),
        "program": (made.program_commitment, found.program_commitment),
        "keys": (made.key_identity, found.key_identity),
        "SNARK's key": (made.snark_key, str(first.parameters.get(SNARK_KEY, ""))),
    }
    differing = [name for name, (has, needs) in expected.items() if has != needs]
    if differing:
        raise InvalidInput(f"The file is not of this batch {made.number}: it differs in {', '.join(differing)}.")
    _verify(made, found)
    ask(f"Batch {made.number} of chain {made.chain_id} takes this proof; its open jobs are withdrawn.", yes)
    last = next((job.id for job in jobs_status.jobs(store, batch_id=found.id, limit=_ALL) if job.final), 0)
    name = artifact_name(found.id, last, f"imported-{hashlib.sha256(made.result).hexdigest()[:32]}", _RESULT)
    open_artifacts(load_settings()).save(name, _RESULT, made.result, protocol=protocol)
    withdrawn = store.hand_in(found.id, name)
    if as_json:
        print_json(jobs_status.batch(store, made.number))
    else:
        typer.echo(f"batch {made.number} is proven; {withdrawn} open jobs are withdrawn, and core gets the proof")


def _first_job(store: JobStore, batch: Batch) -> Job:
    jobs = jobs_status.jobs(store, batch_id=batch.id, stage=Stage.WITNESS, limit=_ALL)
    return next(job for job in jobs if job.round == 0)


def _verify(made: ProvenBatch, batch: Batch) -> None:
    """Refuse what core would refuse, before anything changes.

    Raises
    ------
    VerificationError, InvalidInput
    """
    from proving import stages
    from proving.hash.text import digest_from_hex
    from proving.stages import delivery

    proof = made.result
    if made.snark_key:
        proof, _ = delivery.unpack(made.result, protocol=batch.protocol_version)
    profile = made.key_identity.partition(":")[0] or load_settings().profile
    stages.verify_batch(proof, program_commitment=digest_from_hex(batch.program_commitment), profile=profile)
