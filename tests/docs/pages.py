"""The pages of the documentation and the code in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(
    r"(?:<!-- not run: (?P<why>[^\n]*) -->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```\n"
    r"(?:\nThis prints\n\n```\n(?P<shown>.*?)^```)?",
    re.DOTALL | re.MULTILINE,
)


class Block(NamedTuple):
    """Code on a page.

    Args:
        code: after as many empty lines as come before it on the page, so that a traceback has the page's line numbers.
        why: the reason why it is not run; None if it is run.
        shown: what the page says that it prints; None where it says nothing.
    """

    code: str
    why: str | None
    shown: str | None


def blocks(page: str, language: str) -> Iterator[Block]:
    """The blocks of a language on a page."""
    text = (ROOT / page).read_text()
    for match in _BLOCK.finditer(text):
        if match["language"] == language:
            before = "\n" * text.count("\n", 0, match.start("code"))
            yield Block(before + match["code"], match["why"], match["shown"])
