"""The programs that batches were made with: core's own, and those before it, kept as files by their commitments."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

from core.errors import ProgramMissing
from core.program.state_transition import Program
from runtime.errors import InvalidInput

#: A larger file is not read, in bytes; the machine's loader takes no larger program either.
MAX_ELF_BYTES = 64 << 20


class KeptPrograms:
    """Finds the program of a batch, so that one that waits for its proof outlives a change of the program.

    Parameters
    ----------
    folder
        Where the executables lie, each named by its commitment; made when it is missing, and `ours` is put there.
    ours
        The program that new batches are made with.
    cycle_limit
        As for :class:`Program`.
    """

    def __init__(self, folder: Path, ours: Program, cycle_limit: int) -> None:
        self.ours = ours
        self._folder = folder
        self._cycle_limit = cycle_limit
        self._loaded = {ours.commitment: ours}
        self._loading = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._keep(ours)

    def of(self, commitment: bytes | None) -> Program:
        """Return the program with a commitment; None, of batches that never had one noted, stands for ours.

        Raises
        ------
        ProgramMissing
            It is not kept, or the file that bears its name is another program.
        """
        wanted = self.ours.commitment if commitment is None else commitment.hex()
        with self._loading:
            if wanted not in self._loaded:
                self._loaded[wanted] = self._load(wanted)
            return self._loaded[wanted]

    def elf(self, sha256: str) -> bytes | None:
        """Return the executable with a SHA-256, of those that were asked for by their commitments; None otherwise."""
        with self._loading:
            return next((each.elf for each in self._loaded.values() if each.sha256 == sha256), None)

    def _load(self, wanted: str) -> Program:
        path = self._path(wanted)
        remedy = f"Put the executable that they were made with at {path}, and start again (docs/upgrading.md)."
        told = f"Batches were made with the program {wanted}; this core runs {self.ours.commitment}, and "
        try:
            with path.open("rb") as handle:
                content = handle.read(MAX_ELF_BYTES + 1)
            found = Program(content, self._cycle_limit)
        except OSError as error:
            raise ProgramMissing(f"{told}the file {path} cannot be read: {error.strerror}.", remedy=remedy) from error
        except InvalidInput as error:
            raise ProgramMissing(f"{told}{path} is no program: {error.message}", remedy=remedy) from error
        if found.commitment != wanted:
            raise ProgramMissing(f"{told}{path} has the commitment {found.commitment}.", remedy=remedy)
        return found

    def _keep(self, program: Program) -> None:
        """Write a program durably, before any batch is made with it."""
        path = self._path(program.commitment)
        if path.exists() and path.read_bytes() == program.elf:
            return
        descriptor, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(program.elf)
                handle.flush()
                os.fsync(handle.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _path(self, commitment: str) -> Path:
        return self._folder / f"{commitment}.elf"
