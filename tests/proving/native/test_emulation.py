"""The emulation of vector instructions against the instructions themselves."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from proving import native
from tests.proving import instruction_sets
from tests.proving.native.instructions import ANSWERS, LANES, REAL, Instructions, digests, operands


@pytest.mark.parametrize("isa", LANES)
def test_emulated_instructions_give_the_answers_of_real_ones(isa: str) -> None:
    instruction_sets.require(isa)
    instruction_sets.build("instructions")
    instruction_sets.build_emulated()
    real, emulated = Instructions(REAL, isa), Instructions(native.EMULATED_LIBRARY, isa)
    assert emulated.names == real.names
    inputs = operands(LANES[isa])
    wrong = {
        name
        for number, name in enumerate(real.names)
        if not np.array_equal(real.run(number, inputs), emulated.run(number, inputs))
    }
    assert not wrong


@pytest.mark.parametrize("isa", LANES)
def test_emulated_instructions_give_the_recorded_answers(isa: str) -> None:
    instruction_sets.build_emulated()
    assert digests(native.EMULATED_LIBRARY, isa) == json.loads(ANSWERS.read_text())[isa]


def test_every_intrinsic_of_the_kernels_is_compared() -> None:
    sources = (instruction_sets.NATIVE / "src").rglob("*.?pp")
    used = {name for source in sources for name in re.findall(r"\b_mm\w*", source.read_text())}
    assert used
    assert used <= {name for answers in json.loads(ANSWERS.read_text()).values() for name in answers}
