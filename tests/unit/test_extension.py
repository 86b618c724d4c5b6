"""The book's Sphinx extension: its pure functions, and its boxes on a book of one page."""

import io
import re
import sys
from pathlib import Path

import nbformat
import pytest
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from ganbook.plots import PALETTE

sys.path.insert(0, str(Path(__file__).parents[2] / "book" / "extension"))
import gb_book
from gb_book import coloured


def disc(tex):
    return rf"{{\class{{gb-disc}}{{{tex}}}}}"


def gen(tex):
    return rf"{{\class{{gb-gen}}{{{tex}}}}}"


def data(tex):
    return rf"{{\class{{gb-data}}{{{tex}}}}}"


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        ("D", disc("D")),
        ("G", gen("G")),
        ("D(G(z))", disc("D") + "(" + gen("G") + "(z))"),
        ("V(D, G)", "V(" + disc("D") + ", " + gen("G") + ")"),
        ("p_g(x)", gen("p_g") + "(x)"),
        ("p_{g}", gen("p_{g}")),
        (r"p_{\mathrm{data}}(x)", data(r"p_{\mathrm{data}}") + "(x)"),
        (r"p_\mathrm{data}", data(r"p_\mathrm{data}")),
        (r"p_{\text{data}}", data(r"p_{\text{data}}")),
        ("D^*", disc("D^*")),
        (r"D^{\star}", disc(r"D^{\star}")),
        ("G^*", gen("G^*")),
        ("D^*_G(x)", disc(rf"D^*_{gen('G')}") + "(x)"),
        ("D_G^*", disc(rf"D_{gen('G')}^*")),
        (r"\min_G \max_{D}", r"\min_" + gen("G") + r" \max_{" + disc("D") + "}"),
        (r"\hat D", r"\hat " + disc("D")),
        (r"\frac{D}{2}", r"\frac{" + disc("D") + "}{2}"),
        (r"\log(1 - D)", r"\log(1 - " + disc("D") + ")"),
        (r"a \\ D", r"a \\ " + disc("D")),
    ],
)
def test_symbols_are_coloured(tex, expected):
    assert coloured(tex) == expected


@pytest.mark.parametrize(
    "tex",
    [
        r"\mathbb{D}",
        r"\mathbb D",
        r"\mathcal{G}",
        r"\Delta \Gamma",
        r"\text{if D and G agree}",
        r"\textbf{D}",
        r"\mathrm{GAN}",
        r"\operatorname{JSD}",
        r"\label{eq-D}",
        r"\begin{aligned} x \end{aligned}",
        r"\class{gb-disc}{D}",
        r"\text{nested {D {G}} braces}",
        r"D_{\mathrm{KL}}",
        r"D_{KL}",
        r"p_z, p_\theta, p_{\theta}",
        r"V, x, z, \theta, \sigma",
    ],
)
def test_everything_else_is_left_alone(tex):
    assert coloured(tex) == tex


def test_colouring_keeps_the_formula():
    tex = r"\min_G \max_D \mathbb{E}_{x \sim p_{\mathrm{data}}}[\log D(x)] + \log(1 - D^*_G(G(z)))"
    dressed = coloured(tex)
    assert dressed.count("{") == dressed.count("}")
    assert re.sub(r"\\class\{gb-\w+\}|[{}]", "", dressed) == re.sub(r"[{}]", "", tex)


def test_palette_is_printed_for_light_dark_and_paper():
    css = gb_book.palette_css()
    light, dark, paper = css.splitlines()
    for name, colour in PALETTE["light"].items():
        assert f"--gb-{name}:{colour};" in light
        assert f"--gb-{name}:{colour};" in paper
    for name, colour in PALETTE["dark"].items():
        assert f"--gb-{name}:{colour};" in dark
    assert light.startswith(":root,html[data-theme=light]{")
    assert dark.startswith("html[data-theme=dark]{")
    assert paper.startswith("@media print{html[data-theme]{")


def test_palette_names_agree():
    assert PALETTE["light"].keys() == PALETTE["dark"].keys()


@pytest.mark.parametrize(
    ("lines", "parts"),
    [
        (["a", "---", "b"], [["a"], ["b"]]),
        (["a", "", " --- ", "b", "c"], [["a", ""], ["b", "c"]]),
        (["a", "----", "b"], [["a", "----", "b"]]),
        (["a", "---", "b", "---", "c"], [["a"], ["b"], ["c"]]),
    ],
)
def test_parts_lie_between_rules(lines, parts):
    assert [list(part) for part in gb_book.split(StringList(lines))] == parts


def test_docstrings_are_prose():
    lines = ["TV = ½ |p - q| of (S, *shape)", "`a * b`, [Goodfellow2014]_ and [not a key]_"]
    gb_book.read_docstring(None, "function", "f", None, None, lines)
    assert lines == [
        r"TV = ½ \|p - q\| of (S, \*shape)",
        "`a * b`, :cite:t:`Goodfellow2014` and [not a key]_",
    ]


def test_every_palette_variable_in_the_style_sheet_exists():
    css = (Path(__file__).parents[2] / "book" / "assets" / "book.css").read_text(encoding="utf-8")
    defined = {*PALETTE["light"], "border", "radius"}
    assert set(re.findall(r"var\(--gb-([\w-]+)\)", css)) <= defined


@pytest.fixture
def page(tmp_path):
    """Builds one notebook, given as text and tags of cells; returns its HTML and the warnings."""

    def build(*cells):
        notebook = nbformat.v4.new_notebook()
        notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "python"}
        for text, *tags in cells:
            kind = nbformat.v4.new_code_cell if tags else nbformat.v4.new_markdown_cell
            notebook.cells.append(kind(text, metadata={"tags": tags}))
        nbformat.write(notebook, tmp_path / "index.ipynb")
        config = {
            "extensions": ["myst_nb", "sphinx_proof", "sphinx_exercise", "gb_book"],
            "myst_enable_extensions": ["colon_fence", "dollarmath"],
            "nb_execution_mode": "off",
            "exercise_style": "solution_follow_exercise",
            "html_theme": "basic",
        }
        warnings, out = io.StringIO(), tmp_path / "out"
        with docutils_namespace():
            Sphinx(
                tmp_path, None, out, out / "doctrees", "html", config, None, warnings, True
            ).build()
        return (out / "index.html").read_text(encoding="utf-8"), warnings.getvalue()

    return build


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:::docutils")


def test_a_claim_leads_to_its_cell(page):
    box = "# Page\n\n:::{checked} claim-one\nTwo is two.\n:::\n\n[there](#claim-one)"
    html, warnings = page((box,), ("assert 2 == 2", "claim-one"))
    assert warnings == ""
    assert html.count('id="claim-one"') == 1
    assert html.count('href="#claim-one"') == 2
    html = html.replace("\n", " ")
    assert re.search(r"Two is two\. <a[^>]*><span[^>]*>The cell that would fail</span></a>", html)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([("# Page\n\n:::{checked} claim-two\nNo.\n:::",)], "undefined label: 'claim-two'"),
        ([("# Page",), ("1", "claim-a"), ("2", "claim-a")], "duplicate claim tag 'claim-a'"),
        ([("# Page\n\n:::{says}\nOnly one half.\n:::",)], "says wants 2 parts"),
        ([("# Page\n\n:::{facts}\na\n\n---\nb\n:::",)], "facts wants 3 parts"),
    ],
)
def test_a_broken_box_is_a_warning(page, cells, message):
    assert message in page(*cells)[1]


def test_folded_cells_share_one_fold(page):
    html, _ = page(
        ("# Page",),
        ("a = 1", "hide-input"),
        ("left = out", "remove-input"),
        ("b = 2", "hide-input"),
        ("c", "claim-c"),
    )
    assert html.count('class="cell ') == 2
    assert html.count("<details") == 1
    assert html.index("<details") < html.index("1</span>") < html.index("2</span>")


def test_the_furniture(page):
    html, warnings = page(
        (
            "# Page\n\n:::{question}\nWhy $D$?\n:::\n\n"
            ":::{says}\nleft\n---\nright\n:::\n\n"
            ":::{facts}\n**You will** see\n---\nb\n---\nc\n:::\n\n"
            ":::{prf:proof}\nAs $D$.\n:::\n\n:::{prf:proof}\nAs $G$.\n:::\n\n"
            ":::{exercise} Name · 5 min\n:label: ex\nDo.\n:::\n\n"
            ":::{hint}\n:class: dropdown\nLook.\n:::\n\n"
            ":::{solution} ex\n:class: dropdown\nDone.\n:::",
        )
    )
    assert warnings == ""
    assert r"\({\class{gb-disc}{D}}\)" in html
    assert r"\(D\)" in html, "a proof is left in ink"
    assert [html.count(f'class="gb-{name}"') for name in ("question", "says", "facts")] == [1] * 3
    for heading in ("The article says", "What holds", "You need", "Time"):
        assert f'<p class="gb-heading">{heading}</p>' in html
    assert html.count("You will") == 1, "the author's own heading is not doubled"
    assert html.count("<em>Proof.</em>") == 2
    assert html.count('id="proof"') == 1
    assert '(Name)<span class="gb-note"> · 5 min</span>' in html
    assert html.count("<details>") == 2
    assert re.findall(r"<summary>\s*(.*?)</summary>", html) == ["Hint", "Solution"]
