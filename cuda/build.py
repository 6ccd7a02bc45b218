"""Compiles the kernels ahead of time: ``make cuda``, or ``python -m cuda.build``.

One cubin per file and architecture, and PTX for architectures that are not listed. Everything of one state of the
sources lies in one folder with a manifest: kernels, checksums, registers and spills, compiler and options. The folder
is written under another name and renamed, so it is complete or absent. Workers only load; nothing is compiled there,
because a compiler's time would count as the worker's and its lease would run out.

The compiler is what HALLMARK_NVCC names, else ``nvcc`` on the path, else CUDA's usual folder, else NVIDIA's packages
from PyPI (``requirements-cuda.lock``), which need no GPU.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cuda import sources
from cuda.errors import KernelBuildError, KernelsCorrupt, KernelsMissing

#: Compiled ahead for A100, A10 and RTX 30, L4 and RTX 40, H100 and H200, B200, RTX 50, where the compiler has them.
ARCHITECTURES = ("sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120")
#: The form that the driver translates for any other device from this capability on.
PTX = "compute_80"
OPTIONS = ("-std=c++20", "-O3", "--expt-relaxed-constexpr", "-Xptxas", "-v", "-lineinfo")

MANIFEST = "manifest.json"
#: Registers and spills that every kernel may have at most, by architecture.
LIMITS = sources.FOLDER / "registers.json"

_ENTRY = re.compile(r"Compiling entry function '(\w+)' for '(sm_\d+)'")
_SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_REGISTERS = re.compile(r"Used (\d+) registers")


@dataclass(frozen=True)
class Kernels:
    """Compiled kernels of the present sources.

    Attributes
    ----------
    folder
        Where the files lie.
    manifest
        ``compiler``, ``options``, ``files`` (name to checksum), ``kernels`` (name to file), ``usage``.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def architectures(self) -> tuple[str, ...]:
        """What there are cubins for."""
        return tuple(self.manifest["architectures"])

    @property
    def usage(self) -> dict[str, dict[str, dict[str, int]]]:
        """Kernel, then architecture, then ``registers``, ``spill_bytes`` and ``stack_bytes``."""
        return dict(self.manifest["usage"])

    def image(self, unit: str, target: str) -> bytes:
        """Return the code of a file of kernels for ``sm_NN`` or ``ptx``.

        Raises
        ------
        KernelsCorrupt
            The file is not the one that was built.
        """
        name = f"{unit}.{target}"
        try:
            content = (self.folder / name).read_bytes()
        except OSError as error:
            raise KernelsCorrupt(f"{self.folder / name} cannot be read: {error.strerror}.") from error
        if hashlib.sha256(content).hexdigest() != self.manifest["files"].get(name):
            raise KernelsCorrupt(f"{self.folder / name} does not match its checksum.")
        return content

    def check(self) -> None:
        """Read every file.

        Raises
        ------
        KernelsCorrupt
            One is missing or changed.
        """
        for name in self.manifest["files"]:
            unit, _, target = str(name).rpartition(".")
            self.image(unit, target)


def folder() -> Path:
    """Return where the kernels of the present sources lie or will lie."""
    return sources.BUILD / "kernels" / sources.digest(options=OPTIONS)


def load(place: Path | None = None) -> Kernels:
    """Return the compiled kernels of the present sources.

    Parameters
    ----------
    place
        Where they lie; :func:`folder` by default.

    Raises
    ------
    KernelsMissing
        They were not built.
    KernelsCorrupt
        The manifest is damaged.
    """
    place = place or folder()
    try:
        text = (place / MANIFEST).read_text()
    except FileNotFoundError:
        raise KernelsMissing(f"There are no kernels of the present sources at {place}.") from None
    try:
        manifest = json.loads(text)
        recorded = manifest.pop("checksum")
        if recorded != _checksum(manifest):
            raise ValueError("checksum")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KernelsCorrupt(f"{place / MANIFEST} is damaged.") from error
    return Kernels(place, manifest)


def build(
    nvcc: Path | None = None,
    architectures: Sequence[str] | None = None,
    report: Callable[[int, int], None] = lambda done, files: None,
) -> Kernels:
    """Return the kernels of the present sources, compiled where they are missing, damaged or by another compiler.

    Without a compiler, kernels that are complete are taken as they are.

    Parameters
    ----------
    nvcc
        The compiler; :func:`find_compiler` by default.
    architectures
        Those that the compiler has by default.
    report
        Called with the number of compiled files and of all files, first with none compiled, when there is work to do.

    Raises
    ------
    KernelBuildError
        There is no compiler, or it refused.
    """
    compiler = nvcc or find_compiler()
    version = None if compiler is None else version_of(compiler)
    if architectures is None:
        architectures = () if compiler is None else supported(compiler)
    with sources.locked(sources.BUILD / "kernels"):
        try:
            present = load()
            present.check()
        except (KernelsMissing, KernelsCorrupt):
            pass
        else:
            same = version is None or present.manifest["compiler"] == version
            if same and set(architectures) <= set(present.architectures):
                return present
        if compiler is None or version is None:
            raise no_compiler()
        with written(folder) as temporary:
            compile_units(compiler, sources.units(), [*architectures, "ptx"], temporary, report)
    return load()


def no_compiler() -> KernelBuildError:
    """Return the error that there is no compiler."""
    return KernelBuildError(
        "There is no CUDA compiler: HALLMARK_NVCC, nvcc on the path, /usr/local/cuda and NVIDIA's packages "
        "were looked for.",
        remedy="Run `.venv/bin/pip install --require-hashes -r requirements-cuda.lock`, which needs no GPU.",
    )


def find_compiler() -> Path | None:
    """Return ``nvcc``, from wherever it can be had without a download."""
    named = os.environ.get("HALLMARK_NVCC")
    if named:
        return Path(named)
    on_path = shutil.which("nvcc")
    candidates = [Path(on_path)] if on_path else []
    candidates.append(Path("/usr/local/cuda/bin/nvcc"))
    packages = Path(sysconfig.get_path("purelib")) / "nvidia"
    candidates += sorted(packages.glob("cu*/bin/nvcc"), reverse=True)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def version_of(compiler: Path) -> str:
    """Return what a compiler says of its version."""
    done = _run([str(compiler), "--version"])
    return done.strip().splitlines()[-1]


def supported(compiler: Path) -> tuple[str, ...]:
    """Return what a compiler has of the architectures that kernels are compiled for."""
    listed = _run([str(compiler), "--list-gpu-code"]).split()
    return tuple(name for name in ARCHITECTURES if name in listed)


def _run(command: Sequence[str]) -> str:
    """Run a compiler and return all that it says."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise KernelBuildError(f"{command[0]} cannot be run: {error.strerror}.") from error
    said = done.stdout + done.stderr
    if done.returncode:
        raise KernelBuildError(f"{' '.join(command)} failed: {said.strip()[-2000:]}")
    return said


@contextmanager
def written(place_of: Callable[[], Path]) -> Iterator[Path]:
    """Give a folder to write that takes its place when all is there, or is gone.

    Raises
    ------
    KernelBuildError
        The place is another one at the end: the sources have changed.
    """
    place = place_of()
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix="part-", dir=place.parent))
    try:
        yield temporary
        if place_of() != place:
            raise KernelBuildError("The kernels' sources changed while they were compiled.", remedy="Run it again.")
        if place.exists():
            shutil.rmtree(place)
        temporary.rename(place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def compile_units(
    compiler: Path, units: Sequence[Path], targets: Sequence[str], into: Path, report: Callable[[int, int], None]
) -> None:
    """Compile files of kernels for architectures and ``ptx``, and write the manifest of what was made."""
    work = [(unit, target) for unit in units for target in targets]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        said = []
        report(0, len(work))
        for text in pool.map(lambda item: _compile_one(compiler, item[0], item[1], into), work):
            said.append(text)
            report(len(said), len(work))
    usage: dict[str, dict[str, dict[str, int]]] = {}
    for text in said:
        for kernel, architecture, used in parse_usage(text):
            usage.setdefault(kernel, {})[architecture] = used
    made = [into / f"{unit.stem}.{target}" for unit, target in work]
    manifest = {
        "compiler": version_of(compiler),
        "options": list(OPTIONS),
        "architectures": [target for target in targets if target != "ptx"],
        "kernels": {kernel: unit.stem for unit in units for kernel in sources.kernels(unit)},
        "usage": usage,
        "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(made)},
    }
    text = json.dumps({**manifest, "checksum": _checksum(manifest)}, indent=1, sort_keys=True)
    (into / MANIFEST).write_text(text)


def _compile_one(compiler: Path, unit: Path, target: str, into: Path) -> str:
    form = ("-ptx", f"-arch={PTX}") if target == "ptx" else ("-cubin", f"-arch={target}")
    return _run(
        [str(compiler), *OPTIONS, *sources.INCLUDES, *form, "-o", str(into / f"{unit.stem}.{target}"), str(unit)]
    )


def parse_usage(text: str) -> list[tuple[str, str, dict[str, int]]]:
    """Return kernel, architecture and resources from what ``ptxas -v`` says."""
    found: list[tuple[str, str, dict[str, int]]] = []
    for part in re.split(r"(?=ptxas info\s+: Compiling entry function)", text):
        entry, spills, registers = _ENTRY.search(part), _SPILLS.search(part), _REGISTERS.search(part)
        if entry and spills and registers:
            used = {
                "registers": int(registers[1]),
                "stack_bytes": int(spills[1]),
                "spill_bytes": int(spills[2]) + int(spills[3]),
            }
            found.append((entry[1], entry[2], used))
    return found


def excesses(kernels: Kernels) -> list[str]:
    """Return a line for every kernel that needs more than ``registers.json`` allows, or that it does not list."""
    limits = json.loads(LIMITS.read_text())
    lines = []
    for kernel, by_architecture in sorted(kernels.usage.items()):
        for architecture, used in sorted(by_architecture.items()):
            limit = limits["registers"].get(kernel, {}).get(architecture)
            allowed = limits["spills"].get(kernel, {}).get("bytes", 0)
            if limit is None:
                lines.append(f"{kernel} on {architecture}: no limit is listed, {used['registers']} registers are used")
            elif used["registers"] > limit:
                lines.append(f"{kernel} on {architecture}: {used['registers']} registers, {limit} are allowed")
            if used["spill_bytes"] > allowed:
                lines.append(f"{kernel} on {architecture}: {used['spill_bytes']} bytes spilled, {allowed} are allowed")
    return lines


def record(kernels: Kernels) -> None:
    """Write what the kernels use now into ``registers.json``; reasons for spills are kept."""
    limits = json.loads(LIMITS.read_text())
    limits["sources"] = sources.recorded_digest()
    limits["compiler"] = kernels.manifest["compiler"]
    limits["registers"] = {
        kernel: {architecture: used["registers"] for architecture, used in sorted(by_architecture.items())}
        for kernel, by_architecture in sorted(kernels.usage.items())
    }
    LIMITS.write_text(json.dumps(limits, indent=1) + "\n")


def _checksum(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


class Lines:
    """Says how far the compiler is, at most every few seconds."""

    SECONDS = 5.0

    def __init__(self) -> None:
        self._said = 0.0

    def __call__(self, done: int, files: int) -> None:
        """Say it."""
        now = time.monotonic()
        if done == 0:
            print(f"hallmark: compiling the CUDA kernels, {files} files", flush=True)
            self._said = now
        elif now - self._said >= self.SECONDS:
            print(f"  {done} of {files} files are compiled", flush=True)
            self._said = now


def main() -> int:
    """Build, and say what was built and what exceeds its limits."""
    parser = argparse.ArgumentParser(description="Compile the CUDA kernels ahead of time.")
    parser.add_argument("--architecture", action="append", help="only this one, such as sm_90; may be repeated")
    parser.add_argument("--record", action="store_true", help="write the registers in use into registers.json")
    arguments = parser.parse_args()
    try:
        made = build(architectures=arguments.architecture, report=Lines())
    except KernelBuildError as error:
        print(f"hallmark: {error.line()}", file=sys.stderr)
        return 1
    print(
        f"hallmark: {len(made.usage)} kernels for {', '.join(made.architectures)} and PTX, {made.manifest['compiler']}"
    )
    if arguments.record:
        record(made)
    over = excesses(made)
    for line in over:
        print(f"hallmark: {line}", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    raise SystemExit(main())
