"""Ask for published faults of the locked packages (pip-audit). Ends with 1 when one has some.

Where PyPI's advisories cannot be reached that is said, and nothing is refused: a machine without network is no fault of
the packages.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements-dev.lock"


def audited(requirements: Path) -> list[dict[str, Any]]:
    """Return what pip-audit says of each package; of none where it says nothing that can be read."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--disable-pip"]
    done = subprocess.run(
        [*command, "--require-hashes", "-r", str(requirements)], capture_output=True, text=True, check=False
    )
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        print(done.stderr[-500:], file=sys.stderr)
        return []
    return found


def reached() -> bool:
    """Return whether advisories can be had: of one package, before all are asked for."""
    [first] = re.findall(r"\A(?:.*\n)*?(\S+==.*\\\n(?: +--hash=.*\n)+)", LOCK.read_text(encoding="utf-8"))
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as one:
        one.write(first)
        one.flush()
        return any("vulns" in package for package in audited(Path(one.name)))


def main() -> int:
    """Audit, and print what was found."""
    if not reached():
        print("hallmark: pip-audit is left out: PyPI's advisories cannot be reached from here")
        return 0
    faults = [(package, fault) for package in audited(LOCK) for fault in package.get("vulns", ())]
    for package, fault in faults:
        mended = ", ".join(fault["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {fault['id']}, mended in {mended}")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
