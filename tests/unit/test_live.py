"""Live figures: the pure steps, their translation to JavaScript, the playground, its HTML."""

import functools
import io
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from py_mini_racer import MiniRacer
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace
from translated import ENGINE, agree, call

from ganbook import losses, models, theory, train
from ganbook.live import compile as compiler
from ganbook.live import game2d, page, show, step, wasm

double = {"dtype": torch.float64}
each_game = pytest.mark.parametrize("game", game2d.GAMES, ids=lambda game: game.name)


def nets(width=8):
    G, D = game2d.nets(width)
    return G.double(), D.double()


def draws(count, n=game2d.BATCH):
    source = torch.Generator().manual_seed(5)
    return [[torch.randn(n, 2, generator=source, **double) for _ in range(3)] for _ in range(count)]


# --- the step -------------------------------------------------------------------------------------


def pure_run(game, batches, width=8):
    """Yield the states and losses of G and D after each pair of pure steps."""
    G, D = nets(width)
    d_step, g_step = step.d_step(G, D, game.loss, game.rule), step.g_step(G, D, game.loss)
    g, d = step.flatten(G), step.flatten(D)
    g_state, d_state = [g, 0 * g, 0 * g], [d, 0 * d, 0 * d]
    for count, (real, z_D, z_G) in enumerate(batches, start=1):
        count = torch.tensor(float(count), **double)
        lr_D, lr_G, gamma = (torch.tensor(v, **double) for v in (game.lr_D, game.lr_G, game.gamma))
        *d_state, d_loss = d_step(*d_state, g_state[0], real, z_D, count, lr_D, gamma)
        *g_state, g_loss = g_step(*g_state, d_state[0], real, z_G, count, lr_G)
        yield g_state, d_state, d_loss, g_loss


@each_game
def test_a_hundred_pure_steps_are_those_of_fit(game):
    batches = draws(100)
    reals, noises = iter([b[0] for b in batches]), iter([z for b in batches for z in b[1:]])
    G, D = nets()
    run = train.fit(
        G,
        D,
        lambda n, generator: next(reals),
        game.loss,
        noise=lambda n, generator: next(noises),
        steps=100,
        batch_size=game2d.BATCH,
        generator=torch.Generator(),
        lr=(game.lr_G, game.lr_D),
        penalty=game.rule,
        penalty_weight=game.gamma,
        progress=False,
    )
    *_, (g_state, d_state, _, _) = states = list(pure_run(game, batches))
    close = functools.partial(torch.testing.assert_close, atol=1e-12, rtol=1e-12)
    close(step.flatten(G), g_state[0])
    close(step.flatten(D), d_state[0])
    close(torch.stack(run.g_loss), torch.stack([g_loss for *_, g_loss in states]))


def test_a_net_with_seeds_or_a_wrong_vector_is_refused():
    G, _ = nets()
    with pytest.raises(ValueError, match=r"expected \d+ parameters; got shape \(3,\)"):
        step.apply(G, torch.zeros(3))
    many = models.MLP((2, 4, 1), seeds=2, generator=models.generators(2))
    vector = torch.zeros(sum(p.numel() for p in many.parameters()))
    with pytest.raises(ValueError, match="without a seed axis; got seeds=2"):
        step.apply(many, vector)
    with pytest.raises(ValueError, match="k_t"):
        step.d_step(*nets(), losses.began())


# --- the translation ------------------------------------------------------------------------------

source = torch.Generator().manual_seed(0)
A, B = torch.rand(2, 3, 4, generator=source, **double).unbind(0)
SQUARE = torch.randn(5, 5, generator=source, **double)

FUNCTIONS = {
    "clamped between tensors": lambda a, b: a.clamp(-b / 4, b / 2),
    "a slope with a factor": lambda a, b: torch.func.grad(
        lambda x: 0.2 * (x[0, 0].square() - b[0, 0])
    )(a),
    "sums": lambda a, b: (a.sum(), a.sum(0), a.sum(1, keepdim=True), (a * b).mean(-1)),
    "broadcasts": lambda a, b: a[:, :1] * b + a.mean(0) - b[0],
    "powers": lambda a, b: (a**2, a**0.5, a**3, 2**a, a**b, a.rsqrt(), a.reciprocal()),
    "exponentials": lambda a, b: (a.exp().log1p(), a.tanh(), a.sigmoid(), (a - b).expm1()),
    "softplus": lambda a, b: torch.nn.functional.softplus(40 * (a - b)),
    "leaky": lambda a, b: torch.nn.functional.leaky_relu(a - b, 0.2),
    "choices": lambda a, b: torch.where(a > b, a, b.log()).clamp(-0.5, 0.7),
    "softmax": lambda a, b: (a.softmax(-1), b.log_softmax(0), a.logsumexp(-1)),
    "extremes": lambda a, b: (a.amax(), a.min(), torch.maximum(a, b), a.abs().sign()),
    "shapes": lambda a, b: (a.t().reshape(2, 6), torch.stack([a, b], 1).flatten(1), a.flip(0)),
    "pieces": lambda a, b: (torch.cat([a[1:], b[:1]]), a[:, 1:3], a.narrow(1, 2, 2), b[-1]),
    "running": lambda a, b: (a.cumsum(1), (a + b).cumsum(0)),
    "counting": lambda a, b: torch.arange(4) * a + torch.linspace(0, 1, 4, **double),
    "products": lambda a, b: (a @ b.t(), a.t() @ b, (a @ b.t()) @ a, a @ b[0], a.t() @ a + 1),
    "gradient": lambda a, b: torch.func.grad(lambda x: ((x @ b.t()).tanh() ** 2).sum())(a),
    "second": lambda a, b: torch.func.grad(
        lambda x: torch.func.grad(lambda y: (y.tanh() * b).sum())(x).square().sum()
    )(a),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_javascript_gives_what_torch_gives(v8, name):
    agree(v8, FUNCTIONS[name], A, B)


def test_a_softplus_of_anything_is_exact(v8):
    agree(v8, torch.nn.functional.softplus, torch.linspace(-800, 800, 33, **double))


def test_an_output_may_take_the_place_of_an_input(v8):
    def function(a, b):
        return a + b.sum(0), b * a

    made = call(v8, function, {"a": A, "b": B}, ["a", "b"])
    for ours, theirs in zip(made, function(A, B), strict=True):
        torch.testing.assert_close(ours, theirs.flatten(), atol=1e-14, rtol=0)


def test_a_product_may_overwrite_what_it_reads(v8):
    made = call(v8, lambda a: (a @ a, a.t() @ a), {"a": SQUARE}, ["a", "b"])
    torch.testing.assert_close(made[0], (SQUARE @ SQUARE).flatten())
    torch.testing.assert_close(made[1], (SQUARE.t() @ SQUARE).flatten())


def test_an_unknown_operator_is_named_with_the_line_that_calls_it():
    def careless(x):
        return torch.linalg.eigvalsh(x)

    with pytest.raises(NotImplementedError) as error:
        compiler.translate("kernel", careless, {"x": SQUARE}, ["y"])
    assert "_linalg_eigh" in str(error.value)
    assert "test_live.py" in str(error.value)
    assert "eigvalsh(x)" in str(error.value)


def test_results_and_names_must_match():
    with pytest.raises(ValueError, match=r"kernel gives 1 results; got names \['a', 'b'\]"):
        compiler.translate("kernel", lambda x: x + 1, {"x": A}, ["a", "b"])


@each_game
def test_ten_steps_of_every_game_agree_with_torch(v8, game):
    """The very kernels of the page, in double precision, on batches that torch has seen too."""
    made = game2d.kernels(8)
    batches = draws(10)
    G, D = nets()
    g, d = step.flatten(G).tolist(), step.flatten(D).tolist()
    d_name, g_name, _ = game2d.names(game)
    found = v8.call(
        "tenSteps", made[d_name], made[g_name], g, d,
        [[x.flatten().tolist() for x in batch] for batch in batches],
        game.lr_D, game.lr_G, game.gamma,
    )  # fmt: skip
    for ours, (g_state, d_state, d_loss, g_loss) in zip(
        json.loads(found), pure_run(game, batches), strict=True
    ):
        expected = torch.cat([g_state[0], d_state[0], d_loss.view(1), g_loss.view(1)])
        assert (torch.tensor(ours, **double) - expected).abs().max() <= 1e-11


@pytest.fixture(autouse=True, scope="module")
def ten_steps(v8):
    v8.eval("""
      globalThis.tenSteps = (dText, gText, g, d, batches, lrD, lrG, gamma) => {
        const memory = ganbook.memory({ wasm: false, precision: 64 });
        const made = [dText, gText].map((text) =>
          (0, eval)("(" + text.slice(text.indexOf("function")) + ")")(memory));
        const zero = (x) => memory.array(x.map(() => 0));
        const [G, D] = [memory.array(g), memory.array(d)];
        const [gMean, gSquare, dMean, dSquare] = [zero(g), zero(g), zero(d), zero(d)];
        const [real, z] = [memory.array(batches[0][0]), memory.array(batches[0][1])];
        return JSON.stringify(batches.map(([x, zD, zG], i) => {
          real.set(x);
          z.set(zD);
          const dLoss = made[0](D, dMean, dSquare, G, real, z, i + 1, lrD, gamma).loss;
          z.set(zG);
          const gLoss = made[1](G, gMean, gSquare, D, real, z, i + 1, lrG).loss;
          return [...G, ...D, dLoss, gLoss];
        }));
      }""")


@each_game
def test_the_push_on_fakes_agrees_with_torch(v8, game):
    _, D = nets()
    real, fake, _ = draws(1)[0]
    agree(v8, game2d.push(D, game.loss), step.flatten(D), fake, real)


@pytest.fixture
def in_double():
    torch.set_default_dtype(torch.float64)  # for the centres of the cells
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("in_double")
def test_the_measures_agree_with_torch(v8):
    points = 2.5 * torch.randn(50, 2, generator=source, **double)
    shares = torch.full((50,), 1 / 50, **double)
    agree(v8, game2d.mass, points, shares, torch.tensor(0.1, **double))
    p, q = torch.rand(2, game2d.CELLS**2, generator=source, **double)
    p[:50] = 0
    q[40:90] = 0
    p, q = p / p.sum(), q / q.sum()
    logits = 30 * torch.randn(game2d.CELLS**2, generator=source, **double)
    agree(v8, game2d.value, p, q, logits, checks=True)


def test_the_measure_is_a_law_and_its_optimum_is_never_passed():
    points = 3 * torch.randn(400, 2, generator=source, **double)
    q = game2d.mass(points, torch.full((400,), 1 / 400, **double), torch.tensor(0.1))
    assert q.sum() == pytest.approx(1, abs=1e-12)
    p = game2d.mass(points / 2, torch.full((400,), 1 / 400, **double), torch.tensor(0.1))
    best = theory.optimal_discriminator(p, q).clamp(1e-12, 1 - 1e-12)
    for logits in (torch.zeros_like(p), best.logit(), best.logit() + 1):
        _, _, value, jsd = game2d.value(p, q, logits)
        assert value <= 2 * jsd - math.log(4) + 1e-9
    _, _, value, jsd = game2d.value(p, q, best.logit())
    torch.testing.assert_close(value, 2 * jsd - math.log(4), atol=1e-8, rtol=0)


# --- the product ----------------------------------------------------------------------------------


def test_the_fast_product_equals_the_plain_one():
    v8 = MiniRacer()
    v8.eval(DECODE)
    v8.eval(ENGINE + f'ganbook.wasm = "{wasm.encoded()}";')
    found = v8.eval("""
      (() => {
        const { uniform } = ganbook.random(3);
        let worst = 0, used = 0;
        const sizes = [[64, 32, 32], [5, 7, 12], [1, 1, 4], [128, 64, 64], [9, 3, 20]];
        for (const [rows, inner, columns] of sizes)
          for (const transposed of [false, true]) for (const start of [0, 1]) {
            const results = [true, false].map((wasm) => {
              const memory = ganbook.memory({ wasm });
              const draw = ganbook.random(rows + columns);
              const one = () => draw.uniform() - 0.5;
              const fill = (n) => memory.array(Array.from({ length: n }, one));
              const a = fill(rows * inner), b = fill(inner * columns), s = fill(rows * columns);
              const out = memory.array(rows * columns);
              const steps = transposed ? [1, rows] : [inner, 1];
              const first = start ? s : null;
              memory.product(out, 0, rows, inner, columns, a, 0, ...steps, b, 0, first, 0, columns);
              used += memory.wasm;
              return out;
            });
            results[0].forEach((x, i) => worst = Math.max(worst, Math.abs(x - results[1][i])));
          }
        return JSON.stringify([worst, used]);
      })()""")
    worst, used = json.loads(found)
    assert used == 20  # it was the fast one indeed
    assert worst <= 1e-5


DECODE = """
  globalThis.atob = (text) => {
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = 0, held = 0, made = "";
    for (const letter of text.replace(/=+$/, "")) {
      bits = (bits << 6) | letters.indexOf(letter);
      held += 6;
      if (held >= 8) made += String.fromCharCode((bits >> (held -= 8)) & 255);
    }
    return made;
  };
"""


# --- the playground -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def playground():
    context = MiniRacer()
    context.eval(DECODE)
    context.eval("\n".join(text for name, text in page.scripts("game2d", {}).items()))
    context.eval("""
      globalThis.play = (settings, steps) => {
        const game = ganbook.game2d.create(settings);
        let allowed = true;
        for (let i = 0; i < steps; i++) {
          game.step();
          if (i % 200 === 0) {
            const { value, bestValue } = game.measure();
            allowed &&= value <= bestValue + 1e-6;
          }
        }
        const { jsd, floor, found, quality } = game.measure();
        const weights = Array.from(game.samples());
        return JSON.stringify({ jsd, floor, found, quality, allowed, weights });
      };""")
    return lambda settings, steps: json.loads(context.call("play", settings, steps))


ARM = [k / 10 for k in range(-15, 16, 2)]
CROSS = {"centres": [[x, 0] for x in ARM] + [[0, y] for y in ARM], "std": 0.08}


@pytest.mark.parametrize(
    "data", [*game2d.DATASETS, CROSS], ids=lambda d: d if isinstance(d, str) else "drawn"
)
def test_every_law_is_learned(playground, data):
    before = playground({"data": data, "seed": 1}, 1)
    after = playground({"data": data, "seed": 1}, 2000)
    assert after["jsd"] < 0.25 < before["jsd"]
    assert after["allowed"]
    assert after["floor"] < 0.02


@each_game
def test_every_game_learns_the_ring(playground, game):
    made = playground({"game": game.name, "seed": 1}, 2000)
    assert made["found"] == 8
    assert made["allowed"]


def test_the_same_seed_gives_the_same_run(playground):
    first, again, other = (playground({"seed": seed}, 50) for seed in (4, 4, 5))
    assert first == again != other


def test_one_latent_dimension_draws_a_thread(playground):
    points = torch.tensor(playground({"latent": 1}, 200)["weights"], **double).view(-1, 2)
    gaps = torch.cdist(points, points).fill_diagonal_(math.inf).amin(1)
    plane = torch.tensor(playground({"latent": 2}, 200)["weights"], **double).view(-1, 2)
    spread = torch.cdist(plane, plane).fill_diagonal_(math.inf).amin(1)
    assert gaps.median() < spread.median() / 4


# --- the page -------------------------------------------------------------------------------------


def test_scripts_are_the_same_at_every_build():
    code = "from ganbook.live import page; print(page.scripts('game2d', {}))"
    seed = {"PYTHONHASHSEED": "1"}  # this process has another one, by chance
    again = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | seed,
        capture_output=True,
        check=True,
        text=True,
    )
    assert again.stdout.strip() == str(page.scripts("game2d", {}))


def test_scripts_are_light():
    import gzip

    text = "".join([*page.scripts("game2d", {}).values(), page.style()])
    assert len(gzip.compress(text.encode(), 9)) <= 40_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "cube"}, r"expected data among \('ring', .*got 'cube'"),
        ({"nets": 33}, r"expected nets among \(16, 32, 64\); got 33"),
        ({"seed": 0}, "expected seed from 1 to 20; got 0"),
        ({"k": "two"}, "expected k from 1 to 10; got 'two'"),
        ({"speed": 3}, "expected options among .*got 'speed'"),
        ({"height": 10}, "at least 200 pixels; got 10"),
    ],
)
def test_bad_options_say_what_is_possible(options, message):
    with pytest.raises(ValueError, match=message):
        show("game2d", **options)


def test_an_unknown_figure_is_refused():
    with pytest.raises(ValueError, match=r"among .*'game2d'.*got 'game3d'"):
        show("game3d")


def test_a_notebook_holds_a_bare_tag_or_a_whole_frame(monkeypatch):
    monkeypatch.setenv("GANBOOK_PLAIN", "1")
    bare = show("game2d", loss="relativistic", height=700).data
    assert bare.startswith('<div class="gb-live" data-figure="game2d"')
    assert "<script" not in bare
    monkeypatch.delenv("GANBOOK_PLAIN")
    frame = show("game2d", loss="relativistic", height=700).data  # a warning would be an error
    assert "height: 700px" in frame
    assert "&amp;quot;game&amp;quot;: &amp;quot;relativistic" in frame


def test_a_picture_stands_in_where_no_script_runs():
    image = Image.open(io.BytesIO(page.picture("game2d")))
    assert image.format == "PNG"
    assert image.width > 600
    assert np.asarray(image.convert("RGB")).std() > 20


@pytest.fixture
def build_book(tmp_path):
    """Builds pages, text by name, with the directive; returns the folder and the warnings."""

    def build(**pages):
        for name, text in pages.items():
            (tmp_path / name.replace("__", "/")).parent.mkdir(exist_ok=True)
            (tmp_path / name.replace("__", "/")).with_suffix(".md").write_text(
                text, encoding="utf-8"
            )
        config = {
            "extensions": ["myst_nb", "ganbook.live.directive"],
            "nb_execution_mode": "off",
            "myst_enable_extensions": ["colon_fence"],
            "html_theme": "basic",
        }
        warnings, out = io.StringIO(), tmp_path / "out"
        with docutils_namespace():
            sphinx = Sphinx(tmp_path, None, out, out / "d", "html", config, None, warnings, True)
            sphinx.build()
        return out, warnings.getvalue()

    return build


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:::docutils")
def test_the_directive_puts_a_figure_on_a_page(build_book):
    given = ":loss: relativistic\n:height: 300\n:class: gb-broad"
    live = f":::{{live}} game2d\n{given}\n\n**Play.** Lose.\n:::\n"
    out, warnings = build_book(
        index=f"# A\n\n{live}", deep__plain="---\norphan: true\n---\n\n# B\n"
    )
    assert warnings == ""
    html = (out / "index.html").read_text(encoding="utf-8")
    assert "&quot;game&quot;: &quot;relativistic&quot;" in html
    assert "--gb-height: 300px" in html
    assert "<strong>Play.</strong> Lose." in html
    assert 'class="gb-broad' in html
    for file in ("figure.js", "game2d.js", "game2d-32.js", "figure.css"):
        assert f"_static/live/{file}" in html
        assert (out / "_static" / "live" / file).stat().st_size > 1000
    assert "_static/live" not in (out / "deep" / "plain.html").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:::docutils")
def test_the_directive_fills_the_tag_of_a_notebook(build_book, monkeypatch):
    monkeypatch.setenv("GANBOOK_PLAIN", "1")
    tag = show("game2d", data="moons").data
    out, warnings = build_book(index=f"# A\n\n```{{raw}} html\n{tag}\n```\n")
    assert warnings == ""
    html = (out / "index.html").read_text(encoding="utf-8")
    assert "&quot;data&quot;: &quot;moons&quot;" in html
    assert "data-given" not in html
    assert "<strong>Press Play, then make it fail.</strong>" in html


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:::docutils")
def test_the_directive_says_what_is_wrong(build_book):
    _, warnings = build_book(index="# A\n\n:::{live} game2d\n:data: cube\n:::\n")
    assert "expected data among" in warnings
    assert "index.md:3" in warnings
