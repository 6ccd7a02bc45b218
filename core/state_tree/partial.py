"""The partial tree of a witness input, in preorder (docs/state_transition.md, section 2)."""

from __future__ import annotations

from collections.abc import Sequence

from core.state_tree.node import EMPTY_DIGEST, Inner, Leaf, digit

EMPTY, LEAF, INTERNAL, OPAQUE = range(4)


def write_partial(root: Leaf | Inner | None, keys: Sequence[int]) -> bytes:
    """Write the kind of the root and the nodes on the paths of the keys; what lies beside them is opaque.

    Every digest in the tree is up to date.
    """
    parts: list[bytes] = [_kind(root, keys).to_bytes(4, "little")]
    _write(parts, root, keys, 0)
    return b"".join(parts)


def _kind(node: Leaf | Inner | None, keys: Sequence[int]) -> int:
    if node is None:
        return EMPTY
    if not keys:
        return OPAQUE
    return LEAF if isinstance(node, Leaf) else INTERNAL


def _write(parts: list[bytes], node: Leaf | Inner | None, keys: Sequence[int], depth: int) -> None:
    if node is None:
        return
    if not keys:
        parts.append(node.digest or EMPTY_DIGEST)
    elif isinstance(node, Leaf):
        parts.append(node.words())
    else:
        below: list[list[int]] = [[], [], [], []]
        for key in keys:
            below[digit(key, depth)].append(key)
        kinds = sum(_kind(child, below[i]) << (2 * i) for i, child in enumerate(node.children))
        parts.append(kinds.to_bytes(4, "little"))
        for child, subset in zip(node.children, below, strict=True):
            _write(parts, child, subset, depth + 1)
