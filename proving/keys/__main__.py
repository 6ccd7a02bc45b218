"""`python -m proving.keys`: print the key digests; `--write` pins them, which is a decision."""

from __future__ import annotations

import json
import sys

from proving.keys import PINNED, make_main_vm_key


def main() -> int:
    """Print every key's digest and whether it is the pinned one."""
    made = {"main_vm": make_main_vm_key().hex}
    if "--write" in sys.argv[1:]:
        PINNED.write_text(json.dumps(made, indent=1) + "\n")
    pinned = json.loads(PINNED.read_text())
    for name, digest in made.items():
        print(f"{name} {digest} {'pinned' if pinned.get(name) == digest else 'NOT the pinned one'}")
    return 0 if pinned == made else 1


if __name__ == "__main__":
    sys.exit(main())
