"""Cycles by call path, and what is drawn of them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from cli import flame_graph
from proving.machine.profile import Profile
from tests.guest.kit.compiled import Compiler, needs_compiler, run

pytestmark = needs_compiler

SOURCE = """
#include <hallmark.h>
#define NOINLINE __attribute__((noinline))
static volatile uint32_t sink;
NOINLINE void leaf(uint32_t n) { for (uint32_t i = 0; i < n; i++) sink = i; }
NOINLINE void twice(void) { leaf(100); leaf(100); sink = 1; }
NOINLINE uint32_t deep(uint32_t n) { return n == 0 ? 0 : deep(n - 1) + 1 + sink; }
NOINLINE void jumps(uint32_t n) { sink = n; leaf(n); }
int main(void) { twice(); leaf(1000); jumps(10); sink = deep(DEPTH); return 0; }
"""


def profile_of(compiler: Compiler, depth: int) -> tuple[Profile, int]:
    seen, _ = run(compiler.text(SOURCE, ".c", f"-DDEPTH={depth}", "-O1"), profile=True)
    assert seen.profile is not None
    return seen.profile, seen.execution.cycles


def test_every_cycle_is_counted_once_and_on_its_path(compiler: Compiler) -> None:
    profile, cycles = profile_of(compiler, 5)
    stacks = dict(profile.stacks())
    assert profile.cycles == sum(stacks.values()) == cycles
    leaf, by_twice = stacks["_start", "main", "leaf"], stacks["_start", "main", "twice", "leaf"]
    # 1,000 turns against 200, and the call's own few cycles.
    assert 4 < leaf / by_twice < 6
    functions = {item.name: item for item in profile.functions()}
    assert functions["_start"].total == functions["_start"].own + functions["main"].total == cycles
    assert functions["leaf"].calls == 4 and functions["twice"].calls == 1
    assert functions["leaf"].own == functions["leaf"].total
    assert functions["twice"].total == functions["twice"].own + by_twice


def test_a_recursive_function_is_counted_once_in_its_total(compiler: Compiler) -> None:
    profile, cycles = profile_of(compiler, 20)
    deep = next(item for item in profile.functions() if item.name == "deep")
    assert deep.calls == 21 and deep.own == deep.total < cycles
    assert ("_start", "main", *["deep"] * 21) in dict(profile.stacks())


def test_recursion_deeper_than_the_tree_is_counted_at_its_end(compiler: Compiler) -> None:
    profile, cycles = profile_of(compiler, 5000)
    assert profile.cycles == cycles
    assert max(len(path) for path, _ in profile.stacks()) == 1024
    # After the way back the path is short again.
    assert profile.functions()[0].name in ("deep", "leaf")
    main = next(item for item in profile.functions() if item.name == "main")
    assert main.total == cycles - next(item for item in profile.functions() if item.name == "_start").own


def test_folded_stacks_hold_every_cycle(compiler: Compiler) -> None:
    profile, cycles = profile_of(compiler, 5)
    lines = flame_graph.folded(profile).splitlines()
    assert all(re.fullmatch(r"[^ ]+ \d+", line) for line in lines)
    assert sum(int(line.rsplit(" ", 1)[1]) for line in lines) == cycles


def test_the_drawing_is_well_formed_and_as_wide_as_the_cycles(compiler: Compiler) -> None:
    profile, cycles = profile_of(compiler, 5)
    root = ElementTree.fromstring(flame_graph.svg(profile, "<program> & more"))
    name = "{http://www.w3.org/2000/svg}"
    widths = {
        group.findtext(f"{name}title", "").split(":")[0]: float(group.find(f"{name}rect").attrib["width"])  # type: ignore[union-attr]
        for group in root.iter(f"{name}g")
    }
    assert widths["_start"] == 1199.5
    total = next(item for item in profile.functions() if item.name == "main").total
    assert abs(widths["main"] - 1200 * total / cycles) < 1
