"""The backend interface on a device: the same bits as the native backend, by the kernels of this folder.

What crosses between host and device is what the interface takes and gives as host arrays, and the addresses, scalars
and tables that launches need; :attr:`CudaBackend.traffic` counts it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from cuda.arrays import DeviceArray, Memory, check_matrix
from cuda.bn254_kernels import CudaBn254
from cuda.constraints import Constraints
from cuda.device import WORD, Device
from cuda.errors import DeviceOutOfMemory
from cuda.expansion import expand
from cuda.memory import Pool
from cuda.operations import copy_columns
from cuda.traffic import Traffic
from cuda.transforms import Transforms, blocks
from cuda.tree import DeviceTree
from proving.backend.expansion import Expansion
from proving.backend.interface import PRIME, DeepTerm, HostArray, Tree, TreeHashing, log2_exact
from proving.backend.native import CACHED_WEIGHTS
from proving.backend.native_merkle import MAX_GRINDING_BITS, NativeTree
from proving.backend.native_vectors import MIN_ROWS, check_elements
from proving.backend.program import TableProgram
from proving.field import extension

T = TypeVar("T")

#: Points that a thread of the inverting kernels takes (`kTogether` in deep.cu).
TOGETHER = 8
#: Rows that a block of `weighted_sums` adds up.
OPENING_CHUNK = 4096
#: log2 of the most values folded into one by one launch.
MAX_FOLD = 3
#: A nonce that was not found.
NONE = 2**64 - 1


class CudaBackend:
    """Computes on one device.

    Parameters
    ----------
    device
        A CUDA device or an emulated one.
    budget
        Bytes of device memory to stay below; what the device offers by default.
    keep
        Whether memory that is not in use is kept for the next request.

    Raises
    ------
    DeviceOutOfMemory
        The budget is more than the device has.
    """

    def __init__(self, device: Device, budget: int | None = None, *, keep: bool = True) -> None:
        if budget is not None and budget > device.memory:
            raise DeviceOutOfMemory(
                f"The budget of {budget / 2**20:.0f} MiB is more than {device.name} has free, "
                f"{device.memory / 2**20:.0f} MiB.",
                budget=budget,
                free=device.memory,
            )
        self.name = device.name
        self.device = device
        self.traffic = Traffic()
        self.pool = Pool(device, device.memory if budget is None else budget, keep=keep)
        self.memory = Memory(device, self.pool, self.traffic)
        self.transforms = Transforms(self.memory)
        self.constraints = Constraints(self.memory, self.transforms)
        self.bn254 = CudaBn254(self.memory)
        self._weights: OrderedDict[tuple[int, int, bytes], DeviceArray] = OrderedDict()

    def give_back(self) -> None:
        """Give all memory that no array needs back to the device, tables and weights included."""
        self.transforms.forget()
        self.constraints.forget()
        self.bn254.forget()
        self._weights.clear()
        self.pool.give_back()

    def together(self, work: Callable[[], T]) -> T:
        """Run work where the calls of this backend cost least; see the interface."""
        return self.device.together(work)

    def within(self, kept: int) -> CudaBackend:
        """Return this backend: what does not fit its budget is refused, with the figures."""
        return self

    def upload(self, host: HostArray) -> DeviceArray:
        """Copy columns to the device; see the interface."""
        return self.memory.upload(_host_matrix(host))

    def download(self, array: DeviceArray) -> HostArray:
        """Copy columns to the host; see the interface."""
        return self.memory.download(array)

    def expand(self, expansion: Expansion) -> dict[str, DeviceArray]:
        """Return traces by table; see the interface."""
        return expand(self.memory, expansion)

    def lde(self, trace: DeviceArray, log_blowup: int, shift: int) -> DeviceArray:
        """Extend columns from the subgroup to the coset; see the interface.

        The target holds the coefficients in bit-reversed order until they are put in order.
        """
        columns, rows = check_matrix(trace).shape
        log_size = log2_exact(rows)
        extended = self.memory.empty(columns, rows << log_blowup)
        reordered = self.memory.empty(columns, rows)
        scratch = DeviceArray(extended.piece, extended.pointer, (columns, rows))
        self.transforms.transform(trace, scratch, log_size, 0, inverse=True)
        self.transforms.reverse(scratch, reordered, log_size, shift, pow(rows, -1, PRIME))
        self.transforms.transform(reordered, extended, log_size, log_blowup, inverse=False)
        return extended

    def coset_interpolate(self, values: DeviceArray, shift: int) -> DeviceArray:
        """Interpolate bit-reversed values on the coset; see the interface."""
        columns, rows = check_matrix(values).shape
        log_size = log2_exact(rows)
        natural = self.memory.empty(columns, rows)
        coefficients = self.memory.empty(columns, rows)
        self.transforms.reverse(values, natural, log_size)
        self.transforms.transform(natural, natural, log_size, 0, inverse=True)
        self.transforms.reverse(natural, coefficients, log_size, pow(shift, -1, PRIME), pow(rows, -1, PRIME))
        return coefficients

    def coset_evaluate(self, coefficients: DeviceArray, log_blowup: int, shift: int) -> DeviceArray:
        """Evaluate coefficients on the coset, bit-reversed; see the interface."""
        columns, rows = check_matrix(coefficients).shape
        log_size = log2_exact(rows)
        values = self.memory.empty(columns, rows << log_blowup)
        scaled = coefficients
        if shift != 1:
            scaled = self.memory.empty(columns, rows)
            self.transforms.scale(coefficients, scaled, log_size, shift)
        self.transforms.transform(scaled, values, log_size, log_blowup, inverse=False)
        return values

    def commit(self, matrices: Sequence[DeviceArray], cap_log: int, hashing: TreeHashing | None = None) -> Tree:
        """Commit to matrices in one mixed-height tree, on the host under a family that has no kernel here."""
        if hashing is not None:
            return NativeTree([self.download(matrix) for matrix in matrices], cap_log, hashing)
        return DeviceTree(self.memory, matrices, cap_log)

    def open_at(self, lde: DeviceArray, log_blowup: int, shift: int, point: HostArray) -> HostArray:
        """Evaluate every column's polynomial at an extension point; see the interface and the native backend."""
        columns, stride = check_matrix(lde).shape
        point = check_elements(point, (3,))
        log_rows = log2_exact(stride) - log_blowup
        if log_rows < log2_exact(MIN_ROWS):
            raise ValueError(f"cannot open a table of fewer than {MIN_ROWS} rows")
        rows = 1 << log_rows
        weights = self._barycentric_weights(log_rows, shift, point)
        pieces = blocks(rows, OPENING_CHUNK)
        partial = self.memory.empty(columns, 3 * pieces)
        self.device.launch(
            "weighted_sums",
            (pieces, columns),
            128,
            [lde.pointer, stride, weights.pointer, rows, OPENING_CHUNK, partial.pointer],
            shared=WORD * 12,
        )
        sums = self.memory.empty(columns, 3)
        self.device.launch(
            "sum_partials", (blocks(3 * columns, 128), 1), 128, [partial.pointer, columns, pieces, sums.pointer]
        )
        return extension.multiply(self.memory.download(sums, small=True), _barycentric_factor(point, log_rows, shift))

    def linear_combination(self, lde: DeviceArray, coefficients: HostArray) -> DeviceArray:
        """Sum columns with extension coefficients; see the interface."""
        columns, rows = check_matrix(lde, min_rows=MIN_ROWS).shape
        factors = self.memory.upload_small(check_elements(coefficients, (columns, 3)))
        combined = self.memory.empty(3, rows)
        self.device.launch(
            "linear_combination",
            (blocks(rows, 128), 1),
            128,
            [lde.pointer, columns, rows, factors.pointer, combined.pointer],
        )
        return combined

    def deep_quotient(self, terms: Sequence[DeepTerm], log_rows: int, shift: int) -> DeviceArray:
        """Sum the DEEP quotients of all terms; see the interface."""
        if log_rows < log2_exact(MIN_ROWS):
            raise ValueError(f"expected at least {MIN_ROWS} rows, got 2^{log_rows}")
        rows = 1 << log_rows
        roots = self.transforms.roots(log_rows - 1, inverse=False)
        if not terms:
            return self.lift_sum([], log_rows)
        total = self.memory.empty(3, rows)
        for number, (point, value, by_height) in enumerate(terms):
            for log_size, vector in by_height.items():
                if not 0 <= log_size <= log_rows or vector.shape != (3, 1 << log_size):
                    raise ValueError(f"a vector of shape {vector.shape} does not fit 2^{log_size} of 2^{log_rows} rows")
            scalars = [int(word) for word in (*check_elements(point, (3,)), *check_elements(value, (3,)))]
            vectors = [check_matrix(vector, 3).pointer for vector in by_height.values()]
            count = len(vectors)
            words = self.memory.upload_small([*scalars, *vectors, *by_height])
            self.device.launch(
                "deep_term",
                (blocks(rows, 128 * TOGETHER), 1),
                128,
                [
                    total.pointer,
                    int(number > 0),
                    log_rows,
                    shift,
                    roots,
                    words.pointer,
                    words.pointer + WORD * 6,
                    words.pointer + WORD * (6 + count),
                    count,
                ],
            )
        return total

    def lift_sum(self, parts: Sequence[DeviceArray], log_rows: int) -> DeviceArray:
        """Add vectors of several heights; see the interface."""
        log_sizes = [log2_exact(check_matrix(part, 3).shape[1]) for part in parts]
        if any(log_size > log_rows for log_size in log_sizes):
            raise ValueError(f"a vector of 2^{max(log_sizes)} rows does not fit 2^{log_rows}")
        words = self.memory.upload_small([*(part.pointer for part in parts), *log_sizes, 0])
        total = self.memory.empty(3, 1 << log_rows)
        self.device.launch(
            "lift_sum",
            (blocks(1 << log_rows, 256), 3),
            256,
            [words.pointer, words.pointer + WORD * len(parts), len(parts), log_rows, total.pointer],
        )
        return total

    def split_blocks(self, coefficients: DeviceArray, blocks: int, size: int) -> DeviceArray:
        """Cut coefficients into blocks; see the interface."""
        check_matrix(coefficients, 3, min_rows=blocks * size)
        addresses = [address + WORD * size * block for block in range(blocks) for address in coefficients.columns()]
        return copy_columns(self.memory, addresses, size)

    def fold(self, values: DeviceArray, beta: HostArray, log_arity: int, shift: int) -> DeviceArray:
        """Fold a FRI layer; see the interface. Folding by ``2^k`` is folding by two with beta, beta^2, beta^4, ..."""
        check_matrix(values, 3, min_rows=1 << log_arity)
        challenge = check_elements(beta, (3,))
        roots = self.transforms.roots(max(log2_exact(values.shape[1]), 1) - 1, inverse=True)
        left = log_arity
        while left:
            step = min(left, MAX_FOLD)
            left -= step
            scales = []
            for _ in range(step):
                scales.append(extension.scale(challenge, _word(pow(2 * shift, -1, PRIME))))
                challenge = extension.multiply(challenge, challenge)
                shift = shift * shift % PRIME
            rows = values.shape[1] >> step
            factors = self.memory.upload_small(np.stack(scales))
            folded = self.memory.empty(3, rows)
            self.device.launch(
                f"fold_{1 << step}",
                (blocks(rows, 128), 1),
                128,
                [values.pointer, folded.pointer, rows, roots, factors.pointer],
            )
            values = folded
        return values

    def group(self, values: DeviceArray, log_arity: int) -> DeviceArray:
        """Lay out a FRI layer as leaf rows; see the interface."""
        size = check_matrix(values, 3, min_rows=1 << log_arity).shape[1]
        grouped = self.memory.empty(3 << log_arity, size >> log_arity)
        self.device.launch(
            "group_rows",
            (blocks(size >> log_arity, 128), 1),
            128,
            [values.pointer, grouped.pointer, size, log_arity],
        )
        return grouped

    def grind(self, state: HostArray, bits: int, hashing: TreeHashing | None = None) -> int:
        """Return the smallest nonce, on the host under a family that has no kernel here."""
        if hashing is not None:
            return hashing.grind(state, bits)
        if not 0 <= bits <= MAX_GRINDING_BITS:
            raise ValueError(f"cannot grind {bits} bits, at most {MAX_GRINDING_BITS}")
        words = [int(word) for word in check_elements(state, (4,))]
        found = self.memory.upload_small([NONE])
        wave = self.device.grinding_wave
        start = 0
        while True:
            arguments = [*words, (1 << bits) - 1, start, found.pointer]
            self.device.launch("grind", (wave // 128, 1), 128, arguments)
            nonce = int(self.memory.download(found, small=True)[0, 0])
            if nonce != NONE:
                return nonce
            start += wave

    def bus_columns(
        self,
        program: TableProgram,
        main: DeviceArray,
        preprocessed: DeviceArray | None,
        challenges: HostArray,
        publics: HostArray,
    ) -> tuple[DeviceArray, HostArray]:
        """Return a table's bus columns and bus sum; see the interface.

        Raises
        ------
        BusPoleError
            A denominator is zero.
        """
        return self.constraints.bus_columns(program, main, preprocessed, challenges, publics)

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
        """Return a table's combined constraints over the vanishing polynomial; see the interface."""
        return self.constraints.quotient(
            program,
            main_lde,
            preprocessed_lde,
            bus_lde,
            publics=publics,
            challenges=challenges,
            alpha_powers=alpha_powers,
            bus_sum=bus_sum,
            log_height=log_height,
            log_blowup=log_blowup,
            shift=shift,
        )

    def _barycentric_weights(self, log_rows: int, shift: int, point: HostArray) -> DeviceArray:
        key = (log_rows, shift, point.tobytes())
        weights = self._weights.get(key)
        if weights is None:
            rows = 1 << log_rows
            weights = self.memory.empty(3, rows)
            roots = self.transforms.roots(log_rows - 1, inverse=False)
            self.device.launch(
                "barycentric_weights",
                (blocks(rows, 128 * TOGETHER), 1),
                128,
                [weights.pointer, rows, shift, roots, *(int(word) for word in point)],
            )
            self._weights[key] = weights
            if len(self._weights) > CACHED_WEIGHTS:
                self._weights.popitem(last=False)
        else:
            self._weights.move_to_end(key)
        return weights


def open_backend(number: int, budget: int | None = None) -> CudaBackend:
    """Return the backend on CUDA device ``number``, whose context belongs to a thread of its own.

    Raises
    ------
    NoDevice, DriverTooOld, KernelsMissing, KernelsCorrupt, DeviceOutOfMemory
        The device cannot be used.
    """
    from cuda.driver import CudaDevice

    device = CudaDevice(number)
    try:
        return CudaBackend(device, budget)
    except BaseException:
        device.close()
        raise


def _host_matrix(host: HostArray) -> HostArray:
    matrix: HostArray = np.ascontiguousarray(host)
    if matrix.dtype != np.uint64 or matrix.ndim != 2:
        raise ValueError(f"expected a matrix of uint64, got {matrix.dtype} of shape {matrix.shape}")
    return matrix


def _word(value: int) -> HostArray:
    return np.array(value, dtype=np.uint64)


def _barycentric_factor(point: HostArray, log_rows: int, shift: int) -> HostArray:
    """Return (z^n - s^n) / (n s^n) for n = 2^log_rows."""
    vanishing = pow(shift, 1 << log_rows, PRIME)
    distance = extension.subtract(extension.power(point, 1 << log_rows), extension.constant(vanishing))
    return extension.scale(distance, _word(pow(vanishing << log_rows, -1, PRIME)))
