"""Write the frozen proof anew: ``python -m tests.proving.stark.freeze``, after a format change that was decided on."""

from __future__ import annotations

import json
from pathlib import Path

from tests.proving.stark import toy

FOLDER = Path(__file__).parent / "fixtures"
PROOF = FOLDER / "toy.proof"
FACTS = FOLDER / "toy.json"


def main() -> None:
    key, publics, proof = toy.proof()
    FOLDER.mkdir(exist_ok=True)
    PROOF.write_bytes(proof)
    FACTS.write_text(json.dumps({"key": key.hex, "publics": publics.tolist(), "bytes": len(proof)}, indent=2) + "\n")


if __name__ == "__main__":
    main()
