"""The cache of compiled kernels, with a stand-in for the compiler; and the real compiler's figures where it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cuda import build, sources
from cuda.errors import KernelBuildError, KernelsCorrupt, KernelsMissing

COMPILER = Path(__file__).parent / "fake_nvcc.sh"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(sources, "BUILD", tmp_path / "build")
    path = tmp_path / "log"
    path.touch()
    monkeypatch.setenv("FAKE_NVCC_LOG", str(path))
    return path


def compiled(log: Path) -> int:
    return len(log.read_text().splitlines())


def test_every_kernel_is_found_in_its_file() -> None:
    names = {kernel: count for unit in sources.units() for kernel, count in sources.kernels(unit).items()}
    assert names["ntt_forward"] == 6
    assert names["grind"] == 7
    text = "".join(unit.read_text() for unit in sources.units())
    assert len(names) == text.count('extern "C" __global__')


def test_every_kernel_has_its_header() -> None:
    for unit in sources.units():
        text = unit.read_text()
        for kernel in sources.kernels(unit):
            before = text[: text.index(f"{kernel}(")]
            header = before[before.rindex("// Computes:") :]
            for part in ("Layout:", "Launch:", "Limit:"):
                assert part in header, f"{kernel} in {unit.name} has no {part}"


def test_everything_is_compiled_once(log: Path) -> None:
    with pytest.raises(KernelsMissing, match="no kernels of the present sources"):
        build.load()
    made = build.build(COMPILER)
    count = len(sources.units()) * (len(build.ARCHITECTURES) + 1)
    assert compiled(log) == count
    assert made.architectures == build.ARCHITECTURES
    assert made.image("ntt", "sm_90").startswith(b"sm_90")
    assert made.image("ntt", "ptx").startswith(b"compute_80")
    assert build.build(COMPILER) == made == build.load()
    assert compiled(log) == count
    assert [path.name for path in made.folder.parent.iterdir() if path.name != ".lock"] == [made.folder.name]


def test_a_compiler_compiles_what_it_has(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_NVCC_CODES", "sm_80 sm_90 sm_90a")
    assert build.build(COMPILER).architectures == ("sm_80", "sm_90")
    monkeypatch.delenv("FAKE_NVCC_CODES")
    assert build.build(COMPILER).architectures == build.ARCHITECTURES


def test_another_compiler_and_missing_architectures_build_again(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build.build(COMPILER, ["sm_90"])
    first = compiled(log)
    assert build.build(COMPILER, ["sm_90"]).architectures == ("sm_90",)
    assert compiled(log) == first
    assert build.build(COMPILER, ["sm_80", "sm_90"]).architectures == ("sm_80", "sm_90")
    second = compiled(log)
    assert second > first
    monkeypatch.setenv("FAKE_NVCC_VERSION", "two")
    assert build.build(COMPILER, ["sm_90"]).manifest["compiler"] == "Build two"
    assert compiled(log) > second


def test_a_damaged_file_is_found_and_built_again(log: Path) -> None:
    made = build.build(COMPILER, ["sm_90"])
    damaged = made.folder / "fri.sm_90"
    content = damaged.read_bytes()
    for spoil in (lambda: damaged.write_bytes(content[:-1]), damaged.unlink, lambda: damaged.write_bytes(b"")):
        spoil()
        with pytest.raises(KernelsCorrupt):
            build.load().check()
        build.build(COMPILER, ["sm_90"]).check()
        assert damaged.read_bytes() == content
    (made.folder / build.MANIFEST).write_text("{}")
    with pytest.raises(KernelsCorrupt):
        build.load()
    build.build(COMPILER, ["sm_90"]).check()


def test_a_refusal_leaves_nothing_behind(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_NVCC_FAIL", "merkle.sm_86")
    with pytest.raises(KernelBuildError, match="error: refused"):
        build.build(COMPILER)
    assert [path.name for path in (sources.BUILD / "kernels").iterdir()] == [".lock"]


def test_sources_that_change_while_they_are_compiled_are_not_kept(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, digests = sources.digest, iter(["first", "first", "second"])
    monkeypatch.setattr(sources, "digest", lambda **_: next(digests, real()))
    with pytest.raises(KernelBuildError, match="changed while"):
        build.build(COMPILER, ["sm_90"])
    assert [path.name for path in (sources.BUILD / "kernels").iterdir()] == [".lock"]


def test_a_compiler_that_is_not_there_is_named(
    log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "find_compiler", lambda: None)
    with pytest.raises(KernelBuildError, match="There is no CUDA compiler"):
        build.build()
    monkeypatch.setattr("sys.argv", ["build"])
    assert build.main() == 1
    assert "requirements-cuda.lock" in capsys.readouterr().err
    made = build.build(COMPILER)
    assert build.build() == made
    with pytest.raises(KernelBuildError, match="cannot be run"):
        build.build(Path("/nonexistent/nvcc"))


def test_sources_decide_the_folder(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build.folder()
    monkeypatch.setattr(build, "OPTIONS", (*build.OPTIONS, "-G"))
    assert build.folder() != before


def test_excesses_are_named(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = build.excesses(build.build(COMPILER))
    assert any("1000 registers" in line for line in lines)
    assert any("12 bytes spilled, 0 are allowed" in line for line in lines)
    limits = tmp_path / "registers.json"
    limits.write_text(build.LIMITS.read_text())
    monkeypatch.setattr(build, "LIMITS", limits)
    monkeypatch.setenv("HALLMARK_NVCC", str(COMPILER))
    monkeypatch.setattr("sys.argv", ["build"])
    assert build.main() == 1
    assert "1000 registers" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["build", "--record"])
    assert build.main() == 1
    said = capsys.readouterr().err
    assert "bytes spilled" in said and "1000 registers" not in said


def test_every_kernel_has_a_limit_for_every_architecture() -> None:
    limits = json.loads(build.LIMITS.read_text())
    names = {kernel for unit in sources.units() for kernel in sources.kernels(unit)}
    assert limits["sources"] == sources.recorded_digest(), "the kernels changed: run `python -m cuda.build --record`"
    assert set(limits["registers"]) == names
    assert all(set(by) == set(build.ARCHITECTURES) for by in limits["registers"].values())
    for kernel, spill in limits["spills"].items():
        assert kernel in names and spill["bytes"] > 0 and spill["reason"]


def test_registers_and_spills_stay_within_their_limits() -> None:
    """Needs kernels that `make cuda` compiled from the present sources; compiling takes more than a minute."""
    try:
        kernels = build.load()
    except KernelsMissing:
        pytest.skip("the kernels are not compiled; run `make cuda`")
    kernels.check()
    assert build.excesses(kernels) == []


def test_no_kernel_is_a_trap() -> None:
    """The compiler makes a kernel end in a trap, without a word, where it calls what there is on the host only."""
    try:
        kernels = build.load()
    except KernelsMissing:
        pytest.skip("the kernels are not compiled; run `make cuda`")
    assert not [unit.stem for unit in sources.units() if b"trap;" in kernels.image(unit.stem, "ptx")]
