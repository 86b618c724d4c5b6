"""The smaller live figures in the built book, played by mouse and keyboard."""

import itertools

import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playing import LABORATORY

from ganbook.live import latent, show

FIGURES = {
    "saddle": ("▶ Play", "One step", "The point (θ, ψ)", "Game", "Moves", "Step size"),
    "descent": ("▶ Play", "One step", "The chosen bar", "Start", "A step", "Step size", "fakes"),
    "game1d": ("▶ Play", "One step", "G’s hill", "D alone", "Data", "G’s mean", "G’s width"),
    "police": ("Real (R)", "Forged (F)"),
    "saturation": ("▶ Play", "One step of D", "A logit", "G’s place", "D’s rate", "Seed"),
    "latent": ("▶ Play", "straight", "digits", "Plane", "A, where", "B, where", "z, the", "smooth"),
    "dirac": (
        "▶ Play",
        "One step",
        "The start",
        "Game",
        "Cure",
        "Step size h",
        "Moves",
    ),
}
each_figure = pytest.mark.parametrize("name", FIGURES)


@each_figure
def test_everything_can_be_reached_by_tab(name, find_figure):
    reached = find_figure(name).reached()
    for part in FIGURES[name]:
        assert any(part in text for text in reached), f"{part} is out of reach: {reached}"


@each_figure
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(name, scheme, find_figure):
    played = find_figure(name, "http", width=390, scheme=scheme)
    quietly = {"resultTypes": ["violations"], "preload": False}
    found = Axe().run(played.page, f"[data-live={name}]", quietly).response["violations"]
    assert not found, [(v["id"], v["nodes"][0]["html"][:120]) for v in found]
    assert played.page.evaluate("document.documentElement.scrollWidth") == 390


@each_figure
def test_a_picture_stands_in_on_paper(name, find_figure):
    played = find_figure(name)
    still = played.figure.locator("img.gb-still")
    assert not still.is_visible()
    played.page.emulate_media(media="print")
    assert still.is_visible()
    played.page.emulate_media(media="screen")


@pytest.mark.parametrize("name", ["game2d", *FIGURES])
def test_it_fits_a_notebook_s_narrow_frame(name, browser, monkeypatch):
    monkeypatch.delenv("GANBOOK_PLAIN", raising=False)
    complaints = []
    with browser.new_page(viewport={"width": 320, "height": 1000}) as page:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.set_content(f'<body style="margin: 0">{show(name).data}')
        frame = page.frames[1]
        frame.wait_for_selector(".gb-body")
        beyond = frame.evaluate("""() => {
          document.querySelectorAll("details").forEach((fold) => (fold.open = true));
          const edge = document.querySelector(".gb-body").getBoundingClientRect().right + 0.5;
          return [...document.querySelectorAll(".gb-body *")]
            .filter((one) => one.checkVisibility() && !one.closest(".gb-scroll"))
            .filter((one) => one.getBoundingClientRect().right > edge)
            .map((one) => one.outerHTML.slice(0, 80));
        }""")
    assert not beyond
    assert not complaints


@pytest.mark.parametrize("name", ["game2d", *FIGURES])
def test_a_finger_can_hit_everything(name, find_figure):
    played = find_figure(name, width=390, has_touch=True)
    if name == "game2d":
        played.more()
    small = played.figure.evaluate("""figure => [...figure.querySelectorAll(
        "button, select, summary, a, input[type=range], .gb-choice span, .gb-check, .gb-handle")]
      .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44)
      .map((one) => one.outerHTML.slice(0, 80))""")
    assert not small
    clipped = played.figure.evaluate("""figure => [...figure.querySelectorAll("select")].filter(
        (one) => {
          const free = one.cloneNode(true);
          free.style.cssText = "position: absolute; flex: none; min-width: max-content";
          one.parentNode.append(free);
          const wanted = free.getBoundingClientRect().width;
          free.remove();
          return one.getBoundingClientRect().width < wanted - 1;
        }).map((one) => one.getAttribute("aria-label"))""")
    assert not clipped


@pytest.mark.parametrize("name", ["saddle", "dirac", "game1d", "descent", "saturation"])
def test_a_finger_drags_the_handle_and_the_page_stays(name, find_figure):
    played = find_figure(name, width=390, has_touch=True)
    handle = played.figure.locator(".gb-handle").first
    handle.scroll_into_view_if_needed()
    words, scrolled = handle.get_attribute("aria-valuetext"), played.page.evaluate("scrollY")
    box = handle.bounding_box()
    touch = played.page.context.new_cdp_session(played.page)
    for k, kind in enumerate(("touchStart", "touchMove", "touchMove", "touchEnd")):
        at = {"x": box["x"] + 22 + 15 * k, "y": box["y"] + 22 - 12 * k}
        points = [] if kind == "touchEnd" else [at]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert handle.get_attribute("aria-valuetext") != words
    assert played.page.evaluate("scrollY") == scrolled


def drag(played, by):
    """Drag the first handle of a figure by so many pixels."""
    box = played.figure.locator(".gb-handle").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    played.page.mouse.move(x, y)
    played.page.mouse.down()
    played.page.mouse.move(x + by[0], y + by[1], steps=3)
    played.page.mouse.up()


def test_the_saddle_is_played(open_figure):
    played = open_figure("saddle")
    select = lambda words: played.figure.get_by_label(words, exact=True)  # noqa: E731
    start = played.get("game.point")
    drag(played, (40, -30))
    assert played.get("game.point") != start
    handle = played.figure.get_by_role("slider", name="The point")
    at = played.get("game.point")
    handle.press("ArrowRight")
    handle.press("Shift+ArrowDown")
    assert played.get("game.point") == pytest.approx([at[0] + 0.05, at[1] - 0.25])
    for method, further in (("simultaneous", True), ("extragradient", False)):
        select("Moves").select_option(method)
        select("The point (θ, ψ)").press("s")
        before = played.get("game.distance")
        for _ in range(5):
            played.button("One step").click()
        assert (played.get("game.distance") > before) == further
    for _ in range(45):  # beyond the edge, from where extragradient comes home all the same
        handle.press("Shift+ArrowRight")
    played.says("closer")
    select("Game").select_option("pursuit")
    played.says("order matters")
    slider = select("Step size")
    before = played.get("game.settings.lr")
    slider.press("ArrowRight")
    assert played.get("game.settings.lr") > before
    steps = played.get("game.path.length")
    played.button("Play").click()
    played.until(f"stage.game.path.length > {steps + 3}")
    played.button("Pause").click()
    played.button("Reset").click()
    assert played.get("game.path.length") == 1


def test_the_dirac_gan_is_played(open_figure):
    played = open_figure("dirac")
    select = lambda words: played.figure.get_by_label(words, exact=True)  # noqa: E731
    assert select("Strength").is_disabled()
    start = played.get("game.path[0]")
    drag(played, (20, 20))
    assert played.get("game.path[0]") != start
    select("Cure").select_option("r1")
    assert select("Strength").is_enabled()
    played.says("closer")
    assert played.get("game.distance") < 1e-3
    before = played.get("game.eigenvalues()")
    select("Strength").press("ArrowLeft")
    assert played.get("game.eigenvalues()") != before
    select("Moves").select_option("5")
    assert played.get("game.settings.k") == 5
    select("Cure").select_option("none")
    select("Moves").select_option("0")
    select("Step size h").press("ArrowLeft")
    select("Game").select_option("non-saturating")
    h = played.get("game.settings.lr")
    for _ in range(5):
        select("The start (θ, ψ)").press("s")
    played.page.evaluate(f"for (let i = 0; i < 3000; i++) {played.stage}.game.step()")
    assert played.get("game.distance") == pytest.approx((2 * h) ** 0.5, rel=0.1)
    played.button("Reset").click()
    assert played.get("game.path.length") == 1
    played.button("Play").click()
    played.until("stage.game.path.length > 5")
    played.button("Pause").click()


def test_the_descent_is_played(open_figure):
    played = open_figure("descent")
    select = lambda words: played.figure.get_by_label(words, exact=True)  # noqa: E731
    before = played.get("game.excess")
    played.button("One step").click()
    assert played.get("game.excess") < before
    played.button("Reset").click()
    handle = played.figure.get_by_role("slider", name="The chosen bar")
    share = played.get("game.start[1]")
    handle.press("ArrowRight")
    handle.press("Shift+ArrowUp")
    assert played.get("game.start[1]") == pytest.approx(share + 0.05)
    assert played.page.evaluate(
        f"{played.stage}.game.start.reduce((a, b) => a + b)"
    ) == pytest.approx(1)
    before = played.get("game.start")
    drag(played, (60, -30))
    assert played.get("game.start") != before
    data = played.get("game.p")
    played.figure.get_by_role("radio", name="data").check()
    handle.press("ArrowUp")
    assert played.get("game.p") != data
    select("Start").select_option("missed")
    select("A step").select_option("softmax")
    select("The chosen bar: left and right choose, up and down change it").press("s")
    played.says("crawls")
    select("A step").select_option("projected")
    select("Start").select_option("thin")
    for _ in range(4):
        select("Step size").press("PageUp")
    lr = played.get("game.settings.lr")
    assert lr > 0.5
    played.page.evaluate(f"for (let i = 0; i < 6; i++) {played.stage}.game.step()")
    path = played.get("game.paths.projected.excess")
    rises = any(after > before + 1e-6 for before, after in itertools.pairwise(path))
    assert rises  # too large a step overshoots
    select("A step").select_option("mirror")
    assert played.get("game.settings.geometry") == "mirror"


def test_the_game_on_a_line_is_played(open_figure):
    played = open_figure("game1d")
    select = lambda words: played.figure.get_by_label(words, exact=True)  # noqa: E731
    mean, width = played.get("game.mean"), played.get("game.width")
    drag(played, (60, -20))
    assert played.get("game.mean") > mean
    assert played.get("game.width") < width
    mean, width = played.get("game.mean"), played.get("game.width")
    handle = played.figure.get_by_role("slider", name="G’s hill")
    handle.press("ArrowLeft")
    handle.press("ArrowDown")
    assert played.get("game.mean") == pytest.approx(mean - 0.1)
    assert played.get("game.width") == pytest.approx(width + 0.05)
    select("G’s mean").press("Home")
    select("G’s width").press("End")
    assert (played.get("game.mean"), played.get("game.width")) == (-4, 3)
    steps = played.get("game.steps")
    played.button("Play").click()
    played.until(f"stage.game.steps > {steps + 50}")
    played.button("Pause").click()
    assert (played.get("game.mean"), played.get("game.width")) == (-4, 3)  # D learns alone
    played.figure.get_by_role("radio", name="D and G").check()
    played.button("One step").click()
    assert played.get("game.mean") != -4
    for law in ("one", "shares"):
        select("Data").select_option(law)
        measured = played.get("game.measure()")
        assert measured["value"] <= measured["bestValue"] + 1e-9
    played.figure.get_by_role("radio", name="nobody").check()
    steps = played.get("game.steps")
    played.button("One step").click()
    assert played.get("game.steps") == steps
    played.more()
    select("Seed").press("ArrowRight")
    assert (played.get("game.settings.seed"), played.get("game.steps")) == (2, 0)
    select("Rate").press("ArrowRight")
    assert played.get("game.settings.rate") > 0.01


def test_a_round_of_the_police_is_played(open_figure):
    played = open_figure("police")
    played.button("Real").click()
    played.says("It was")
    played.button("Forged").press("f")
    played.page.keyboard.press("ArrowLeft")
    assert [one["said"] for one in played.get("game.answers")] == [True, False, True]
    while not played.get("game.over"):
        best = played.page.evaluate(f"{played.stage}.game.bestSays({played.stage}.game.note.x)")
        played.page.keyboard.press("r" if best else "f")
    played.says("Round over")
    row = played.figure.locator(".gb-body tbody tr").first.inner_text()
    assert "in the wrong place" in row
    assert played.get("game.scores[0].right") == played.get("game.right")
    assert not played.button("Real").is_visible()
    assert played.button("Next round").evaluate("button => button === document.activeElement")
    played.button("2,000 more").click()
    played.says("2,000 more times")
    played.button("Next round").click()
    assert played.get("game.round") == 1
    assert played.button("Real").evaluate("button => button === document.activeElement")
    assert played.get("game.answers") == []
    for _ in range(5):
        while not played.get("game.over"):
            played.page.keyboard.press("f")
        played.says("Round over")
        played.page.keyboard.press("Enter")  # on "Next round"
    played.until("stage.game.round === 0")  # and from the start


def test_the_page_of_a_note_does_not_say_whether_it_is_real(open_figure):
    """A real and a forged note at one place: the same elements, names, words and pictures."""
    played = open_figure("police")
    played.button("Real").click()
    seen = played.page.evaluate(f"""() => [true, false].map((real) => {{
      const stage = {played.stage};
      stage.game.note = {{ real, x: 40 }};
      stage.look(true);
      const pictures = [...stage.root.querySelectorAll("canvas")].map((one) => one.toDataURL());
      return [stage.root.outerHTML, ...pictures];
    }})""")
    assert seen[0] == seen[1]
    assert "40.0 mm" in seen[0][0]


def test_the_police_can_be_played_on_paper(browser, roots):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(roots["file"] + LABORATORY)
    paper = page.locator("[data-live=police]").get_by_role("group")
    assert paper.locator("table").first.locator("tbody tr").count() == 16
    assert not paper.get_by_role("cell", name="in the wrong place").is_visible()
    paper.get_by_text("The key").click()
    assert paper.get_by_role("cell", name="in the wrong place").is_visible()
    context.close()


def test_saturation_is_played(open_figure):
    played = open_figure("saturation")
    select = lambda words: played.figure.get_by_label(words, exact=True)  # noqa: E731
    steps = played.get("game.steps")
    played.button("One step").click()
    assert played.get("game.steps") == steps + 1
    played.button("Play").click()
    played.until(f"stage.game.steps > {steps + 40}")
    played.button("Pause").click()
    handle = select("A logit to look at")
    before = handle.get_attribute("aria-valuetext")
    handle.press("ArrowRight")
    drag(played, (30, 0))
    assert handle.get_attribute("aria-valuetext") != before
    for words, key in (("G’s place", "mean"), ("D’s rate", "rate"), ("Seed", "seed")):
        value = played.get(f"game.settings.{key}")
        select(words).press("ArrowRight")
        assert played.get(f"game.settings.{key}") > value
    assert played.get("game.steps") == 0
    for _ in range(3):
        played.button("One step").click()
    played.says("gradient")
    played.button("Reset").click()
    assert played.get("game.history.length") == 1


def test_a_walk_through_the_latent_space_is_played(open_figure):
    played = open_figure("latent")
    select = lambda words: played.figure.get_by_label(words, exact=True)  # noqa: E731
    radio = lambda name: played.figure.get_by_role("radio", name=name)  # noqa: E731
    look = "figure => [...figure.querySelectorAll('canvas')].map((one) => one.toDataURL())"
    knob = played.figure.get_by_role("slider", name="z, the place")
    start, before = played.get("game.point"), played.figure.evaluate(look)
    knob.scroll_into_view_if_needed()
    box = knob.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    played.page.mouse.move(x, y)
    played.page.mouse.down()
    played.page.mouse.move(x + 30, y - 40, steps=4)
    played.page.mouse.up()
    there = played.get("game.point")
    assert there[0] > start[0]
    assert there[1] > start[1]
    after = played.figure.evaluate(look)
    assert [a != b for a, b in zip(before, after, strict=True)] == [True, True, False]
    played.says("near z give near pictures")
    knob.press("ArrowLeft")
    knob.press("Shift+ArrowDown")
    expected = [there[0] - 0.05, there[1] - 0.25]
    assert played.get("game.point") == pytest.approx(expected)
    for key, name in (("A", "A, where the walk starts"), ("B", "B, where it ends")):
        place, before = played.get(f"game.{key}"), played.figure.evaluate(look)
        played.figure.get_by_role("slider", name=name).press("Shift+ArrowDown")
        assert played.get(f"game.{key}") == pytest.approx([place[0], place[1] - 0.25])
        after = played.figure.evaluate(look)
        assert [a != b for a, b in zip(before, after, strict=True)] == [True, False, True]
    played.button("Back").click()
    played.button("Play").click()
    played.until("stage.game.share > 0.1")
    played.button("Pause").click()
    half = "game => { while (game.share !== 0.5) game.step(); }"
    played.page.evaluate(f"({half})({played.stage}.game)")
    radio("on the sphere").check()
    played.says("bridge")
    radio("straight").check()
    played.says("short")
    for name in ("faces", "digits"):
        radio(name).check()
        z = torch.tensor([played.get("game.z([1, 0.2])")])
        shown = played.page.evaluate(f"Array.from({played.stage}.game.picture([1, 0.2]))")
        made = latent.load(name)[1](z)[0]  # in single precision, as the page
        assert made.tolist() == pytest.approx(shown, abs=1e-4)
    assert played.get("game.share") == 0.5
    before = played.figure.evaluate(look)
    select("Plane").press("ArrowRight")
    assert played.get("game.settings.seed") == 2
    assert all(a != b for a, b in zip(before, played.figure.evaluate(look), strict=True))
    before = played.figure.evaluate(look)
    played.figure.get_by_label("smooth").check()
    assert before != played.figure.evaluate(look)
    select("z, the place of the picture").press("r")
    assert (played.get("game.share"), played.get("game.point")) == (None, start)


def test_a_walk_with_less_motion_goes_step_by_step(open_figure):
    played = open_figure("latent", reduced_motion="reduce")
    played.button("6 steps").click()
    walked = played.get("game.walked")
    assert walked > 0
    played.page.wait_for_timeout(200)
    assert played.get("game.walked") == walked
    played.button("6 steps").press("Enter")
    assert played.get("game.walked") == walked + 6
