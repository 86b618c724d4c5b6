"""The built book and a visit to one of its pages."""

from dataclasses import dataclass, field

from playwright.sync_api import Page
from sources import ROOT

SITE = ROOT / "_build" / "html"


@dataclass
class Visit:
    """An open page and what happened while it loaded."""

    name: str
    page: Page
    scheme: str
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


def visit(browser, root, name, width=1280, scheme="light", **options):
    """Open a page, wait until its formulas are set, and note all requests and complaints."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, **options
    )
    visit = Visit(name, context.new_page(), scheme)

    def request(asked):  # only noted: the browser itself knows no other host
        if not asked.url.startswith((root, "data:", "blob:")):
            visit.outside.append(asked.url)

    def console(message):
        if message.type in ("error", "warning"):
            visit.complaints.append(f"{message.type}: {message.text}")

    def response(answer):
        if answer.status >= 400:
            visit.complaints.append(f"{answer.status}: {answer.url}")

    visit.page.on("request", request)
    visit.page.on("console", console)
    visit.page.on("pageerror", lambda error: visit.complaints.append(f"script: {error}"))
    visit.page.on("response", response)
    visit.page.goto(root + name)
    visit.page.evaluate("window.MathJax?.startup?.promise?.then(() => null)")
    return visit
