"""The pictures of the console are those that the script takes, each small, on a page, and with words."""

from __future__ import annotations

import re
import struct

from tests.housekeeper.screenshots import IMAGES, MOST_BYTES, WIDTH, pictures


def test_pages_show_the_pictures_that_the_script_takes() -> None:
    pages = [path.read_text("utf-8") for path in IMAGES.parent.glob("*.md")]
    shown = [found for page in pages for found in re.findall(r"!\[([^\]]*)\]\(images/([^)]+)\)", page)]
    assert sorted(name for _, name in shown) == sorted(pictures())
    assert all(len(words) > 10 for words, _ in shown)
    assert sorted(path.name for path in IMAGES.iterdir()) == sorted(pictures())


def test_pictures_are_small_and_of_the_scripts_width() -> None:
    for name in pictures():
        picture = (IMAGES / name).read_bytes()
        assert picture[:8] == b"\x89PNG\r\n\x1a\n" and len(picture) <= MOST_BYTES, name
        assert struct.unpack(">I", picture[16:20])[0] == WIDTH, name
