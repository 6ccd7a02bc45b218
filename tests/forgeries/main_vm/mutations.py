"""Hand-made changes of a few cells that exactly one rule of `main_vm` notices (`bench`).

Each is what a cheating prover would try if that rule were missing.
"""

from __future__ import annotations

from collections.abc import Iterator

from proving.machine.main_vm.buses import SINK, Operation
from proving.machine.main_vm.decode import FORMATS
from proving.stark.air.fuzzer import Mutation
from proving.stark.air.graph import P
from tests.forgeries.main_vm.bench import BENCH, Case, Values, constraint, inverse, lookup
from tests.forgeries.main_vm.call_mutations import CALLS

FLAGS = {
    "add_immediate": ("is_add", "is_advice"),
    "add": ("is_add", "is_sub", "is_sltu", "equal", "less"),
    "control": ("jal", "jalr", "less", "set_signed", "set_immediate"),
    "bitwise": ("is_and", "is_or", "is_xor", "is_sll", "is_srl", "is_sra"),
    "mul_div": ("is_mul", "is_mulh", "is_mulhu", "is_mulhsu", "is_div", "is_divu", "is_rem", "is_remu"),
    "memory_word": ("load", "store"),
    "memory_sub": ("load", "store"),
    "decode": tuple(f"is_{kind.name.lower()}" for kind in FORMATS),
}


def flags() -> Iterator[Case]:
    """Minus one of a flag and one of another: a padding row that counts nothing, with selectors switched on."""
    branch: Values = {"next_pc": 4}
    compared: Values = {"v1": 1, "x": 1}
    sink: Values = {"rd": SINK}
    computed: Values = {"next_pc": 4, "x_low": 1, "v1": 4, "v2": 3}
    others: dict[tuple[str, str], tuple[str, Values]] = {
        ("add", "is_add"): ("is_sub", {}),
        ("add", "equal"): ("less", compared),
        ("add", "less"): ("equal", compared),
        ("control", "jal"): ("jalr", {}),
        ("control", "jalr"): ("set_immediate", computed),
        ("control", "less"): ("set_signed", branch),
        ("control", "set_signed"): ("less", branch),
        ("bitwise", "is_and"): ("is_or", {}),
        ("bitwise", "is_sll"): ("is_srl", {}),
        ("mul_div", "is_mul"): ("is_mulhu", {}),
        ("mul_div", "is_div"): ("is_divu", {}),
        ("memory_sub", "store"): ("load", {"signed": 1}),
        ("decode", "is_jump"): ("is_fence", {"halt_inverse": inverse(-0x6F), "pc": -4, "target": 4}),
        ("decode", "is_jump_register"): ("is_fence", {"pc": -4}),
        ("decode", "is_halt"): ("is_fence", {"opcode": 0x6F, **sink}),
        ("decode", "is_store"): ("is_fence", sink),
        ("decode", "is_branch"): ("is_fence", {"pc": 0, **sink}),
        ("decode", "is_advice"): ("is_fence", {"b25": 62}),
        ("decode", "is_poseidon2"): ("is_fence", {"b21": 8, "b25": 62, **sink}),
        ("decode", "is_request"): ("is_fence", {"operation": 0, "b21": -2, "b25": 62, **sink}),
        ("decode", "is_fence"): ("is_register", {}),
    }
    for table, names in FLAGS.items():
        row = BENCH.padding(table)
        for i, name in enumerate(names):
            other, values = others.get((table, name), ("is_fence" if table == "decode" else names[i - 1], {}))
            yield constraint(table, f"{name} is boolean", BENCH.change(table, row, {name: -1, other: 1, **values}))


def pages() -> Iterator[Case]:
    """Minus one of a block and one of a node, or the other way round, on two padding rows."""
    last = BENCH.padding("page")
    for name, other in (("block", "node"), ("node", "block")):
        rows = {row: {name: -1, other: 1} for row in (last - 1, last)}
        yield constraint("page", f"{name} is boolean", BENCH.changes("page", rows))


def two_operations_at_once() -> Iterator[Case]:
    """Two flags whose operations add up to a third: one fetch counted twice."""
    cases: tuple[tuple[str, tuple[str, str], int, Values], ...] = (
        ("add_immediate", ("is_add", "is_advice"), Operation.AND, {"out": 2**32 - 3, "out_high": 2**16 - 1}),
        ("bitwise", ("is_and", "is_or"), Operation.SRL, {}),
        ("mul_div", ("is_mul", "is_mulhu"), Operation.HALT, {"inverse": inverse(1 - 2**32)}),
        ("memory_word", ("load", "store"), Operation.LB, {}),
    )
    for table, pair, operation, values in cases:
        operands = BENCH.decoded(operation, **({"imm": 2**32 - 3} if table == "add_immediate" else {}))
        operands = {name: value for name, value in operands.items() if name in BENCH.row(table, 0)}
        changed = {**dict.fromkeys(pair, 1), "clk": 1, **operands, **values}
        yield constraint(table, "the row is real or padding", BENCH.change(table, BENCH.padding(table), changed))


def times() -> Iterator[Case]:
    """An access that claims to follow one too long before it, and a word that is carried on too far."""
    registers = {"rs1": "p1", "rs2": "p2", "rd": "pd"}
    words = {"rs1": "p1", "memory": "pm", "rd or rs2": "pr"}
    accesses = [(table, registers) for table in ("add", "control", "bitwise", "mul_div")]
    accesses += [("add_immediate", {"rs1": "p1", "rd": "pd"}), ("memory_word", words), ("memory_sub", words)]
    accesses += [("call", {"first word": "previous[0]", "second word": "previous[1]"})]
    for table, names in accesses:
        for name, previous in names.items():
            row = BENCH.find(table, lambda r, previous=previous: r[previous] != 0)  # type: ignore[misc]
            earlier = BENCH.row(table, row)[previous] - 2**16
            yield lookup(table, f"{name}: time since the last access", BENCH.change(table, row, {previous: earlier}))
    row = BENCH.find("idle", lambda r: r["real"] == 1)
    for name, column, bits in (("", "low", 16), (", upper bits", "high", 8)):
        case = BENCH.change("idle", row, {column: 2**bits})
        yield lookup("idle", f"time since the last access{name}", case)
    yield constraint("idle", "the row is real or padding", BENCH.change("idle", BENCH.padding("idle"), {"real": 2}))


def halves() -> Iterator[Case]:
    """A low half above 16 bits, made up for by the high half."""
    cases = (
        ("control", "difference or target: low half", "x_low", "x_high", "set_signed"),
        ("bitwise", "shifted: low half", "r_low", "r_high", "is_srl"),
        ("bitwise", "other part: low half", "o_low", "o_high", "is_srl"),
        ("mul_div", "lower word or quotient: low half", "q_low", "q_high", "is_mul"),
        ("mul_div", "upper word or remainder: low half", "r_low", "r_high", "is_mulhu"),
        ("mul_div", "lower word or quotient: low half", "q_low", "q_high", "is_divu"),
        ("mul_div", "upper word or remainder: low half", "r_low", "r_high", "is_remu"),
        ("mul_div", "remainder below the divisor: low half", "s_low", "s_high", "is_remu"),
    )
    for table, name, low, high, flag in cases:
        row = BENCH.find(table, lambda r, high=high, flag=flag: r[flag] == 1 and r[high] > 0)  # type: ignore[misc]
        old = BENCH.row(table, row)
        yield lookup(table, name, BENCH.change(table, row, {low: old[low] + 2**16, high: old[high] - 1}))


def wide_values() -> Iterator[Case]:
    """Results and operands of 33 bits."""
    for table, result, name in (("add_immediate", "out", "out"), ("add", "x", "sum or difference")):
        row = BENCH.find(table, lambda r, result=result: r["is_add"] == 1 and r[f"{result}_high"] > 0)  # type: ignore[misc]
        old = BENCH.row(table, row)
        high = f"{result}_high"
        values = {cell: old[cell] + 2**32 for cell in {"v1", "out", result}} | {high: old[high] + 2**16}
        yield lookup(table, f"{name}: high half", BENCH.change(table, row, values))
        yield lookup(table, f"{name}: low half", BENCH.change(table, row, {high: old[high] - 1}))
    for flag, name in (("is_add", "the sum"), ("is_sub", "the difference")):
        row = BENCH.find("add", lambda r, flag=flag: r[flag] == 1 and 0 < r["out"] < 2**16 - 1)  # type: ignore[misc]
        wrong = BENCH.row("add", row)["out"] + 1
        yield constraint("add", name, BENCH.change("add", row, {"out": wrong, "x": wrong}))
        yield constraint("add", "the result", BENCH.change("add", row, {"out": wrong}))

    zero = {"q_low": 0, "q_high": 0, "r_low": 0, "r_high": 0, "s_low": 0, "s_high": 0, "sign1": 0, "sign2": 0}
    zero |= {"t1": 0, "t2": 0, "v1": 0, "out": 0, "nonzero": 0, "result_inv": 0, "by_zero": 0, "negative": 0}
    zero["result_inverse"] = zero.pop("result_inv")
    row = BENCH.find("mul_div", lambda r: r["is_divu"] == 1)
    wide = 2**32
    values = zero | {"v1": wide, "r_high": 2**16, "v2": wide + 1, "inverse": inverse(wide + 1)}
    yield lookup("mul_div", "upper word or remainder: high half", BENCH.change("mul_div", row, values))
    values = zero | {"s_high": 2**16, "v2": wide + 1, "inverse": inverse(wide + 1)}
    yield lookup("mul_div", "remainder below the divisor: high half", BENCH.change("mul_div", row, values))
    values = zero | {"v1": wide, "q_high": 2**16, "v2": 1, "inverse": 1, "result_inverse": inverse(wide), "nonzero": 1}
    yield lookup("mul_div", "lower word or quotient: high half", BENCH.change("mul_div", row, values | {"out": wide}))
    ones = {"q_low": 2**16 - 1, "q_high": 2**16 - 1}
    values = zero | ones | {"by_zero": 1, "inverse": 0, "v1": 2**32 - 1, "v2": 1, "out": 2**32 - 1, "nonzero": 1}
    values["result_inverse"] = inverse(2**32 - 1)
    yield constraint("mul_div", "the divisor is zero", BENCH.change("mul_div", row, values))
    padding = BENCH.change("mul_div", BENCH.padding("mul_div"), {"by_zero": 2, **ones})
    yield constraint("mul_div", "by_zero is boolean", padding)


def signs() -> Iterator[Case]:
    """Signs that are no bits, and operands whose sign is denied."""
    row = BENCH.find("mul_div", lambda r: r["is_mulh"] == 1)
    plain = dict.fromkeys(
        ("v2", "out", "q_low", "q_high", "r_low", "r_high", "negative", "sign1", "sign2", "t1", "t2"), 0
    )
    plain |= {"v1": 0, "inverse": inverse(2**31 - 2**32 + 1)}
    yield constraint("mul_div", "sign1 is boolean", BENCH.change("mul_div", row, plain | {"sign1": 2, "v1": 2**32}))
    yield constraint("mul_div", "sign2 is boolean", BENCH.change("mul_div", row, plain | {"sign2": 2, "v2": 2**32}))
    sign = inverse(2**63)  # high 2^32 + low = 0 with low = 1: high = -2^31 sign
    values = plain | {"q_low": 1, "negative": sign, "out": sign * 2**31}
    values["inverse"] = inverse(-sign * 2**31 + 2**31 - 2**32 + 1)
    yield constraint("mul_div", "negative is boolean", BENCH.change("mul_div", row, values))
    # 2^31 without its sign has 16 bits above the lowest 16; as a positive number it is multiplied by zero.
    values = plain | {"v1": 2**31, "t1": 2**15}
    yield lookup("mul_div", "first operand without its sign: high half", BENCH.change("mul_div", row, values))
    values = plain | {"v2": 2**31, "t2": 2**15}
    yield lookup("mul_div", "second operand without its sign: high half", BENCH.change("mul_div", row, values))

    values = plain | {"v1": 2**16}
    yield lookup("mul_div", "first operand without its sign: low half", BENCH.change("mul_div", row, values))
    values = plain | {"v2": 2**16}
    yield lookup("mul_div", "second operand without its sign: low half", BENCH.change("mul_div", row, values))

    less = BENCH.find("control", lambda r: r["set_signed"] == 1)
    base = {"v1": 0, "v2": 0, "sign1": 0, "sign2": 0, "t1": 0, "t2": 0, "compare": 0, "out": 0, "x_low": 0, "x_high": 0}
    imm = BENCH.row("control", less)["imm"]
    values = base | {"v1": 2**31, "t1": 2**15, "v2": -imm, "x_high": 2**15}
    yield lookup("control", "first operand without its sign: high half", BENCH.change("control", less, values))
    values = base | {"v1": 2**31 - 1, "t1": 2**15 - 1, "v2": 2**31 - imm, "t2": 2**15, "compare": 1, "out": 1}
    values |= {"x_low": 2**16 - 1, "x_high": 2**16 - 1}
    yield lookup("control", "second operand without its sign: high half", BENCH.change("control", less, values))
    equal = BENCH.find("add", lambda r: r["equal"] == 1 and r["out"] == 0)
    old = BENCH.row("add", equal)
    next_pc = old["pc"] + 4 if old["negate"] else old["target"]
    values = {"out": 1, "x": 0, "next_pc": next_pc}
    yield constraint("add", "equal operands have no difference", BENCH.change("add", equal, values))
    sltu = BENCH.find("add", lambda r: r["is_sltu"] == 1)
    wrong = 1 - BENCH.row("add", sltu)["out"]
    yield constraint("add", "less exactly when the difference is negative", BENCH.change("add", sltu, {"out": wrong}))
    values = {"v1": 0, "v2": 2**33, "x": 0, "x_high": 0, "out": 2}
    yield constraint("add", "a comparison is true or not", BENCH.change("add", sltu, values))

    sll = BENCH.find("bitwise", lambda r: r["is_sll"] == 1 and r["o_low"] > 0)
    old = BENCH.row("bitwise", sll)
    yield constraint("bitwise", "the product, left", BENCH.change("bitwise", sll, {"o_low": old["o_low"] - 1}))
    values = {"r_high": old["r_high"] + 2**16, "o_low": old["o_low"] - 1, "out": old["out"] + 2**32}
    yield lookup("bitwise", "shifted: high half", BENCH.change("bitwise", sll, values))
    sra = BENCH.find("bitwise", lambda r: r["is_sra"] == 1 and r["sign"] == 1 and r["imm"] == 0)
    old = BENCH.row("bitwise", sra)
    shifted = old["r_low"] + old["r_high"] * 2**16
    yield lookup("bitwise", "sign of the first operand", BENCH.change("bitwise", sra, {"sign": 0, "out": shifted}))


def division_signs() -> Iterator[Case]:
    """Signs of a division that are no bits."""
    by_zero = BENCH.find("mul_div", lambda r: r["is_div"] == 1)
    base = {"v2": 0, "sign2": 0, "t1": 0, "t2": 0, "by_zero": 1, "inverse": 0, "negative": 0, "nonzero": 1}
    base |= {"q_low": 2**16 - 1, "q_high": 2**16 - 1, "r_low": 0, "r_high": 0, "s_low": 0, "s_high": 0}
    base |= {"out": 2**32 - 1, "result_inverse": inverse(2**32 - 1)}
    half = 3 * inverse(2)
    # With sign 3/2 the operand 3 2^30 has absolute value zero.
    values = base | {"sign1": half, "v1": 3 * 2**30}
    yield constraint("mul_div", "sign1 is boolean", BENCH.change("mul_div", by_zero, values))
    remainder = BENCH.find("mul_div", lambda r: r["is_rem"] == 1)
    sign, operand = _sign_of_one()
    values = {
        "v1": 0,
        "sign1": 0,
        "t1": 0,
        "v2": operand,
        "sign2": sign,
        "t2": 0,
        "by_zero": 0,
        "negative": 0,
        "nonzero": 0,
    }
    values |= {"inverse": inverse(operand), "q_low": 0, "q_high": 0, "r_low": 0, "r_high": 0, "s_low": 0, "s_high": 0}
    values |= {"out": 0, "result_inverse": 0}
    absolute = (operand + sign * (2**32 - 2 * operand)) % P
    values["s_low"] = absolute - 1
    yield constraint("mul_div", "sign2 is boolean", BENCH.change("mul_div", remainder, values))

    signed = BENCH.find("mul_div", lambda r: r["is_remu"] == 0 and r["is_divu"] == 0 and r["is_rem"] == 1)
    base = dict.fromkeys(values, 0) | {"v1": 2**31, "t1": 2**15, "v2": 1, "inverse": 1, "q_high": 2**15}
    yield lookup("mul_div", "first operand without its sign: high half", BENCH.change("mul_div", signed, base))
    base = dict.fromkeys(values, 0) | {"v2": 2**31, "t2": 2**15, "inverse": inverse(2**31)}
    base |= {"s_low": 2**16 - 1, "s_high": 2**15 - 1}
    yield lookup("mul_div", "second operand without its sign: high half", BENCH.change("mul_div", signed, base))


def _sign_of_one() -> tuple[int, int]:
    """A sign s, not a bit, and the operand 2^31 s whose absolute value under s is a small positive number."""
    for absolute in range(1, 100):
        # 2^31 s (3 - 2 s) = absolute
        root = _square_root((9 - 8 * absolute * inverse(2**31)) % P)
        if root is not None:
            sign = (3 + root) * inverse(4) % P
            return sign, sign * 2**31 % P
    raise AssertionError("no small square")


def _square_root(value: int) -> int | None:
    """A square root mod p (Tonelli and Shanks)."""
    if pow(value, (P - 1) // 2, P) != 1:
        return None
    odd, order = (P - 1) >> 32, 32
    generator, found, rest = pow(7, odd, P), pow(value, (odd + 1) // 2, P), pow(value, odd, P)
    while rest != 1:
        steps, power = 0, rest
        while power != 1:
            power, steps = power * power % P, steps + 1
        factor = pow(generator, 1 << (order - steps - 1), P)
        found, generator = found * factor % P, factor * factor % P
        rest, order = rest * generator % P, steps
    return found


def results() -> Iterator[Case]:
    """Plain wrong results."""
    row = BENCH.find("control", lambda r: r["less"] == 1)
    wrong = BENCH.row("control", row)["next_pc"] + 4
    yield constraint("control", "a branch's next pc", BENCH.change("control", row, {"next_pc": wrong}))
    row = BENCH.find("add", lambda r: r["equal"] == 1 and r["v1"] != r["v2"])
    old = BENCH.row("add", row)
    yield constraint(
        "add", "different operands have an inverse difference", BENCH.change("add", row, {"x": old["x"] + 1})
    )
    yield constraint("add", "a branch's next pc", BENCH.change("add", row, {"next_pc": old["next_pc"] + 4}))
    row = BENCH.find("add", lambda r: r["is_sltu"] == 1)
    wrong = BENCH.row("add", row)["next_pc"] + 4
    yield constraint("add", "others continue", BENCH.change("add", row, {"next_pc": wrong}))
    for flag in ("jal", "jalr"):
        row = BENCH.find("control", lambda r, flag=flag: r[flag] == 1)  # type: ignore[misc]
        wrong = BENCH.row("control", row)["out"] + 1
        yield constraint("control", f"{flag} links", BENCH.change("control", row, {"out": wrong}))

    row = BENCH.find("mul_div", lambda r: r["is_mulhu"] == 1)
    values = dict.fromkeys(("v1", "v2", "q_low", "q_high", "r_low"), 0)
    values |= {"r_high": 2**15, "negative": 1, "out": 2**32, "inverse": inverse(1 - 2**32)}
    yield constraint("mul_div", "an unsigned product has no sign", BENCH.change("mul_div", row, values))
    row = BENCH.find("mul_div", lambda r: r["is_divu"] == 1 and r["v2"] != 0)
    wrong = BENCH.row("mul_div", row)["inverse"] + 1
    case = BENCH.change("mul_div", row, {"inverse": wrong})
    yield constraint("mul_div", "a divisor has an inverse unless it is zero", case)
    for flag, name in (("is_div", "the quotient's sign"), ("is_rem", "the remainder's sign")):
        row = BENCH.find("mul_div", lambda r, flag=flag: r[flag] * r["nonzero"] == 1 and r["by_zero"] == 0)  # type: ignore[misc]
        old = BENCH.row("mul_div", row)
        values = {"negative": 1 - old["negative"], "out": 2**32 - old["out"]}
        yield constraint("mul_div", name, BENCH.change("mul_div", row, values))
    for flag, name in (("is_sra", "the shifted word with the sign's copies"), ("is_sll", "the shifted word")):
        row = BENCH.find("bitwise", lambda r, flag=flag: r[flag] == 1)  # type: ignore[misc]
        wrong = BENCH.row("bitwise", row)["out"] + 1
        yield constraint("bitwise", name, BENCH.change("bitwise", row, {"out": wrong}))
    row = BENCH.find("mul_div", lambda r: r["is_divu"] == 1 and r["nonzero"] == 1)
    values = {"nonzero": 0, "result_inverse": 0}
    yield constraint("mul_div", "the result is zero", BENCH.change("mul_div", row, values))

    row = BENCH.find("mul_div", lambda r: r["is_mulhu"] == 1)
    # 2^64 = 2^32 - 1 mod p
    values = {
        "v1": 2**32 - 1,
        "v2": 1,
        "q_low": 0,
        "q_high": 0,
        "r_low": 0,
        "r_high": 2**16,
        "out": 2**32,
        "inverse": 1,
    }
    yield lookup("mul_div", "upper word or remainder: high half", BENCH.change("mul_div", row, values))
    row = BENCH.find("mul_div", lambda r: r["is_divu"] == 1)
    base = {"q_low": 0, "q_high": 0, "r_low": 5, "r_high": 0, "s_low": 1, "s_high": 0, "by_zero": 0, "negative": 1}
    base |= {"out": 0, "nonzero": 0, "result_inverse": 0}
    values = base | {"v1": 2**32 - 5, "sign1": 1, "v2": 7, "inverse": inverse(7)}
    yield constraint("mul_div", "an unsigned first operand has no sign", BENCH.change("mul_div", row, values))
    values = base | {"v1": 5, "sign2": 1, "v2": 2**32 - 7, "inverse": inverse(-7 + 2**32)}
    yield constraint("mul_div", "an unsigned second operand has no sign", BENCH.change("mul_div", row, values))
    row = BENCH.find("mul_div", lambda r: r["is_divu"] == 1 and r["by_zero"] == 1)
    values = {"q_low": 2**16 - 2, "out": 2**32 - 2, "result_inverse": inverse(2**32 - 2)}
    yield constraint("mul_div", "the quotient by zero", BENCH.change("mul_div", row, values))

    table = "memory_sub"
    row = BENCH.find(table, lambda r: r["store"] == 1 and r["byte"] == 0)
    old = BENCH.row(table, row)
    values = {"reg_old": old["reg_old"] + 1, "reg_new": old["reg_new"] + 1}
    yield constraint(table, "the stored word", BENCH.change(table, row, values))
    yield constraint(table, "a store keeps the register", BENCH.change(table, row, {"reg_new": old["reg_new"] + 1}))
    values = {"change": old["change"] + 1, "mem_new": old["mem_new"] + 1 + old["o1"] * (2**16 - 1)}
    yield constraint(table, "a halfword is stored", BENCH.change(table, row, values))
    row = BENCH.find(table, lambda r: r["store"] == 1 and r["byte"] == 1 and r["rest"] > 0)
    old = BENCH.row(table, row)
    step = 1 + 255 * old["o0"]
    values = {"change": old["change"] + step, "mem_new": old["mem_new"] + step * (1 + old["o1"] * (2**16 - 1))}
    yield constraint(table, "a byte is stored", BENCH.change(table, row, values))
    values = {"c1": old["c1"] + 256, "rest": old["rest"] - 1}
    yield lookup(table, "low bytes of the stored word", BENCH.change(table, row, values))


def decoding() -> Iterator[Case]:
    """Words that are decoded as something else."""
    table = "decode"
    jump = BENCH.find(table, lambda r: r["is_jump"] == 1 and r["funct3"] == 0 and r["rs1_field"] == 0)
    values = {"is_jump": 0, "is_halt": 1, "operation": Operation.HALT, "imm": 0, "imm_high": 0, "target": 0}
    values |= {"target_high": 0, "rd": 0, "imm_carry": 0, "target_carry": 0}
    yield constraint(table, "only the halt word halts", BENCH.change(table, jump, values))
    halt = BENCH.find(table, lambda r: r["is_halt"] == 1)
    pc = BENCH.row(table, halt)["pc"]
    values = {"is_halt": 0, "is_jump": 1, "operation": Operation.JAL, "imm": pc + 4, "imm_high": (pc + 4) >> 16}
    values |= {"target": pc, "target_high": pc >> 16, "rd": SINK}
    yield constraint(table, "the halt word is no jump", BENCH.change(table, halt, values))
    call = BENCH.find(table, lambda r: r["is_poseidon2"] == 1)
    yield constraint(table, "the poseidon2 register", BENCH.change(table, call, {"b20": 1}))
    writing = {"b8": 3, "writes": 1, "rd_inverse": inverse(6)}
    yield constraint(table, "poseidon2 writes no register", BENCH.change(table, call, writing))
    request = BENCH.find(table, lambda r: r["is_request"] == 1)
    yield constraint(table, "the register of the type of request", BENCH.change(table, request, {"b20": 0}))
    yield constraint(table, "a request writes no register", BENCH.change(table, request, writing))
    yield constraint(table, "a request names no register", BENCH.change(table, request, {"rs1_field": 1}))
    advice = BENCH.find(table, lambda r: r["is_advice"] == 1)
    yield constraint(table, "the advice register", BENCH.change(table, advice, {"b20": 1}))
    yield constraint(table, "advice reads no register", BENCH.change(table, advice, {"rs1_field": 1}))
    upper = BENCH.find(table, lambda r: r["is_upper"] == 1)
    old = BENCH.row(table, upper)
    yield lookup(table, "rs1_field", _upper(upper, old, "rs1_field", 15, 32))
    yield lookup(table, "b21", _upper(upper, old, "b21", 21, 16))
    fence = BENCH.find(table, lambda r: r["is_fence"] == 1)
    for name, bound in (("b8", 16), ("b25", 64), ("b21", 16), ("rs1_field", 32)):
        written = {"writes": 1, "rd_inverse": inverse(2 * bound)} if name == "b8" else {}
        yield lookup(table, name, BENCH.change(table, fence, {name: bound, **written}))
    relative = BENCH.find(table, lambda r: r["is_upper_pc"] == 1)
    old = BENCH.row(table, relative)
    wide = {"pc": old["pc"] + 2**32, "imm": old["imm"] + 2**32, "imm_high": old["imm_high"] + 2**16}
    yield lookup(table, "imm: high half", BENCH.change(table, relative, wide))
    branch = BENCH.find(table, lambda r: r["is_branch"] == 1)
    old = BENCH.row(table, branch)
    wide = {"pc": old["pc"] + 2**32, "target": old["target"] + 2**32, "target_high": old["target_high"] + 2**16}
    yield lookup(table, "target: high half", BENCH.change(table, branch, wide))


def _upper(row: int, old: dict[str, int], name: str, shift: int, bound: int) -> Mutation:
    """A field of an upper immediate above its bound, and the immediate that follows, reduced by its carry."""
    imm = old["imm"] + (bound - old[name]) * 2**shift
    carry = imm >> 32
    imm -= carry << 32
    return BENCH.change("decode", row, {name: bound, "imm": imm, "imm_high": imm >> 16, "imm_carry": carry})


def wide_advice() -> Iterator[Case]:
    """Advice of 33 bits."""
    row = BENCH.find("add_immediate", lambda r: r["is_advice"] == 1)
    wide = {"out": 2**32, "out_high": 2**16}
    yield lookup("add_immediate", "out: high half", BENCH.change("add_immediate", row, wide))


ALL = (
    flags,
    pages,
    two_operations_at_once,
    times,
    halves,
    wide_values,
    signs,
    division_signs,
    results,
    decoding,
    wide_advice,
    *CALLS,
)
