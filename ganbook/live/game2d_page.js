// The page of `game2d`: what the reader sees and presses. All numbers come from `ganbook.game2d`.
"use strict";

ganbook.figures.game2d = function (stage) {
  const { element, number, short } = ganbook;
  const LOG4 = Math.log(4);
  const WARM_UP = 20; // steps before the first picture, so that there is something to look at
  const PHASE_MS = 1400;
  const DAB = 0.08; // spread of one dab of the reader's pencil
  const MOST_DABS = 80;
  const FAINT = 1e-6; // mass of a cell, of which there are 2,304
  const PICTURES = {
    ring: [0, 1, 2, 3, 4, 5, 6, 7].map((k) => spot(17 + 11 * Math.cos(k * 0.785), 17 + 11 * Math.sin(k * 0.785), 2.6)).join(""),
    grid: [6, 17, 28].flatMap((x) => [6, 17, 28].map((y) => spot(x, y, 2.6))).join(""),
    moons: '<path d="M5 18a8.5 8.5 0 0 1 17 0M12 16a8.5 8.5 0 0 0 17 0" class="gb-thick"/>',
    spiral: '<path d="M17 17c2-4 7-1 6 3s-8 7-13 2-2-16 6-17 14 4 14 11" class="gb-thick"/>',
    blobs: spot(9, 17, 6) + spot(25, 17, 6),
    drawn: '<path d="M7 27l2-7L23 6l5 5-14 14z" class="gb-thin"/>',
  };
  function spot(x, y, r) {
    return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${r}"/>`;
  }

  // --- state --------------------------------------------------------------------------------------
  const world = ganbook.game2d.worlds[stage.options.nets ?? 32];
  const wanted = { ...stage.options, ...fromLink() };
  const { drawn, ...settings } = wanted;
  if (settings.data === "drawn") settings.data = drawn?.length ? { centres: drawn, std: DAB } : "ring";
  const game = ganbook.game2d.create(settings);
  const layers = { map: true, lattice: true, arrows: true, half: true };
  let speed = "10";
  let history = [];
  let seen = null; // the latest measure, and what is drawn with it
  let pencil = null; // {points, x, y} while the reader draws
  let slow = null; // {player, phase, …} while a step unfolds
  let paced = { time: 0, steps: 0, rate: NaN };
  const rule = () => world.games.find(({ name }) => name === game.settings.game);

  function fromLink() {
    const link = new URLSearchParams(location.hash.slice(1));
    if (link.get("figure") !== "game2d") return {};
    const found = {};
    const known = { data: world.datasets, game: world.games };
    for (const [key, value] of link) {
      if (key in known && (value === "drawn" || known[key].some(({ name }) => name === value))) {
        found[key] = value;
      } else if (["seed", "k", "latent", "lrG", "lrD", "gamma"].includes(key)) {
        const [low, high] = { seed: [1, 20], k: [1, 10], latent: [1, 2] }[key] ?? [0, 10];
        const asked = Number(value);
        if (Number.isFinite(asked)) found[key] = Math.max(low, Math.min(high, asked));
      } else if (key === "points") {
        const centres = value.split(" ").map((pair) => pair.split(",").map(Number));
        const good = centres.every((c) => c.length === 2 && c.every(Number.isFinite));
        if (good) found.drawn = centres.slice(0, MOST_DABS);
      }
    }
    return found;
  }
  function toLink() {
    const { data, game: name, seed, k, latent, lrG, lrD, gamma } = game.settings;
    const link = new URLSearchParams({ figure: "game2d", data, game: name, seed, k, latent, lrG, lrD, gamma });
    if (data === "drawn") link.set("points", game.data.centres.map((c) => c.map((v) => v.toFixed(2))).join(" "));
    return `#${link}`;
  }

  // --- training -----------------------------------------------------------------------------------
  function restart() {
    slow = null;
    game.reset();
    history = [];
    paced = { time: 0, steps: 0, rate: NaN };
    for (let i = 0; i < WARM_UP; i++) {
      if (i % 20 === 0) note(game.measure());
      game.step();
    }
    look();
    flow.hidden = true;
    share.setAttribute("href", toLink());
  }
  function advance(time) {
    if (speed === "slow") {
      if (time === Infinity || time - (slow?.since ?? -Infinity) >= PHASE_MS) nextPhase(null, time);
      return false;
    }
    slow = null;
    game.step();
    paced.steps++;
    if (!game.finite) stage.pause();
    stage.budget = (stage.budget ?? 0) + 1;
    return time === Infinity || speed === "max" || stage.budget < Number(speed);
  }
  function after() {
    stage.budget = 0;
    const now = performance.now();
    if (now - paced.time > 500) {
      if (stage.playing && paced.time) paced.rate = (1000 * paced.steps) / (now - paced.time);
      Object.assign(paced, { time: now, steps: 0 });
    }
    if (speed !== "slow") look();
  }
  function one(player) {
    if (stage.playing) stage.toggle();
    if (speed === "slow") return nextPhase(player, performance.now());
    slow = null;
    player === "D" ? game.dStep() : game.gStep();
    look();
    const loss = number(player === "D" ? game.dLoss : game.gLoss, 3);
    say(`One step of <b class="gb-${player}">${player}</b>: its loss was ${loss}.`, true);
  }

  // --- slow motion: one step in six phases --------------------------------------------------------
  const PHASES = {
    D: [
      ["data noise", "Draw a batch of <b class=gb-data>data</b> and a batch of noise."],
      ["noise toG G toFakes fakes", "<b class=gb-G>G</b> turns the noise into <b class=gb-G>fakes</b>."],
      ["data fakes dataToD fakesToD D opinions", "<b class=gb-D>D</b> judges both."],
      ["opinions toLossD lossD", "D’s loss: how wrong <b class=gb-D>D</b> was about both."],
      ["lossD backD D", "The gradient of its loss goes back to <b class=gb-D>D</b> alone."],
      ["D", "<b class=gb-D>D</b> moves a little down its gradient."],
    ],
    G: [
      ["noise", "Draw a fresh batch of noise."],
      ["noise toG G toFakes fakes", "<b class=gb-G>G</b> turns it into <b class=gb-G>fakes</b>."],
      ["fakes fakesToD D opinions", "<b class=gb-D>D</b> judges the fakes."],
      ["opinions toLossG lossG", "G’s loss: how far <b class=gb-G>G</b> is from having fooled D."],
      ["lossG backG still G", "The gradient goes back through <b class=gb-D>D</b>, which is held still, to <b class=gb-G>G</b>."],
      ["G", "<b class=gb-G>G</b> moves a little down its gradient."],
    ],
  };
  function nextPhase(player, time) {
    if (!slow || slow.phase === 6 || (player && slow.player !== player)) {
      const again = slow?.player === "D" && slow.count < game.settings.k;
      const next = !slow || slow.player === "G" || again ? "D" : "G";
      slow = { player: player ?? next, phase: 0, count: again ? slow.count + 1 : 1 };
    }
    slow.since = time;
    slow.phase++;
    const { player: who, phase } = slow;
    if (phase === 1) who === "D" ? game.drawBatch() : game.drawNoise();
    if (phase === 1) Object.assign(slow, { real: game.real.slice(), z: game.z.slice() });
    if (phase === 2) slow.fakes = game.fakes;
    if (phase === 3) slow.opinion = game.opinion();
    if (phase === 4) {
      who === "D" ? game.dStep(true) : game.gStep(true);
      slow.loss = who === "D" ? game.dLoss : game.gLoss;
    }
    if (phase === 6) look();
    flow.hidden = false;
    drawFlow();
    const of = who === "D" && game.settings.k > 1 ? ` (${slow.count} of k = ${game.settings.k})` : "";
    say(`<b>${who} step${of}, ${phase} of 6.</b> ${PHASES[who][phase - 1][1]}`, true);
  }

  // --- controls -----------------------------------------------------------------------------------
  const iteration = element("output", {}, "0");
  const play = stage.clock({ advance, after });
  stage.bar(
    "Training", play,
    stage.button("D step", () => one("D"), { class: "gb-under-D" }),
    stage.button("G step", () => one("G"), { class: "gb-under-G" }),
    stage.choice("Speed", [["slow", "Slow"], ["1", "1×"], ["10", "10×"], ["max", "Max"]], speed, (value) => {
      speed = value;
      if (value !== "slow") flow.hidden = true;
      slow = null;
    }, "gb-speed"),
    stage.button("↺ Reset", restart, { class: "gb-quiet" }),
    element("span", { class: "gb-count" }, "Iteration ", iteration));

  const pictures = world.datasets.map(({ name, label }) => [name, label, PICTURES[name]]);
  const data = stage.choice("Data", [...pictures, ["drawn", "draw your own", PICTURES.drawn]], game.settings.data, (name) => {
    if (name === "drawn") return startDrawing();
    stopDrawing();
    game.setData(name);
    restart();
  }, "gb-pictures");
  const games = stage.select("Game", world.games.map(({ name, label }) => [name, label]), game.settings.game, (name) => {
    const { gamma, lrG, lrD } = world.games.find((one) => one.name === name);
    Object.assign(game.settings, { game: name, gamma, lrG, lrD });
    for (const key of ["gamma", "lrG", "lrD"]) sliders[key].set(game.settings[key]);
    suit();
    restart();
  });
  stage.bar("The game", data, games);
  const rate = { min: 1e-4, max: 2e-2, log: true, format: short };
  const change = (key) => (value) => {
    game.settings[key] = value;
    share.setAttribute("href", toLink());
  };
  const sliders = {
    k: stage.slider("k, D steps per G step", { min: 1, max: 10, value: game.settings.k }, change("k")),
    lrD: stage.slider("D’s rate", { ...rate, value: game.settings.lrD }, change("lrD")),
    lrG: stage.slider("G’s rate", { ...rate, value: game.settings.lrG }, change("lrG")),
    gamma: stage.slider("γ, weight of the penalty", { min: 1e-3, max: 10, log: true, value: game.settings.gamma || 1e-3, format: short }, change("gamma")),
    seed: stage.slider("Seed", { min: 1, max: 20, value: game.settings.seed }, (value) => {
      game.settings.seed = value;
      restart();
    }),
  };
  const latent = stage.choice("Latent dimensions", [[1, "1"], [2, "2"]], game.settings.latent, (value) => {
    game.settings.latent = value;
    restart();
  });
  const share = element("a", { href: toLink(), class: "gb-link" }, "Link to these settings");
  stage.more(
    ...Object.values(sliders), latent, share,
    element("p", { class: "gb-note" },
      `Nets 2 → ${world.width} → ${world.width}, ${world.batch} points a batch, Adam with β = (0, 0.99). `
      + "Keys while the focus is in the figure: Space plays, D and G take one step, R resets."));
  stage.keys({ " ": stage.toggle, d: () => one("D"), g: () => one("G"), r: restart });
  stage.on(window, "hashchange", () => {
    // Another link, pasted into the address of the open page: the page begins anew, as it says.
    if (Object.keys(fromLink()).length && location.hash !== share.getAttribute("href")) location.reload();
  });

  const flow = element("div", { class: "gb-flow", hidden: true });
  stage.body.append(flow);
  const say = stage.status();

  // --- panels -------------------------------------------------------------------------------------
  const layout = element("div", { class: "gb-stage" });
  const large = element("div");
  const side = element("div", { class: "gb-side" });
  layout.append(large, side);
  stage.body.append(layout);
  const main = stage.panel(large, {
    heading: '<span class="gb-data">● Data</span>, <span class="gb-G">◆ fakes</span> and where G is pushed',
    ratio: 1, draw: drawMain, label: "", focus: true,
  });
  const tick = (label, key) => stage.check(label, layers[key], (on) => {
    layers[key] = on;
    stage.draw();
  });
  const done = stage.button("Done", stopDrawing);
  const clear = stage.button("Clear", () => {
    pencil.points = [];
    stage.draw();
  });
  const drawing = element("div", { class: "gb-chips", hidden: true }, done, clear, element("span", {},
    `Draw on the square; by keyboard: arrows move, Enter dabs, Backspace takes back.`));
  large.append(
    element("div", { class: "gb-chips" }, tick("D behind", "map"), tick("latent grid", "lattice"),
      tick("gradients", "arrows"), tick("D = ½", "half")),
    drawing);
  const learned = stage.panel(side, { heading: '<span class="gb-D">D(x)</span> learned', ratio: 1, label: "", draw: (pen) => drawMap(pen, "D") });
  stage.panel(side, { heading: '<span class="gb-D">D*(x)</span> optimal', ratio: 1, label: "The optimal discriminator: the share of data at each place", draw: (pen) => drawMap(pen, "best") });
  side.append(element("div", { class: "gb-key", role: "img", "aria-label": "Colour key for D: 0 fake, one half cannot tell, 1 real" },
    element("i"), element("span", {}, "0 fake"), element("span", {}, "½ can’t tell"), element("span", {}, "1 real")));
  const chart = stage.panel(side, { heading: "Value of the game <small>nats</small>", ratio: 0.72, label: "", draw: drawValue });
  chart.box.classList.add("gb-wide");
  const instead = element("p", { class: "gb-instead gb-wide", hidden: true });
  side.append(instead);
  const read = stage.readouts(["Iteration", "JSD", "Modes found", "On the data", "Speed"]);

  // What fits the chosen game: no value without a calibrated D, no γ without a penalty.
  function suit() {
    const { calibrated, penalty, label } = rule();
    chart.box.hidden = !calibrated;
    instead.hidden = calibrated;
    instead.textContent = `No V here: in the game “${label}” D is a critic and not a probability, so its V says `
      + "nothing about 2·JSD − log 4. The JSD below needs no D.";
    learned.title.innerHTML = calibrated ? '<span class="gb-D">D(x)</span> learned' : '<span class="gb-D">D</span>, the critic’s levels';
    sliders.gamma.enable(penalty !== "");
    sliders.gamma.title = penalty ? penalty : "this game has no penalty";
  }

  // --- looking ------------------------------------------------------------------------------------
  function note({ iteration: count, value, bestValue }) {
    history.push([count, value, bestValue]);
    if (history.length > 800) history = history.filter((_, i) => i % 2 === 0);
  }
  function look() {
    const measure = game.measure();
    seen = { ...measure, fakes: game.samples(), warp: game.warp(), push: game.arrows() };
    // where hardly any mass lies D* says nothing that matters: it fades to one half
    const weight = (k) => (measure.p[k] + measure.q[k]) / (measure.p[k] + measure.q[k] + FAINT);
    seen.faded = measure.best.map((best, k) => 0.5 + (best - 0.5) * weight(k));
    note(measure);
    const { jsd, floor, found, total, quality, value, bestValue } = measure;
    const modes = total === null ? "" : `${found} of ${total}`;
    iteration.value = number(measure.iteration);
    read(number(measure.iteration), `${number(jsd, 3)} nats (floor ${number(floor, 3)})`, modes,
      `${number(100 * quality)} %`, Number.isFinite(paced.rate) ? `${number(paced.rate)} steps/s` : "");
    main.describe(`The plane: ${number(100 * quality)} % of the fakes lie on the data${modes && `, ${modes} modes are found`}; iteration ${number(measure.iteration)}.`);
    learned.describe(rule().calibrated ? `D as learned: V is ${number(bestValue - value, 3)} short of the best there is` : "Level lines of the critic");
    chart.describe(`V is ${number(value, 3)}, its optimum ${number(bestValue, 3)}, the floor ${number(-LOG4, 3)}.`);
    if (!game.finite) {
      say("<b>The numbers have run away:</b> a loss is not finite. Reset, and choose lower rates or a penalty.", true);
    } else if (speed !== "slow") say(sentence(measure));
    stage.draw();
  }
  function sentence({ value, bestValue, jsd, floor, found, total, iteration: count }) {
    const gap = bestValue - value;
    const missed = total !== null && found < total ? ` ${total - found} of ${total} modes ${total - found === 1 ? "is" : "are"} missed.` : "";
    if (!rule().calibrated) return `Step ${number(count)}: JSD ${number(jsd, 3)} nats.${missed}`;
    const perfect = `a perfect G would show ${number(2 * floor, 3)}`;
    return `V is ${number(gap, 3)} short of <b>V*</b>; V* − (−log 4) = 2·JSD = ${number(2 * jsd, 3)}; ${perfect}.${missed}`;
  }

  function drawMain(pen) {
    const { width: w, colours } = pen;
    const x = (v) => ((v + world.frame) / (2 * world.frame)) * w;
    const y = (v) => w - x(v);
    const radius = Math.max(2.2, w / 190);
    if (pencil) return drawPencil(pen, x, y);
    const { calibrated } = rule();
    if (layers.map && calibrated) pen.verdicts(seen.D, world.cells, colours.dark ? 0.52 : 0.42);
    if (layers.map && !calibrated) levels(pen, 0.5);
    if (layers.half && calibrated) pen.level(seen.logits, world.cells, 0, colours.disc, 1.6);
    if (layers.lattice) drawLattice(pen, x, y);
    const { from, to } = seen.push;
    for (let i = 0; i < game.real.length; i += 2) pen.dot(x(game.real[i]), y(game.real[i + 1]), radius);
    for (let i = 0; i < 4 * world.batch; i += 2) {
      pen.diamond(x(seen.fakes[i]), y(seen.fakes[i + 1]), radius + 0.8);
    }
    if (layers.arrows) {
      for (let i = 0; i < from.length; i += 4) {
        const size = Math.hypot(to[i], to[i + 1]) || 1;
        const length = Math.tanh(4 * size) * Math.min(34, w / 14);
        pen.arrow(x(from[i]), y(from[i + 1]), (length * to[i]) / size, (-length * to[i + 1]) / size);
        pen.diamond(x(from[i]), y(from[i + 1]), radius + 0.8);
      }
    }
    if (seen.total === null) return;
    const { centres } = game.data;
    centres.forEach(([cx, cy], k) => {
      if (seen.reached[k]) return;
      pen.circle(x(cx), y(cy), w / 18);
      pen.stroke(colours.ink, 1.3, [4, 3]);
      pen.text("missed", x(cx), y(cy) + w / 18 + 14, colours.ink, { align: "center" });
    });
  }
  function drawLattice(pen, x, y) {
    const n = world.lattice;
    const at = (row, column) => [x(seen.warp[2 * (row * n + column)]), y(seen.warp[2 * (row * n + column) + 1])];
    const all = Array.from({ length: n }, (_, k) => k);
    for (const k of all) {
      pen.line(all.map((j) => at(k, j)), pen.colours.gen, { width: 0.9, alpha: 0.4 });
      if (game.settings.latent === 1) break;
      pen.line(all.map((j) => at(j, k)), pen.colours.gen, { width: 0.9, alpha: 0.4 });
    }
  }
  function levels(pen, alpha = 1) {
    const sorted = Float64Array.from(seen.logits).sort();
    for (let k = 1; k < 10; k++) {
      const level = sorted[Math.floor((k * sorted.length) / 10)];
      pen.level(seen.logits, world.cells, level, pen.colours.value, k === 5 ? 2 : 1, alpha);
    }
  }
  function drawMap(pen, key) {
    if (key === "D" && !rule().calibrated) return levels(pen);
    pen.verdicts(key === "D" ? seen.D : seen.faded, world.cells);
    if (key === "D") pen.level(seen.logits, world.cells, 0, pen.colours.disc, 1.2);
  }

  // V, V* and the floor, with the two gaps.
  function drawValue(pen) {
    const { width, height, colours } = pen;
    const [left, right, top, bottom] = [52, 84, 14, 24];
    const values = history.flatMap(([, value, best]) => [value, best]);
    const high = Math.min(0, Math.max(-1, ...values.slice(Math.floor(values.length / 20))) + 0.08);
    const low = Math.max(-LOG4 - 0.9, Math.min(-LOG4, ...values)) - 0.05;
    const last = Math.max(1, history[history.length - 1][0]);
    const x = (i) => left + (i / last) * (width - left - right);
    const y = (v) => top + ((high - Math.max(low, Math.min(high, v))) / (high - low)) * (height - top - bottom);
    const tickSize = high - low > 0.9 ? 0.5 : 0.25;
    for (let v = Math.ceil(low / tickSize) * tickSize; v < high; v += tickSize) {
      if (Math.abs(y(v) - y(-LOG4)) < 15) continue;
      pen.line([[left, y(v)], [width - right, y(v)]], colours.line, { width: 1 });
      pen.text(number(v, 2), left - 6, y(v) + 4, colours.muted, { align: "right" });
    }
    const learnt = history.map(([i, value]) => [x(i), y(value)]);
    const best = history.map(([i, , value]) => [x(i), y(value)]);
    const floor = y(-LOG4);
    const ends = [[x(last), floor], [x(history[0][0]), floor]];
    pen.area([...best, ...ends], colours.gen, 0.16);
    pen.area([...best, ...learnt.slice().reverse()], colours.disc, colours.dark ? 0.3 : 0.2);
    pen.line([[left, floor], [width - right, floor]], colours.ink, { width: 1.4, dash: [2, 3] });
    pen.line(best, colours.value, { dash: [6, 4] });
    pen.line(learnt, colours.value, { width: 2.2 });
    pen.text("−log 4", left - 6, floor + 4, colours.muted, { align: "right" });
    pen.text("0", left, height - 6);
    pen.text(number(last), width - right, height - 6, colours.muted, { align: "right" });
    const [, value, top2] = history[history.length - 1];
    const end = width - right;
    const [yV, yBest] = [y(value), y(top2)];
    const bracket = (at, from, to, colour) => pen.line([[at - 4, from], [at, from], [at, to], [at - 4, to]], colour, { width: 1.6 });
    bracket(end + 8, yBest, yV, colours.disc);
    bracket(end + 16, yBest, floor, colours.gen);
    const upper = Math.min(yBest + 6, height - 70);
    pen.text("D’s gap", end + 21, upper, colours.disc, { bold: true });
    pen.text(number(top2 - value, 3), end + 21, upper + 16, colours.disc);
    const lower = Math.max(upper + 36, Math.min(floor - 4, height - 30));
    pen.text("2·JSD", end + 21, lower, colours.gen, { bold: true });
    pen.text(number(top2 + LOG4, 3), end + 21, lower + 16, colours.gen);
    pen.text("V*", end - 3, yBest - 6, colours.value, { align: "right", bold: true });
    pen.text("V", end - 3, Math.min(yV + 15, height - bottom - 2), colours.value, { align: "right", bold: true });
  }

  // --- the data flow ------------------------------------------------------------------------------
  const WIDE = {
    size: [896, 196], data: [268, 18, 64], noise: [14, 94, 64], G: [118, 82, 88], fakes: [268, 94, 64], D: [410, 48, 88],
    opinions: [540, 44, 110], lossD: [752, 28, 130, 40], lossG: [752, 108, 130, 40], label: true,
    toG: "M78 126H114", toFakes: "M206 126H264", dataToD: "M332 50H378C394 50 392 74 406 74", fakesToD: "M332 126H378C394 126 392 108 406 108",
    toLossD: "M704 49H748", toLossG: "M704 128H748", backD: "M817 28V10H454V40", backG: "M817 150V182H462V144M446 144V182H162V176",
  };
  const NARROW = {
    size: [358, 222], data: [128, 6, 52], noise: [2, 104, 44], G: [60, 96, 58], fakes: [130, 101, 50], D: [214, 50, 60],
    opinions: null, lossD: [286, 12, 70, 40], lossG: [286, 106, 70, 40], label: false,
    toG: "M46 126H57", toFakes: "M118 126H127", dataToD: "M180 32H190C206 32 198 66 211 66", fakesToD: "M180 122C202 122 196 100 211 100",
    toLossD: "M276 70C284 70 278 32 283 32", toLossG: "M276 94C284 94 278 126 283 126", backD: "M321 12V2H244V44", backG: "M321 148V198H250V116M238 116V198H89V178",
  };
  const tips = `gb-tip-${Math.floor(1e9 * Math.random())}`;
  function drawFlow() {
    const plan = flow.clientWidth && flow.clientWidth < 560 ? NARROW : WIDE;
    const { player, phase } = slow;
    const lit = PHASES[player][phase - 1][0].split(" ");
    // three heads, one for each colour that an arrow may have
    const heads = ["none", "D", "G"].map((kind) => `<marker id="${tips}-${kind}" class="gb-tip gb-of-${kind}" viewBox="0 0 8 8" refX="6" refY="4" markerUnits="userSpaceOnUse" markerWidth="11" markerHeight="11" orient="auto"><path d="M0 0L8 4 0 8z"/></marker>`);
    const scene = element("svg", { viewBox: `0 0 ${plan.size.join(" ")}`, role: "img", "aria-label": `${player} step, phase ${phase} of 6` });
    const classes = (part) => `gb-part${lit.includes(part) ? " gb-lit" : ""}`;
    const put = (part, ...children) => scene.append(element("g", { class: classes(part) }, ...children));
    const box = ([x, y, w, h = w], kind, dash) => element("rect", { x, y, width: w, height: h, rx: 6, class: `gb-box gb-${kind}`, "stroke-dasharray": dash ? "5 4" : null });
    const words = (x, y, text, anchor = "middle", kind = "") => element("text", { x, y, "text-anchor": anchor, class: kind }, text);
    const cloud = ([x, y, w], points, kind, half) => {
      const marks = [];
      for (let i = 0; points && i < points.length; i += 2) {
        const [u, v] = [points[i], points[i + 1]].map((c) => Math.max(-1, Math.min(1, c / half)));
        const [cx, cy] = [x + (w * (1 + 0.88 * u)) / 2, y + (w * (1 - 0.88 * v)) / 2];
        const d = `M${cx.toFixed(1)} ${(cy - 2.4).toFixed(1)}l2.4 2.4-2.4 2.4-2.4-2.4z`;
        marks.push(kind === "G" ? element("path", { d, class: "gb-mark gb-G" }) : element("circle", { cx: cx.toFixed(1), cy: cy.toFixed(1), r: 1.8, class: `gb-mark gb-${kind}` }));
      }
      return marks;
    };
    const arrow = (part) => {
      const kind = part.startsWith("back") ? player : "none";
      scene.append(element("path", { d: plan[part], class: `gb-way ${classes(part)} gb-of-${kind}`, "marker-end": `url(#${tips}-${kind})` }));
    };
    const middle = ([x, , w]) => x + w / 2;
    const below = ([, y, w]) => y + w + 17;

    scene.innerHTML = `<defs>${heads.join("")}</defs>`;
    ["toG", "toFakes", "dataToD", "fakesToD", "toLossD", "toLossG"].forEach(arrow);
    put("data", box(plan.data, "data"), ...cloud(plan.data, slow.real, "data", world.frame), words(plan.data[0] - 7, plan.data[1] + plan.data[2] / 2 + 4, "data", "end", "gb-name"));
    put("noise", box(plan.noise, "hair"), ...cloud(plan.noise, slow.z, "muted", 3), words(middle(plan.noise), below(plan.noise), plan.label ? "noise z" : "z", "middle", "gb-name"));
    put("G", box(plan.G, "G"), ...mesh(plan.G), words(middle(plan.G), below(plan.G), "G", "middle", "gb-name"));
    put("fakes", box(plan.fakes, "G"), ...cloud(plan.fakes, slow.fakes, "G", world.frame), words(middle(plan.fakes), below(plan.fakes), plan.label ? "fakes G(z)" : "fakes", "middle", "gb-name"));
    const still = lit.includes("still");
    put(still ? "still" : "D", box(plan.D, "D", player === "G"), ...thumbnail(plan.D), player === "G"
      ? words(middle(plan.D), plan.D[1] - 8, plan.label ? "D, held still" : "D, still", "middle", "gb-name")
      : words(middle(plan.D) - 11, plan.D[1] - 8, "D", "end", "gb-name")); // beside the head of backD
    if (plan.opinions) {
      const [x, y, w] = plan.opinions;
      const bar = (top, share, kind, label) => [
        words(x, top - 6, label, "start"),
        element("rect", { x, y: top, width: w, height: 9, rx: 2, class: "gb-trough" }),
        element("rect", { x, y: top, width: share === undefined ? 0 : w * share, height: 9, rx: 2, class: `gb-mark gb-${kind}` }),
        words(x + w + 7, top + 9, share === undefined ? "" : number(share, 2), "start"),
      ];
      put("opinions", ...bar(y, slow.opinion?.real, "data", "D(data)"), ...bar(y + 82, slow.opinion?.fake, "G", "D(fakes)"));
    }
    const loss = (part, who) => {
      const [x, y, w, h] = plan[part];
      const text = slow.player === who && slow.loss !== undefined ? number(slow.loss, 2) : "";
      put(part, box(plan[part], who), words(x + w / 2, y + h / 2 + (plan.label ? 5 : -3), plan.label ? `${who}’s loss ${text}` : `${who}’s loss`, "middle", "gb-name"), ...(plan.label ? [] : [words(x + w / 2, y + h / 2 + 13, text)]));
    };
    loss("lossD", "D");
    loss("lossG", "G");
    if (phase >= 5) arrow(player === "D" ? "backD" : "backG");
    flow.replaceChildren(scene);
  }
  function mesh([x, y, w]) {
    const n = world.lattice;
    const inside = (v) => Math.max(-1, Math.min(1, (0.9 * v) / world.frame));
    const place = (k) => [x + (w * (1 + inside(seen.warp[2 * k]))) / 2, y + (w * (1 - inside(seen.warp[2 * k + 1]))) / 2];
    const lines = [];
    for (let r = 0; r < n; r += 4) {
      for (const index of [(c) => r * n + c, (c) => c * n + r]) {
        const points = Array.from({ length: n }, (_, c) => place(index(c)).map((v) => v.toFixed(1)).join(" "));
        lines.push(element("path", { d: `M${points.join("L")}`, class: "gb-mesh" }));
      }
    }
    return lines;
  }
  function thumbnail([x, y, w]) {
    const [n, inside] = [8, w - 10];
    const colours = stage.colours.verdicts;
    return Array.from({ length: n * n }, (_, i) => {
      const [row, column] = [Math.floor(i / n), i % n];
      const step = world.cells / n;
      const value = seen.D[Math.floor((n - 1 - row + 0.5) * step) * world.cells + Math.floor((column + 0.5) * step)];
      const [r, g, b] = colours[Math.round(8 * value)];
      return element("rect", { x: x + 5 + (column * inside) / n, y: y + 5 + (row * inside) / n, width: inside / n + 0.3, height: inside / n + 0.3, fill: `rgb(${r} ${g} ${b})` });
    });
  }

  // --- the reader's own data ----------------------------------------------------------------------
  function startDrawing() {
    stage.pause();
    pencil = { points: [], x: 0, y: 0 };
    drawing.hidden = false;
    main.canvas.classList.add("gb-drawing");
    main.canvas.focus();
    say("Draw your own data on the square, then press Done.", true);
    stage.draw();
  }
  function stopDrawing() {
    if (!pencil) return;
    const { points } = pencil;
    pencil = null;
    drawing.hidden = true;
    main.canvas.classList.remove("gb-drawing");
    if (points.length) game.setData({ centres: points, std: DAB });
    else data.set(game.settings.data);
    restart();
  }
  function dab(x, y) {
    const { points } = pencil;
    const inside = (v) => Math.max(-world.frame + 0.1, Math.min(world.frame - 0.1, v));
    const point = [inside(x), inside(y)];
    if (points.length >= MOST_DABS || points.some((p) => Math.hypot(p[0] - point[0], p[1] - point[1]) < DAB)) return;
    points.push(point);
    stage.draw();
  }
  function pointed(event) {
    const { left, top, width } = main.canvas.getBoundingClientRect();
    const scale = (2 * world.frame) / width;
    return [(event.clientX - left) * scale - world.frame, world.frame - (event.clientY - top) * scale];
  }
  stage.on(main.canvas, "pointerdown", (event) => {
    if (!pencil) return;
    main.canvas.setPointerCapture(event.pointerId);
    dab(...pointed(event));
  });
  stage.on(main.canvas, "pointermove", (event) => {
    if (pencil && event.buttons) dab(...pointed(event));
  });
  stage.on(main.canvas, "keydown", (event) => {
    if (!pencil) return;
    const step = event.shiftKey ? 0.5 : 0.1;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (moves[event.key]) {
      pencil.x = Math.max(-1.9, Math.min(1.9, pencil.x + moves[event.key][0]));
      pencil.y = Math.max(-1.9, Math.min(1.9, pencil.y + moves[event.key][1]));
    } else if (event.key === "Enter") dab(pencil.x, pencil.y);
    else if (event.key === "Backspace") pencil.points.pop();
    else if (event.key === "Escape") return stopDrawing();
    else return;
    event.preventDefault();
    event.stopPropagation();
    stage.draw();
  });
  function drawPencil(pen, x, y) {
    const { colours, width } = pen;
    const radius = (DAB / world.frame) * width * 0.75;
    for (const [cx, cy] of pencil.points) {
      pen.circle(x(cx), y(cy), radius);
      pen.fill(colours.data, 0.55);
    }
    const [cx, cy] = [x(pencil.x), y(pencil.y)];
    pen.line([[cx - 9, cy], [cx + 9, cy]], colours.ink, { width: 1.4 });
    pen.line([[cx, cy - 9], [cx, cy + 9]], colours.ink, { width: 1.4 });
    if (!pencil.points.length) pen.text("draw here", width / 2, width / 2 - 20, colours.muted, { align: "center" });
  }

  suit();
  restart();
  Object.defineProperty(stage, "measured", { get: () => seen });
  return Object.assign(stage, { game, look });
};
