"""Every variable that is read is on the page of settings, and every one that the pages name exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from cli.configuration import FOREIGN_VARIABLES, OTHER_VARIABLES
from core.settings import CoreSettings
from gateway.settings import GatewaySettings
from runtime.configuration import PREFIX
from runtime.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {PREFIX + name.upper() for group in (Settings, CoreSettings, GatewaySettings) for name in group.model_fields}
KNOWN = SETTINGS | set(OTHER_VARIABLES) | {name for names in FOREIGN_VARIABLES for name in names.split(", ")}
#: Variables that the code sets or hands on and does not decide by.
NOT_READ = {"MAKEFLAGS", "OPENBLAS_NUM_THREADS", "PYDANTIC_DISABLE_PLUGINS", "NO_PROXY"}


@cache
def read_in_python() -> list[tuple[str, str]]:
    """Return file and name of every variable that is looked up in ``os.environ`` by its name."""
    found = []
    for package in sorted({path.parent for path in ROOT.glob("*/__init__.py")} - {ROOT / "tests"}):
        for path in sorted(package.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and ast.unparse(node.func)
                    in ("os.environ.get", "os.environ.pop", "os.environ.setdefault", "os.getenv")
                ):
                    key = node.args[0]
                elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
                    key = node.slice
                else:
                    continue
                if isinstance(key, ast.Constant):
                    found.append((str(path.relative_to(ROOT)), str(key.value)))
    return found


def test_what_python_reads_is_on_the_page() -> None:
    assert {name for _, name in read_in_python()} >= {"HALLMARK_KEY_DIR", "OTEL_SDK_DISABLED"}
    assert [(path, name) for path, name in read_in_python() if name not in KNOWN | NOT_READ] == []


def test_what_scripts_read_is_on_the_page() -> None:
    for path in (ROOT / "Makefile", ROOT / "Procfile", *(ROOT / "tools").glob("*.sh")):
        assert set(re.findall(rf"\b{PREFIX}[A-Z0-9_]+", path.read_text("utf-8"))) <= KNOWN, path


@pytest.mark.parametrize(
    "page", [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")], ids=lambda path: str(path.relative_to(ROOT))
)
def test_variables_that_pages_name_exist(page: Path) -> None:
    assert set(re.findall(rf"`{PREFIX}[A-Z0-9_]+", page.read_text("utf-8"))) <= {f"`{name}" for name in KNOWN}


def test_what_is_listed_as_no_setting_is_read_somewhere() -> None:
    sources = "\n".join(
        path.read_text("utf-8")
        for pattern in ("*/**/*.py", "tools/*", "Makefile", "*/**/Makefile")
        for path in ROOT.glob(pattern)
        if path.is_file()
        and not {".venv", "node_modules"} & {*path.parts}
        and path.name not in ("configuration.py", Path(__file__).name)
    )
    foreign = [name for names in FOREIGN_VARIABLES for name in names.split(", ")]
    assert [name for name in (*OTHER_VARIABLES, *foreign) if not re.search(rf"\b{name}\b", sources)] == []
