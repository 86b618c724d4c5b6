"""Generated JavaScript, run in V8 in double precision and compared with torch."""

import json

import torch

from ganbook.live import compile as compiler
from ganbook.live import files

ENGINE = "globalThis.atob ??= undefined;\n" + files.text("engine.js")
RUN = """
(text, values, precision) => {
  const memory = ganbook.memory({ wasm: false, precision });
  const run = (0, eval)("(" + text.slice(text.indexOf("function")) + ")")(memory);
  const plain = (made) => ArrayBuffer.isView(made) ? Array.from(made) : made;
  const inputs = values.map((value) => Array.isArray(value) ? memory.array(value) : value);
  const made = run(...inputs);
  return JSON.stringify(Object.fromEntries(
    Object.entries(made).map(([name, value]) => [name, plain(value)])));
}
"""


def run(v8, text, outputs, *inputs):
    """The results of a generated function, as flat tensors."""
    values = [x.item() if x.dim() == 0 else x.flatten().tolist() for x in inputs]
    made = json.loads(v8.call("runKernel", text, values, 64))
    return [torch.tensor(made[name], dtype=torch.float64).flatten() for name in outputs]


def call(v8, function, examples, outputs, **options):
    """The results of a function, translated."""
    text = compiler.translate("kernel", function, examples, outputs, **options)
    return run(v8, text, outputs, *examples.values())


def same(ours, theirs):
    """Assert that results agree, up to rounding."""
    theirs = theirs if isinstance(theirs, tuple) else (theirs,)
    for one, other in zip(ours, theirs, strict=True):
        expected = other.detach().to(torch.float64).flatten()
        torch.testing.assert_close(one.flatten(), expected, atol=1e-12, rtol=1e-11)


def agree(v8, function, *examples, **options):
    """Assert that JavaScript gives what torch gives."""
    expected = function(*examples)
    expected = expected if isinstance(expected, tuple) else (expected,)
    names = [f"y{i}" for i in range(len(expected))]
    inputs = {f"x{i}": x for i, x in enumerate(examples)}
    same(call(v8, function, inputs, names, **options), expected)
