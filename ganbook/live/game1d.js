// `game1d`: two hills on a line, D between them, and the picture of both. Steps come from Python.
"use strict";
globalThis.ganbook ??= {};
ganbook.figures ??= {};

ganbook.game1dGame = function (settings = {}) {
  const { numbers, kernels } = ganbook.game1d;
  const { cells, batch } = numbers;
  const memory = ganbook.memory({ precision: 64, wasm: false, bytes: 1 << 20 });
  const made = {};
  const kernel = (name) => (made[name] ??= kernels[name](memory));
  const net = (length) => ({ now: memory.array(length), mean: memory.array(length), square: memory.array(length) });
  const [G, D] = [net(2), net(numbers.layers.reduce((sum, [count]) => sum + count, 0))];
  const [p, q, logits, real, z] = [cells, cells, cells, batch, batch].map((length) => memory.array(length));
  let draw = null;
  let moves = 0; // of G since the reader last put it somewhere
  const game = {
    settings: { ...numbers.defaults, ...settings },
    steps: 0,
    get law() {
      return numbers.laws.find((law) => law.name === game.settings.law);
    },
    get mean() {
      return G.now[1];
    },
    get width() {
      return Math.abs(G.now[0]);
    },
    // Put G where the reader wants it; Adam forgets what it knew of G.
    place(mean, width) {
      const { edge, least } = numbers;
      G.now.set([Math.min(Math.max(width, least), 3), Math.min(Math.max(mean, 1 - edge), edge - 1)]);
      G.mean.fill(0);
      G.square.fill(0);
      moves = 0;
    },
    reset() {
      draw = ganbook.random(game.settings.seed);
      game.steps = 0;
      let at = 0;
      for (const [count, bound] of numbers.layers) {
        for (let i = 0; i < count; i++) D.now[at++] = bound * (2 * draw.uniform() - 1);
      }
      D.mean.fill(0);
      D.square.fill(0);
      game.place(game.settings.mean, game.settings.width);
    },
    step() {
      if (game.settings.learns === "nobody") return;
      const { means, shares, std } = game.law;
      for (let i = 0; i < batch; i++) {
        let [k, u] = [0, draw.uniform()];
        while (k < shares.length - 1 && u > shares[k]) u -= shares[k++];
        real[i] = means[k] + std * draw.normal();
        z[i] = draw.normal();
      }
      game.steps++;
      kernel("d_step")(D.now, D.mean, D.square, G.now, real, z, game.steps, game.settings.rate);
      if (game.settings.learns !== "both") return;
      for (let i = 0; i < batch; i++) z[i] = draw.normal();
      kernel("g_step")(G.now, G.mean, G.square, D.now, real, z, ++moves, game.settings.rate / 2);
      if (Math.abs(G.now[0]) < numbers.least) G.now[0] = numbers.least;
    },
    measure() {
      p.set(game.law.masses);
      q.set(kernel("hill")(game.mean, game.width).q);
      logits.set(kernel("judge")(D.now).logits);
      const { D: learned, best, value, jsd } = kernel("value")(p, q, logits);
      return { p: [...p], q: [...q], learned: [...learned], best: [...best], value, jsd, bestValue: 2 * jsd - Math.log(4) };
    },
  };
  game.reset();
  return game;
};

ganbook.figures.game1d = function (stage) {
  const { element, number } = ganbook;
  const { numbers } = ganbook.game1d;
  const { edge, cells } = numbers;
  const LOG4 = Math.log(4);
  const game = ganbook.game1dGame(stage.options);
  stage.game = game;
  const x = Array.from({ length: cells }, (_, k) => -edge + (2 * edge * k) / (cells - 1));
  let seen = null;

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
    look();
  };
  stage.bar("Play", stage.clock({ advance: pace(), after: look, burst: 50 }), stage.button("One step", one),
    stage.button("↺ Reset", reset, { class: "gb-quiet" }));
  const place = (mean, width) => {
    game.place(mean, width);
    Object.assign(game.settings, { mean: game.mean, width: game.width });
    look();
  };
  const mean = stage.slider("G’s mean", { min: -4, max: 4, step: 0.1, value: game.mean, format: (v) => number(v, 1) }, (v) => place(v, game.width));
  const width = stage.slider("G’s width", { min: numbers.least, max: 3, step: 0.05, value: game.width, format: (v) => number(v, 2) }, (v) => place(game.mean, v));
  stage.bar("Set up",
    stage.choice("Who learns", numbers.learners, game.settings.learns, change("learns")),
    stage.select("Data", numbers.laws.map(({ name, label }) => [name, label]), game.settings.law, change("law")),
    mean, width);
  const say = stage.status();
  const large = element("div", { class: "gb-stage gb-even" });
  stage.body.append(large);
  const hills = stage.panel(large, { heading: '<span class="gb-data">data</span> and <span class="gb-G">fakes</span>', ratio: 0.4, label: "", draw: drawHills });
  const verdicts = stage.panel(large, { heading: '<span class="gb-D">D</span> as learned, and dashed <span class="gb-D">D*</span>, the best', ratio: 0.3, label: "", draw: drawVerdicts });
  const ladder = stage.panel(large, { heading: "V, and what is missing <small>nats</small>", ratio: 0.15, label: "", draw: drawLadder });
  ladder.canvas.style.minHeight = "100px";
  const read = stage.readouts(["D steps", "V", "V*", "JSD"]);
  stage.more(
    stage.slider("Rate", { min: 1e-3, max: 0.1, log: true, value: game.settings.rate, format: (v) => number(v, 3) }, change("rate")),
    stage.slider("Seed", { min: 1, max: 20, value: game.settings.seed }, (seed) => {
      game.settings.seed = seed;
      reset();
    }));

  let toPixels = (v) => v;
  let toValues = (v) => v;
  const peak = () => [game.mean, 0.4 / game.width];
  stage.handle(hills, {
    label: "G’s hill: left and right move it, up makes it narrow, down wide",
    at: () => toPixels(peak()),
    value: () => game.mean,
    move: (pixels) => {
      const [at, height] = toValues(pixels);
      place(at, 0.4 / Math.max(height, 0.05));
    },
    nudge: ([right, up]) => place(game.mean + 0.1 * right, game.width - 0.05 * up),
    words: () => `mean ${number(game.mean, 1)}, width ${number(game.width, 2)}`,
  });
  stage.keys({ " ": () => stage.toggle(), s: one, r: reset });

  function pace() {
    let last = -Infinity;
    let left = 0;
    return (time) => {
      if (time === Infinity) return game.step(), true;
      if (time !== last) [last, left] = [time, 2];
      if (!left) return false;
      left--;
      game.step();
      return true;
    };
  }
  function look() {
    seen = game.measure();
    const { value, bestValue, jsd } = seen;
    mean.set(game.mean);
    width.set(game.width);
    read(number(game.steps), number(value, 3), number(bestValue, 3), number(jsd, 3));
    hills.describe(`Data: ${game.law.label}. G: one hill at ${number(game.mean, 1)}, width ${number(game.width, 2)}`);
    verdicts.describe(`D as learned: V is ${number(bestValue - value, 3)} short of the best there is`);
    ladder.describe(`V ${number(value, 3)}, best V ${number(bestValue, 3)}, floor ${number(-LOG4, 3)}`);
    say(sentence());
    stage.draw();
  }
  function sentence() {
    const { value, bestValue, jsd } = seen;
    const gap = bestValue - value;
    const where = jsd < 0.005 ? "The hills are all but the same: the best D cannot tell, V* is −log 4." : `No D can get above V* = ${number(bestValue, 3)}: that is 2·JSD − log 4.`;
    return `D is <b class="gb-D">${number(gap, 3)}</b> short of the best. ${where}`;
  }

  const box = { x: [-edge, edge], left: 34 };
  function drawHills(pen) {
    const { colours } = pen;
    const cell = (2 * edge) / (cells - 1);
    const high = Math.max(0.6, Math.min(1.4, 0.45 / game.width));
    const [X, Y] = pen.axes({ ...box, y: [0, high], xticks: [-4, -2, 0, 2, 4], yticks: [0, 0.5] });
    for (const [law, colour] of [[seen.p, colours.data], [seen.q, colours.gen]]) {
      const curve = law.map((v, k) => [X(x[k]), Math.max(Y(v / cell), 0)]);
      pen.area([[X(-edge), Y(0)], ...curve, [X(edge), Y(0)]], colour, 0.18);
      pen.line(curve, colour, { width: 2.4 });
    }
    const [a, b] = [X(game.mean), Y(Math.min(peak()[1], high))];
    pen.diamond(a, b, 8);
    toPixels = ([mean_, height]) => [X(mean_), Y(Math.min(height, high))];
    toValues = ([u, v]) => [-edge + (2 * edge * (u - X(-edge))) / (X(edge) - X(-edge)), (high * (Y(0) - v)) / (Y(0) - Y(high))];
  }
  function drawVerdicts(pen) {
    const { width: w, height: h, colours } = pen;
    const [X, Y] = pen.axes({ ...box, y: [0, 1], xticks: [-4, -2, 0, 2, 4], yticks: [0, [0.5, "½"], 1], bottom: 40 });
    pen.line(seen.best.map((v, k) => [X(x[k]), Y(v)]), colours.disc, { width: 2, dash: [6, 5] });
    pen.line(seen.learned.map((v, k) => [X(x[k]), Y(v)]), colours.disc, { width: 2.6 });
    seen.best.forEach((v, k) => {
      pen.area([[X(x[k]) - w / cells, h - 14], [X(x[k]) + w / cells, h - 14], [X(x[k]) + w / cells, h], [X(x[k]) - w / cells, h]].map(([u, t]) => [Math.min(Math.max(u, X(-edge)), X(edge)), t]), pen.verdict(v));
    });
  }
  // A scale from the floor to 0, and the two gaps: the violet one is D's to close, the orange one G's.
  function drawLadder(pen) {
    const { width: w, height: h, colours } = pen;
    const { value, bestValue } = seen;
    const low = Math.min(-LOG4, Math.max(value, -2.4)) - 0.12;
    const X = (v) => 34 + ((w - 50) * (v - low)) / -low;
    const middle = 36;
    const shown = Math.max(value, low);
    const bar = (from, to, colour) => pen.area([[X(from), middle - 9], [X(to), middle - 9], [X(to), middle + 9], [X(from), middle + 9]], colour, 0.35);
    const bracket = (from, to, y, colour) => pen.line([[X(from), y - 4], [X(from), y], [X(to), y], [X(to), y - 4]], colour, { width: 1.6 });
    const rung = (v, down, colour, dash) => pen.line([[X(v), middle - 13], [X(v), down]], colour, { width: 2.6, dash });
    const beside = (words, v, y, colour) => {
      const right = X(v) < w - 150;
      pen.text(words, X(v) + (right ? 6 : -6), y, colour, { align: right ? "left" : "right", bold: true });
    };
    pen.line([[X(low), middle], [X(0), middle]], colours.hair, { width: 1 });
    bar(-LOG4, bestValue, colours.gen);
    bar(shown, bestValue, colours.disc);
    rung(-LOG4, h - 20, colours.value, [2, 3]);
    rung(0, middle + 13, colours.muted);
    rung(bestValue, middle + 13, colours.value, [5, 3]);
    pen.text("−log 4", X(-LOG4), h - 6, colours.value, { align: "center", bold: true });
    pen.text("0", X(0), h - 6, colours.muted, { align: "center" });
    pen.text("V*", X(bestValue) + 3, middle - 17, colours.value, { bold: true });
    bracket(-LOG4, bestValue, middle + 34, colours.gen);
    beside(`G’s gap, 2·JSD ${number(bestValue + LOG4, 3)}`, bestValue, middle + 38, colours.gen);
    if (value > low) {
      rung(value, middle + 13, colours.value);
      pen.text("V", X(value) - 3, middle - 17, colours.value, { align: "right", bold: true });
      bracket(value, bestValue, middle + 18, colours.disc);
    }
    beside(`D’s gap ${number(bestValue - value, 3)}`, bestValue, middle + 22, colours.disc);
  }
  for (let i = 0; i < 60; i++) game.step();
  look();
  return stage;
};
