"""Constraints and bus columns on a device: launches of the kernels that evaluate a table's programs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from cuda import bytecode, straight_line
from cuda.arrays import DeviceArray, Memory, check_matrix
from cuda.device import SHARED, WORD
from cuda.errors import LaunchRefused
from cuda.operations import copy_columns, prefix_sums
from cuda.transforms import Transforms, blocks
from proving.backend.interface import PRIME, HostArray
from proving.backend.native_air import BusPoleError
from proving.backend.periodic import PeriodicValues, coset_periodic, natural_periodic
from proving.backend.pools import bus_pools, quotient_pools
from proving.backend.program import Bytecode, Op, TableProgram
from proving.field.goldilocks import root_of_unity

Key = TypeVar("Key")
Value = TypeVar("Value")

#: Threads of a block, where their registers fit into shared memory.
THREADS = 128
#: Points that a thread of `first_selector` takes (`kTogether` in constraints.cu).
TOGETHER = 8
#: Programs and sets of periodic values kept on the device; a proof of `main_vm` uses about forty.
KEPT = 256


@dataclass(frozen=True)
class _Code:
    """How a program is launched: kernels with the parameters that come last, one after the other.

    Attributes
    ----------
    threads, shared
        Threads of a block, and its bytes of shared memory.
    words
        The interpreted program, which must stay.
    """

    kernels: tuple[tuple[str, tuple[int, ...]], ...]
    threads: int
    shared: int
    words: DeviceArray | None = None


class Constraints:
    """Evaluates tables' programs; keeps on the device what does not change from proof to proof.

    Parameters
    ----------
    interpret
        Whether programs that there are kernels of are interpreted too.
    """

    def __init__(self, memory: Memory, transforms: Transforms, *, interpret: bool = False) -> None:
        self._interpret = interpret
        self._memory = memory
        self._transforms = transforms
        self._codes: OrderedDict[str, _Code] = OrderedDict()
        self._periodic: OrderedDict[tuple[object, ...], tuple[DeviceArray, int]] = OrderedDict()

    def forget(self) -> None:
        """Drop everything that is kept."""
        self._codes.clear()
        self._periodic.clear()

    def bus_columns(
        self,
        program: TableProgram,
        main: DeviceArray,
        preprocessed: DeviceArray | None,
        challenges: HostArray,
        publics: HostArray,
    ) -> tuple[DeviceArray, HostArray]:
        """Return a table's bus columns ``(3 j, n)`` and its bus sum ``(3,)``.

        Raises
        ------
        BusPoleError
            A denominator is zero.
        ValueError
            An array is not what the table has.
        """
        memory, columns = self._memory, program.bus_columns
        height = _check(program, main, program.main_columns)
        _check(program, preprocessed, program.preprocessed_columns, height)
        code = self._code(program.bus, "fractions", 0)
        periodic = self._periodic_values(natural_periodic(program.periodic), (program.periodic,))
        uniform, (base, extension) = self._upload(bus_pools(program, publics=publics, challenges=challenges))
        fractions = memory.empty(6 * columns, height)
        given = [main.pointer, _address(preprocessed), *periodic, base, extension, height, fractions.pointer]
        self._launch(code, height, given)
        del uniform
        made = memory.empty(3 * columns, height)
        poles = memory.upload_small([0])
        memory.device.launch(
            "bus_fractions",
            (blocks(height, THREADS), 1),
            THREADS,
            [fractions.pointer, columns, height, made.pointer, poles.pointer],
        )
        del fractions
        last = made.view(3 * (columns - 1), 3)
        prefixes = prefix_sums(memory, last)
        memory.device.launch(
            "running_sum",
            (blocks(height, 256), 3),
            256,
            [prefixes.pointer, height, pow(height, -1, PRIME), last.pointer],
        )
        ends = [address + WORD * (height - 1) for address in prefixes.columns()]
        *total, pole = memory.download(copy_columns(memory, [*ends, poles.pointer], 1), small=True)[:, 0]
        if pole:
            raise BusPoleError(f"table {program.name}: a bus denominator is zero")
        return made, np.array(total, dtype=np.uint64)

    def quotient(
        self,
        program: TableProgram,
        main_lde: DeviceArray,
        preprocessed_lde: DeviceArray | None,
        bus_lde: DeviceArray | None,
        *,
        publics: HostArray,
        challenges: HostArray,
        alpha_powers: HostArray,
        bus_sum: HostArray,
        log_height: int,
        log_blowup: int,
        shift: int,
    ) -> DeviceArray:
        """Return a table's combined constraints divided by the vanishing polynomial, ``(3, n << log_blowup)``.

        Raises
        ------
        ValueError
            An array is not what the table has.
        """
        memory, log_size = self._memory, log_height + log_blowup
        size = 1 << log_size
        _check(program, main_lde, program.main_columns, size)
        _check(program, preprocessed_lde, program.preprocessed_columns, size)
        _check(program, bus_lde, 3 * program.bus_columns, size)
        if alpha_powers.shape != (program.constraint_count, 3):
            raise ValueError(
                f"table {program.name}: {alpha_powers.shape} powers, {program.constraint_count} constraints"
            )
        code = self._code(program.quotient, "quotient", program.constraint_count)
        periodic = self._periodic_values(
            coset_periodic(program.periodic, log_height, log_blowup, shift),
            (program.periodic, log_height, log_blowup, shift),
        )
        pools = quotient_pools(program, publics=publics, challenges=challenges, bus_sum=bus_sum, log_height=log_height)
        vanishing = _vanishing(log_height, log_blowup, shift)
        domain = [shift, pow(root_of_unity(log_height), -1, PRIME), *(pow(value, -1, PRIME) for value in vanishing)]
        scaled = [value * pow(1 << log_height, -1, PRIME) % PRIME for value in vanishing]
        uniform, (base, extension, powers, where, selector_scale) = self._upload((*pools, alpha_powers, domain, scaled))
        roots = self._transforms.roots(max(log_size, 1) - 1, inverse=False)
        selector = None
        if bytecode.uses(program.quotient, Op.FIRST, Op.LAST):
            selector = memory.empty(1, size)
            memory.device.launch(
                "first_selector",
                (blocks(size, 128 * TOGETHER), 1),
                128,
                [roots, shift, selector_scale, log_height, size, selector.pointer],
            )
        made = memory.empty(3, size)
        given = [
            main_lde.pointer,
            _address(preprocessed_lde),
            _address(bus_lde),
            *periodic,
            _address(selector),
            roots,
            base,
            extension,
            powers,
            where,
            log_height,
            log_blowup,
            made.pointer,
        ]
        self._launch(code, size, given)
        del uniform
        return made

    def _launch(self, code: _Code, rows: int, given: Sequence[int]) -> None:
        for kernel, last in code.kernels:
            self._memory.device.launch(
                kernel, (blocks(rows, code.threads), 1), code.threads, [*given, *last], shared=code.shared
            )

    def _code(self, code: Bytecode, kind: str, powers: int) -> _Code:
        return _kept(
            self._codes, bytecode.digest(code), lambda: self._known(code, kind, powers) or self._encode(code, kind)
        )

    def _known(self, code: Bytecode, kind: str, powers: int) -> _Code | None:
        """Return the kernels that were compiled for a program, when the device has them all."""
        names = [] if self._interpret else straight_line.names(code, kind)
        shared = WORD * (code.base_pool.size + 3 * code.extension_pool.size + 3 * powers)
        if not names or not self._memory.device.kernels.issuperset(names) or shared > SHARED:
            return None
        last = [(int(part > 0),) if kind == "quotient" else () for part in range(len(names))]
        return _Code(tuple(zip(names, last, strict=True)), straight_line.THREADS, shared)

    def _encode(self, code: Bytecode, kind: str) -> _Code:
        """Return the interpreter with a program."""
        encoded = bytecode.encode(code)
        threads = THREADS
        while threads > 1 and WORD * threads * encoded.registers > SHARED:
            threads //= 2
        shared = WORD * threads * encoded.registers
        if shared > SHARED:
            raise LaunchRefused(f"a program of {encoded.registers} registers is too large for a device")
        words, (start, terms) = self._upload((encoded.code, encoded.terms))
        last = (start, encoded.code.size // 2, terms, code.base_registers)
        return _Code(((f"{kind}_interpreted", last),), threads, shared, words)

    def _periodic_values(self, values: PeriodicValues, key: tuple[object, ...]) -> tuple[int, int]:
        """Return the addresses of periodic values and of their shape."""

        def upload() -> tuple[DeviceArray, int]:
            shape = np.stack([values.offsets, values.masks], axis=1)
            words, (_, where) = self._upload((values.values, shape))
            return words, where

        words, where = _kept(self._periodic, key, upload)
        return words.pointer, where

    def _upload(self, parts: Sequence[HostArray | Sequence[int]]) -> tuple[DeviceArray, list[int]]:
        """Copy small arrays in one piece; returns it and the address of each, which must not outlive it."""
        flat = [np.asarray(part, dtype=np.uint64).reshape(-1) for part in parts]
        words = self._memory.upload_small(np.concatenate(flat))
        places = np.cumsum([0, *(part.size for part in flat[:-1])])
        return words, [words.pointer + WORD * int(place) for place in places]


def _kept(table: OrderedDict[Key, Value], key: Key, make: Callable[[], Value]) -> Value:
    """Return the table's value, made where it is missing; the least recently used one goes."""
    found = table.get(key)
    if found is None:
        found = table[key] = make()
        if len(table) > KEPT:
            table.popitem(last=False)
    else:
        table.move_to_end(key)
    return found


def _check(program: TableProgram, array: DeviceArray | None, columns: int, rows: int | None = None) -> int:
    """Check that an array is on the device and has these columns; returns its rows."""
    if array is None or columns == 0:
        if array is not None or columns:
            raise ValueError(f"table {program.name}: expected {columns} columns, got {array and array.shape}")
        return 0
    found = check_matrix(array, columns).shape[1]
    if rows is not None and found != rows:
        raise ValueError(f"table {program.name}: {found} rows, expected {rows}")
    return found


def _address(array: DeviceArray | None) -> int:
    return 0 if array is None else array.pointer


def _vanishing(log_height: int, log_blowup: int, shift: int) -> list[int]:
    """Return x^n - 1 on every sub-coset of n rows, in their bit-reversed order."""
    start, root = pow(shift, 1 << log_height, PRIME), root_of_unity(log_blowup)
    places = [int(f"{at:0{log_blowup}b}"[::-1], 2) if log_blowup else 0 for at in range(1 << log_blowup)]
    return [(start * pow(root, place, PRIME) - 1) % PRIME for place in places]
