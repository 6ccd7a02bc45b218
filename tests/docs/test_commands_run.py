"""Every command of the pages is run by a test: here as it stands there, by a named test, or not, with the reason."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup

from broker.artifacts import open_artifacts
from broker.jobs import Stage, open_store
from cli.errors import report
from cli.run import ROOT
from proving.stages import key_digest
from runtime.errors import ArtifactCorrupt, HallmarkError
from runtime.settings import Settings
from tests.broker.test_jobs import make, must_claim, segments
from tests.cli.store import Installation
from tests.docs.test_commands import blocks, program_of
from tests.docs.test_pages import PAGES, called, command_of

#: Commands that are run here, with every page's options, and the status that they end with (the store lacks an artifact
#: and has a dead job).
HERE = {
    "artifact gc": 0,
    "artifact inspect": 0,
    "artifact verify": 1,
    "batch cancel": 0,
    "batch delete": 0,
    "batch list": 0,
    "batch prioritise": 0,
    "batch requeue": 0,
    "batch restart": 0,
    "batch show": 0,
    "batch timeline": 0,
    "completion": 0,
    "config check": 0,
    "config describe": 0,
    "doctor": 0,
    "execute": 0,
    "inspect": 0,
    "job list": 0,
    "job logs": 0,
    "job requeue": 0,
    "job show": 0,
    "keys list": 0,
    "queue": 0,
    "stats": 0,
    "status": 0,
    "status --check": 3,
    "trace": 0,
    "version insert": 0,
    "version list": 0,
    "workers": 0,
}
#: Commands that change something, each of which gets a job store of its own; those that ask get `--yes`.
CHANGE = ("batch", "job requeue", "version insert", "artifact gc")
ASK = ("artifact gc", "batch cancel", "batch delete", "batch restart", "version insert")
#: Commands that need a prover, core, L1, a device or processes -> the test that runs them.
TESTED = {
    "autoscale": "tests/cli/test_autoscale.py",
    "batch export": "tests/cli/test_elsewhere.py",
    "batch import": "tests/cli/test_elsewhere.py",
    "continue seal": "tests/core/recovery/test_continuation.py",
    "continue send": "tests/core/recovery/test_continuation.py",
    "debug proof": "tests/cli/test_debug.py",
    "demo": "tests/system/test_demo.py",
    "devices": "tests/cuda/test_namespace.py",
    "keys export-verifier": "tests/core/eth_sender/test_deployment.py",
    "keys info": "tests/cli/test_keys.py",
    "keys generate": "tests/cli/test_keys.py",
    "keys verify": "tests/cli/test_keys.py",
    "l1 deploy": "tests/core/eth_sender/test_deployment.py",
    "l1 status": "tests/core/eth_sender/test_deployment.py",
    "l1 upgrade": "tests/core/eth_sender/test_deployment.py",
    "new": "tests/cli/test_guest_commands.py",
    "prove": "tests/cli/test_prove.py",
    "prove-batch": "tests/cli/test_elsewhere.py",
    "rebuild-state": "tests/core/eth_sender/test_deployment.py",
    "rollback": "tests/cli/test_rollback.py",
    "run": "tests/cli/test_supervisor.py",
    "start": "tests/cli/test_start.py",
    "tree check": "tests/cli/test_tree_commands.py",
    "tree proof": "tests/cli/test_tree_commands.py",
    "tree prune": "tests/cli/test_tree_commands.py",
    "tree rebuild": "tests/cli/test_tree_commands.py",
    "tree restore": "tests/cli/test_tree_commands.py",
    "tree snapshot": "tests/cli/test_tree_commands.py",
    "tree status": "tests/cli/test_tree_commands.py",
    "verify": "tests/cli/test_prove.py",
    "watch": "tests/system/test_pipeline.py",
}
#: Commands that no test runs, and why; `tests/docs/test_commands.py` looks at their form.
NOT_RUN = {
    "compress": "a SNARK takes minutes; its parts are tested in tests/proving/snark, its job in tests/actors",
    "cargo": "needs Rust",
    "docker": "needs a container engine; tests/deploy holds the files against their schemas",
    "install": "writes into /etc, as root",
    "journalctl": "needs systemd",
    "kubectl": "needs a cluster; tests/deploy holds the manifests against their schemas",
    "make": "sets up, or runs these tests, or takes minutes; tools/try_bare_systems.sh runs demo, test and lint",
    ".venv/bin/pip": "needs CUDA's headers",
    "rabbitmqctl": "needs a broker that is yours; the tests' own reads the definitions at its start",
    "systemctl": "needs systemd; tests/deploy has it verify the units",
    "useradd": "makes a user, as root",
    "clang": "needs clang; the guest kit's tests compile with the pinned one",
}


def here(installation: Installation, words: list[str], job: int, artifact: str) -> int:
    """Run a command as a page has it, with names for its placeholders, and return its status."""
    folder = installation.folder
    stand_for = {
        "N": "1",
        "JOB": str(job),
        **dict.fromkeys(("PROGRAM.elf", "FILE"), "guest/programs/keccak.elf"),
        "NAME": artifact,
        "P": "5",
        "V": "7",
        "PROFILE:DIGEST": f"proven100:{key_digest('proven100')}",
        "[--json]": "--json",
    }
    filled = [stand_for.get(word, word) for word in itertools.takewhile(lambda word: word != ">", words)]
    filled += ["--yes"] if path_of(words) in ASK else []
    filled = [str(ROOT / word) if (ROOT / word).is_file() else word for word in filled]
    done = installation.run(*filled, HALLMARK_STORE_URL="", HOME=str(folder))
    if isinstance(done.exception, HallmarkError):
        return report(done.exception)
    assert done.exception is None or isinstance(done.exception, SystemExit), (words, done.exception)
    return int(done.exit_code)


def path_of(words: list[str]) -> str:
    """``["job", "show", "ID"]`` -> ``"job show"``."""
    return " ".join(words[: len(words) - len(command_of(words)[1])])


def lines() -> Iterator[tuple[list[str], bool]]:
    """Yield every command of the pages, and whether it has what it needs: `hallmark batch export` alone names one."""
    for page in PAGES:
        for words in called(page):
            if words[0].startswith("-"):
                continue
            for chosen in itertools.product(*(word.split("|") if word[0] != "[" else [word] for word in words)):
                command, left = command_of(list(chosen))
                if isinstance(command, TyperGroup):
                    continue
                valued = {opt for each in command.params if not getattr(each, "is_flag", False) for opt in each.opts}
                given = [
                    word
                    for before, word in zip(["", *left], left, strict=False)
                    if word[0] != "-" and before not in valued
                ]
                needed = [each for each in command.params if each.param_type_name == "argument" and each.required]
                yield list(chosen), len(given) >= len(needed)


def test_every_command_is_run_somewhere_or_says_why_not() -> None:
    paths = {path_of(words) for words, _ in lines()}
    programs = {program_of(line) for page in PAGES for block in blocks(page) for line in block}
    others = programs - {"hallmark", ".venv/bin/hallmark", "python", ".venv/bin/python", "export", "source", "promtool"}
    known = [*(HERE.keys() - {"status --check"}), *TESTED, *NOT_RUN]
    assert sorted(known) == sorted(paths | others)


@pytest.mark.parametrize("command", sorted(TESTED))
def test_tests_that_are_named_run_the_command(command: str) -> None:
    text = (ROOT / TESTED[command]).read_text("utf-8")
    assert [word for word in command.split() if not re.search(rf'"{word}"', text)] == []


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Installation, int, str]:
    return installed(tmp_path_factory.mktemp("read"))


def installed(folder: Path) -> tuple[Installation, int, str]:
    """Return an installation with a batch, the number of its dead job and the name of an artifact."""
    settings = Settings.load(state_dir=folder, database_url="", store_url="", retry_seconds=0)
    store = open_store(settings, migrate=True)
    make(store)
    name = "gateway/4242/1/program"
    open_artifacts(settings).put(name, (ROOT / "guest/programs/keccak.elf").read_bytes())
    store.complete(must_claim(store, Stage.WITNESS), "s", segments(2))
    dead = must_claim(store, Stage.VECTORS)
    store.fail(dead, ArtifactCorrupt("damaged"))
    return Installation(folder, store, ""), dead.job_id, name


#: Pages call the same thing by several names.
SAME = {"BATCH": "N", "[BATCH]": "N", "17": "N", "ID": "JOB"}
RUN = sorted(
    {" ".join(SAME.get(word, word) for word in words) for words, whole in lines() if whole and path_of(words) in HERE}
)


@pytest.mark.parametrize("line", RUN)
def test_commands_run_as_the_pages_have_them(line: str, store: tuple[Installation, int, str], tmp_path: Path) -> None:
    words = line.split()
    changes = path_of(words).startswith(CHANGE)
    installation, job, artifact = installed(tmp_path) if changes else store
    assert here(installation, words, job, artifact) == HERE.get(line, HERE[path_of(words)])
