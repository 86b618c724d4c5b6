"""Sphinx extension of the book: its colours, its boxes and the anchors of its evidence.

Sources stay portable: notebooks hold plain TeX and `:::` fences that read well in Jupyter too. What
the built page adds is here:

- a symbol has the colour of its curve, in both modes;
- a cell tagged `claim-xyz` gets that id, and `[text](#claim-xyz)` links to it;
- `:::{checked} claim-xyz` states a claim and links to the cell that would fail;
- `:::{says}` sets what the article says beside what holds, parted by a line `---`;
- `:::{question}` and `:::{facts}` (three parts) open a chapter;
- `:class: dropdown` folds any box, with the browser's own `<details>`.
"""

import re
import zlib
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx_proof.nodes import proof_node

from ganbook.live.page import palette_css

logger = logging.getLogger(__name__)

# --- colours ------------------------------------------------------------------------------------

GROUP = r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"
STAR = r"(?:\^(?:\*|\\(?:star|ast)\b|\{(?:\*|\\star|\\ast)\}))?"
OF_G = r"(?:_(?:G|\{G\}))?"
SYMBOL = re.compile(
    rf"""
    (?P<keep> \\(?:class|cssId|style)\s*{GROUP}\s*{GROUP}
            | \\(?:text[a-z]*|math(?:rm|bb|bf|cal|frak|it|scr|sf)|mbox|operatorname\*?
                |label|tag|ref|eqref|begin|end)\s*(?:{GROUP}|[A-Za-z])
            | \\(?:[A-Za-z]+|.)
            | D_\s*\{{?\\?(?:mathrm|text|operatorname|KL|JS) )   # a divergence, not the player
  | (?P<data> p_(?:\\(?:mathrm|text)\s*\{{data\}}|\{{\s*\\(?:mathrm|text)\s*\{{data\}}\s*\}}) )
  | (?P<gen>  p_(?:g|\{{g\}}) | G{STAR} )
  | (?P<disc> D{OF_G}{STAR}{OF_G} )
    """,
    re.VERBOSE,
)


def coloured(tex: str) -> str:
    r"""TeX in which :math:`p_{\mathrm{data}}`, :math:`p_g`, G and D carry their colour's class.

    Each symbol becomes a braced group, so that it may stand anywhere, as in ``\hat G`` or ``x_D``.
    Text, labels, operators and letters of other alphabets are left alone.
    """

    def wrap(match: re.Match) -> str:
        kind, symbol = match.lastgroup, match[0]
        if kind == "keep":
            return symbol
        inner = symbol[0] + symbol[1:].replace("G", r"{\class{gb-gen}{G}}")
        return rf"{{\class{{gb-{kind}}}{{{inner}}}}}"

    return SYMBOL.sub(wrap, tex)


def colour_formulas(app, doctree, docname) -> None:
    """Colour every formula but those in proofs, where it would be noise."""
    proofs = {id(node) for proof in doctree.findall(proof_node) for node in proof.findall()}
    for kind in (nodes.math, nodes.math_block):
        for node in doctree.findall(kind):
            if id(node) not in proofs:
                node[:] = [nodes.Text(coloured(node.astext()))]


# --- evidence -----------------------------------------------------------------------------------


def anchor_claims(app, doctree) -> None:
    """Give each code cell with a tag `claim-...` that id, and make it a target for references."""
    labels, docname, seen = app.env.get_domain("std"), app.env.docname, set()
    for cell in doctree.findall(nodes.container):
        for tag in cell.get("cell_metadata", {}).get("tags", []):
            if not tag.startswith("claim-"):
                continue
            if tag in seen:
                logger.warning("duplicate claim tag %r", tag, location=cell)
            seen.add(tag)
            cell["ids"].append(tag)
            cell["classes"].append("gb-claim")
            labels.note_hyperlink_target(tag, docname, tag, "the cell that would fail")


def merge_folded(app, doctree) -> None:
    """Set the code of folded cells that follow each other, with nothing to show, under one fold."""

    def code(node) -> bool:
        return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"

    def folded(node) -> bool:
        return code(node) and node.get("hide_mode") == "input" and not node["ids"]

    for cell in list(doctree.findall(code)):
        if not cell.children and not cell["ids"]:  # code and output both left out
            cell.parent.remove(cell)
    for cell in list(doctree.findall(folded)):
        place = cell.parent.index(cell)
        after = cell.parent[place + 1] if place + 1 < len(cell.parent) else None
        if len(cell) == 1 and folded(after):
            after[0][:0] = cell[0].children
            cell.parent.remove(cell)


# --- boxes --------------------------------------------------------------------------------------


class Block(nodes.General, nodes.Element):
    """A plain `<div>`; docutils' own container brings a class that the theme styles."""


class Details(nodes.General, nodes.Element):
    """`<details>`."""


class Summary(nodes.General, nodes.TextElement):
    """`<summary>`."""


def tag(name: str):
    """HTML visitors of a node that is one tag."""

    def visit(self, node):
        self.body.append(self.starttag(node, name))

    def depart(self, node):
        self.body.append(f"</{name}>\n")

    return visit, depart


def split(lines: StringList) -> list[StringList]:
    """The parts of a directive's content between lines `---`."""
    rules = [i for i, line in enumerate(lines) if line.strip() == "---"]
    starts, ends = [0, *(i + 1 for i in rules)], [*rules, len(lines)]
    return [lines[a:b] for a, b in zip(starts, ends, strict=True)]


class Box(SphinxDirective):
    """A directive whose content is Markdown."""

    has_content = True

    def parsed(self, lines: StringList, **attributes) -> Block:
        """A block that holds the parsed lines."""
        block = Block("", **attributes)
        self.state.nested_parse(lines, self.content_offset, block)
        return block


class Question(Box):
    """The opening question of a chapter."""

    def run(self) -> list[nodes.Node]:
        """Build the paragraph."""
        return [self.parsed(self.content, classes=["gb-question"])]


class Columns(Box):
    """Parts side by side, each under a small heading, unless the author has written it."""

    name_of_class: str
    headings: tuple[str, ...]

    def run(self) -> list[nodes.Node]:
        """Build the columns, or say how many parts are missing."""
        parts = split(self.content)
        if len(parts) != len(self.headings):
            raise self.error(
                f"{self.name} wants {len(self.headings)} parts with a line --- between them; "
                f"got {len(parts)}"
            )
        row = Block()
        for heading, lines in zip(self.headings, parts, strict=True):
            column = self.parsed(lines)
            if not column.astext().startswith(heading):
                column.insert(0, nodes.paragraph("", heading, classes=["gb-heading"]))
            row += column
        return [Block("", row, classes=[self.name_of_class])]


class Says(Columns):
    """What the article says beside what holds."""

    name_of_class = "gb-says"
    headings = ("The article says", "What holds")


class Facts(Columns):
    """The strip under the first picture."""

    name_of_class = "gb-facts"
    headings = ("You will", "You need", "Time")


class Checked(Box):
    """A claim, and a link to the cell that would fail if it were false."""

    required_arguments = 1
    option_spec = {"class": directives.class_option}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """Build the box."""
        claim = self.arguments[0]
        box = nodes.admonition(classes=["checked", *self.options.get("class", [])])
        box += nodes.title("", "Claim checked.")
        box += self.parsed(self.content).children
        link = addnodes.pending_xref(
            "",
            nodes.inline("", "The cell that would fail"),
            refdomain="std",
            reftype="ref",
            reftarget=claim,
            refexplicit=True,
            refwarn=True,  # an unknown claim breaks the build
            refdoc=self.env.docname,
        )
        self.set_source_info(link)
        if not isinstance(box[-1], nodes.paragraph):
            box += nodes.paragraph()
        box[-1] += [nodes.Text(" "), link]
        return [box]


def fold(app, doctree, docname) -> None:
    """Turn boxes of class `dropdown` into `<details>`: keyboard, search and print come with it."""
    for box in list(doctree.findall(nodes.Admonition)):
        if "dropdown" not in box.get("classes", []):
            continue
        if isinstance(box[0], nodes.title):
            title, *body = box.children
        else:  # the writer would title it by its kind
            title, body = nodes.title("", box.tagname.capitalize()), box.children
            named = nodes.admonition(classes=[*box["classes"], box.tagname], ids=box["ids"])
            box.replace_self(named)
            box = named
        box["classes"].remove("dropdown")
        box[:] = [Details("", Summary("", "", *title.children), *body)]


def dress(app, doctree, docname) -> None:
    """Set `Proof.` in italics, and what follows ` · ` in the title of an exercise in grey."""
    for proof in doctree.findall(proof_node):
        opening = next(iter(proof.findall(nodes.paragraph)))
        if opening.children and opening[0].astext().startswith("Proof. "):
            rest = nodes.Text(opening[0].astext().removeprefix("Proof. "))
            opening[:1] = [nodes.emphasis("", "Proof."), nodes.Text(" "), rest]
    for title in doctree.findall(nodes.title):
        if "exercise" not in title.parent.get("classes", []) or len(title) < 2:
            continue
        name, dot, note = title[-2].astext().partition(" · ")  # sphinx-exercise adds a last ")"
        if dot:
            grey = nodes.inline("", dot + note, classes=["gb-note"])
            title[-2:] = [nodes.Text(name + ")"), grey]


def drop_repeated_ids(app, doctree, docname) -> None:
    """Proofs share one id, and so do citations in docstrings: only the first may keep it."""
    seen = set()
    for node in doctree.findall(nodes.Element):
        if node["ids"] and not isinstance(node, nodes.title):  # sphinx-proof looks for that one
            node["ids"] = [name for name in node["ids"] if name not in seen]
            seen.update(node["ids"])


# --- reference ----------------------------------------------------------------------------------


def read_docstring(app, what, name, obj, options, lines) -> None:
    """Docstrings are prose with `code`, :math: and `[Key]_`, which cites the bibliography."""

    def plain(match: re.Match) -> str:
        return match[0] if match[0].startswith("`") else "\\" + match[0]

    for i, line in enumerate(lines):
        line = re.sub(r"`[^`]*`|[*|]", plain, line)  # |p - q| is no markup
        lines[i] = re.sub(r"\[(\w+?\d{4}\w?)\]_", r":cite:t:`\1`", line)


def list_sources(app, doctree, docname) -> None:
    """Show the bibliography as plain paragraphs: no text refers to a source by its label."""
    for entry in list(doctree.findall(nodes.citation)):
        source = Block("", *entry.findall(nodes.paragraph), classes=["gb-source"])
        source["ids"] = entry["ids"]
        entry.replace_self(source)


def write_palette(app) -> None:
    """Print `palette.css` into the built book; nothing generated is committed."""
    static = Path(app.outdir, "_static")
    static.mkdir(parents=True, exist_ok=True)
    (static / "palette.css").write_text(palette_css(), encoding="utf-8")


def add_icon(app, pagename, templatename, context, doctree) -> None:
    """Offer the favicon as PNG too."""
    href = context["pathto"]("_static/favicon-32.png", resource=True)
    icon = f'<link rel="icon" type="image/png" sizes="32x32" href="{href}">'
    context["metatags"] = context.get("metatags", "") + icon


def setup(app) -> dict[str, object]:
    """Register with Sphinx; a change of this file makes it read every page anew."""
    app.setup_extension("sphinx.ext.autodoc")
    for node, name in ((Block, "div"), (Details, "details"), (Summary, "summary")):
        app.add_node(node, html=tag(name))
    for directive in (Question, Says, Facts, Checked):
        app.add_directive(directive.__name__.lower(), directive)
    app.connect("builder-inited", write_palette)
    app.connect("autodoc-process-docstring", read_docstring, priority=400)
    app.connect("doctree-read", anchor_claims)
    app.connect("doctree-read", merge_folded)
    app.connect("html-page-context", add_icon)
    app.connect("doctree-resolved", colour_formulas)
    app.connect("doctree-resolved", fold)
    app.connect("doctree-resolved", dress)
    app.connect("doctree-resolved", list_sources)
    app.connect("doctree-resolved", drop_repeated_ids)
    version = zlib.crc32(Path(__file__).read_bytes())
    return {"env_version": version, "parallel_read_safe": True, "parallel_write_safe": True}
