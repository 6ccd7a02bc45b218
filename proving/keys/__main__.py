"""`python -m proving.keys`: print the digests of keys and key sets; `--write` pins them, which is a decision."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from proving.keys import PINNED, Pin, described, hex_of, programs, snark_circuits, stored
from proving.keys.make import make_anew
from proving.keys.registry import families, names, write_snark


def make_pin(name: str) -> Pin:
    """Make a circuit's key and return what is pinned of it."""
    key, program = make_anew(name)
    data = memoryview(stored.encode(key))
    head = stored.head_digest(data[: stored.head_length(data)])
    return Pin(key.hex, head, "" if program is None else described.digest(programs.encode(program)))


def make_key_sets() -> dict[str, str]:
    """Return the digest of every profile's key set."""
    return {
        family.profile: hex_of(family.digest({name: make_anew(name).key.digest for name in family.names}))
        for family in families()
    }


def make_snark_circuits() -> dict[str, str]:
    """Return the SHA-256 of the SNARK's circuit of every profile that has a last layer."""
    found = {}
    for family in families():
        if family.layers:
            circuit = write_snark(family.profile, lambda name: make_anew(name).key)
            found[family.profile] = described.digest(snark_circuits.encode(circuit))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every digest and whether it is the pinned one."""
    parser = argparse.ArgumentParser(prog="python -m proving.keys", description="Print digests of keys and key sets.")
    parser.add_argument("--write", action="store_true", help="pin what was made, which is a decision")
    write = parser.parse_args(arguments).write
    before: dict[str, dict[str, Any]] = json.loads(PINNED.read_text())
    made: dict[str, dict[str, Any]] = {
        "keys": {name: make_pin(name)._asdict() for name in names()},
        "key_sets": make_key_sets(),
        "snark_circuits": make_snark_circuits(),
    }
    if write:
        PINNED.write_text(json.dumps(made, indent=1) + "\n")
        before = made
    for kind, found in made.items():
        for name, pin in found.items():
            same = before.get(kind, {}).get(name) == pin
            shown = pin if isinstance(pin, str) else pin["digest"]
            print(f"{kind} {name} {shown} {'pinned' if same else 'NOT the pinned one'}")
    return 0 if before == made else 1


if __name__ == "__main__":
    sys.exit(main())
