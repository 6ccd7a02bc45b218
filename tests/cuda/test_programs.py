"""The cache of compiled programs, with a stand-in for the compiler."""

from __future__ import annotations

from pathlib import Path

import pytest

from cuda import build, programs, sources
from cuda.errors import KernelBuildError, KernelsCorrupt
from tests.cuda.tables import tables

COMPILER = Path(__file__).parent / "fake_nvcc.sh"
ONE, OTHER = tables("memory").values()
ARCHITECTURES = ("sm_80", "sm_90")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(sources, "BUILD", tmp_path / "build")
    path = tmp_path / "log"
    path.touch()
    monkeypatch.setenv("FAKE_NVCC_LOG", str(path))
    return path


def compiled(log: Path) -> int:
    return len(log.read_text().splitlines())


def test_programs_are_compiled_once_for_architectures_only(log: Path) -> None:
    assert programs.load() is None
    made = programs.build([ONE], COMPILER, ARCHITECTURES)
    assert compiled(log) == 2 * len(ARCHITECTURES)
    assert made.architectures == ARCHITECTURES
    assert not [name for name in made.manifest["files"] if name.endswith("ptx")]
    assert set(made.manifest["kernels"]) == set(programs.texts([ONE]))
    assert programs.build([ONE], COMPILER, ARCHITECTURES) == made == programs.load()
    assert compiled(log) == 2 * len(ARCHITECTURES)


def test_what_is_missing_or_damaged_is_compiled_again(log: Path) -> None:
    programs.build([ONE], COMPILER, ["sm_90"])
    made = programs.build([ONE, OTHER], COMPILER, ["sm_90"])
    assert compiled(log) == 2 + 4
    file = made.folder / next(iter(made.manifest["files"]))
    file.write_bytes(b"")
    with pytest.raises(KernelsCorrupt):
        made.check()
    programs.build([ONE], COMPILER, ["sm_90"]).check()
    assert compiled(log) == 2 + 4 + 2


def test_what_writes_a_kernel_decides_where_it_lies(log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = programs.folder()
    writer = tmp_path / "straight_line.py"
    writer.write_text(programs.WRITERS[1].read_text() + "\n")
    monkeypatch.setattr(programs, "WRITERS", (programs.WRITERS[0], writer))
    assert programs.folder() != before


def test_a_compiler_that_is_not_there_is_named(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "find_compiler", lambda: None)
    with pytest.raises(KernelBuildError, match="There is no CUDA compiler"):
        programs.build([ONE])
