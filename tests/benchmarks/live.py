"""Steps per second in the page against TensorFlow.js: `.venv/bin/python tests/benchmarks/live.py`.

One headless Chromium, one run, no GPU: the same nets, batch, game and Adam in the generated kernels
(with and without WebAssembly) and in TensorFlow.js on its CPU and WebAssembly back ends; and in
PyTorch on one thread. TensorFlow.js is installed by npm into a temporary folder, for this alone.
Times differ from machine to machine and from run to run; the ratios are what to look at.
"""

import functools
import http.server
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import torch
from playwright.sync_api import sync_playwright

from ganbook import losses, models, train
from ganbook.live import step, wasm
from ganbook.live.compile import translate

SIZES = ((32, 64), (64, 128))  # width of the two hidden layers, points in a batch
SECONDS = 2
ROUNDS = 3
PACKAGES = ("@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0")
SCRIPTS = ("tfjs/dist/tf.min.js", "tfjs-backend-wasm/dist/tf-backend-wasm.min.js")
FLAGS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync""".split()

OURS = """
(width, batch, useWasm) => {
  const memory = ganbook.memory({ wasm: useWasm });
  const { normal } = ganbook.random(1);
  const draw = (n, scale) => memory.array(Array.from({ length: n }, () => scale * normal()));
  const kernels = ganbook.kernels["bench" + width];
  const dStep = kernels.d_step(memory), gStep = kernels.g_step(memory);
  const [sizeG, sizeD] = kernels.sizes;
  const D = draw(sizeD, 0.2), G = draw(sizeG, 0.2);
  const real = draw(2 * batch, 1), z = draw(2 * batch, 1);
  const [dMean, dSquare] = [memory.array(sizeD), memory.array(sizeD)];
  const [gMean, gSquare] = [memory.array(sizeG), memory.array(sizeG)];
  let count = 0;
  return () => {
    count++;
    dStep(D, dMean, dSquare, G, real, z, count, 1e-4);
    gStep(G, gMean, gSquare, D, real, z, count, 1e-4);
    return D[0];
  };
}
"""
THEIRS = """
(width, batch) => {
  const net = (sizes) => sizes.slice(1).map((n, i) => [
    tf.variable(tf.randomNormal([sizes[i], n], 0, 0.2)), tf.variable(tf.zeros([n]))]);
  const apply = (layers, x) => layers.reduce((h, [w, b], i) => {
    const y = tf.add(tf.matMul(h, w), b);
    return i + 1 < layers.length ? tf.leakyRelu(y, 0.2) : y;
  }, x);
  const G = net([2, width, width, 2]), D = net([2, width, width, 1]);
  const real = tf.randomNormal([batch, 2]), z = tf.randomNormal([batch, 2]);
  const adamD = tf.train.adam(1e-4, 1e-12, 0.99), adamG = tf.train.adam(1e-4, 1e-12, 0.99);
  return () => {
    tf.tidy(() => {
      const fake = apply(G, z);
      adamD.minimize(() => tf.add(tf.mean(tf.softplus(tf.neg(apply(D, real)))),
        tf.mean(tf.softplus(apply(D, fake)))), false, D.flat());
      adamG.minimize(() => tf.mean(tf.softplus(tf.neg(apply(D, apply(G, z))))), false, G.flat());
    });
    return D[0][0].dataSync()[0];
  };
}
"""
TIME = """
async ([make, width, batch, extra, seconds]) => {
  const run = (0, eval)(make)(width, batch, extra);
  for (let i = 0; i < 100; i++) run();
  const start = performance.now();
  let steps = 0;
  while (performance.now() - start < 1000 * seconds) {
    for (let i = 0; i < 10; i++) run();
    steps += 10;
  }
  return (1000 * steps) / (performance.now() - start);
}
"""


def nets(width: int):
    """G and D as in the playground, with two hidden layers of this width."""
    generator = torch.Generator().manual_seed(0)
    activation = functools.partial(torch.nn.functional.leaky_relu, negative_slope=0.2)
    make = functools.partial(models.MLP, activation=activation, generator=generator)
    return make((2, width, width, 2)), make((2, width, width, 1))


def kernels(width: int, batch: int) -> str:
    """The two steps of the non-saturating game as JavaScript."""
    G, D = nets(width)
    g, d = step.flatten(G), step.flatten(D)
    points, number = torch.zeros(batch, 2), torch.tensor(1.0)
    common = {"real": points, "z": points, "step": number, "lr": number}
    names = lambda net: (net, f"{net}_mean", f"{net}_square")  # noqa: E731
    loss = losses.NON_SATURATING
    d_function = step.d_step(G, D, loss)
    texts = {
        "d_step": translate(
            "d_step",
            lambda *state: d_function(*state, None),
            {**dict.fromkeys(names("D"), d), "G": g, **common},
            (*names("D"), "loss"),
        ),
        "g_step": translate(
            "g_step",
            step.g_step(G, D, loss),
            {**dict.fromkeys(names("G"), g), "D": d, **common},
            (*names("G"), "loss"),
        ),
    }
    fields = ", ".join(f"{name}: {text}" for name, text in texts.items())
    fields = ",".join(
        f"{name}: (() => {{ {text} return {name}; }})()" for name, text in texts.items()
    )
    made = f"{{ sizes: [{len(g)}, {len(d)}], {fields} }}"
    return f"ganbook.kernels ??= {{}}; ganbook.kernels.bench{width} = {made};"


def in_torch(width: int, batch: int) -> float:
    """Steps per second of `train.d_step` and `train.g_step`."""
    G, D = nets(width)
    adam = lambda net: torch.optim.Adam(net.parameters(), 1e-4, (0.0, 0.99))  # noqa: E731
    run = train.Run(G, D, adam(G), adam(D))
    real, z = torch.randn(batch, 2), torch.randn(batch, 2)
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        train.d_step(run, losses.NON_SATURATING, real, z)
        train.g_step(run, losses.NON_SATURATING, z)
        steps += 1
    return steps / (time.perf_counter() - start)


def main() -> None:
    """Measure and print a table."""
    torch.set_num_threads(1)
    engine = Path(wasm.__file__).with_name("engine.js").read_text()
    ours = "\n".join([engine, f"ganbook.wasm = '{wasm.encoded()}';", *(kernels(*s) for s in SIZES)])
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        subprocess.run(["npm", "install", "--silent", "--prefix", folder, *PACKAGES], check=True)
        scripts = [Path(folder, "node_modules/@tensorflow", script) for script in SCRIPTS]
        page_server = serve(Path(folder))
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = chromium.new_page()
        page.goto(f"{page_server}/index.html")
        for script in scripts:
            page.add_script_tag(path=script)
        page.add_script_tag(content=ours)
        results: dict[tuple, list[float]] = {}
        for _ in range(ROUNDS):
            for width, batch in SIZES:
                for name, make, extra in (
                    ("ours", OURS, True),
                    ("ours, plain JavaScript", OURS, False),
                ):
                    value = page.evaluate(TIME, [make, width, batch, extra, SECONDS])
                    results.setdefault((name, width), []).append(value)
                for backend in ("cpu", "wasm"):
                    page.evaluate(
                        "async ([backend, path]) => { tf.wasm.setWasmPaths(path);"
                        " await tf.setBackend(backend); await tf.ready(); }",
                        [
                            backend,
                            f"{page_server}/node_modules/@tensorflow/tfjs-backend-wasm/dist/",
                        ],
                    )
                    value = page.evaluate(TIME, [THEIRS, width, batch, None, SECONDS])
                    results.setdefault((f"TensorFlow.js, {backend}", width), []).append(value)
                results.setdefault(("PyTorch, one thread", width), []).append(
                    in_torch(width, batch)
                )
        chromium.close()
    for width, batch in SIZES:
        print(f"\nnets 2×{width}, batch {batch}: steps per second, best of {ROUNDS} (all)")
        best = {name: max(v) for (name, w), v in results.items() if w == width}
        peer = max(v for name, v in best.items() if name.startswith("TensorFlow"))
        for name, value in best.items():
            every = ", ".join(f"{v:.0f}" for v in results[name, width])
            print(f"{name:<24} {value:6.0f}  {value / peer:5.2f} × TensorFlow.js  ({every})")


def serve(folder: Path) -> str:
    """Serve a folder on this machine; returns the address."""
    (folder / "index.html").write_text("<!doctype html><title>benchmark</title>")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


if __name__ == "__main__":
    main()
