"""One browser and one server for all tests of the built book."""

import functools
import http.server
import os
import shutil
import threading

import pytest
from browsing import SITE, visit
from playing import LABORATORY, Played
from playwright.sync_api import sync_playwright


@pytest.fixture(scope="session")
def browser():
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        missing = "no browser: install chromium (Debian, Ubuntu: sudo apt install chromium)"
        pytest.fail(missing, pytrace=False) if os.environ.get("CI") else pytest.skip(missing)
    switches = (
        "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
        "--disable-background-networking --disable-component-update"
    ).split()
    no_network = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=[*switches, no_network]
        )
        yield browser
        browser.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves without a line for each request."""

    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def roots():
    """Where the book can be opened: address by scheme."""
    handler = functools.partial(Quiet, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"http": f"http://127.0.0.1:{server.server_port}/", "file": SITE.as_uri() + "/"}
        server.shutdown()


@pytest.fixture
def open_figure(browser, roots):
    """A function that opens the laboratory for one figure; at the end it is checked and closed."""
    opened = []

    def opening(name, protocol="file", **options):
        seen = visit(browser, roots[protocol], LABORATORY, **options)
        opened.append(Played(seen, name))
        return opened[-1]

    yield opening
    for played in opened:
        played.check_quiet()
        played.page.context.close()


@pytest.fixture(scope="session")
def laboratories(browser, roots):
    """The laboratory, opened once for each way to look at it."""

    @functools.cache
    def opened(protocol, **options):
        return visit(browser, roots[protocol], LABORATORY, **options)

    return opened


@pytest.fixture
def find_figure(laboratories):
    """As `open_figure`, on a page that tests share: for those to whom its state is all the same."""
    found = []

    def finding(name, protocol="file", **options):
        found.append(Played(laboratories(protocol, **options), name))
        return found[-1]

    yield finding
    for played in found:
        played.check_quiet()
