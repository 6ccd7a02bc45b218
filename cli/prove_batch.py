"""`hallmark prove-batch`: prove an exported batch with nothing else running."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import display, exported, files
from cli.arguments import MemoryOption
from cli.exported import BatchWork, ProvenBatch
from cli.proofs import Proofs
from cli.segments import Wanted, cut_run
from cli.unfinished import unfinished
from cli.verified import print_verified
from runtime.protocol import PROTOCOL_VERSION


def prove_batch(
    batch: Annotated[Path, typer.Argument(help="A batch that `hallmark batch export` wrote.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the file for `batch import` is written.")],
    memory: MemoryOption = "",
    size_class: Annotated[int, typer.Option(help="log2 of the largest table; from the memory budget when 0.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda:N or emulated.")] = "",
    setup: Annotated[
        Path | None, typer.Option(help="A public ceremony's .ptau file; this machine's test setup when left out.")
    ] = None,
) -> None:
    """Prove an exported batch, with nothing else running; goes on where an earlier run was stopped.

    What no option says is as the settings say (`hallmark config check`).
    """
    from actors.keys import check_keys
    from cli.device import opened
    from proving import stages
    from proving.machine.executor import DEFAULT_MEMORY_LIMIT
    from proving.machine.program import Program
    from runtime.errors import ArtifactVersion
    from runtime.settings import load_settings

    files.check_place(output)
    given = {"device": device, "memory": memory, "setup": setup}
    settings = load_settings(**{name: value for name, value in given.items() if value})
    work, protocol = exported.unpack(files.read(batch, limit=exported.MAX_BYTES), BatchWork)
    if protocol != PROTOCOL_VERSION:
        raise ArtifactVersion(f"The batch is of protocol version {protocol}, this release proves {PROTOCOL_VERSION}.")
    profile = work.key_identity.partition(":")[0] or settings.profile
    check_keys(work.key_identity, f"{profile}:{stages.key_digest(profile)}")
    wanted = Wanted.of(settings, memory_limit=DEFAULT_MEMORY_LIMIT, profile=profile, size_class=size_class)
    loaded = Program.from_elf(work.program)
    identity = wanted.identity(work.program, work.advice)
    with unfinished(output, identity) as kept, opened(settings, "prove-batch") as compute:
        with display.progress() as bars:
            made = cut_run(kept, bars, loaded, work.advice, wanted.on(compute.memory))
            result = proof = Proofs(kept, made.statement, made.requests, loaded, compute, profile).make_all(bars)
            if work.snark_key:
                from proving.stages import delivery

                stages.budget.check_compression(settings.memory)
                check_keys(work.snark_key, stages.snark_key_digest(profile, settings.setup))
                task = bars.add_task("compress", total=1, note="")
                snark = compute.compressed(
                    proof, profile, lambda done, note: bars.update(task, completed=done, note=note)
                )
                result = delivery.pack(proof, snark, protocol=protocol)
        shown = stages.verify_batch(proof, program_commitment=loaded.commitment, profile=profile)
        done = ProvenBatch(
            chain_id=work.chain_id,
            number=work.number,
            program_commitment=work.program_commitment,
            key_identity=work.key_identity,
            snark_key=work.snark_key,
            result=result,
        )
        files.write(output, exported.pack(done, protocol=protocol))
    print_verified(shown, title=f"proved batch {work.number} of chain {work.chain_id}: {output}")
