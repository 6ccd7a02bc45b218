"""What the pages name exists: files, links, tests, modules, commands with options, make targets, metrics, errors."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from broker.jobs import JobState, Outcome, Stage
from broker.queues.names import QUEUES, queue_for
from cli.main import app
from core.api.ethereum_api import EthereumApi
from core.errors import CoreError
from core.program.state_transition import Status
from core.store import BatchStatus

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md"))]
#: Folders of the checkout in which a path of a page may begin.
TOPS = sorted(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
#: What appears when something was made or run.
MADE = {"benchmarks/latest.json", "benchmarks/latest-gpu.json", "proving/snark/setup/pinned.py"}

page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def quoted(page: Path) -> Iterator[str]:
    """Everything between backticks on one line."""
    outside = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"`([^`\n]+)`", outside)


def table(page: str, first: str) -> list[list[str]]:
    """The rows of the table whose head begins with a word, cells stripped."""
    lines = text_of(ROOT / "docs" / page).splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


@page
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", text_of(page))
    assert [target for target in targets if "://" not in target and not (page.parent / target).exists()] == []


@page
def test_files_that_are_named_exist(page: Path) -> None:
    paths = [word for word in quoted(page) if re.fullmatch(rf"({'|'.join(TOPS)})/[\w./-]*[\w/]", word)]
    missing = [word for word in paths if word not in MADE and not (ROOT / word).exists()]
    assert missing == []


@page
def test_tests_that_are_named_exist(page: Path) -> None:
    for file, name in re.findall(r"`(?:\w+/)*(test_\w+\.py)::(test_\w+)`", text_of(page)):
        sources = [path.read_text("utf-8") for path in (ROOT / "tests").rglob(file)]
        assert any(re.search(rf"^(async )?def {name}\(", source, re.MULTILINE) for source in sources), f"{file}::{name}"
    for file in re.findall(r"\btest_\w+\.py", text_of(page)):
        assert list((ROOT / "tests").rglob(file)), file


@page
def test_modules_that_are_run_exist(page: Path) -> None:
    for name in re.findall(r"python -m ([\w.]+)", text_of(page)):
        found = importlib.util.find_spec(name)
        assert found is not None, name
        assert not found.submodule_search_locations or importlib.util.find_spec(f"{name}.__main__"), name


@page
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z][\w-]*)[` ]", text_of(page))) <= targets


@cache
def commands() -> TyperGroup:
    found = typer.main.get_command(app)
    assert isinstance(found, TyperGroup)
    return found


def called(page: Path) -> Iterator[list[str]]:
    """The words behind `hallmark` wherever a page calls it."""
    for line in text_of(page).splitlines():
        for rest in re.findall(r"(?:^ *|`)(?:\S*/)?hallmark +([^`#]*)", line):
            yield rest.split()


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    context, group, left = typer.Context(commands()), commands(), list(words)
    while isinstance(group, TyperGroup) and left:
        name = left.pop(0)
        # `hallmark job show|requeue JOB` names two.
        found = [group.get_command(context, each) for each in name.split("|")]
        assert None not in found, f"hallmark {' '.join(words)}: there is no {name}"
        group = found[0]  # type: ignore[assignment]
    return group, left


@page
def test_commands_and_their_options_exist(page: Path) -> None:
    for words in called(page):
        if words[0].startswith("-"):
            continue
        command, left = command_of(words)
        options = {option for parameter in command.params for option in parameter.opts}
        named = [re.sub(r"[\[\],.;:]", "", word) for word in left if re.match(r"\[?--?[a-z]", word)]
        assert [word for word in named if word not in options] == [], f"hallmark {' '.join(words)}"


def test_every_command_is_on_some_page() -> None:
    shown = {words[0] for page in PAGES for words in called(page)}
    context = typer.Context(commands())
    everything = set(commands().list_commands(context))
    assert everything - {word for words in shown for word in words.split("|")} == set()


@cache
def sources() -> tuple[Path, ...]:
    """Every Python file below the checkout's rooms; hidden folders hold what others wrote, in tens of thousands."""
    rooms = [room for room in ROOT.iterdir() if room.is_dir() and not room.name.startswith(".")]
    return tuple(path for room in rooms for path in room.rglob("*.py"))


@cache
def metrics() -> set[str]:
    """Every metric that the code makes, as Prometheus shows it."""
    found = set()
    for path in sources():
        if path.parts[len(ROOT.parts)] in ("tests", "benchmarks"):
            continue
        made = re.findall(
            r"(Counter|CounterMetricFamily|\w+)\(\s*\"(hallmark_[a-z_0-9]+)\"", path.read_text(encoding="utf-8")
        )
        found |= {name + ("_total" if kind.startswith("Counter") else "") for kind, name in made}
    return found


@page
def test_metrics_that_are_named_exist(page: Path) -> None:
    named = set(re.findall(r"`(hallmark_[a-z0-9_]+)(?:\{[^`]*\})?`", text_of(page)))
    known = metrics() | {"hallmark_batches", "hallmark_guest", "hallmark_jobs"}
    functions = "\n".join(path.read_text("utf-8") for path in (ROOT / "guest/runtime").glob("*.h"))
    assert [name for name in named if name not in known and not re.search(rf"\b{name}\b", functions)] == []


@cache
def error_codes() -> set[str]:
    pattern = re.compile(r"^\s+code(?:: \S+)? = \"(\w+)\"", re.MULTILINE)
    found = {code for path in sources() for code in pattern.findall(path.read_text("utf-8"))}
    return found | {"lease_expired"}


def test_errors_that_operators_look_up_exist() -> None:
    named = {word for row in table("operations.md", "sign") for word in re.findall(r"`([a-z]+_[a-z_]+)`", row[0])}
    assert named and named <= error_codes()


def test_answers_to_provers_are_those_of_the_errors() -> None:
    statuses = {cls.code: cls.status for cls in CoreError.__subclasses__() if cls.__module__ == "core.errors"}
    shown = {code: int(row[0]) for row in table("api.md", "status") for code in re.findall(r"`(\w+)`", row[1])}
    assert {code: status for code, status in shown.items() if code in statuses} == {
        code: status for code, status in statuses.items() if status < 500 or code == "busy"
    }
    assert set(shown) <= error_codes()


def test_methods_of_wallets_are_those_served() -> None:
    shown = {name for row in table("api.md", "method") for name in re.findall(r"`(\w+)`", row[0])}
    assert shown == set(EthereumApi.methods(_Bare()))  # type: ignore[arg-type]


class _Bare:
    """Stands for an `EthereumApi` whose methods are only named."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def test_states_are_those_of_the_store() -> None:
    assert [row[0] for row in table("broker.md", "state")] == [f"`{state}`" for state in JobState]
    assert [row[0] for row in table("core.md", "status")] == [f"`{status}`" for status in BatchStatus]
    outcomes = re.search(r"outcome \(([^)]*)\)", text_of(ROOT / "docs/broker.md"))
    assert outcomes is not None
    assert re.findall(r"\w+", outcomes[1]) == list(Outcome)


def test_queues_are_those_of_the_broker() -> None:
    rows = table("broker.md", "queue")
    assert [row[0].strip("`") for row in rows] == list(QUEUES)
    consumers = {row[0].strip("`"): row[2] for row in rows}
    for stage in Stage:
        assert consumers[queue_for(stage)] == f"`actors.run --stage {stage}`"


def test_statuses_of_transactions_are_the_programs() -> None:
    named = {
        int(number): name
        for row in table("state_transition.md", "status")
        for number, name in re.findall(r"(\d+) `(\w+)`", row[0])
    }
    assert named == {status.value: status.name for status in Status if status.value}


def test_processes_are_those_of_the_procfile() -> None:
    lines = [line.partition(":")[0] for line in text_of(ROOT / "Procfile").splitlines()]
    shown = [name for row in table("operations.md", "Procfile line") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(shown) == sorted(lines)


def test_figures_that_are_explained_are_measured() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "benchmarks").glob("*.py"))
    for row in table("performance.md", "figure"):
        name = row[0].partition(",")[0].strip("`")
        group, _, last = name.partition(".")
        assert name in sources or (f'"{group}.' in sources and f"{last}" in sources), name


def test_set_up_asks_for_what_the_readme_says() -> None:
    found = re.search(r"apt-get install [a-z0-9+ -]+", text_of(ROOT / "README.md"))
    assert found is not None
    # That `make` is missing, no script that it runs can say.
    names = set(found[0].split()[2:]) - {"make"}
    assert [name for name in names if name not in text_of(ROOT / "tools/setup.sh")] == []


def test_limits_of_the_state_transition_program_are_those_of_its_source() -> None:
    page = text_of(ROOT / "docs/state_transition.md")
    source = "\n".join(text_of(path) for path in (ROOT / "guest/stf").glob("*.h"))
    for shown, defined in {
        "at most 4096 |": "MAX_TRANSACTIONS 4096u",
        "byte length (1 to 131072)": "MAX_TRANSACTION_BYTES 131072u",
        "at most 2^28 bytes": "MAX_INPUT_BYTES (1u << 28)",
        "at most 2^20 nodes": "MAX_NODES (1u << 20)",
        "`0x30000000`": "REGION_JOURNAL ((uint32_t *)0x30000000u)",
        "`0x50000000`": "REGION_HINTS ((uint32_t *)0x50000000u)",
        "`ACCOUNT` = 8": "TAG_ACCOUNT 8",
    }.items():
        assert shown in page and defined in source, (shown, defined)
    reasons = [int(row[0]) for row in table("state_transition.md", "reason")]
    assert sorted(map(int, re.findall(r"#define INVALID_\w+ (\d+)", source))) == reasons


def test_addresses_of_the_guest_kit_are_those_of_its_source() -> None:
    page = text_of(ROOT / "docs/guest.md")
    source = "\n".join(
        text_of(ROOT / "guest/runtime" / name) for name in ("hallmark.ld", "heap.c", "hallmark_output.h")
    )
    shown = set(re.findall(r"`(0x[0-9a-f]{8})`", page)) - {"0x0000006f"}
    assert shown == {"0x00000000", "0x00100000", "0x00200000", "0x80000000", "0xc0000000"}
    assert [address for address in shown if address not in source] == []


def test_errors_of_devices_exist() -> None:
    codes = {code for row in table("cuda.md", "error") for code in re.findall(r"`([a-z]+_[a-z_]+)`", row[0])}
    assert codes and codes <= error_codes()
