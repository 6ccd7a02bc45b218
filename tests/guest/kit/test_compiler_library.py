"""What compilers leave to a library, compiled for this machine and compared with its own arithmetic."""

from __future__ import annotations

import ctypes
import math
import subprocess
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from guest.compile import RUNTIME

SOURCES = sorted((RUNTIME / "compiler").glob("*.c"))
PAIRS = 10_000

_C_TYPES = {
    "i32": ctypes.c_int32,
    "u32": ctypes.c_uint32,
    "i64": ctypes.c_int64,
    "u64": ctypes.c_uint64,
    "float": ctypes.c_float,
    "double": ctypes.c_double,
}
_WIDTH = {"i32": 32, "u32": 32, "i64": 64, "u64": 64, "float": 32, "double": 64}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    target = tmp_path_factory.mktemp("compiler") / "library.so"
    flags = (
        "-std=c11",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fno-builtin",
        "-fsanitize=undefined,integer-divide-by-zero",
    )
    command = ["gcc", *flags, "-fno-sanitize-recover=all", "-shared", "-fPIC", "-o", str(target), *map(str, SOURCES)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(target))


def bits(seed: int, width: int) -> list[int]:
    """Words of all magnitudes, and those at which integers, exponents and roundings change."""
    random = np.random.default_rng(seed)
    words = [int.from_bytes(random.bytes(8), "little") >> int(random.integers(0, 64)) for _ in range(PAIRS - 400)]
    mantissa, exponents = (23, 8) if width == 32 else (52, 11)
    edges = [0, 1, 2, 3, (1 << width) - 1, 1 << (width - 1), (1 << (width - 1)) - 1]
    for exponent in (0, 1, 2, (1 << exponents) // 2 - 1, (1 << exponents) - 2, (1 << exponents) - 1):
        for fraction in (0, 1, 2, (1 << mantissa) - 1, 1 << (mantissa - 1)):
            edges += [exponent << mantissa | fraction, 1 << (width - 1) | exponent << mantissa | fraction]
    chosen = random.integers(0, len(edges), 400)
    return [word & ((1 << width) - 1) for word in words] + [edges[index] for index in chosen]


def operands(kind: str, seed: int) -> list[Any]:
    width = _WIDTH[kind]
    words = np.array(bits(seed, width), dtype=f"u{width // 8}")
    # Half of the floating-point operands lie near each other, so that sums cancel and quotients are near one.
    if kind in ("float", "double"):
        mantissa = 23 if width == 32 else 52
        near = (words[::2] & ((1 << mantissa) - 1)) | np.array(
            [(int(word) % 70 + (1 << (width - mantissa - 2)) - 36) << mantissa for word in words[1::2]],
            dtype=words.dtype,
        )
        words[::2] = near
    np.random.default_rng(seed + 1).shuffle(words)
    return list(words.view({"i32": "i4", "u32": "u4", "i64": "i8", "u64": "u8", "float": "f4", "double": "f8"}[kind]))


def wrap(value: int, kind: str) -> int:
    width = _WIDTH[kind]
    value &= (1 << width) - 1
    return value - (1 << width) if kind[0] == "i" and value >> (width - 1) else value


def quotient(a: int, b: int) -> int:
    """Division as the machine does it: towards zero, and all ones for a divisor of zero."""
    if b == 0:
        return -1
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def remainder(a: int, b: int) -> int:
    return a if b == 0 else a - b * quotient(a, b)


def truncated(value: float, kind: str) -> int:
    """Conversion to an integer as RISC-V does it: the nearest representable one, and the largest for a NaN."""
    width, signed = _WIDTH[kind], kind[0] == "i"
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
    if math.isnan(value):
        return high
    if math.isinf(value):
        return high if value > 0 else low
    return max(low, min(high, int(value)))


INTEGER: dict[str, tuple[str, str, str, Callable[[int, int], int]]] = {
    "__udivdi3": ("u64", "u64", "u64", quotient),
    "__umoddi3": ("u64", "u64", "u64", remainder),
    "__divdi3": ("i64", "i64", "i64", quotient),
    "__moddi3": ("i64", "i64", "i64", remainder),
    "__muldi3": ("u64", "u64", "u64", lambda a, b: a * b),
    "__ucmpdi2": ("i32", "u64", "u64", lambda a, b: (a > b) - (a < b) + 1),
    "__cmpdi2": ("i32", "i64", "i64", lambda a, b: (a > b) - (a < b) + 1),
}


@pytest.mark.parametrize("name", INTEGER)
def test_64_bit_arithmetic_is_that_of_integers(library: ctypes.CDLL, name: str) -> None:
    result, left, right, expected = INTEGER[name]
    function = getattr(library, name)
    function.restype, function.argtypes = _C_TYPES[result], [_C_TYPES[left], _C_TYPES[right]]
    for a, b in zip(map(int, operands(left, 1)), map(int, operands(right, 2)), strict=True):
        assert function(a, b) == wrap(expected(a, b), result), (a, b)


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("__ashldi3", "u64", lambda a, n: a << n),
        ("__lshrdi3", "u64", lambda a, n: a >> n),
        ("__ashrdi3", "i64", lambda a, n: a >> n),
    ],
)
def test_64_bit_shifts(library: ctypes.CDLL, name: str, kind: str, expected: Callable[[int, int], int]) -> None:
    function = getattr(library, name)
    function.restype, function.argtypes = _C_TYPES[kind], [_C_TYPES[kind], ctypes.c_int]
    for index, value in enumerate(map(int, operands(kind, 3)[:6400])):
        assert function(value, index % 64) == wrap(expected(value, index % 64), kind), (value, index % 64)


def _leading(value: int, width: int) -> int:
    return width - value.bit_length()


def _trailing(value: int, width: int) -> int:
    return (value & -value).bit_length() - 1 if value else width


@pytest.mark.parametrize(
    ("name", "kind", "result", "expected"),
    [
        ("__clzsi2", "u32", "i32", lambda a: _leading(a, 32)),
        ("__clzdi2", "u64", "i32", lambda a: _leading(a, 64)),
        ("__ctzsi2", "u32", "i32", lambda a: _trailing(a, 32)),
        ("__ctzdi2", "u64", "i32", lambda a: _trailing(a, 64)),
        ("__ffsdi2", "u64", "i32", lambda a: (a & -a).bit_length()),
        ("__popcountsi2", "u32", "i32", int.bit_count),
        ("__popcountdi2", "u64", "i32", int.bit_count),
        ("__paritysi2", "u32", "i32", lambda a: a.bit_count() & 1),
        ("__paritydi2", "u64", "i32", lambda a: a.bit_count() & 1),
        ("__bswapsi2", "u32", "u32", lambda a: int.from_bytes(a.to_bytes(4, "little"), "big")),
        ("__bswapdi2", "u64", "u64", lambda a: int.from_bytes(a.to_bytes(8, "little"), "big")),
        ("__negdi2", "i64", "i64", lambda a: -a),
    ],
)
def test_bit_operations(
    library: ctypes.CDLL, name: str, kind: str, result: str, expected: Callable[[int], int]
) -> None:
    function = getattr(library, name)
    function.restype, function.argtypes = _C_TYPES[result], [_C_TYPES[kind]]
    for value in map(int, operands(kind, 4)):
        assert function(value) == wrap(expected(value), result), value


FORMATS = (("sf", "float", np.float32), ("df", "double", np.float64))


def same(found: float, expected: float) -> bool:
    """Whether two results are the same number, zeros by their sign; any NaN is as good as another."""
    if math.isnan(expected):
        return math.isnan(found)
    return found == expected and math.copysign(1, found) == math.copysign(1, expected)


@pytest.mark.parametrize(("mode", "kind", "numpy_type"), FORMATS, ids=("single", "double"))
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_floating_point_arithmetic_rounds_as_this_machine_does(
    library: ctypes.CDLL, mode: str, kind: str, numpy_type: Any, name: str
) -> None:
    function = getattr(library, f"__{name}{mode}3")
    function.restype, function.argtypes = _C_TYPES[kind], [_C_TYPES[kind]] * 2
    left, right = np.array(operands(kind, 5), dtype=numpy_type), np.array(operands(kind, 6), dtype=numpy_type)
    operation = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}[name]
    with np.errstate(all="ignore"):
        expected = operation(left, right)
    assert np.isfinite(expected).sum() > PAIRS // 2
    for a, b, value in zip(left, right, expected, strict=True):
        assert same(function(a, b), float(value)), (a, b)


@pytest.mark.parametrize(("mode", "kind", "numpy_type"), FORMATS, ids=("single", "double"))
def test_floating_point_comparisons(library: ctypes.CDLL, mode: str, kind: str, numpy_type: Any) -> None:
    left, right = operands(kind, 7), operands(kind, 8)
    left[::5] = right[::5]
    tests: dict[str, tuple[Callable[[int], bool], Callable[[float, float], bool]]] = {
        "eq": (lambda r: r == 0, lambda a, b: a == b),
        "ne": (lambda r: r != 0, lambda a, b: a != b),
        "lt": (lambda r: r < 0, lambda a, b: a < b),
        "le": (lambda r: r <= 0, lambda a, b: a <= b),
        "gt": (lambda r: r > 0, lambda a, b: a > b),
        "ge": (lambda r: r >= 0, lambda a, b: a >= b),
        "unord": (lambda r: r != 0, lambda a, b: math.isnan(a) or math.isnan(b)),
    }
    for name, (meaning, expected) in tests.items():
        function = getattr(library, f"__{name}{mode}2")
        function.restype, function.argtypes = ctypes.c_int, [_C_TYPES[kind]] * 2
        for a, b in zip(map(float, left), map(float, right), strict=True):
            assert meaning(function(a, b)) == expected(a, b), (name, a, b)


@pytest.mark.parametrize(("mode", "kind", "numpy_type"), FORMATS, ids=("single", "double"))
@pytest.mark.parametrize(("suffix", "integer"), [("si", "i32"), ("unssi", "u32"), ("di", "i64"), ("unsdi", "u64")])
def test_conversions_between_integers_and_floating_point(
    library: ctypes.CDLL, mode: str, kind: str, numpy_type: Any, suffix: str, integer: str
) -> None:
    to_float = getattr(library, f"__float{suffix.replace('uns', 'un')}{mode}")
    to_float.restype, to_float.argtypes = _C_TYPES[kind], [_C_TYPES[integer]]
    for value in operands(integer, 9):
        assert to_float(int(value)) == float(numpy_type(value)), value
    plain = suffix.removeprefix("uns")
    to_integer = getattr(library, f"__fix{'uns' if suffix.startswith('uns') else ''}{mode}{plain}")
    to_integer.restype, to_integer.argtypes = _C_TYPES[integer], [_C_TYPES[kind]]
    for value in map(float, operands(kind, 10)):
        assert to_integer(value) == truncated(value, integer), value


def test_conversions_between_the_two_formats(library: ctypes.CDLL) -> None:
    extend, truncate = library.__extendsfdf2, library.__truncdfsf2
    extend.restype, extend.argtypes = ctypes.c_double, [ctypes.c_float]
    truncate.restype, truncate.argtypes = ctypes.c_float, [ctypes.c_double]
    for single in operands("float", 11):
        assert same(extend(float(single)), float(single)), single
    doubles = [
        float(value) * scale for value in operands("float", 12) for scale in (1.0, 1 + 2**-24, 1 - 2**-30, 2**-20)
    ]
    with np.errstate(all="ignore"):
        for double in [*doubles, *map(float, operands("double", 13))]:
            assert same(truncate(double), float(np.float32(double))), double


@pytest.mark.parametrize(("mode", "kind", "numpy_type"), FORMATS, ids=("single", "double"))
def test_negation_changes_the_sign_alone(library: ctypes.CDLL, mode: str, kind: str, numpy_type: Any) -> None:
    function = getattr(library, f"__neg{mode}2")
    function.restype, function.argtypes = _C_TYPES[kind], [_C_TYPES[kind]]
    for value in map(float, operands(kind, 14)):
        assert same(function(value), -value)
