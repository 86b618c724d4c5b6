"""Sphinx extension: `:::{live} game2d` puts a live figure on a page.

Options are those of the figure (`data`, `loss`, `nets`, `seed`, ...), `height` and `class`; the
content, if there is any, is the caption. A notebook's `ganbook.live.show(...)` becomes the same
figure. Scripts are generated here and loaded on pages that use them, nowhere else.
"""

import functools
import html
import json
import re
import zlib
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from ganbook.live import page

logger = logging.getLogger(__name__)
FOLDER = "live"  # below the built book's _static
TAG = re.compile(r'<div class="gb-live" data-figure="([^"]+)" data-given="([^"]*)"></div>')


class Live(nodes.General, nodes.Element):
    """A live figure: its name and the options that the author wrote."""


class Anything(dict):
    """An option specification that lets every option through: the figure judges them."""

    def __contains__(self, name):
        return True

    def __getitem__(self, name):
        return str.strip

    def __bool__(self):
        return True


class LiveDirective(SphinxDirective):
    """`:::{live} name`."""

    required_arguments = 1
    has_content = True
    option_spec = Anything()

    def run(self) -> list[nodes.Node]:
        """Build the figure, or say what is wrong with its options."""
        options = {name.replace("-", "_"): value for name, value in self.options.items()}
        classes = options.pop("class", "").split()
        try:
            page.tag(self.arguments[0], options)
        except ValueError as error:
            raise self.error(str(error)) from error
        caption = self.content or StringList([page.figure(self.arguments[0]).CAPTION])
        parsed = nodes.Element()
        self.state.nested_parse(caption, self.content_offset, parsed)
        figure = wrapped(self.env, self.arguments[0], options, parsed[0].children)
        return [nodes.container("", figure, classes=classes) if classes else figure]


def wrapped(env, name: str, options: dict, caption: list[nodes.Node]) -> nodes.figure:
    """The figure with its caption and a number of its own."""
    live = Live(name=name, given=options)
    number = env.new_serialno("live")
    figure = nodes.figure("", live, nodes.caption("", "", *caption), ids=[f"live-{name}-{number}"])
    figure["classes"].append("gb-live-figure")
    return figure


def fill_tags(app, doctree) -> None:
    """Turn the bare tags that `show` left in a notebook's outputs into figures."""
    for raw in list(doctree.findall(nodes.raw)):
        found = TAG.search(raw.astext()) if "html" in raw.get("format", "") else None
        if found:
            options = json.loads(html.unescape(found[2]))
            words = re.split(r"\*\*", page.figure(found[1]).CAPTION)
            bold = [nodes.strong("", w) if k % 2 else nodes.Text(w) for k, w in enumerate(words)]
            raw.replace_self(wrapped(app.env, found[1], options, bold))


@functools.cache
def write(folder: str, name: str, given: str) -> tuple[str, ...]:
    """Write what a figure needs into a folder; returns the scripts' names."""
    target = Path(folder, FOLDER)
    target.mkdir(parents=True, exist_ok=True)
    scripts = page.scripts(name, json.loads(given))
    for file, text in {**scripts, "figure.css": page.style()}.items():
        (target / file).write_text(text, encoding="utf-8")
    still = target / f"{name}.png"
    still.write_bytes(page.picture(name))
    return tuple(scripts)


def add_scripts(app, pagename, templatename, context, doctree) -> None:
    """Load a figure's scripts and style on the pages that show it."""
    files: dict[str, None] = {}
    for live in doctree.findall(Live) if doctree is not None else ():
        static = Path(app.outdir, "_static")
        given = json.dumps(live["given"], sort_keys=True)
        files |= dict.fromkeys(write(str(static), live["name"], given))
    for file in files:
        app.add_js_file(f"{FOLDER}/{file}", loading_method="defer")
    if files:
        app.add_css_file(f"{FOLDER}/figure.css")


def visit(self, node) -> None:
    """Print the element; scripts come with the page's head."""
    up = "../" * self.builder.current_docname.count("/")
    picture = f"{up}_static/{FOLDER}/{node['name']}.png"
    self.body.append(page.element(node["name"], node["given"], picture))
    raise nodes.SkipNode


def setup(app) -> dict[str, object]:
    """Register with Sphinx; a change of anything in the package makes it read every page anew."""
    app.add_node(Live, html=(visit, None))
    app.add_directive("live", LiveDirective)
    app.connect("doctree-read", fill_tags)
    app.connect("html-page-context", add_scripts)
    package = Path(__file__).parent.parent
    sources = sorted(p for kind in ("py", "js", "css", "json") for p in package.rglob(f"*.{kind}"))
    version = zlib.crc32(b"".join(path.read_bytes() for path in sources))
    return {"env_version": version, "parallel_read_safe": True, "parallel_write_safe": True}
