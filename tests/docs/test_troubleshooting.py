"""Everything that `hallmark status` calls stuck has its line on the page of troubles."""

from __future__ import annotations

import re

from tests.docs.test_pages import ROOT, table


def test_every_kind_of_trouble_has_its_line() -> None:
    source = (ROOT / "broker/jobs/stuck.py").read_text("utf-8")
    made = set(re.findall(r'Trouble\(\s*"(\w+)"', source))
    assert made >= {"dead_job", "no_worker"}
    assert {row[0].strip("`") for row in table("troubleshooting.md", "kind")} == made
