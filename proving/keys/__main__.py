"""`python -m proving.keys`: print the key digests; `--write` pins them, which is a decision."""

from __future__ import annotations

import json
import sys

from proving.keys import PINNED, Pin, pinned, stored
from proving.keys.make import make_key
from proving.keys.registry import CIRCUITS


def make_pin(name: str) -> Pin:
    """Make a circuit's key and return what is pinned of it."""
    key = make_key(name)
    data = memoryview(stored.encode(key))
    return Pin(key.hex, stored.head_digest(data[: stored.head_length(data)]))


def main() -> int:
    """Print every key's digest and whether it is the pinned one."""
    made = {name: make_pin(name) for name in CIRCUITS}
    if "--write" in sys.argv[1:]:
        PINNED.write_text(json.dumps({name: pin._asdict() for name, pin in made.items()}, indent=1) + "\n")
    for name, pin in made.items():
        print(f"{name} {pin.digest} {'pinned' if pinned().get(name) == pin else 'NOT the pinned one'}")
    return 0 if pinned() == made else 1


if __name__ == "__main__":
    sys.exit(main())
