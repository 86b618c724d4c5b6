"""The built book, as files and in a browser: over http on a desk and a phone, and from a folder."""

import functools
import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from axe_playwright_python.base import AXE_SCRIPT
from axe_playwright_python.sync_playwright import Axe
from browsing import SITE, visit
from bs4 import BeautifulSoup
from sources import NOTEBOOKS, ROOT, cells, claims, none_of

PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if "_static" not in path.parts and path != SITE / "index.html"  # this one only redirects
)

# What axe finds in the theme, not in the book: rule and selector, nothing broader.
THEME_VIOLATIONS = {
    ("region", ".sidebar-primary__section p.logo__title"),  # the sidebar is no landmark
    # sphinxcontrib-bibtex and docutils mark a bibliography up with roles that ARIA has dropped.
    ("aria-allowed-role", "div.citation[role=doc-biblioentry]"),
    ("aria-deprecated-role", "div.citation[role=doc-biblioentry]"),
    ("aria-required-children", "div.citation-list[role=list]"),
}


# Axe judges the contrast of the texts that this script has marked, and everything else everywhere.
ONE_OF_EACH = Path(__file__).with_name("one_of_each.js").read_text(encoding="utf-8")
MARKED = 'axe.configure({rules: [{id: "color-contrast", selector: "[data-contrast]"}]});'


@functools.cache
def parsed(page):
    if page not in PAGES:
        pytest.fail(f"{page} is not built: make book", pytrace=False)
    return BeautifulSoup((SITE / page).read_text(encoding="utf-8"), "html.parser")


each_page = pytest.mark.parametrize("name", PAGES)


# --- files --------------------------------------------------------------------------------------


def test_every_chapter_is_built():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [contents["root"]]
    files += [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    none_of(f"{file}.html is not built: make book" for file in files if f"{file}.html" not in PAGES)


@functools.cache
def anchors(page):
    return {tag["id"] for tag in parsed(page).select("[id]")} | {""}


@each_page
def test_links_lead_somewhere(name):
    problems = []
    for tag in parsed(name).select("[href], [src]"):
        link = tag.get("href", tag.get("src"))
        url = urlsplit(link)
        if url.scheme in ("data", "mailto"):
            continue
        if url.scheme or url.netloc:
            if tag.name != "a":
                problems.append(f"{name}: <{tag.name}> asks for {link}")
            continue
        target = (SITE / name).parent / unquote(url.path) if url.path else SITE / name
        if not target.is_file():
            problems.append(f"{name}: {link} leads nowhere")
        elif target.suffix == ".html":
            page = target.resolve().relative_to(SITE.resolve()).as_posix()
            if unquote(url.fragment) not in anchors(page):
                problems.append(f"{name}: {link}: no such anchor")
    none_of(problems)


@each_page
def test_ids_are_unique(name):
    ids = Counter(tag["id"] for tag in parsed(name).select("[id]"))
    none_of(f"{name}: {count} × id={key!r}" for key, count in ids.items() if count > 1)


@each_page
def test_pictures_are_described(name):
    problems = []
    for img in parsed(name).find_all("img"):
        alt = img.get("alt")
        if alt == "" and "logo__image" in img.get("class", []):
            continue  # the title stands beside it
        if len(alt or "") < 8 or re.fullmatch(r"\S+\.\w+", alt):
            problems.append(f"{name}: alt text of {img['src'][:80]} is {alt!r}")
    none_of(problems)


def test_source_map_points_to_evidence():
    """Rows marked done link to a label; their claims are anchors on the cells with those tags."""
    name = "book/source_map.html"
    tags = {tag for path in NOTEBOOKS for _, cell in cells(path, "code") for tag in claims(cell)}
    problems = []
    for row in parsed(name).select("tbody tr"):
        where, evidence, state = row.find_all("td")[2:5]
        if state.get_text(strip=True) != "done":
            continue
        item = f"{name}, {row.td.get_text(strip=True)}"
        if not where.select("a[href*='#']"):
            problems.append(f"{item}: the label under Where is not a link")
        links = [unquote(a["href"]).partition("#") for a in evidence.select("a[href*='#claim-']")]
        if not links:
            problems.append(f"{item}: no link to a claim's cell under Evidence")
        for page, _, claim in links:
            cell = parsed(f"book/{page}").find(id=claim)
            if claim not in tags or cell is None or f"tag_{claim}" not in cell.get("class", []):
                problems.append(f"{item}: {claim} is not the anchor of a cell with that tag")
    none_of(problems)


# --- in a browser -------------------------------------------------------------------------------


DESK, PHONE = ("http", 1280, "light"), ("http", 390, "dark")
FOLDER = ("file", 1280, "dark")


@pytest.fixture(scope="module")
def opened(request, browser, roots):
    """A page in one view, opened once for all tests of it."""
    name, protocol, width, scheme = request.param
    seen = visit(browser, roots[protocol], name, width, scheme)
    seen.page.wait_for_load_state("networkidle")  # it may ask for more later
    yield seen
    seen.page.context.close()


def views(*which, having="html"):
    """Parametrize `opened`: the pages that have something, each in these views."""
    pages = [name for name in PAGES if parsed(name).select_one(having)]
    return pytest.mark.parametrize(
        "opened",
        [(name, *view) for name in pages for view in which],
        indirect=True,
        ids=lambda view: "-".join(map(str, view)),
    )


every_view = views(DESK, PHONE, FOLDER)


@every_view
def test_asks_nothing_of_the_network(opened):
    none_of(f"{opened.name}: asks for {url}" for url in opened.outside)


@every_view
def test_console_is_quiet(opened):
    none_of(f"{opened.name}: {complaint}" for complaint in opened.complaints)


@every_view
def test_formulas_are_set(opened):
    written = len(parsed(opened.name).select(".math"))
    rendered = opened.page.locator("mjx-container").count()
    assert rendered >= written, f"{opened.name}: {rendered} of {written} formulas are set"
    errors = opened.page.locator("mjx-merror, merror").all()
    none_of(f"{opened.name}: formula in error: {error.text_content()}" for error in errors)


@every_view
def test_nothing_scrolls_sideways(opened):
    wide = opened.page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] :
        [...document.querySelectorAll("body *")]
          .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
          .map((e) => e.outerHTML.slice(0, 90))"""
    )
    none_of(f"{opened.name}: wider than the window: {tag}" for tag in wide[:5])


@every_view
def test_colours_follow_the_system(opened):
    theme = opened.page.evaluate("document.documentElement.dataset.theme")
    assert theme == opened.scheme, f"{opened.name}: is {theme}, not {opened.scheme}"


@views(DESK, PHONE)
def test_is_accessible(opened):
    opened.page.wait_for_function(  # the theme does this a moment after loading
        """() => [...document.querySelectorAll("pre")].every(
          (code) => code.scrollWidth <= code.clientWidth || code.tabIndex === 0)"""
    )
    opened.page.evaluate(ONE_OF_EACH)
    problems = []
    for violation in Axe(AXE_SCRIPT + MARKED).run(opened.page).response["violations"]:
        known = [selector for rule, selector in THEME_VIOLATIONS if rule == violation["id"]]
        for node in violation["nodes"]:
            target = node["target"][-1]
            element = opened.page.locator(target).first
            if not any(element.evaluate("(e, s) => e.matches(s)", selector) for selector in known):
                why = node["failureSummary"].replace("\n", " ")
                problems.append(f"{opened.name}: {violation['id']} at {target}: {why}")
    none_of(problems)


@pytest.mark.parametrize("protocol", ["http", "file"])
def test_search_finds_a_word(protocol, browser, roots):
    page = visit(browser, roots[protocol], "search.html?q=discriminator").page
    page.locator("#search-results li a").first.wait_for(timeout=10_000)
    page.context.close()


# --- what the reader moves ----------------------------------------------------------------------

SHOWN = "figure => [...figure.querySelectorAll('img')].findIndex((frame) => !frame.hidden)"


@views(FOLDER, having=".gb-explore")
def test_sliders_move_by_keyboard(opened):
    name = opened.name
    for figure in opened.page.locator(".gb-explore").all():
        for slider in figure.locator("input[type=range]").all():
            label = slider.locator("xpath=ancestor::label")
            assert label.text_content().strip(), f"{name}: a slider without label"
            before, text = figure.evaluate(SHOWN), label.locator("output").text_content()
            slider.press("ArrowRight")
            assert figure.evaluate(SHOWN) != before, f"{name}: the picture stays"
            assert label.locator("output").text_content() != text, f"{name}: the value stays"
            assert slider.get_attribute("aria-valuetext") == label.locator("output").text_content()
            shown = figure.locator("img:visible")
            assert shown.count() == 1, f"{name}: {shown.count()} pictures at once"


@views(FOLDER, having="article details")
def test_hints_and_solutions_open_by_keyboard(opened):
    page = opened.page
    count = page.evaluate(
        """() => (window.folds = [...document.querySelectorAll("article details")]
          .map((fold) => ({ fold, was: fold.open }))).length"""
    )
    for number in range(count):
        page.evaluate("k => folds[k].fold.querySelector(':scope > summary').focus()", number)
        page.keyboard.press("Enter")
    stayed = page.evaluate(
        """folds.filter(({ fold, was }) => fold.open === was)
          .map(({ fold }) => fold.outerHTML.slice(0, 90))"""
    )
    none_of(f"{opened.name}: stays as it was: {tag}" for tag in stayed)


@views(FOLDER, having=".gb-play")
@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_play_moves_the_picture(opened, motion):
    """Play runs until it is pressed again; who wants less motion gets one step for each press."""
    name, page = opened.name, opened.page
    page.emulate_media(reduced_motion=motion)
    page.clock.install(time=0)
    page.clock.pause_at(1000)  # it stands still but for run_for, however slow the machine
    for figure in page.locator(".gb-explore:has(.gb-play)").all():
        figure.locator("input[type=range]").press("Home")
        play, before = figure.locator(".gb-play"), figure.evaluate(SHOWN)
        play.press("Enter")
        after_press = figure.evaluate(SHOWN)
        assert after_press != before, f"{name}: Play moves nothing"
        assert play.text_content() == ("Play" if motion == "reduce" else "Pause")
        page.clock.run_for(1000)
        moved = figure.evaluate(SHOWN) != after_press
        assert moved == (motion != "reduce"), f"{name}: with motion {motion}, moved: {moved}"
        if play.text_content() == "Pause":  # it has not come to its end
            play.press("Enter")
            assert play.text_content() == "Play"
