// `saturation`: D learns, G stands still, and both gradients are measured. Kernels come from Python.
"use strict";
globalThis.ganbook ??= {};
ganbook.figures ??= {};

ganbook.saturationGame = function (settings = {}) {
  const { numbers, kernels } = ganbook.saturation;
  const { batch } = numbers;
  const memory = ganbook.memory({ precision: 64, wasm: false, bytes: 1 << 20 });
  const made = {};
  const kernel = (name) => (made[name] ??= kernels[name](memory));
  const length = numbers.layers.reduce((sum, [count]) => sum + count, 0);
  const [D, mean, square] = [length, length, length].map((n) => memory.array(n));
  const [G, real, z, fixed] = [2, batch, batch, batch].map((n) => memory.array(n));
  let draw = null;
  const game = {
    settings: { ...numbers.defaults, ...settings },
    steps: 0,
    history: [], // [step, minimax, non-saturating]
    reset() {
      draw = ganbook.random(game.settings.seed);
      game.steps = 0;
      let at = 0;
      for (const [count, bound] of numbers.layers) {
        for (let i = 0; i < count; i++) D[at++] = bound * (2 * draw.uniform() - 1);
      }
      mean.fill(0);
      square.fill(0);
      fixed.set(Array.from(fixed, draw.normal));
      G.set([game.settings.width, game.settings.mean]);
      game.history = [];
      game.note();
    },
    note() {
      const { minimax, non_saturating: other, logits } = kernel("norms")(G, D, fixed);
      game.logits = Array.from(logits);
      game.history.push([game.steps, minimax, other]);
      if (game.history.length > 1200) game.history = game.history.filter((_, i) => i % 2 === 0);
    },
    step() {
      for (let i = 0; i < batch; i++) {
        real[i] = numbers.mean + numbers.std * draw.normal();
        z[i] = draw.normal();
      }
      kernel("d_step")(D, mean, square, G, real, z, ++game.steps, game.settings.rate);
      game.note();
    },
    weights: (logit) => kernel("weights")(logit),
    // The step of D from which on the minimax gradient is smaller than at the start.
    get smaller() {
      const start = game.history[0][1];
      const grown = game.history.findIndex(([, size]) => size > start);
      const after = game.history.findIndex(([, size], k) => k > Math.max(grown, 0) && size < start);
      return after < 0 ? NaN : game.history[after][0];
    },
  };
  game.reset();
  return game;
};

ganbook.figures.saturation = function (stage) {
  const { element, number } = ganbook;
  const game = ganbook.saturationGame(stage.options);
  stage.game = game;
  const REACH = 10; // logits shown
  let probe = -2;

  const one = () => {
    game.step();
    look();
  };
  const reset = () => {
    game.reset();
    look();
  };
  const change = (key) => (value) => {
    game.settings[key] = value;
    reset();
  };
  stage.bar("Play", stage.clock({ advance: pace(), after: look, burst: 50 }), stage.button("One step of D", one, { class: "gb-under-D" }),
    stage.button("↺ Reset", reset, { class: "gb-quiet" }));
  stage.bar("Set up",
    stage.slider("G’s place", { min: -4, max: 4, step: 0.1, value: game.settings.mean, format: (v) => number(v, 1) }, change("mean")),
    stage.slider("D’s rate", { min: 1e-3, max: 0.1, log: true, value: game.settings.rate, format: (v) => number(v, 3) }, change("rate")),
    stage.slider("Seed", { min: 1, max: 20, value: game.settings.seed }, change("seed")));
  const say = stage.status();
  const layout = element("div", { class: "gb-stage gb-halves" });
  const [left, right] = [element("div"), element("div")];
  layout.append(left, right);
  stage.body.append(layout);
  const weights = stage.panel(left, { heading: 'Weight of each <span class="gb-G">fake</span>', ratio: 0.8, label: "", draw: drawWeights });
  const chart = stage.panel(right, { heading: "Length of G’s gradient <small>log scale</small>", ratio: 0.8, label: "", draw: drawNorms });
  const read = stage.readouts(["D steps", "minimax", "non-saturating", "Mean logit of fakes"]);

  let toPixels = (v) => v;
  let toLogit = (v) => v;
  const move = (logit) => {
    probe = Math.min(Math.max(logit, -REACH), REACH);
    look();
  };
  stage.handle(weights, {
    label: "A logit to look at",
    at: () => toPixels(probe),
    value: () => probe,
    move: ([x]) => move(toLogit(x)),
    nudge: ([by, up]) => move(probe + 0.2 * (by + up)),
    words: () => `logit ${number(probe, 1)}: σ ${number(game.weights(probe).minimax, 3)}, 1 − σ ${number(game.weights(probe).non_saturating, 3)}`,
  });
  stage.keys({ " ": () => stage.toggle(), d: one, r: reset });

  function pace() {
    let last = -Infinity;
    let budget = 0;
    return (time) => {
      if (time === Infinity) return game.step(), true;
      if (time !== last) [last, budget] = [time, 3];
      if (!budget) return false;
      budget--;
      game.step();
      return true;
    };
  }
  const tiny = (v) => (v >= 1e-3 ? number(v, 3) : v.toExponential(1).replace("-", "−"));
  const meanLogit = () => game.logits.reduce((sum, v) => sum + v, 0) / game.logits.length;
  function look() {
    const [steps, minimax, other] = game.history.at(-1);
    read(number(steps), tiny(minimax), tiny(other), number(meanLogit(), 2));
    weights.describe(`Both weights over the logit; the fakes lie around ${number(meanLogit(), 1)}`);
    chart.describe(`After ${steps} D steps: minimax ${tiny(minimax)}, non-saturating ${tiny(other)}`);
    say(sentence());
    stage.draw();
  }
  function sentence() {
    const [, minimax, other] = game.history.at(-1);
    const [, start] = game.history[0];
    const top = game.history.reduce((best, one) => (one[1] > best[1] ? one : best));
    if (!game.steps) return "D knows nothing yet. Play, and watch how long both gradients become.";
    if (minimax > start && minimax > 0.7 * top[1]) return `The minimax gradient first <b>grows</b>: it is ${number(minimax / start, 1)} times what it was. An untrained D is flat.`;
    const smaller = game.smaller;
    return Number.isFinite(smaller) && minimax < start
      ? `From D step ${number(smaller)} on the minimax gradient is <b>smaller than at the start</b>; the non-saturating one is ${number(other / minimax)} times as long.`
      : `The minimax gradient was longest at D step ${number(top[0])}; now the non-saturating one is ${number(other / minimax, 1)} times as long.`;
  }

  function drawWeights(pen) {
    const { colours } = pen;
    const [X, Y] = pen.axes({ x: [-REACH, REACH], y: [0, 1], xticks: [-10, -5, 0, 5, 10], yticks: [0, [0.5, "½"], 1], xname: "l, D’s logit of a fake" });
    const line = Array.from({ length: 101 }, (_, k) => -REACH + (2 * REACH * k) / 100);
    const both = line.map(game.weights);
    pen.line(line.map((v, k) => [X(v), Y(both[k].minimax)]), colours.ink, { width: 2.4 });
    pen.line(line.map((v, k) => [X(v), Y(both[k].non_saturating)]), colours.ink, { width: 2.4, dash: [7, 5] });
    pen.text("σ(l), minimax", X(9.6), Y(0.9), colours.ink, { align: "right", bold: true });
    pen.text("1 − σ(l),", X(9.6), Y(0.14) - 9, colours.ink, { align: "right", bold: true });
    pen.text("non-saturating", X(9.6), Y(0.14) + 8, colours.ink, { align: "right", bold: true });
    for (const logit of game.logits) {
      const v = Math.min(Math.max(logit, -REACH), REACH);
      const { minimax, non_saturating: other } = game.weights(v);
      pen.diamond(X(v), Y(minimax), 3.5);
      pen.diamond(X(v), Y(other), 3.5);
    }
    const here = game.weights(probe);
    pen.line([[X(probe), Y(0)], [X(probe), Y(1)]], colours.muted, { width: 1.2, dash: [2, 4] });
    for (const v of [here.minimax, here.non_saturating]) {
      pen.circle(X(probe), Y(v), 4.5);
      pen.fill(colours.paper);
      pen.stroke(colours.ink, 2);
      const side = probe > 0 ? -9 : 9;
      pen.text(number(v, 2), X(probe) + side, Y(v) + (v > 0.5 ? 18 : -8), colours.ink, { align: probe > 0 ? "right" : "left" });
    }
    toPixels = (logit) => [X(logit), Y(0.5)];
    toLogit = (x) => -REACH + (2 * REACH * (x - X(-REACH))) / (X(REACH) - X(-REACH));
  }
  function drawNorms(pen) {
    const { colours } = pen;
    const all = game.history.flatMap(([, a, b]) => [a, b]);
    const low = 10 ** Math.floor(Math.log10(Math.max(Math.min(...all), 1e-9)));
    const high = 10 ** Math.ceil(Math.log10(Math.max(...all) * 1.01));
    const steps = Math.max(game.steps, 100);
    const ticks = [];
    for (let v = low; v <= high * 1.01; v *= 10) ticks.push([v, v >= 0.01 ? String(Number(v.toPrecision(1))) : `1e−${-Math.round(Math.log10(v))}`]);
    const [X, Y] = pen.axes({ x: [0, steps], y: [low, high], yticks: ticks, xticks: [0, [steps, number(steps)]], xname: "steps of D", log: true, left: 46 });
    const curve = (k) => game.history.map((one) => [X(one[0]), Y(one[k])]);
    pen.line([[X(0), Y(game.history[0][1])], [X(steps), Y(game.history[0][1])]], colours.muted, { width: 1.2, dash: [2, 4] });
    pen.line(curve(1), colours.ink, { width: 2.4 });
    pen.line(curve(2), colours.ink, { width: 2.4, dash: [7, 5] });
    const [, a, b] = game.history.at(-1);
    const end = { align: "right", bold: true };
    const late = game.history.slice(-Math.ceil(game.history.length / 3)).map((one) => Y(one[1]));
    pen.text("minimax", X(steps) - 10, Math.min(...late) - 10, colours.ink, end);
    pen.text("non-saturating", X(steps) - 10, Y(b) + 20, colours.ink, end);
    pen.diamond(X(game.steps), Y(a), 6);
    pen.diamond(X(game.steps), Y(b), 6);
  }
  for (let i = 0; i < 150; i++) game.step();
  look();
  return stage;
};
