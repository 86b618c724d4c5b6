// `descent`: the histograms, their descent, and the picture of both. Steps come from Python.
"use strict";
globalThis.ganbook ??= {};
ganbook.figures ??= {};

ganbook.descentGame = function () {
  const { numbers, kernels } = ganbook.descent;
  const memory = ganbook.memory({ precision: 64, wasm: false, bytes: 1 << 18 });
  const made = {};
  const kernel = (name) => (made[name] ??= kernels[name](memory));
  const [first, second] = [memory.array(numbers.bins), memory.array(numbers.bins)];
  const run = (name, q, ...rest) => {
    first.set(game.p);
    second.set(q);
    return kernel(name)(first, second, ...rest);
  };
  const game = {
    settings: { ...numbers.defaults },
    p: [],
    start: [],
    paths: {}, // of each geometry: p_g now, and C + log 4 at every step
    get q() {
      return game.paths[game.settings.geometry].q;
    },
    get steps() {
      return game.paths[game.settings.geometry].excess.length - 1;
    },
    load(name) {
      game.settings.start = name;
      [game.p, game.start] = numbers.starts[name].map((law) => [...law]);
      game.rewind();
    },
    rewind() {
      for (const [name] of numbers.geometries) {
        game.paths[name] = { q: [...game.start], excess: [run("criterion", game.start).excess] };
      }
    },
    // Set a bar of p_g (or of the data) to a share, the others keep their proportions.
    draw(bin, share, data = false) {
      const law = data ? game.p : game.start;
      const rest = law.reduce((sum, v, k) => (k === bin ? sum : sum + v), 0);
      const wanted = Math.min(Math.max(share, 0), 0.9);
      law.forEach((v, k) => (law[k] = k === bin ? wanted : (v / rest) * (1 - wanted)));
      game.rewind();
    },
    step() {
      for (const path of Object.entries(game.paths)) {
        const [name, of] = path;
        of.q = Array.from(run(name, of.q, game.settings.lr).next);
        of.excess.push(run("criterion", of.q).excess);
      }
    },
    get next() {
      return Array.from(run(game.settings.geometry, game.q, game.settings.lr).next);
    },
    get unbound() {
      return Array.from(run("unbound", game.q, game.settings.lr).next);
    },
    get best() {
      return Array.from(run("criterion", game.q).best);
    },
    get excess() {
      return game.paths[game.settings.geometry].excess.at(-1);
    },
  };
  game.load(numbers.defaults.start);
  return game;
};

ganbook.figures.descent = function (stage) {
  const { element, number } = ganbook;
  const { numbers } = ganbook.descent;
  const { bins } = numbers;
  const game = ganbook.descentGame();
  Object.assign(game.settings, stage.options);
  game.load(game.settings.start);
  stage.game = game;
  let drawsData = false;
  let chosen = 0;

  const one = () => {
    game.step();
    look();
  };
  const reset = () => {
    game.rewind();
    look();
  };
  stage.bar("Play", stage.clock({ advance: pace(), after: look, burst: 10 }), stage.button("One step", one),
    stage.button("↺ Reset", reset, { class: "gb-quiet" }));
  stage.bar("Set up",
    stage.select("Start", [["humps", "two humps"], ["missed", "a hump all but missed"], ["thin", "too much where data are thin"]], game.settings.start, (name) => (game.load(name), look())),
    stage.select("A step", numbers.geometries, game.settings.geometry, (name) => {
      game.settings.geometry = name;
      look();
    }),
    stage.slider("Step size", { min: 0.01, max: 8, log: true, value: game.settings.lr, format: (v) => number(v, 2) }, (lr) => {
      game.settings.lr = lr;
      reset();
    }),
    stage.choice("Draw", [["q", "fakes"], ["p", "data"]], "q", (which) => {
      drawsData = which === "p";
      look();
    }));
  const say = stage.status();
  const layout = element("div", { class: "gb-stage" });
  const [large, side] = [element("div"), element("div", { class: "gb-side gb-even" })];
  layout.append(large, side);
  stage.body.append(layout);
  const bars = stage.panel(large, { heading: '<span class="gb-data">data</span>, <span class="gb-G">p<sub>g</sub></span> and <span class="gb-D">D*</span>', ratio: 0.86, label: "", draw: drawBars });
  const chart = stage.panel(side, { heading: "C + log 4 <small>= 2·JSD, log scale</small>", ratio: 1.2, label: "", draw: drawChart });
  const read = stage.readouts(["Steps", "C + log 4", "Largest D*", "Least bar after a free step"]);

  let toPixels = (v) => v;
  let toValues = (v) => v;
  const law = () => (drawsData ? game.p : game.steps ? game.q : game.start);
  function redraw(bin, share) {
    if (!drawsData && game.steps) game.start = [...game.q]; // go on from what is seen
    chosen = Math.min(Math.max(bin, 0), bins - 1);
    game.draw(chosen, share, drawsData);
    look();
  }
  stage.handle(bars, {
    label: "The chosen bar: left and right choose, up and down change it",
    at: () => toPixels([chosen, law()[chosen]]),
    value: () => law()[chosen],
    move: (pixels) => redraw(...toValues(pixels)),
    nudge: ([right, up]) => {
      if (!right) return redraw(chosen, law()[chosen] + 0.01 * up);
      chosen = (chosen + Math.sign(right) + bins) % bins;
      look();
    },
    words: () => `bar ${chosen + 1} of ${drawsData ? "the data" : "the fakes"}: ${number(100 * law()[chosen], 1)} percent`,
  });
  bars.canvas.style.cursor = "crosshair";
  let drawing = false;
  const here = (event) => {
    const box = bars.canvas.getBoundingClientRect();
    redraw(...toValues([event.clientX - box.left, event.clientY - box.top]));
  };
  stage.on(bars.canvas, "pointerdown", (event) => {
    drawing = event.pointerType === "mouse"; // a finger taps, so that the page still scrolls
    here(event);
  });
  stage.on(bars.canvas, "pointermove", (event) => drawing && here(event));
  stage.on(window, "pointerup", () => (drawing = false));
  stage.keys({ " ": () => stage.toggle(), s: one, r: reset });

  function pace() {
    let last = -Infinity;
    return (time) => {
      if (time !== Infinity && time - last < 150) return false;
      last = time;
      game.step();
      return time === Infinity;
    };
  }
  const tiny = (v) => (v >= 1e-3 || v <= 0 ? number(Math.max(v, 0), 4) : v.toExponential(1).replace("-", "−"));
  function look() {
    const free = Math.min(...game.unbound);
    read(number(game.steps), tiny(game.excess), number(Math.max(...game.best), 3), number(free, 3));
    bars.describe(`${bins} bars after ${game.steps} steps: ${game.q.map((v, k) => `${number(100 * v)} for ${number(100 * game.p[k])}`).join(", ")} percent`);
    chart.describe(`C + log 4 after ${game.steps} steps: ${numbers.geometries.map(([name]) => `${name} ${tiny(game.paths[name].excess.at(-1))}`).join(", ")}`);
    say(sentence(free));
    stage.draw();
  }
  function sentence(free) {
    const { geometry, lr } = game.settings;
    const { excess } = game.paths[geometry];
    const [now, before] = [excess.at(-1), excess.at(-2) ?? Infinity];
    if (now < 1e-9) return "<b>C is −log 4</b>: p<sub>g</sub> has become the data, and D* says ½ everywhere.";
    if (now > before * 1.0001) return `The step overshot: C <b>rose</b> by ${tiny(now - before)}. A smaller step would not.`;
    if (geometry === "projected" && free < 0) return `Along the slope alone the least bar would go to ${number(free, 2)}: <b>out of the simplex</b>; the projection cuts it off at 0.`;
    const factor = now / before;
    if (Number.isFinite(factor)) {
      return factor > 0.97
        ? `It <b>crawls</b>: a step leaves ${number(100 * factor, 1)} % of C + log 4.`
        : `A step leaves ${number(100 * factor, 1)} % of C + log 4${geometry === "mirror" && lr === 1 ? "; with size 1 a step is just the mean of both laws" : ""}.`;
    }
    return "Draw p<sub>g</sub> with the mouse, or with the arrow keys on the handle; then take a step.";
  }

  function drawBars(pen) {
    const { width: w, height: h, colours } = pen;
    const [left, right, strip] = [34, w - 8, 18];
    const floor = h - strip - 24;
    const top = Math.max(0.25, ...game.p, ...game.q, ...game.start) * 1.15;
    const cell = (right - left) / bins;
    const Y = (v) => floor - ((floor - 14) * v) / top;
    const X = (k) => left + k * cell;
    for (const tick of [0.1, 0.2, 0.4, 0.6, 0.8].filter((v) => v < top)) {
      pen.line([[left, Y(tick)], [right, Y(tick)]], colours.line, { width: 1 });
      pen.text(number(tick, 1), left - 5, Y(tick) + 4, colours.muted, { align: "right" });
    }
    if (game.steps) game.start.forEach((v, k) => pen.line([[X(k) + 3, Y(v)], [X(k + 1) - 3, Y(v)]], colours.gen, { width: 1.2, dash: [1.5, 3] }));
    const [next, best, free] = [game.next, game.best, game.unbound];
    game.q.forEach((v, k) => {
      pen.area([[X(k) + 3, floor], [X(k) + 3, Y(v)], [X(k + 1) - 3, Y(v)], [X(k + 1) - 3, floor]], colours.gen, 0.55);
      pen.line([[X(k) + 3, Y(v)], [X(k + 1) - 3, Y(v)]], colours.gen, { width: 2.4 });
      pen.area([[X(k), h - strip], [X(k + 1), h - strip], [X(k + 1), h], [X(k), h]], pen.verdict(best[k]));
      const way = Math.max(Math.min(Y(next[k]) - Y(v), 60), -60);
      pen.arrow((X(k) + X(k + 1)) / 2, Y(v), 0, way, colours.ink, 1.8);
      if (game.settings.geometry === "projected" && free[k] < 0) pen.text("✕", (X(k) + X(k + 1)) / 2, floor - 4, colours.warn, { align: "center", bold: true });
    });
    const outline = game.p.flatMap((v, k) => [[X(k) + 1, Y(v)], [X(k + 1) - 1, Y(v)]]);
    pen.line(outline, colours.data, { width: 2.4 });
    pen.line([[left, floor], [right, floor]], colours.hair, { width: 1 });
    pen.text("D*: blue for “real”, orange for “fake”", left, h - strip - 5, colours.disc);
    const [x, y] = [X(chosen) + cell / 2, Y(law()[chosen])];
    pen.circle(x, y, 6);
    pen.fill(colours.paper);
    pen.stroke(drawsData ? colours.data : colours.gen, 2.6);
    toPixels = ([k, v]) => [X(k) + cell / 2, Y(v)];
    toValues = ([a, b]) => [Math.floor((a - left) / cell), ((floor - b) / (floor - 14)) * top];
  }
  function drawChart(pen) {
    const { colours } = pen;
    const lows = numbers.geometries.map(([name]) => Math.min(...game.paths[name].excess));
    const low = Math.max(1e-12, Math.min(1e-2, 10 ** Math.floor(Math.log10(Math.max(Math.min(...lows), 1e-12)))));
    const steps = Math.max(game.steps, 10);
    const tick = (v) => [v, v >= 0.01 ? String(v) : `1e−${-Math.round(Math.log10(v))}`];
    const middle = 10 ** Math.round(Math.log10(low) / 2);
    const [X, Y] = pen.axes({ x: [0, steps], y: [low, 2], yticks: [...new Set([low, middle, 1])].map(tick), xticks: [0, [steps, number(steps)]], xname: "steps", log: true, left: 46 });
    const labels = [];
    const dashes = { mirror: [], softmax: [7, 5], projected: [2, 4] };
    for (const [name] of numbers.geometries) {
      const on = name === game.settings.geometry;
      const line = game.paths[name].excess.map((v, k) => [X(k), Y(Math.max(v, low))]);
      pen.line(line, on ? colours.value : colours.muted, { width: on ? 3 : 1.6, dash: dashes[name] });
      labels.push([Math.max(line.at(-1)[1] - 7, 26), name, on]);
    }
    // beside the ends of the lines, one below the other where these meet
    let last = 0;
    for (const [y, name, on] of labels.sort(([a], [b]) => a - b)) {
      last = Math.max(y, last + 17);
      pen.text(name, pen.width - 60, last, on ? colours.ink : colours.muted, { align: "right", bold: on });
    }
  }
  for (let i = 0; i < 5; i++) game.step();
  look();
  return stage;
};
