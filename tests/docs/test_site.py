"""The pages make a site in which every link leads somewhere and every page is found from the first one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(source), str(target)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_the_pages_make_a_site(tmp_path: Path) -> None:
    made = build(ROOT / "docs", tmp_path)
    assert made.returncode == 0, made.stderr
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if not (tmp_path / page).exists()} == set()
    assert "VerificationError" in (tmp_path / "reference.html").read_text("utf-8")


def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "conf.py").write_text('extensions = ["myst_parser"]\n')
    (pages / "index.md").write_text("# Pages\n\n[nowhere](nowhere.md)\n")
    made = build(pages, tmp_path / "site")
    assert made.returncode != 0
    assert "nowhere" in made.stderr
