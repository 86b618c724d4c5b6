// `saddle`: the point, the way it goes, and the picture of both. Steps come from Python.
"use strict";
globalThis.ganbook ??= {};
ganbook.figures ??= {};

ganbook.saddleGame = function () {
  const { numbers, kernels } = ganbook.saddle;
  const memory = ganbook.memory({ precision: 64, wasm: false, bytes: 1 << 20 });
  const made = {};
  const kernel = (name) => (made[name] ??= kernels[name](memory));
  const from = memory.array(2);
  const run = (method, name, point, lr) => {
    from.set(point);
    return Array.from(kernel(`${method}_${name}`)(from, lr).point);
  };
  const game = {
    settings: { ...numbers.defaults },
    path: [[1, 0.5]],
    get point() {
      return game.path.at(-1);
    },
    get rules() {
      return numbers.games.find((rules) => rules.name === game.settings.game);
    },
    place(point) {
      game.path = [point.map((v) => Math.min(Math.max(v, -numbers.edge), numbers.edge))];
    },
    step() {
      game.path.push(run(game.settings.method, game.settings.game, game.point, game.settings.lr));
      if (game.path.length > 4000) game.path.splice(1, 1000);
    },
    // Where each method would go from the start, for so many steps.
    ghost(method, steps) {
      const path = [game.path[0]];
      for (let i = 0; i < steps; i++) path.push(run(method, game.settings.game, path.at(-1), game.settings.lr));
      return path;
    },
    slopes(point = game.point) {
      from.set(point);
      return Array.from(kernel(`slopes_${game.settings.game}`)(from).slopes);
    },
    get growth() {
      const { method, game: name, lr } = game.settings;
      return method === "best" ? NaN : kernel(`growth_${method}_${name}`)(lr).growth;
    },
    // The measured growth of a step, over the last twenty that did not touch the edge.
    get measured() {
      const inside = (point) => Math.max(...point.map(Math.abs)) < numbers.edge;
      const last = game.path.slice(-21);
      if (last.length < 2 || !last.every(inside)) return NaN;
      const far = (point) => Math.hypot(...point);
      return (far(last.at(-1)) / far(last[0])) ** (1 / (last.length - 1));
    },
    get distance() {
      return Math.hypot(...game.point);
    },
    value: ([theta, psi]) => kernel(`value_${game.settings.game}`)(theta, psi).value,
    answers(point) {
      from.set(point);
      return Array.from(kernel(`answers_${game.settings.game}`)(from).answers);
    },
  };
  return game;
};

ganbook.figures.saddle = function (stage) {
  const { element, number } = ganbook;
  const { numbers } = ganbook.saddle;
  const { edge, cells } = numbers;
  const line = Array.from({ length: cells }, (_, k) => -edge + (2 * edge * k) / (cells - 1));
  const game = ganbook.saddleGame();
  Object.assign(game.settings, stage.options);
  stage.game = game;

  const change = (key) => (value) => {
    game.settings[key] = value;
    game.place(game.path[0]);
    look();
  };
  const reset = () => {
    game.place(game.path[0]);
    look();
  };
  const one = () => {
    game.step();
    look();
  };
  stage.bar("Play", stage.clock({
    advance: pace(),
    after: look,
    burst: 10,
  }), stage.button("One step", one), stage.button("↺ Reset", reset, { class: "gb-quiet" }));
  stage.bar("Set up",
    stage.select("Game", numbers.games.map(({ name, label }) => [name, label]), game.settings.game, change("game")),
    stage.select("Moves", numbers.methods, game.settings.method, change("method")),
    stage.slider("Step size", { min: 0.02, max: 1, log: true, value: game.settings.lr, format: (v) => number(v, 2) }, change("lr")));
  const say = stage.status();
  const layout = element("div", { class: "gb-stage" });
  const [large, side] = [element("div"), element("div", { class: "gb-side gb-even" })];
  layout.append(large, side);
  stage.body.append(layout);
  const plane = stage.panel(large, { heading: "V(θ, ψ): <span class=\"gb-G\">G moves sideways</span>, <span class=\"gb-D\">D up and down</span>", ratio: 1, label: "", draw: drawPlane });
  const slices = ["G", "D"].map((who) => stage.panel(side, {
    heading: who === "G" ? '<span class="gb-G">G</span> sees V along θ and wants down' : '<span class="gb-D">D</span> sees V along ψ and wants up',
    ratio: 0.56, label: "", draw: (pen) => drawSlice(pen, who) }));
  const read = stage.readouts(["Steps", "Distance from (0, 0)", "A step multiplies it by", "foretold", "min max V", "max min V"]);

  let ground = {}; // V and the best answers all over the square, for the game shown
  function survey() {
    if (ground.of === game.settings.game) return;
    const values = line.flatMap((psi) => line.map((theta) => game.value([theta, psi])));
    ground = { of: game.settings.game, values, low: Math.min(...values), high: Math.max(...values), answers: line.map((v) => game.answers([v, v])) };
  }
  // V in ten shades with a line between them, painted once for each game and theme.
  function shade(colour) {
    const { values, low, high } = ground;
    const size = 4 * (cells - 1);
    const band = (x, y) => {
      const [i, j] = [x, y].map((v) => Math.min(Math.floor(v / 4), cells - 2));
      const [u, v] = [x / 4 - i, y / 4 - j];
      const row = (k) => (1 - u) * values[k * cells + i] + u * values[k * cells + i + 1];
      return Math.floor((9.99 * ((1 - v) * row(j) + v * row(j + 1) - low)) / (high - low));
    };
    const image = new ImageData(size, size);
    const rgb = [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const here = band(x, y);
        const line = here !== band(x + 1, y) || here !== band(x, y + 1);
        image.data.set([...rgb, 255 * (0.05 + 0.055 * here + (line ? 0.25 : 0))], 4 * ((size - 1 - y) * size + x));
      }
    }
    const small = element("canvas", { width: size, height: size });
    small.getContext("2d").putImageData(image, 0, 0);
    Object.assign(ground, { colour, shade: small });
  }
  let toPixels = (v) => v;
  let toValues = (v) => v;
  stage.handle(plane, {
    label: "The point (θ, ψ)",
    at: () => toPixels(game.point),
    value: () => game.point[0],
    move: (pixels) => (game.place(toValues(pixels)), look()),
    nudge: (by) => (game.place(game.point.map((v, i) => v + 0.05 * by[i])), look()),
    words: () => `θ ${number(game.point[0], 2)}, ψ ${number(game.point[1], 2)}`,
  });
  stage.keys({ " ": () => stage.toggle(), s: one, r: reset });

  function pace() {
    let last = -Infinity;
    return (time) => {
      if (time !== Infinity && time - last < 60) return false;
      last = time;
      game.step();
      return time === Infinity;
    };
  }
  function look() {
    survey();
    const { minmax, maxmin } = game.rules;
    const steps = game.path.length - 1;
    read(number(steps), number(game.distance, 3), number(game.measured, 3), number(game.growth, 3), number(minmax, 2), number(maxmin, 2));
    plane.describe(`θ ${number(game.point[0], 2)}, ψ ${number(game.point[1], 2)}: ${number(game.distance, 3)} from the middle after ${steps} steps`);
    slices[0].describe("V along θ, with the place that suits G best");
    slices[1].describe("V along ψ, with the place that suits D best");
    say(sentence());
    stage.draw();
  }
  function sentence() {
    const { minmax, maxmin } = game.rules;
    const held = game.path.some((point) => Math.max(...point.map(Math.abs)) >= edge);
    if (minmax - maxmin > 0.01) {
      return `Here order matters: if G moves first V ends at ${number(minmax, 2)}, if D moves first at ${number(maxmin, 2)}. There is no saddle to arrive at.`;
    }
    if (game.settings.method === "best") return "Each jumps to its best answer, first D, then G, and each answer makes the other’s worse: they chase each other round the square.";
    const { growth } = game;
    if (held && growth > 1) return "Each step led away from the saddle, until the edge of the square held the point: without it the way would have no end.";
    if (Math.abs(growth - 1) < 1e-9) return "Each step keeps the distance in the long run: round and round.";
    return growth > 1
      ? `Each step leads <b>away</b> from the saddle, by ${number(100 * (growth - 1), 1)} %.`
      : `Each step leads <b>closer</b> to the saddle, by ${number(100 * (1 - growth), 1)} %.`;
  }

  function drawPlane(pen) {
    const { width: w, height: h, colours } = pen;
    const [left, bottom, top, right] = [40, 36, 12, w - 8];
    const { answers } = ground;
    const [X, Y] = pen.axes({ x: [-edge, edge], y: [-edge, edge], xticks: [-2, -1, 0, 1, 2], yticks: [-2, -1, 0, 1, 2], xname: "θ, chosen by G", left, bottom });
    pen.within(left, top, right, h - bottom, () => {
      if (ground.colour !== colours.value) shade(colours.value);
      pen.context.drawImage(ground.shade, X(-edge), Y(edge), X(edge) - X(-edge), Y(-edge) - Y(edge));
      // a best answer may jump: lift the pen there
      for (const [who, colour] of [[0, colours.gen], [1, colours.disc]]) {
        let piece = [];
        answers.forEach((pair, k) => {
          const point = who ? [X(line[k]), Y(pair[1])] : [X(pair[0]), Y(line[k])];
          const before = piece.at(-1);
          if (before && Math.hypot(point[0] - before[0], point[1] - before[1]) > w / 8) {
            pen.line(piece, colour, { dash: [6, 5], width: 2.2 });
            piece = [];
          }
          piece.push(point);
        });
        pen.line(piece, colour, { dash: [6, 5], width: 2.2 });
      }
      for (const [method] of numbers.methods) {
        if (method === game.settings.method || method === "best") continue;
        pen.line(game.ghost(method, 40).map(([a, b]) => [X(a), Y(b)]), colours.ink, { width: 1.2, dash: [1.5, 4] });
      }
      pen.line(game.path.map(([a, b]) => [X(a), Y(b)]), colours.paper, { width: 4 });
      pen.line(game.path.map(([a, b]) => [X(a), Y(b)]), colours.ink, { width: 2 });
      pen.text("+", X(0), Y(0) + 5, colours.ink, { align: "center", bold: true });
    });
    const [x, y] = [X(game.point[0]), Y(game.point[1])];
    const [g, d] = game.slopes().map((slope) => 34 * Math.tanh(slope));
    pen.arrow(x, y, g, 0, colours.gen, 3);
    pen.arrow(x, y, 0, -d, colours.disc, 3);
    pen.circle(x, y, 7);
    pen.fill(colours.ink);
    pen.stroke(colours.paper, 2.5);
    pen.text("ψ, chosen by D", left + 4, top + 16, colours.muted);
    toPixels = ([a, b]) => [X(a), Y(b)];
    toValues = ([a, b]) => [
      -edge + (2 * edge * (a - X(-edge))) / (X(edge) - X(-edge)),
      -edge + (2 * edge * (b - Y(-edge))) / (Y(edge) - Y(-edge)),
    ];
  }
  function drawSlice(pen, who) {
    const { colours } = pen;
    const { low, high } = ground;
    const own = who === "G" ? 0 : 1;
    const along = line.map((v) => game.value(who === "G" ? [v, game.point[1]] : [game.point[0], v]));
    const [X, Y] = pen.axes({ x: [-edge, edge], y: [low, high], xticks: [-2, 0, 2], yticks: [[low, number(low, 0)], [high, number(high, 0)]], xname: who === "G" ? "θ" : "ψ", left: 30 });
    const colour = who === "G" ? colours.gen : colours.disc;
    pen.line(line.map((v, k) => [X(v), Y(along[k])]), colour, { width: 2.4 });
    const wanted = who === "G" ? Math.min(...along) : Math.max(...along);
    const best = along.lastIndexOf(wanted);
    pen.text("best", X(line[best]) + (best > cells / 2 ? -8 : 8), Y(wanted) + (who === "G" ? -8 : 18), colour, { align: best > cells / 2 ? "right" : "left" });
    pen.circle(X(line[best]), Y(wanted), 5);
    pen.stroke(colour, 2);
    pen.circle(X(game.point[own]), Y(game.value(game.point)), 6);
    pen.fill(colours.ink);
  }
  for (let i = 0; i < 20; i++) game.step();
  look();
  return stage;
};
