"""A profile as a file: folded stacks, which flame graph tools read, or a drawing of its own."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from html import escape

from proving.machine.profile import Profile

_WIDTH, _ROW, _TOP = 1200, 18, 40
#: Frames narrower than this, in pixels, are not drawn.
_NARROWEST = 0.3
#: Width of a letter, in pixels.
_LETTER = 6.6


def folded(profile: Profile) -> str:
    """Return one line per call path: the functions joined by semicolons, a space, and the cycles."""
    return "".join(f"{';'.join(path)} {cycles}\n" for path, cycles in profile.stacks())


@dataclass
class _Frame:
    cycles: int = 0
    below: dict[str, _Frame] = field(default_factory=dict)


def _tree(profile: Profile) -> _Frame:
    root = _Frame()
    for path, cycles in profile.stacks():
        frame = root
        frame.cycles += cycles
        for name in path:
            frame = frame.below.setdefault(name, _Frame())
            frame.cycles += cycles
    return root


def svg(profile: Profile, title: str) -> str:
    """Return a drawing: callers above what they call, as wide as their share of the cycles."""
    root = _tree(profile)
    drawn: list[str] = []
    scale = _WIDTH / max(root.cycles, 1)
    rows = 0
    waiting: list[tuple[_Frame, float, int]] = [(root, 0.0, 0)]
    while waiting:
        frame, left, row = waiting.pop()
        for name, child in sorted(frame.below.items()):
            width = child.cycles * scale
            if width >= _NARROWEST:
                rows = max(rows, row + 1)
                drawn.append(_rectangle(name, child.cycles, child.cycles / root.cycles, left, width, row))
                waiting.append((child, left, row + 1))
            left += width
    height = _TOP + rows * _ROW + 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        'font-family="monospace" font-size="11">\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>\n'
        f'<text x="6" y="24" font-size="14">{escape(title)}: {root.cycles:,} cycles</text>\n'
        + "".join(drawn)
        + "</svg>\n"
    )


def _rectangle(name: str, cycles: int, share: float, left: float, width: float, row: int) -> str:
    top = _TOP + row * _ROW
    # The colour says nothing; it is the same for one name in every drawing.
    hue = 15 + zlib.crc32(name.encode()) % 40
    letters = int((width - 4) / _LETTER)
    shown = name if len(name) <= letters else name[: letters - 1] + "…" if letters > 2 else ""
    text = f'<text x="{left + 3:.2f}" y="{top + 12}">{escape(shown)}</text>' if shown else ""
    return (
        f"<g><title>{escape(name)}: {cycles:,} cycles, {share:.1%}</title>"
        f'<rect x="{left:.2f}" y="{top}" width="{max(width - 0.5, 0.2):.2f}" height="{_ROW - 1}" '
        f'fill="hsl({hue},80%,68%)"/>{text}</g>\n'
    )
