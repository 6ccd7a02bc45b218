"""`make bench-gpu`: every kernel on a device, against the limit that its header states; and segments of `main_vm`.

Limits are computed from the device, not looked up: integer instructions from multiprocessors and clock (128 lanes
issue per clock and multiprocessor, half of them on the pipe for additions and logic), memory from a copy measured in
the same run. The counts of instructions per element are those of the compiled code (`docs/performance.md`).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import gpu_bn254, gpu_constraints, gpu_expansion, gpu_main_vm
from benchmarks.figure import Figure, figure, merge
from benchmarks.gpu_case import Case
from cuda import build
from cuda.arrays import DeviceArray
from cuda.backend import CudaBackend
from cuda.errors import DeviceError, KernelsMissing
from cuda.operations import invert, invert_extension, permute_poseidon, permute_poseidon2, prefix_sums
from cuda.transforms import LOG_TILE, passes
from proving.backend.interface import PRIME, HostArray

#: Where `make bench-gpu` writes; ignored by git.
LATEST = Path(__file__).parent / "latest-gpu.json"

#: Lanes that issue per clock and multiprocessor, and those of them that add and select.
ISSUE_LANES, ADDING_LANES = 128, 64
#: Instructions of the compiled field operations on sm_90.
PRODUCT, ADDITION = 21, 7
#: Instructions of a permutation as compiled for sm_90, loops counted out.
PERMUTATION = {8: 11_900, 12: 16_800, 16: 21_500}
POSEIDON = 31_000
#: What `gpu.ntt` and `gpu.poseidon2_w12` are measured against: additions and selections of a radix-2 butterfly, and
#: the instructions of a permutation of width 12 that a hand-tuned kernel is thought to need.
IDEAL_BUTTERFLY, IDEAL_PERMUTATION = 23, 16_700
REPEATS = 7


@dataclass(frozen=True)
class Machine:
    """What limits kernels: lane instructions per second, bytes per second; zero where nothing is known."""

    name: str
    issue: float
    adding: float
    memory: float
    facts: dict[str, int]


@dataclass(frozen=True)
class Row:
    """A line of the kernel table."""

    kernel: str
    size: str
    milliseconds: float
    gigabytes: float
    giga_instructions: float
    limit: str
    fraction: float | None
    registers: int
    occupancy: float | None


def seconds(backend: CudaBackend, work: Callable[[], object], repeats: int) -> float:
    """Return the median time of the work on the device; the first run, which fills caches, is not counted."""
    work()
    backend.device.synchronize()
    timer = getattr(backend.device, "time", None)
    times = []
    for _ in range(repeats):
        if timer is None:
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        else:
            times.append(timer(work))
    return statistics.median(times)


def examine(backend: CudaBackend, log_size: int) -> Machine:
    """Measure the memory and compute the instruction rates."""
    facts: dict[str, int] = getattr(backend.device, "facts", dict)()
    clocks = facts.get("multiprocessors", 0) * facts.get("clock_khz", 0) * 1000
    rows = 1 << log_size
    source = backend.upload(_random(3, rows))
    copy = seconds(backend, lambda: backend.split_blocks(source, 1, rows), 3)
    return Machine(backend.name, float(clocks * ISSUE_LANES), float(clocks * ADDING_LANES), 3 * 16 * rows / copy, facts)


def cases(backend: CudaBackend, log_size: int) -> list[Case]:
    """Return a measurement for every kernel, of about ``2^log_size`` words."""
    size = 1 << log_size
    memory, transforms = backend.memory, backend.transforms
    column = backend.upload(_random(1, size))
    twin = memory.empty(1, size)
    log_rows = log_size - 4
    rows = 1 << log_rows
    matrix = backend.upload(_random(16, rows))
    layer = backend.upload(_random(3, size >> 2))
    layer_rows = size >> 2
    beta, point = _random(1, 3)[0], _random(1, 3)[0] | np.uint64(1)
    coefficients = _random(16, 3)
    states = {width: backend.upload(_random(1, (size >> 4) // width * width)) for width in (8, 12, 16)}
    digests = memory.empty(1, 4 * rows)
    addresses = memory.upload_small(matrix.columns())
    nodes = memory.empty(1, rows)
    found = memory.upload_small([0])
    indices = memory.upload_small(np.arange(128, dtype=np.uint64))
    gathered = memory.empty(1, 128 * 16)
    ext = PRODUCT * 6 + ADDITION * 15

    def launch(kernel: str, threads: int, *arguments: int | DeviceArray) -> Callable[[], None]:
        # The arrays themselves are kept, not only their addresses.
        grid = (max(1, -(-threads // 128)), 1)
        return lambda: backend.device.launch(
            kernel, grid, 128, [word if isinstance(word, int) else word.pointer for word in arguments]
        )

    log_tile = min(log_size, LOG_TILE)
    tiles = (DeviceArray(array.piece, array.pointer, (size >> log_tile, 1 << log_tile)) for array in (column, twin))
    short, short_twin = tiles
    # The passes over more than a tile, of a size that has them.
    log_long = max(log_size, LOG_TILE + 1)
    long, long_twin = memory.empty(1, 1 << log_long), memory.empty(1, 1 << log_long)

    def whole(inverse: bool) -> Callable[[], None]:
        return lambda: transforms.transform(short, short_twin, log_tile, 0, inverse=inverse)

    def several(inverse: bool) -> Callable[[], None]:
        return lambda: transforms.transform(long, long_twin, log_long, 0, inverse=inverse)

    def roots() -> None:
        transforms.forget()
        transforms.roots(log_size, inverse=False)

    butterfly = 36.0
    made = []
    for direction, inverse in (("forward", False), ("inverse", True)):
        tile_work, work = size * log_tile / 2, (1 << log_long) * log_long / 2
        label, moved = f"{size >> log_tile} x 2^{log_tile}", 16.0 * (1 << log_long) * len(passes(log_long))
        made += [
            Case(f"ntt_{direction}", label, whole(inverse), 16.0 * size, tile_work * butterfly, 256),
            Case(f"ntt_tiles_{direction}", f"2^{log_long}", several(inverse), moved, work * butterfly, 256),
        ]
    powers = min(size, 1 << 16)
    scaling = 2.0 * PRODUCT * size
    one, hashing = float(PERMUTATION[16]), PERMUTATION[16] * float(rows)
    combining = 48.0 * (PRODUCT + ADDITION) * rows
    quarter = rows // 4
    count = states[12].size // 12
    layers = 3.0 * 8 * layer_rows
    label, layer_label, matrix_label = f"2^{log_size}", f"2^{log_size - 2}", f"{rows} x 16"
    hashed = launch("hash_rows", rows, addresses, 16, rows, digests)
    compressed = launch("compress_nodes", quarter, digests, nodes, quarter)
    joined = launch("join_parts", quarter, digests, 0, digests, 1, 0, 0, quarter, nodes)
    ground = launch("grind", rows, 1, 2, 3, 4, PRIME - 1, 0, found)
    opened = launch("gather_rows", 128 * 16, addresses, 16, indices, 0, 128, gathered)
    siblings = launch("gather_siblings", 128 * 12, digests, indices, 0, 128, 12, gathered)
    filled = launch("fill_powers", powers, twin, powers, 7, 1)
    for width, batch in states.items():
        made.append(
            Case(
                f"poseidon2_w{width}",
                f"{batch.size // width} states",
                lambda batch=batch, width=width: permute_poseidon2(memory, batch, width),  # type: ignore[misc]
                16.0 * batch.size,
                float(PERMUTATION[width] * (batch.size // width)),
            )
        )
    made += [
        Case(
            "reverse_scale", label, lambda: transforms.reverse(column, twin, log_size, 7, 1), 16.0 * size, scaling, 256
        ),
        Case("scale_powers", label, lambda: transforms.scale(column, twin, log_size, 7), 16.0 * size, scaling, 256),
        Case("fill_roots", label, roots, 8.0 * size, PRODUCT * size * log_size / 2, 256),
        Case("fill_powers", f"{powers}", filled, 8.0 * powers, 24.0 * PRODUCT * powers),
        Case(
            "poseidon_w12",
            f"{count} states",
            lambda: permute_poseidon(memory, states[12]),
            192.0 * count,
            POSEIDON * count,
        ),
        Case("hash_rows", matrix_label, hashed, 160.0 * rows, 2 * hashing),
        Case("compress_nodes", f"{quarter}", compressed, 160.0 * quarter, one * quarter),
        Case("join_parts", f"{quarter}", joined, 96.0 * quarter, one * quarter),
        Case("grind", f"{rows} nonces", ground, 0.0, hashing),
        Case("gather_rows", "128 x 16", opened, 16.0 * 128 * 16, 0.0),
        Case("gather_siblings", "128", siblings, 16.0 * 128 * 12, 0.0),
        Case("invert", label, lambda: invert(memory, column), 16.0 * size, 12.0 * PRODUCT * size),
        Case(
            "invert_extension",
            layer_label,
            lambda: invert_extension(memory, layer),
            3 * layers,
            33.0 * PRODUCT * layer_rows,
        ),
        Case("scan_blocks", label, lambda: prefix_sums(memory, column), 32.0 * size, 20.0 * ADDITION * size, 256),
        Case(
            "linear_combination",
            matrix_label,
            lambda: backend.linear_combination(matrix, coefficients),
            152.0 * rows,
            combining,
        ),
        Case("weighted_sums", matrix_label, lambda: backend.open_at(matrix, 0, 7, point), 128.0 * rows, combining),
        Case("barycentric_weights", f"{rows}", _weights(backend, log_rows, point), 28.0 * rows, 35.0 * PRODUCT * rows),
        Case("deep_term", layer_label, _deep(backend, layer, point), 2.2 * layers, (35.0 * PRODUCT + ext) * layer_rows),
        Case(
            "lift_sum",
            layer_label,
            lambda: backend.lift_sum([layer, layer], log_size - 2),
            3 * layers,
            6.0 * ADDITION * layer_rows,
            256,
        ),
        Case("group_rows", layer_label, lambda: backend.group(layer, 3), 2 * layers, 0.0),
        Case(
            "copy_columns",
            layer_label,
            lambda: backend.split_blocks(layer, 4, layer_rows >> 2),
            2 * layers,
            0.0,
            256,
        ),
    ]
    for log_arity in (1, 2, 3):
        arity = 1 << log_arity
        made.append(
            Case(
                f"fold_{arity}",
                f"2^{log_size - 2}",
                lambda log_arity=log_arity: backend.fold(layer, beta, log_arity, 7),  # type: ignore[misc]
                layers * (1 + 1 / arity) + 8 * layer_rows * (1 - 1 / arity),
                (9 * PRODUCT + 6 * ADDITION + ext) * layer_rows * (1 - 1 / arity),
            )
        )
    return made


def _weights(backend: CudaBackend, log_rows: int, point: HostArray) -> Callable[[], None]:
    def work() -> None:
        rows = 1 << log_rows
        weights = backend.memory.empty(3, rows)
        roots = backend.transforms.roots(log_rows - 1, inverse=False)
        words = [int(word) for word in point]
        backend.device.launch(
            "barycentric_weights", (-(-rows // 1024), 1), 128, [weights.pointer, rows, 7, roots, *words]
        )

    return work


def _deep(backend: CudaBackend, layer: DeviceArray, point: HostArray) -> Callable[[], object]:
    log_rows = layer.shape[1].bit_length() - 1
    return lambda: backend.deep_quotient([(point, point, {log_rows: layer})], log_rows, 7)


def table(backend: CudaBackend, machine: Machine, log_size: int, repeats: int = REPEATS) -> list[Row]:
    """Measure every kernel."""
    try:
        usage = build.load().usage
    except KernelsMissing:
        usage = {}
    target = getattr(backend.device, "target", "")
    rows = []
    for case in [
        *cases(backend, log_size),
        *gpu_constraints.cases(backend, log_size),
        *gpu_expansion.cases(backend, log_size),
        *gpu_bn254.cases(backend.memory, log_size),
    ]:
        took = seconds(backend, case.work, repeats)
        least = {
            "memory": case.moved / machine.memory if machine.memory else 0.0,
            "instructions": case.instructions / machine.issue if machine.issue else 0.0,
        }
        limit = max(least, key=lambda name: least[name])
        registers = usage.get(case.kernel, {}).get(target, {}).get("registers", 0)
        rows.append(
            Row(
                case.kernel,
                case.size,
                took * 1000,
                case.moved / 1e9,
                case.instructions / 1e9,
                limit,
                least[limit] / took if machine.issue else None,
                registers,
                occupancy(registers, case.threads, machine.facts),
            )
        )
    return rows


def occupancy(registers: int, threads: int, facts: dict[str, int]) -> float | None:
    """Return the share of a multiprocessor's threads that fit by registers; None when it is not known."""
    if not registers or not facts.get("threads"):
        return None
    per_warp = -(-registers * 32 // 256) * 256
    fitting = facts["registers"] // (per_warp * (threads // 32))
    return min(1.0, fitting * threads / facts["threads"])


def figures(backend: CudaBackend, machine: Machine, rows: Sequence[Row], log_ntt: int) -> list[Figure]:
    """Return `gpu.ntt` and `gpu.poseidon2_w12`, fractions of the physical limit, with the kernel table as context."""
    context: dict[str, Any] = {
        "device": machine.name,
        "driver": _driver_version(),
        "memory_gb_per_s": round(machine.memory / 1e9, 1),
        "issue_giga_per_s": round(machine.issue / 1e9, 1),
    }
    size = 1 << log_ntt
    column, twin = backend.upload(_random(1, size)), backend.memory.empty(1, size)
    took = seconds(backend, lambda: backend.transforms.transform(column, twin, log_ntt, 0, inverse=False), REPEATS)
    ntt_limit = log_ntt / 2 * size * IDEAL_BUTTERFLY / machine.adding if machine.adding else 0.0
    states = backend.upload(_random(1, 12 * (size >> 4)))
    count = size >> 4
    permuted = seconds(backend, lambda: permute_poseidon2(backend.memory, states, 12), REPEATS)
    poseidon_limit = count * IDEAL_PERMUTATION / machine.issue if machine.issue else 0.0
    return [
        figure(
            "gpu.ntt",
            ntt_limit / took,
            "fraction of the limit",
            "higher",
            limit=("additions of radix-2 butterflies", 1.0),
            context={**context, "rows": f"2^{log_ntt}", "seconds": took, "kernels": [vars(row) for row in rows]},
        ),
        figure(
            "gpu.poseidon2_w12",
            poseidon_limit / permuted,
            "fraction of the limit",
            "higher",
            limit=("instruction issue", 1.0),
            context={**context, "permutations_per_s": count / permuted, "states": count},
        ),
    ]


def _driver_version() -> str:
    path = Path("/proc/driver/nvidia/version")
    return path.read_text().splitlines()[0] if path.exists() else "none"


def _random(columns: int, rows: int) -> HostArray:
    return np.random.default_rng(1).integers(0, PRIME, size=(columns, rows), dtype=np.uint64)


def show(rows: Sequence[Row], machine: Machine) -> Table:
    """Render the kernel table."""
    view = Table(
        "kernel", "size", "ms", "GB", "G instr", "limit", "fraction", "registers", "occupancy", title=machine.name
    )
    for row in rows:
        view.add_row(
            row.kernel,
            row.size,
            f"{row.milliseconds:.3f}",
            f"{row.gigabytes:.3f}",
            f"{row.giga_instructions:.2f}",
            row.limit,
            "-" if row.fraction is None else f"{row.fraction:.2f}",
            str(row.registers or "-"),
            "-" if row.occupancy is None else f"{row.occupancy:.2f}",
        )
    return view


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure on one device, print the table, write the figures."""
    parser = argparse.ArgumentParser(description="Measure the CUDA kernels.")
    parser.add_argument("--device", default="cuda:0", help="cuda:N; emulated tries the program without a device")
    parser.add_argument("--log-size", type=int, default=24, help="log2 of the words that most kernels work on")
    parser.add_argument("--output", type=Path, default=LATEST)
    chosen = parser.parse_args(arguments)
    from cuda.select import select_backend

    try:
        backend = select_backend(chosen.device)
    except DeviceError as error:
        print(f"hallmark: {error.line()}", file=sys.stderr)
        return 1
    if not isinstance(backend, CudaBackend):
        print(f"hallmark: {chosen.device} is not a device", file=sys.stderr)
        return 1
    machine = examine(backend, chosen.log_size)
    rows = table(backend, machine, chosen.log_size, 1 if chosen.device == "emulated" else REPEATS)
    Console(width=140).print(show(rows, machine))
    if chosen.device == "emulated":
        print("hallmark: emulated, so nothing was measured and no figure is written")
        return 0
    merge([*figures(backend, machine, rows, chosen.log_size), gpu_main_vm.main_vm(backend)], chosen.output)
    print(f"hallmark: figures are in {chosen.output}")
    backend.device.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
