"""What the tests of this folder share: the book's sources, read, and a way to fail."""

import re
from collections.abc import Iterable
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))
PAGES = sorted(BOOK.glob("*.md"))


def named(path: Path) -> str:
    """A file's name as messages give it."""
    return path.relative_to(ROOT).as_posix()


def none_of(problems: Iterable[str]) -> None:
    """Fail with all problems, one a line."""
    problems = list(problems)
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def cells(notebook: Path, kind: str) -> list[tuple[str, nbformat.NotebookNode]]:
    """The cells of a kind, each with a name for messages; code cells have nbval's numbers."""
    chosen = [cell for cell in nbformat.read(notebook, 4).cells if cell.cell_type == kind]
    return [(f"{named(notebook)}, {kind} cell {i}", cell) for i, cell in enumerate(chosen)]


def claims(cell: nbformat.NotebookNode) -> list[str]:
    """The claims a cell is evidence for."""
    return [tag for tag in cell.metadata.get("tags", []) if tag.startswith("claim-")]


def prose(markdown: str) -> str:
    """What is left for the eye once code, formulas, roles, links and markup are taken out."""
    for pattern in (
        r"(?ms)^(`{3,}).*?^\1",  # code blocks and directives with backticks
        r"(?s)\$\$.*?\$\$(?: *\([\w-]+\))?",
        r"(?s)\\begin\{(\w+\*?)\}.*?\\end\{\1\}",
        r"(?<![\\$])\$[^$]+\$",
        r"\{[\w:.]+\}`[^`]*`",  # roles, citations among them
        r"(`+)[^`]+?\1",
        r"!?\[[^\]]*\]\([^)]*\)",
        r"(?m)^:{3,}(?:\{[^}]*\})?",  # the fence of a directive; its title is prose
        r"(?m)^:[\w-]+:.*$",  # its options
        r"(?s)<!--.*?-->|<[^>]+>",
        r"https?://\S+",
    ):
        markdown = re.sub(pattern, " ", markdown)
    return markdown


def source_map() -> list[dict[str, str]]:
    """Rows of the tables of `source_map.md`, by column."""
    rows, columns = [], None
    for line in (BOOK / "source_map.md").read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            columns = None
            continue
        fields = [field.strip() for field in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if columns is None:
            columns = fields
        elif set(line) - set("|-: "):
            rows.append(dict(zip(columns, fields, strict=True)))
    return rows
