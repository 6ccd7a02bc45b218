"""What the demo prints at its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.text import Text

from cli import commands, display
from cli.demo_l1 import Settled
from cli.snark_key import read_snark_key
from cli.watch import Watched
from core.proofs.batch_file import BatchFile, read_batch_file
from core.settings import PROGRAM
from proving import stages
from proving.hash.text import digest_from_hex, digest_hex
from proving.stages.batch_proof import Verified
from runtime.words import count

_NANO = 1e9
_CORE_WORK = (
    "metadata calculator",
    "protective reads writer",
    "basic witness input producer",
    "commitment generator",
    "submit proof",
)


@dataclass(frozen=True)
class StageCost:
    """Jobs, seconds of work and peak resident memory (bytes) of one stage."""

    jobs: int
    seconds: float
    peak_memory: int


@dataclass(frozen=True)
class Summary:
    """The demo's result.

    Attributes
    ----------
    state
        The demo's state folder.
    seconds
        Wall time of the whole demo.
    idle
        Seconds between sealing and acceptance in which nothing computed.
    batch_seconds
        Seconds from the first span of the batch to its last.
    wrap
        Security of the SNARK, for people; empty without one.
    settled
        What became of the batch on L1; None where its profile has no SNARK.
    """

    verified: Verified
    wrap: str
    settled: Settled | None
    cycles: int
    segments: int
    stated: BatchFile
    costs: Mapping[str, StageCost]
    proof_size: int
    batch_path: Path
    proof_path: Path
    state: Path
    seconds: float
    batch_seconds: float
    idle: float

    def figures(self) -> dict[str, Any]:
        """Return what benchmarks read: JSON-ready numbers, durations in seconds."""
        return {
            "transactions": self.stated.transactions,
            "cycles": self.cycles,
            "segments": self.segments,
            "profile": self.verified.security.parameters.profile.name,
            "proof_bytes": self.proof_size,
            "l1_gas": {one["action"]: int(one["gasUsed"], 16) for one in self.settled.transactions}
            if self.settled
            else {},
            "seconds": self.seconds,
            "batch_seconds": self.batch_seconds,
            "idle_seconds": self.idle,
            "stages": {
                name: {"jobs": cost.jobs, "seconds": cost.seconds, "peak_memory": cost.peak_memory}
                for name, cost in self.costs.items()
            },
        }

    def render(self) -> Group:
        """Return the summary for a terminal."""
        security = self.verified.security
        transactions = count(self.stated.transactions, "transaction")
        became = "proven, accepted, executed on L1" if self.settled else "proven and accepted"
        what = display.pairs(
            f"batch {self.stated.header.batch_number}: {transactions}, {became}",
            [
                ("program commitment", digest_hex(self.verified.program_commitment)),
                ("old state root", self.stated.old_root),
                ("new state root", self.stated.new_root),
                ("public output", self.verified.output.hex()),
                ("cycles", f"{self.cycles:,} in {count(self.segments, 'segment')}"),
                (
                    "security",
                    f"weakest layer: {security.summary} ({security.parameters.profile.name})",
                ),
                *([("SNARK around it", self.wrap)] if self.wrap else []),
                ("proof size", display.size(self.proof_size)),
            ],
        )
        costs = [
            (
                name,
                str(stage.jobs),
                f"{stage.seconds:.2f} s",
                display.size(stage.peak_memory) if stage.peak_memory else "-",
            )
            for name, stage in self.costs.items()
        ]
        work = sum(stage.seconds for stage in self.costs.values())
        peak = max(stage.peak_memory for stage in self.costs.values())
        costs.append(
            ("total", str(sum(stage.jobs for stage in self.costs.values())), f"{work:.2f} s", display.size(peak))
        )
        cost = display.columns(("stage", "jobs", "work", "peak memory"), costs)
        waited = f"sealed to accepted: {self.batch_seconds:.1f} s; the whole demo: {self.seconds:.1f} s"
        following = Text("\n".join(self._next()), no_wrap=True)
        on_l1 = (self._on_l1(self.settled), Text()) if self.settled else ()
        return Group(what, Text(), *on_l1, cost, Text(waited), Text(), following)

    @staticmethod
    def _on_l1(settled: Settled) -> Text:
        rows = [("Executor", settled.l1.executor.address), ("setup", settled.l1.mark)]
        for one in settled.transactions:
            rows.append((one["action"], f"{one['hash']}, {int(one['gasUsed'], 16):,} gas"))
        rows.append(("state root", settled.state_root.hex()))
        return display.pairs(f"L1 ({settled.l1.name})", rows)

    def _next(self) -> list[str]:
        number, state = self.stated.header.batch_number, self.state
        profile = self.verified.security.parameters.profile.name
        claim = ("--program", PROGRAM, "--batch", self.batch_path, "--profile", profile)
        snark = []
        if self.settled:
            snark = [commands.line("verify", self.settled.snark_path, *claim, "--snark-key", self.settled.l1.snark_key)]
        return [
            "Look at it again:",
            commands.line("status", number, state=state),
            commands.line("trace", number, state=state),
            commands.line("verify", self.proof_path, *claim),
            *snark,
            "",
            "Next, start a system of your own; it prints its RPC address, a funded account and how to send with it:",
            commands.line("run"),
        ]


def summarise(
    watched: Watched,
    *,
    batch_path: Path,
    proof_path: Path,
    settled: Settled | None,
    state: Path,
    seconds: float,
    profile: str,
) -> Summary:
    """Verify the accepted proof and its SNARK once more, against the batch file, and collect the costs."""
    stated = read_batch_file(batch_path.read_bytes())
    proof = proof_path.read_bytes()
    verified = stages.verify_batch(
        proof,
        program_commitment=digest_from_hex(stated.program_commitment),
        profile=profile,
        output=stated.output,
    )
    wrap = ""
    if settled is not None:
        wrap = stages.verify_snark(
            settled.snark_path.read_bytes(),
            read_snark_key(settled.l1.snark_key),
            program_commitment=digest_from_hex(stated.program_commitment),
            profile=profile,
            output=stated.output,
        ).wrap
    busy = [span for span in watched.spans if _computes(span)]
    first = min(int(span["start_unix_nano"]) for span in watched.spans)
    last = max(int(span["end_unix_nano"]) for span in watched.spans)
    return Summary(
        verified=verified,
        wrap=wrap,
        settled=settled,
        cycles=watched.cycles,
        segments=watched.segments,
        stated=stated,
        costs=_costs(busy),
        proof_size=len(proof),
        batch_path=batch_path,
        proof_path=proof_path,
        state=state,
        seconds=seconds,
        batch_seconds=(last - first) / _NANO,
        idle=(last - first - _covered(busy)) / _NANO,
    )


def _computes(span: Mapping[str, Any]) -> bool:
    """Whether a span is work: a job of a stage, or a part of core."""
    return str(span["name"]).startswith("job ") or span["name"] in _CORE_WORK


def _costs(busy: Sequence[Mapping[str, Any]]) -> dict[str, StageCost]:
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for span in busy:
        groups[str(span["name"]).removeprefix("job ")].append(span)
    return {
        name: StageCost(
            len(spans),
            sum(int(span["end_unix_nano"]) - int(span["start_unix_nano"]) for span in spans) / _NANO,
            max(int(span["attributes"].get("hallmark.peak_memory_bytes", 0)) for span in spans),
        )
        for name, spans in groups.items()
        if name not in _CORE_WORK
    } | _core_cost([span for span in busy if span["name"] in _CORE_WORK])


def _core_cost(spans: Sequence[Mapping[str, Any]]) -> dict[str, StageCost]:
    seconds = sum(int(span["end_unix_nano"]) - int(span["start_unix_nano"]) for span in spans) / _NANO
    return {"core": StageCost(1, seconds, 0)} if spans else {}


def _covered(spans: Sequence[Mapping[str, Any]]) -> int:
    """Return the nanoseconds in which at least one of the spans ran."""
    covered, until = 0, 0
    for start, end in sorted((int(span["start_unix_nano"]), int(span["end_unix_nano"])) for span in spans):
        covered += max(0, end - max(start, until))
        until = max(until, end)
    return covered
