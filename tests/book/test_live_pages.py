"""The live figures in the built book, played by mouse and keyboard, from a folder and over http."""

import math

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import visit
from playing import LABORATORY


def train(played, steps):
    """Many steps at once, without waiting for frames."""
    played.page.evaluate(
        f"n => {{ for (let i = 0; i < n; i++) {played.stage}.game.step(); }}", steps
    )
    played.page.evaluate(f"{played.stage}.look()")


@pytest.fixture
def open_page(open_figure):
    return lambda *where, **options: open_figure("game2d", *where, **options)


@pytest.mark.parametrize("protocol", ["http", "file"])
def test_play_trains_and_v_stays_below_its_optimum(protocol, open_page):
    played = open_page(protocol)
    start = played.get("game.iteration")
    assert start > 0  # the first picture is one worth looking at
    played.button("Play").click()
    played.until(f"stage.game.iteration > {start + 100}")
    played.button("Pause").click()
    stopped = played.get("game.iteration")
    for _ in range(5):
        train(played, 50)
        measured = played.get("measured")
        assert measured["value"] <= measured["bestValue"] + 1e-6
        assert measured["bestValue"] == pytest.approx(2 * measured["jsd"] - math.log(4), abs=1e-6)
    assert played.get("game.iteration") == stopped + 250


@pytest.mark.parametrize(
    ("data", "bound"),
    [("ring", 0.25), ("grid", 0.35), ("moons", 0.25), ("spiral", 0.3), ("blobs", 0.2)],
)
def test_each_law_is_learned_in_the_browser(data, bound, find_figure):
    played = find_figure("game2d")
    played.figure.locator(f"input[value={data}]").check()
    before = played.get("measured.jsd")
    train(played, 2500)
    assert played.get("measured.jsd") < min(bound, before)


def test_a_drawn_law_is_learned(open_page):
    played = open_page()
    played.figure.locator("input[value=drawn]").check()
    canvas = played.figure.locator("canvas").first
    box = canvas.bounding_box()
    played.page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"])
    played.page.mouse.down()
    for k in range(30):
        played.page.mouse.move(
            box["x"] + (0.2 + 0.02 * k) * box["width"], box["y"] + 0.5 * box["height"]
        )
    played.page.mouse.up()
    played.button("Done").click()
    assert len(played.get("game.data.centres")) > 15
    before = played.get("measured.jsd")
    train(played, 2500)
    assert played.get("measured.jsd") < min(0.25, before)


def test_a_finger_draws_a_law(open_page):
    played = open_page(width=390, has_touch=True)
    played.figure.locator("input[value=drawn]").check()
    canvas = played.figure.locator("canvas").first
    canvas.scroll_into_view_if_needed()
    box, scrolled = canvas.bounding_box(), played.page.evaluate("scrollY")
    touch = played.page.context.new_cdp_session(played.page)
    for k in range(8):
        kind = "touchStart" if k == 0 else "touchMove"
        at = {"x": box["x"] + 60 + 25 * k, "y": box["y"] + 60 + 25 * k}
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [at]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert played.page.evaluate("scrollY") == scrolled
    played.button("Done").click()
    assert len(played.get("game.data.centres")) == 8


def test_the_keyboard_alone_draws_and_plays(open_page):
    played = open_page()
    press = played.page.keyboard.press
    played.button("Play").focus()
    press("Enter")
    played.until("stage.playing")
    press("Enter")
    start = played.get("game.iteration")
    press("Tab")  # to the button "D step"
    press("Enter")
    press("g")
    press("d")
    assert played.get("game.iteration") == start + 1
    assert "One step of" in played.figure.locator("[role=status]").inner_html()
    press("r")
    assert played.get("game.iteration") < start + 1
    played.figure.locator("input[value=blobs]").focus()
    press("ArrowRight")  # the next picture is the pencil
    for key in ("Enter", "ArrowRight", "Enter", "ArrowUp", "Shift+ArrowUp", "Enter", "Backspace"):
        press(key)
    press("Escape")
    assert played.get("game.data.centres") == [[0, 0], [0.1, 0]]
    assert played.get("game.settings.data") == "drawn"


def test_everything_can_be_reached_by_tab(open_page):
    played = open_page()
    played.more()
    reached = played.reached()
    wanted = [
        "▶ Play",
        "D step",
        "G step",
        "10×",
        "↺ Reset",
        "ring",
        "Link to these settings",
        "D behind",
        "D = ½",
    ]
    for name in wanted:
        assert any(name in text for text in reached), f"{name} is out of reach: {reached}"
    for part in ("Game", "k, D steps", "D’s rate", "G’s rate", "γ", "Seed"):
        assert any(part in text for text in reached), f"{part} is out of reach: {reached}"


def test_each_control_changes_what_it_names(open_page):
    played = open_page()
    played.more()
    slider = lambda words: played.figure.get_by_label(words)  # noqa: E731
    for words, key in (
        ("k, D steps per G step", "k"),
        ("D’s rate", "lrD"),
        ("G’s rate", "lrG"),
        ("γ, weight", "gamma"),
        ("Seed", "seed"),
    ):
        before = played.get(f"game.settings.{key}")
        slider(words).press("ArrowRight")
        assert played.get(f"game.settings.{key}") > before
    d_steps, iteration = played.get("game.dSteps"), played.get("game.iteration")
    train(played, 10)
    assert played.get("game.dSteps") - d_steps == 2 * (played.get("game.iteration") - iteration)
    played.figure.get_by_label("Game", exact=True).select_option("wasserstein")
    assert played.get("game.settings.game") == "wasserstein"
    assert played.figure.locator(".gb-instead").is_visible()  # and no V: its D is not calibrated
    assert not played.figure.get_by_text("Value of the game").is_visible()
    played.figure.get_by_label("Game", exact=True).select_option("minimax")
    assert slider("γ, weight").is_disabled()
    played.figure.get_by_role("radio", name="1", exact=True).check()
    assert played.get("game.settings.latent") == 1
    picture = "figure => figure.querySelector('canvas').toDataURL()"
    for name in ("latent grid", "gradients", "D = ½", "D behind"):
        before = played.figure.evaluate(picture)
        played.figure.get_by_label(name).uncheck()
        assert played.figure.evaluate(picture) != before, f"{name} changes nothing"


def test_slow_motion_lights_up_part_by_part(open_page):
    played = open_page()
    played.figure.get_by_role("radio", name="Slow").check()
    start, lit = played.get("game.iteration"), []
    for player in "DG":
        for phase in range(1, 7):
            played.button(f"{player} step").click()
            assert (
                f"{player} step, {phase} of 6"
                in played.figure.locator("[role=status]").text_content()
            )
            lit.append(played.figure.locator(".gb-flow .gb-lit").count())
    assert min(lit) >= 1
    assert len(set(lit)) > 2
    assert played.figure.locator(".gb-flow").is_visible()
    assert played.get("game.iteration") == start + 1


def test_a_link_reproduces_the_settings(open_page):
    played = open_page()
    played.more()
    played.figure.locator("input[value=moons]").check()
    played.figure.get_by_label("Game", exact=True).select_option("relativistic")
    played.figure.get_by_label("Seed").press("ArrowRight")
    settings = played.get("game.settings")
    link = played.figure.get_by_text("Link to these settings").get_attribute("href")
    played.page.goto(played.page.url.split("#")[0] + "?again" + link)
    played.figure.locator(".gb-body").wait_for()
    again = played.get("game.settings")
    assert again == settings


def test_a_link_pasted_into_the_open_page_is_followed(open_page):
    played = open_page()
    played.more()
    share = played.figure.get_by_text("Link to these settings")
    link = share.get_attribute("href").replace("seed=1&", "seed=7&")
    iteration = played.get("game.iteration")
    share.click()  # the page says this already: the run goes on
    train(played, 10)
    assert played.get("game.iteration") == iteration + 10
    assert played.page.url.endswith(share.get_attribute("href"))
    assert "seed=7" in link
    with played.page.expect_event("load"):
        played.page.goto(played.page.url.split("#")[0] + link)
    played.figure.locator(".gb-body").wait_for()
    assert played.get("game.settings.seed") == 7
    assert played.get("game.iteration") == iteration


def test_the_sentence_names_what_a_perfect_g_would_show(open_page):
    played = open_page()
    jsd, floor = played.get("measured.jsd"), played.get("measured.floor")
    played.says(f"2·JSD = {2 * jsd:.3f}; a perfect G would show {2 * floor:.3f}")


def test_the_same_seed_gives_the_same_run(open_page):
    runs = []
    for _ in range(2):
        played = open_page()
        train(played, 200)
        runs.append(played.get("measured.jsd"))
    assert runs[0] == runs[1]


def test_who_wants_less_motion_gets_steps_on_demand(open_page):
    played = open_page(reduced_motion="reduce")
    start = played.get("game.iteration")
    played.button("10 steps").click()
    assert played.get("game.iteration") == start + 10
    played.page.wait_for_timeout(200)
    assert played.get("game.iteration") == start + 10
    played.figure.get_by_role("radio", name="1×").check()
    played.button("10 steps").click()
    assert played.get("game.iteration") == start + 20
    played.figure.get_by_role("radio", name="Slow").check()
    for part in (1, 2, 3):
        played.button("10 steps").click()
        played.says(f"D step, {part} of 6")


def test_it_rests_out_of_sight(open_page):
    played = open_page()
    played.button("Play").click()
    played.until(f"stage.game.iteration > {played.get('game.iteration')}")
    played.page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    played.until("stage.seen === false")
    before = played.get("game.iteration")
    played.page.wait_for_timeout(300)
    assert played.get("game.iteration") == before


def test_ten_resets_leave_nothing_behind(open_page):
    played = open_page()
    session = played.page.context.new_cdp_session(played.page)

    def counted():
        played.page.wait_for_timeout(1200)  # the status speaks once a second
        session.send("HeapProfiler.collectGarbage")
        counters = session.send("Memory.getDOMCounters")
        heap = session.send("Runtime.getHeapUsage")
        return counters["nodes"], counters["jsEventListeners"], heap["usedSize"]

    for _ in range(3):
        played.button("Reset").click()
    nodes, listeners, heap = counted()
    for _ in range(10):
        played.button("Reset").click()
    after = counted()
    assert after[0] <= nodes + 5
    assert after[1] <= listeners
    assert after[2] <= heap + 500_000


def test_a_figure_can_be_taken_away(open_page):
    played = open_page()
    session = played.page.context.new_cdp_session(played.page)
    before = session.send("Memory.getDOMCounters")["jsEventListeners"]
    played.page.evaluate(f"{played.stage}.remove()")
    assert not played.figure.locator(".gb-body").count()
    session.send("HeapProfiler.collectGarbage")
    assert session.send("Memory.getDOMCounters")["jsEventListeners"] < before - 30


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_while_it_unfolds(scheme, open_page):
    played = open_page("http", width=390, scheme=scheme)
    played.more()
    played.figure.get_by_role("radio", name="Slow").check()
    played.button("G step").click()
    quietly = {
        "resultTypes": ["violations"],
        "preload": False,
    }  # else axe loads styles from wrong places
    found = Axe().run(played.page, "[data-live=game2d]", quietly).response["violations"]
    assert not found, [(v["id"], v["nodes"][0]["html"][:120]) for v in found]


def test_a_picture_stands_in_without_scripts_and_on_paper(browser, roots, open_page):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(roots["file"] + LABORATORY)
    assert page.locator(".gb-still").first.is_visible()
    assert page.get_by_text("needs JavaScript").first.is_visible()
    context.close()
    played = open_page()
    still = played.figure.locator("img.gb-still")
    assert not still.is_visible()
    played.page.emulate_media(media="print")
    assert still.is_visible()
    assert not played.figure.locator(".gb-body").is_visible()


def test_a_late_script_is_waited_for(browser, roots):
    page = browser.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def late(route):
        page.wait_for_timeout(2000)  # frames pass, and the browser looks what is in sight
        route.continue_()

    page.route("**/game2d-32.js*", late)
    page.goto(roots["http"] + "book/index.html")
    page.locator("[data-live=game2d] .gb-body").first.wait_for()
    assert not complaints, complaints
    page.close()


def test_scripts_load_only_where_they_are_used(browser, roots):
    seen = visit(browser, roots["file"], "book/notation.html")
    assert not seen.page.locator("script[src*='_static/live/']").count()
    seen.page.context.close()
