"""What every notebook, every page and the package must keep to, checked on the sources.

(Docstrings of public names are ruff's business: rules D101 to D103.)
"""

import ast
import io
import re
import subprocess
import sys
import tokenize

import nbformat
import pytest
from bs4 import BeautifulSoup
from pybtex.database import parse_file
from sources import BOOK, NOTEBOOKS, PAGES, ROOT, cells, claims, named, none_of, prose, source_map

MODULES = sorted((ROOT / "ganbook").rglob("*.py"))
ARTICLE = [f"Eq. {n}" for n in range(1, 22)] + [f"Figure {n}" for n in range(1, 4)]

# Numbers of the prose that no cell can give, and why.
ALLOWED_NUMBERS = {
    "168,000": "the iteration of the article's anecdote",
    "1.386": "2 log 2 as readers meet it and search for it; claim-coin-loss-pointwise asserts it",
}
NUMBER = re.compile(
    r"(?<![\w.,])(?:\d+(?:,\d{3})+(?:\.\d+)?|\d*\.\d+|\d{3,}|\d+(?=\s?%|\sper\scent))(?!\w)"
)

# Imports run one way: what each module may import of `ganbook`.
LAYERS = {
    "__init__": set(),
    **{leaf: set() for leaf in ("theory", "data", "models", "losses", "metrics", "plots")},
    "train": {"losses"},
    "recipes": {"data", "losses", "models", "train"},
    "snapshots": {"train"},
    "widgets": {"plots"},
    "live": {"data", "losses", "models", "theory", "plots"},
    "cli": {
        *("data", "losses", "metrics", "models", "plots", "recipes", "snapshots", "theory"),
        "train",
    },
    "__main__": {"cli"},
}


def each(paths):
    return pytest.mark.parametrize("path", paths, ids=named)


# --- notebooks ----------------------------------------------------------------------------------


@each(NOTEBOOKS)
def test_cells_are_run_in_order_and_short(path):
    problems = []
    for expected, (where, cell) in enumerate(cells(path, "code"), 1):
        if cell.execution_count != expected:
            problems.append(
                f"{where}: execution count is {cell.execution_count}, expected {expected}; "
                f"make execute NB={named(path)}"
            )
        if (lines := len(cell.source.splitlines())) > 25:
            problems.append(f"{where}: {lines} lines, at most 25")
    none_of(problems)


@each(NOTEBOOKS)
def test_outputs_are_clean(path):
    problems = []
    for where, cell in cells(path, "code"):
        for output in cell.outputs:
            if output.output_type == "error":
                problems.append(f"{where}: ends in {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                problems.append(f"{where}: writes to stderr: {output.text[:80]!r}")
            problems += [
                f"{where}: holds a widget" for kind in output.get("data", {}) if "widget" in kind
            ]
    if "widgets" in nbformat.read(path, 4).metadata:
        problems.append(f"{named(path)}: holds widget state")
    if (size := path.stat().st_size) > 1.5e6:
        problems.append(f"{named(path)}: {size / 1e6:.2f} MB, at most 1.5 MB")
    none_of(problems)


@each(NOTEBOOKS)
def test_pictures_are_described(path):
    problems = []
    for where, cell in cells(path, "code"):
        outputs = [output.get("data", {}) for output in cell.outputs]
        pictures = sum(any(kind.startswith("image/") for kind in data) for data in outputs)
        furniture = cell.metadata.get("mystnb", {})
        if pictures > 1:
            problems.append(f"{where}: {pictures} pictures, but one alt text: one picture a cell")
        if pictures and len(furniture.get("image", {}).get("alt", "")) < 20:
            problems.append(f"{where}: a picture without alt text (metadata mystnb.image.alt)")
        if pictures and not furniture.get("figure", {}).get("caption"):
            problems.append(f"{where}: a picture without caption (metadata mystnb.figure.caption)")
        for data in outputs:
            frames = BeautifulSoup(data.get("text/html", ""), "html.parser").find_all("img")
            alts = [frame.get("alt", "") for frame in frames]
            problems += [f"{where}: a frame's alt text is {alt!r}" for alt in alts if len(alt) < 20]
    none_of(problems)


@each(NOTEBOOKS)
def test_numbers_of_the_prose_come_from_cells(path):
    problems = []
    for where, cell in cells(path, "markdown"):
        for number in NUMBER.findall(prose(cell.source)):
            year = re.fullmatch(r"(19|20)\d\d", number)
            if not year and number not in ALLOWED_NUMBERS:
                problems.append(f"{where}: {number!r} is typed; use {{glue:text}} or a formula")
    none_of(problems)


@each(NOTEBOOKS)
def test_first_cell_says_how_to_install(path):
    where, cell = cells(path, "code")[0]
    assert "ganbook" in cell.source, f"{where}: the first code cell imports ganbook"
    assert "pip install" in cell.source, f"{where}: says what to do when ganbook is missing"


def test_every_claim_is_one_cell_that_can_fail():
    problems, seen = [], {}
    for path in NOTEBOOKS:
        for where, cell in cells(path, "code"):
            for claim in claims(cell):
                if claim in seen:
                    problems.append(f"{where}: {claim} is also the tag of {seen[claim]}")
                if "assert" not in cell.source:
                    problems.append(f"{where}: {claim} asserts nothing")
                seen[claim] = where
    none_of(problems)


@each(NOTEBOOKS)
def test_spelling(path):
    """The lint step spells the other files; here the prose of a notebook, without its pictures."""
    text = "\n\n".join(cell.source for _, cell in cells(path, "markdown"))
    command = [sys.executable, "-m", "codespell_lib", "-"]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, cwd=ROOT, check=False
    )
    none_of([f"{named(path)}: {line}" for line in done.stdout.splitlines() if "==>" in line])


# --- pages --------------------------------------------------------------------------------------


def markdown_of(path):
    if path.suffix == ".md":
        return [(named(path), path.read_text(encoding="utf-8"))]
    return [(where, cell.source) for where, cell in cells(path, "markdown")]


@each(NOTEBOOKS + PAGES)
def test_citations_are_in_the_bibliography(path):
    known = parse_file(BOOK / "references.bib").entries
    none_of(
        f"{where}: {key.strip()!r} is not in book/references.bib"
        for where, text in markdown_of(path)
        for keys in re.findall(r"\{cite(?::\w+)?\}`([^`]*)`", text)
        for key in keys.split(",")
        if key.strip() not in known
    )


# --- the article --------------------------------------------------------------------------------


def test_source_map_is_complete():
    rows = source_map()
    expected = ["Article", "What it says", "Where", "Evidence", "State"]
    problems = [
        f"source_map.md: columns are {list(row)}" for row in rows if list(row) != expected
    ] or [
        f"source_map.md: no row for {item}"
        for item in ARTICLE
        if not any(re.search(rf"{re.escape(item)}(?!\d)", row["Article"]) for row in rows)
    ]
    none_of(problems)


def test_rows_marked_done_point_to_their_evidence():
    tags = {tag for path in NOTEBOOKS for _, cell in cells(path, "code") for tag in claims(cell)}
    problems = []
    for row in source_map():
        if row["State"] != "done":
            continue
        if not re.search(r"\[[^\]]*\]\(#[^)]+\)|\{(?:eq|ref|numref|prf:ref)\}`", row["Where"]):
            problems.append(f"source_map.md, {row['Article']}: done, but no label under Where")
        evidence = re.findall(r"\]\(#(claim-[\w-]+)\)", row["Evidence"])
        if not evidence:
            problems.append(f"source_map.md, {row['Article']}: done, but no claim under Evidence")
        problems += [
            f"source_map.md, {row['Article']}: no cell is tagged {claim}"
            for claim in evidence
            if claim not in tags
        ]
    none_of(problems)


# --- the package --------------------------------------------------------------------------------


def imported(tree):
    """Every module of `ganbook` that a module imports, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(filter(None, ["ganbook" if node.level else "", node.module]))
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "ganbook" and rest:
                yield rest.partition(".")[0], node.lineno


@each(MODULES)
def test_imports_run_one_way(path):
    layer = path.relative_to(ROOT / "ganbook").parts[0].removesuffix(".py")
    assert layer in LAYERS, f"{named(path)}: say in LAYERS what it may import"
    none_of(
        f"{named(path)}:{line}: imports ganbook.{module}; {layer} may import "
        f"{', '.join(sorted(LAYERS[layer])) or 'nothing'} of ganbook"
        for module, line in imported(ast.parse(path.read_text(encoding="utf-8")))
        if module not in LAYERS[layer] and module != layer
    )


def code_lines(source):
    """The lines that hold code: docstrings, comments and blank lines are not counted."""
    lines = set()
    blank = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in blank and token.string:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            lines.difference_update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def test_package_can_be_read_in_an_evening():
    sizes = {
        named(path): code_lines(path.read_text(encoding="utf-8"))
        for path in MODULES
        if "live" not in path.parts and path.name != "cli.py"
    }
    assert sum(sizes.values()) <= 1500, sizes
