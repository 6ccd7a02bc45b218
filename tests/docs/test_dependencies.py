"""What is declared is imported, what is imported is declared, and the page of dependencies lists just that."""

from __future__ import annotations

import ast
import os
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

#: What is never imported: where it is run, and the words that run it.
RUN = {
    "bandit": ("Makefile", "$(BIN)/bandit"),
    "check-jsonschema": ("tests/deploy/test_hosts.py", '"check_jsonschema"'),
    "coincurve": ("core/formats/transactions.py", "where coincurve is installed"),
    "flask": ("tests/servers.py", '"moto.server"'),
    "flask-cors": ("tests/servers.py", '"moto.server"'),
    "furo": ("docs/conf.py", 'html_theme = "furo"'),
    "hatchling": ("pyproject.toml", 'build-backend = "hatchling.build"'),
    "honcho": ("tests/system/test_procfile.py", '"honcho"'),
    "import-linter": ("Makefile", "$(BIN)/lint-imports"),
    "moto": ("tests/servers.py", '"moto.server"'),
    "mypy": ("Makefile", "$(BIN)/mypy"),
    "myst-parser": ("docs/conf.py", '"myst_parser"'),
    "pip-audit": ("tools/audit.py", '"pip_audit"'),
    "pytest-aiohttp": ("pyproject.toml", 'asyncio_mode = "auto"'),
    "pytest-rerunfailures": ("tests/conftest.py", "flaky(reruns=1)"),
    "pytest-timeout": ("pyproject.toml", "\ntimeout = "),
    "pytest-xdist": ("tools/test.sh", "-n "),
    "ruff": ("Makefile", "$(BIN)/ruff check"),
    "sphinx": ("Makefile", "$(BIN)/python -m sphinx"),
    "types-psutil": ("pyproject.toml", "strict = true"),
    "ziglang": ("guest/compile.py", '"ziglang"'),
}


#: Modules of an extra that a machine may lack, and whose name is not the distribution's.
ELSEWHERE = {"pynvml": "nvidia-ml-py"}


def canonical(requirement: str) -> str:
    """``"Psycopg[binary]>=3.2"`` -> ``"psycopg"``."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]).lower()


RUNTIME = {canonical(requirement) for requirement in PROJECT["dependencies"]}
EXTRAS = {name: {canonical(r) for r in listed} for name, listed in PROJECT["optional-dependencies"].items()}
DECLARED = RUNTIME.union(*EXTRAS.values())

#: What a folder may import beside what runs.
MORE = {
    "benchmarks": EXTRAS["dev"] | EXTRAS["cuda"],
    "cuda": EXTRAS["cuda"],
    "guest": EXTRAS["guest"],
    "tests": EXTRAS["dev"] | EXTRAS["guest"] | EXTRAS["cuda"],
    "tools": set[str](),
}


def folders() -> list[str]:
    return sorted({path.parent.name for path in ROOT.glob("*/*.py")})


@cache
def sources(folder: str) -> list[Path]:
    """What is written here, not what npm has put below."""
    found: list[Path] = []
    for place, below, names in os.walk(ROOT / folder):
        below[:] = [name for name in below if name not in ("node_modules", "__pycache__")]
        found += [Path(place) / name for name in names if name.endswith(".py")]
    return sorted(found)


@cache
def imported(folder: str) -> list[tuple[str, tuple[str, ...]]]:
    """Where, and the dotted names that it may mean, the longest first."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for path in sources(folder):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                found += [(where, (name.name,)) for name in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found += [(where, (f"{node.module}.{name.name}", node.module)) for name in node.names]
    return found


@cache
def owners() -> dict[str, str]:
    """Module -> the declared distribution whose files hold it."""
    found: dict[str, str] = {}
    for name in DECLARED:
        try:
            files = distribution(name).files or []
        except PackageNotFoundError:  # an extra that this machine has not
            continue
        for file in files:
            if file.suffix in (".py", ".pyi", ".so") and ".." not in file.parts:
                parts = [*file.parts[:-1], file.name.split(".")[0]]
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = name
    return found


def distribution_of(names: tuple[str, ...]) -> str | None:
    """The distribution that an import is from; None for the standard library and for the project itself."""
    top = names[0].split(".")[0]
    if top in sys.stdlib_module_names or (ROOT / top).is_dir():
        return None
    return next((owners()[name] for name in names if name in owners()), ELSEWHERE.get(top) or canonical(top))


@pytest.mark.parametrize("folder", folders())
def test_what_is_imported_is_declared(folder: str) -> None:
    allowed = (RUNTIME if folder != "tools" else set()) | MORE.get(folder, set())
    undeclared = {
        f"{where} {names[0]} (of {found})"
        for where, names in imported(folder)
        if (found := distribution_of(names)) is not None and found not in allowed
    }
    assert not undeclared


def test_what_is_declared_is_imported_or_run() -> None:
    used = {folder: {distribution_of(names) for _, names in imported(folder)} for folder in folders()}
    runs = set().union(*(names for folder, names in used.items() if folder not in ("benchmarks", "tests", "tools")))
    assert runs | set(RUN) >= RUNTIME
    assert set().union(*used.values()) | set(RUN) >= DECLARED


@pytest.mark.parametrize("name", sorted(RUN))
def test_what_is_run_is_run_where_it_is_said(name: str) -> None:
    file, words = RUN[name]
    assert name in DECLARED
    assert words in (ROOT / file).read_text(encoding="utf-8")


def test_the_page_gives_the_reason_of_each() -> None:
    page = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    parts = page.split("What tests and checks", 1)
    run, others = (re.findall(r"^\| ([a-z][a-z0-9, -]*) \| .+ \|$", part, re.MULTILINE) for part in parts)
    compiler = (ROOT / "requirements-cuda.in").read_text(encoding="utf-8").splitlines()
    pinned = {canonical(line) for line in compiler if line and not line.startswith("#")}
    assert {name for cell in run[1:] for name in cell.split(", ")} == RUNTIME
    assert {name for cell in others[1:] for name in cell.split(", ")} == (DECLARED - RUNTIME) | pinned


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.lock", RUNTIME),
        ("requirements-dev.lock", RUNTIME | EXTRAS["dev"] | EXTRAS["guest"]),
        ("requirements-guest.lock", RUNTIME | EXTRAS["guest"]),
    ],
)
def test_the_lock_files_hold_what_is_declared(lock: str, wanted: set[str]) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    named = {canonical(block) for block in blocks if re.search(r"# +(?:via )?hallmark \(pyproject.toml\)", block)}
    assert named == wanted | EXTRAS["build"]
