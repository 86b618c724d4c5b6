// `dirac`: the run, its eigenvalues, and the picture of both. Fields and steps come from Python.
"use strict";
globalThis.ganbook ??= {};
ganbook.figures ??= {};

ganbook.diracGame = function () {
  const { numbers, kernels } = ganbook.dirac;
  const memory = ganbook.memory({ precision: 64, wasm: false, bytes: 1 << 21 });
  const made = {};
  const kernel = (kind, name) => (made[kind + name] ??= kernels[`${kind}_${name.replace("-", "_")}`](memory));
  const [state, knobs, moves] = [memory.array(2), memory.array(4), memory.array(2)];

  // γ, its target, σ and the clip
  function cure(kind, strength) {
    return {
      none: [0, 0, 0, 1e9], r1: [strength, 0, 0, 1e9], gp: [strength, 1, 0, 1e9],
      noise: [0, 0, strength, 1e9], clip: [0, 0, 0, strength],
    }[kind];
  }
  function move(point, given, who) {
    state.set(point);
    knobs.set(given);
    moves.set(who);
    return Array.from(kernel("turn", game.settings.game)(state, knobs, game.settings.lr, moves).next);
  }
  function advance(point, given) {
    if (!game.settings.k) return move(point, given, [1, 1]);
    let now = move(point, given, [1, 0]);
    for (let i = 0; i < game.settings.k; i++) now = move(now, given, [0, 1]);
    return now;
  }
  const times = ([a, b, c, d], [e, f, g, h]) => [a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h];
  const game = {
    settings: { ...numbers.defaults },
    path: [[1, -1]],
    get point() {
      return game.path.at(-1);
    },
    get distance() {
      return Math.hypot(...game.point);
    },
    get knobs() {
      return cure(game.settings.cure, game.settings.strength);
    },
    place(point) {
      game.path = [point.map((v) => Math.min(Math.max(v, -2.9), 2.9))];
    },
    step() {
      game.path.push(advance(game.point, game.knobs));
      if (game.path.length > 6000) game.path.splice(1, 1000);
    },
    uncured(steps) {
      const path = [game.path[0]];
      for (let i = 0; i < steps; i++) path.push(advance(path.at(-1), cure("none")));
      return path;
    },
    field(point) {
      state.set(point);
      knobs.set(game.knobs);
      return Array.from(kernel("field", game.settings.game)(state, knobs).field);
    },
    // The matrix of one update at rest; none where |ψ| has a kink there.
    matrix(strength = game.settings.strength) {
      if (game.settings.cure === "gp") return null;
      knobs.set(cure(game.settings.cure, strength));
      const [a, b, c, d] = kernel("slopes", game.settings.game)(knobs).slopes;
      const h = game.settings.lr;
      if (!game.settings.k) return [1 + h * a, h * b, h * c, 1 + h * d];
      let made = [1 + h * a, h * b, 0, 1];
      for (let i = 0; i < game.settings.k; i++) made = times([1, 0, h * c, 1 + h * d], made);
      return made;
    },
    // Both eigenvalues, [real, imaginary]; the one of larger size first.
    eigenvalues(strength) {
      const matrix = game.matrix(strength);
      if (!matrix) return null;
      const [a, b, c, d] = matrix;
      const half = (a + d) / 2;
      const root = half * half - (a * d - b * c);
      if (root < 0) return [[half, Math.sqrt(-root)], [half, -Math.sqrt(-root)]];
      const both = [[half + Math.sqrt(root), 0], [half - Math.sqrt(root), 0]];
      return both.sort(([u], [v]) => Math.abs(v) - Math.abs(u));
    },
  };
  return game;
};

ganbook.figures.dirac = function (stage) {
  const { element, number } = ganbook;
  const { numbers } = ganbook.dirac;
  const game = ganbook.diracGame();
  Object.assign(game.settings, stage.options);
  stage.game = game;
  const EDGE = 3;
  const START = 300; // steps before the first picture

  const again = () => {
    const steps = game.path.length - 1;
    game.place(game.path[0]);
    for (let i = 0; i < Math.min(steps, START); i++) game.step();
    look();
  };
  const change = (key) => (value) => {
    game.settings[key] = value;
    strength.enable(game.settings.cure !== "none");
    again();
  };
  const one = () => {
    game.step();
    look();
  };
  const reset = () => {
    game.place(game.path[0]);
    look();
  };
  stage.bar("Play", stage.clock({ advance: pace(), after: look, burst: 20 }), stage.button("One step", one),
    stage.button("↺ Reset", reset, { class: "gb-quiet" }));
  const strength = stage.slider("Strength", { min: 0.01, max: 3, log: true, value: game.settings.strength, format: (v) => number(v, 2) }, change("strength"));
  stage.bar("Set up",
    stage.select("Game", numbers.games, game.settings.game, change("game")),
    stage.select("Cure", numbers.cures, game.settings.cure, change("cure")), strength,
    stage.slider("Step size h", { min: 0.01, max: 1, log: true, value: game.settings.lr, format: (v) => number(v, 2) }, change("lr")),
    stage.select("Moves", [[0, "both at once"], [1, "G, then D"], [2, "G, then 2 × D"], [5, "G, then 5 × D"]], game.settings.k, (k) => change("k")(Number(k))));
  strength.enable(game.settings.cure !== "none");
  const say = stage.status();
  const layout = element("div", { class: "gb-stage" });
  const [large, side] = [element("div"), element("div", { class: "gb-side gb-even" })];
  layout.append(large, side);
  stage.body.append(layout);
  const plane = stage.panel(large, { heading: 'The path of <span class="gb-G">θ</span> and <span class="gb-D">ψ</span>', ratio: 1, label: "", draw: drawPlane });
  const values = stage.panel(side, { heading: "Eigenvalues of an update <small>close to 1</small>", ratio: 0.66, label: "", draw: drawValues });
  const chart = stage.panel(side, { heading: "Distance from home <small>log scale</small>", ratio: 0.6, label: "", draw: drawDistance });
  const read = stage.readouts(["Steps", "Distance", "Larger |λ|", "√(2h)"]);

  let toPixels = (v) => v;
  let toValues = (v) => v;
  const start = (point) => {
    const steps = game.path.length;
    game.place(point);
    for (let i = 1; i < Math.min(steps, START); i++) game.step();
    look();
  };
  stage.handle(plane, {
    label: "The start (θ, ψ)",
    at: () => toPixels(game.path[0]),
    value: () => game.path[0][0],
    move: (pixels) => start(toValues(pixels)),
    nudge: (by) => start(game.path[0].map((v, i) => v + 0.1 * by[i])),
    words: () => `θ ${number(game.path[0][0], 1)}, ψ ${number(game.path[0][1], 1)}`,
  });
  stage.keys({ " ": () => stage.toggle(), s: one, r: reset });

  function pace() {
    let last = -Infinity;
    return (time) => {
      if (time !== Infinity && time - last < 25) return false;
      last = time;
      game.step();
      return time === Infinity;
    };
  }
  const size = (value) => Math.hypot(...value);
  const rings = () => game.settings.game === "non-saturating" && game.settings.cure === "none" && !game.settings.k;
  function tiny(value) {
    return value === 0 || value >= 1e-3 ? number(value, 3) : value.toExponential(1).replace("-", "−");
  }
  function look() {
    const found = game.eigenvalues();
    const steps = game.path.length - 1;
    read(number(steps), tiny(game.distance), found ? number(size(found[0]), 4) : "none: a kink", rings() ? number((2 * game.settings.lr) ** 0.5, 3) : "");
    plane.describe(`θ ${number(game.point[0], 3)}, ψ ${number(game.point[1], 3)} after ${steps} steps`);
    values.describe(found ? `Eigenvalues ${found.map(([a, b]) => `${number(a, 3)} ${b < 0 ? "−" : "+"} ${number(Math.abs(b), 3)} i`).join(" and ")}` : "No eigenvalues: the penalty has a kink at rest");
    chart.describe(`Distance from home: ${tiny(game.distance)} after ${steps} steps`);
    say(sentence(found));
    stage.draw();
  }
  function sentence(found) {
    if (!found) return "This penalty wants |ψ| = 1, but at home ψ is 0: it has a kink there, and the path cannot rest.";
    if (game.settings.cure === "clip") return "Clipping only bounds ψ: inside the bound it changes nothing, so the path keeps circling.";
    const rate = size(found[0]);
    if (rings()) return `Near home a step leads away (|λ| = ${number(rate, 4)}), far away it leads in: the path ends on a circle of radius about √(2h) = <b>${number((2 * game.settings.lr) ** 0.5, 2)}</b>, and never at home.`;
    if (Math.abs(rate - 1) < 1e-9) return "Both eigenvalues lie <b>on</b> the unit circle: the path goes round for ever.";
    return rate > 1
      ? `|λ| = ${number(rate, 4)} > 1: each update leads <b>away</b> from home.`
      : `|λ| = ${number(rate, 4)} < 1: near home each update is <b>closer</b>, ${number(Math.log(10) / -Math.log(rate))} steps for each decimal place.`;
  }

  function drawPlane(pen) {
    const { width: w, height: h, colours } = pen;
    const [left, bottom] = [34, 36];
    const [X, Y] = pen.axes({ x: [-EDGE, EDGE], y: [-EDGE, EDGE], xticks: [-2, 0, 2], yticks: [-2, 0, 2], xname: "θ, where G puts its point", left, bottom });
    pen.within(left, 12, w - 8, h - bottom, () => {
      for (let i = -5; i <= 5; i++) {
        for (let j = -5; j <= 5; j++) {
          const at = [0.55 * i, 0.55 * j];
          const [g, d] = game.field(at);
          const scale = (18 * Math.tanh(Math.hypot(g, d))) / (Math.hypot(g, d) || 1);
          pen.arrow(X(at[0]), Y(at[1]), g * scale, -d * scale, colours.hair, 1.2);
        }
      }
      if (rings()) {
        pen.circle(X(0), Y(0), (X(1) - X(0)) * (2 * game.settings.lr) ** 0.5);
        pen.stroke(colours.value, 2, [6, 5]);
      }
      const place = ([a, b]) => [X(a), Y(b)];
      if (game.settings.cure !== "none") pen.line(game.uncured(Math.min(game.path.length, 120)).map(place), colours.ink, { width: 1.2, dash: [1.5, 4] });
      pen.line(game.path.slice(-1500).map(place), colours.ink, { width: 1.8 });
    });
    pen.text("ψ, the slope of D", left + 4, 28, colours.muted);
    pen.dot(X(0), Y(0), 5);
    pen.text("home", X(0) + 8, Y(0) + 16, colours.data);
    const [x, y] = [X(game.path[0][0]), Y(game.path[0][1])];
    pen.circle(x, y, 7);
    pen.stroke(colours.ink, 2);
    pen.text("start", x + 10, y + 4, colours.ink);
    pen.diamond(X(game.point[0]), Y(game.point[1]), 6);
    toPixels = ([a, b]) => [X(a), Y(b)];
    toValues = ([a, b]) => [
      -EDGE + (2 * EDGE * (a - X(-EDGE))) / (X(EDGE) - X(-EDGE)),
      -EDGE + (2 * EDGE * (b - Y(-EDGE))) / (Y(EDGE) - Y(-EDGE)),
    ];
  }
  function drawValues(pen) {
    const { width: w, height: h, colours } = pen;
    const found = game.eigenvalues();
    if (!found) return pen.text("no eigenvalues: |ψ| has a kink at rest", 12, h / 2);
    const reach = Math.max(0.02, ...found.map(([a, b]) => Math.max(Math.abs(a - 1), Math.abs(b)))) * 1.4;
    const scale = Math.min(h / 2, w / 2.6) / reach;
    const [X, Y] = [(v) => w * 0.62 + (v - 1) * scale, (v) => h / 2 - v * scale];
    const arc = Array.from({ length: 401 }, (_, k) => ((k - 200) / 200) * Math.min(Math.PI, 3 * reach));
    pen.area([...arc.map((t) => [X(Math.cos(t)), Y(Math.sin(t))]), ...(3 * reach < Math.PI ? [[-9 * w, Y(Math.sin(3 * reach))], [-9 * w, Y(-Math.sin(3 * reach))]] : [])], colours.ok, 0.14);
    pen.line(arc.map((t) => [X(Math.cos(t)), Y(Math.sin(t))]), colours.ok, { width: 2 });
    pen.line([[0, Y(0)], [w, Y(0)]], colours.line, { width: 1 });
    pen.text("1", X(1) + 5, Y(0) + 15);
    pen.text("inside: comes home", 8, 18, colours.ok);
    pen.text("outside", w - 8, h - 8, colours.warn, { align: "right" });
    if (["r1", "noise"].includes(game.settings.cure)) {
      for (let k = 0; k <= numbers.track; k++) {
        for (const [a, b] of game.eigenvalues(0.01 * 300 ** (k / numbers.track)) ?? []) {
          pen.circle(X(a), Y(b), 1.3);
          pen.fill(colours.muted);
        }
      }
    }
    for (const value of found) {
      pen.circle(X(value[0]), Y(value[1]), 5.5);
      pen.stroke(colours.paper, 3);
      if (size(value) < 1 - 1e-12) pen.fill(colours.ok);
      else {
        pen.fill(colours.paper);
        pen.stroke(colours.warn, 2.4);
      }
    }
  }
  function drawDistance(pen) {
    const { colours } = pen;
    const far = game.path.map((point) => Math.max(Math.hypot(...point), 1e-12));
    const low = Math.min(1e-2, 10 ** Math.floor(Math.log10(Math.min(...far))));
    const steps = Math.max(far.length - 1, 50);
    const ticks = [low, Math.sqrt(low * 10), 10].map((v) => 10 ** Math.round(Math.log10(v)));
    const [X, Y] = pen.axes({ x: [0, steps], y: [low, 10], yticks: ticks.map((v) => [v, v >= 0.01 ? String(v) : `1e−${-Math.round(Math.log10(v))}`]), xticks: [0, [steps, number(steps)]], xname: "steps", log: true, left: 44 });
    if (rings()) {
      const y = Y((2 * game.settings.lr) ** 0.5);
      pen.line([[X(0), y], [X(steps), y]], colours.value, { width: 1.4, dash: [6, 5] });
      pen.text("√(2h)", X(steps), y - 6, colours.value, { align: "right" });
    }
    pen.line(far.map((v, k) => [X(k), Y(v)]), colours.ink, { width: 2 });
  }
  for (let i = 0; i < START; i++) game.step();
  look();
  return stage;
};
