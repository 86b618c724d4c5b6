// `police`: the rounds, and the picture of a note. Densities and verdicts come from Python.
"use strict";
globalThis.ganbook ??= {};
ganbook.figures ??= {};

ganbook.policeGame = function (settings = {}) {
  const { numbers, kernels } = ganbook.police;
  const memory = ganbook.memory({ precision: 64, wasm: false, bytes: 1 << 19 });
  const made = {};
  const points = memory.array(numbers.cells);
  const judge = (round, xs) => {
    points.fill(xs[0]).set(xs);
    const { p, q, best } = (made[round] ??= kernels[`judge_${round}`](memory))(points);
    return [p, q, best].map((values) => Array.from(values.slice(0, xs.length)));
  };
  const tenth = (x) => Math.round(10 * x) / 10; // as the reader is told
  let draw = ganbook.random(settings.seed ?? numbers.defaults.seed);
  function sample({ means, shares, std }) {
    let [k, u] = [0, draw.uniform()];
    while (k < shares.length - 1 && u > shares[k]) u -= shares[k++];
    return means[k] + std * draw.normal();
  }
  function note(round) {
    const real = draw.uniform() < 0.5;
    return { real, x: tenth(sample(real ? numbers.presses : numbers.forgers[round])) };
  }
  const game = {
    round: 0,
    answers: [], // of this round: x, real, said, bestSays
    scores: [], // of the rounds that are over
    known: [],
    judge,
    get forger() {
      return numbers.forgers[game.round];
    },
    get over() {
      return game.answers.length === numbers.notes;
    },
    get right() {
      return game.answers.filter(({ real, said }) => real === said).length;
    },
    reset(seed) {
      draw = ganbook.random(seed);
      game.known = Array.from({ length: numbers.known }, () => tenth(sample(numbers.presses)));
      game.scores = [];
      game.begin(0);
    },
    begin(round) {
      game.round = round;
      game.answers = [];
      game.note = note(round);
    },
    // What the best rule says of a place; where both laws agree it tosses no coin but says "real".
    bestSays: (x, round = game.round) => judge(round, [x])[2][0] >= 0.5 - 1e-12,
    answer(said) {
      if (game.over) return;
      const { x, real } = game.note;
      game.answers.push({ x, real, said, bestSays: game.bestSays(x) });
      if (!game.over) game.note = note(game.round);
      else {
        const best = game.answers.filter((one) => one.real === one.bestSays).length;
        const agreed = game.answers.filter((one) => one.said === one.bestSays).length;
        game.scores.push({ round: game.round, right: game.right, best, agreed });
      }
    },
    // The best rule's accuracy on many more notes of this forger.
    bestPlays(count, round = game.round) {
      let right = 0;
      for (let at = 0; at < count; at += numbers.cells) {
        const notes = Array.from({ length: Math.min(numbers.cells, count - at) }, () => {
          const real = draw.uniform() < 0.5;
          return { real, x: sample(real ? numbers.presses : numbers.forgers[round]) };
        });
        const best = judge(round, notes.map(({ x }) => x))[2];
        right += notes.filter(({ real }, k) => real === best[k] >= 0.5 - 1e-12).length;
      }
      return right / count;
    },
  };
  game.reset(settings.seed ?? numbers.defaults.seed);
  return game;
};

ganbook.figures.police = function (stage) {
  const { element, number } = ganbook;
  const { numbers } = ganbook.police;
  const { low, high, cells, notes } = numbers;
  const game = ganbook.policeGame(stage.options);
  stage.game = game;
  let seed = stage.options.seed ?? numbers.defaults.seed;
  let last = "";

  const answer = (said) => {
    if (game.over) return;
    const { real } = game.note;
    game.answer(said);
    last = `<b>${real ? "It was real" : "It was forged"}</b>: you are ${said === real ? "right" : "wrong"}. `;
    look(true);
    if (game.over) next.focus();
  };
  const real = stage.button("Real (R)", () => answer(true), { class: "gb-play" });
  const forged = stage.button("Forged (F)", () => answer(false), { class: "gb-play" });
  const next = stage.button("Next round", () => {
    last = "";
    if (game.round + 1 < numbers.forgers.length) game.begin(game.round + 1);
    else game.reset(++seed);
    look(true);
    real.focus();
  }, { class: "gb-play" });
  const more = stage.button("Let the best rule judge 2,000 more", () => {
    last = `The best rule was right ${number(100 * game.bestPlays(2000), 1)} % of 2,000 more times. `;
    look(true);
  });
  stage.bar("Your verdict", real, forged, next, more);
  const say = stage.status();
  const large = element("div", { class: "gb-stage gb-even" });
  stage.body.append(large);
  const paper = stage.panel(large, { heading: "", ratio: 0.26, label: "", draw: drawNote });
  const ruler = stage.panel(large, { heading: 'What you know: <span class="gb-data">● real</span>, <span class="gb-G">◆ forged</span>, <span class="gb-data">|</span> 24 real notes from before, ✕ your mistakes', ratio: 0.3, label: "", draw: drawRuler });
  for (const panel of [paper, ruler]) panel.canvas.style.minHeight = "120px";
  const read = stage.readouts(["Round", "Note", "Right", "Best rule right", "Nobody can exceed"]);
  const body = element("tbody");
  const table = element("table", { class: "gb-results", hidden: true },
    element("caption", {}, "Your rounds"),
    element("thead", {}, element("tr", {}, ["Round", "The forger", "You", "Best rule", "You agreed with it", "A perfect policeman, 9 times in 10", "Limit"].map((words) => element("th", { scope: "col" }, words)))),
    body);
  stage.body.append(element("div", { class: "gb-scroll", tabindex: 0, role: "group", "aria-label": "Your rounds" }, table));
  stage.keys({ r: () => answer(true), f: () => answer(false), arrowleft: () => answer(true), arrowright: () => answer(false) });

  function look(now = false) {
    const { answers, over, round, right, forger } = game;
    const best = answers.filter((one) => one.real === one.bestSays).length;
    read(`${round + 1} of ${numbers.forgers.length}`, over ? "all judged" : `${answers.length + 1} of ${notes}`, `${right} of ${answers.length}`,
      over ? `${best} of ${notes}` : "", over ? `${number(100 * forger.limit, 1)} %` : "");
    for (const button of [real, forged]) button.hidden = over;
    for (const button of [next, more]) button.hidden = !over;
    next.textContent = round + 1 < numbers.forgers.length ? "Next round" : "Start again";
    const mark = `mark at ${number(game.note.x, 1)} mm`;
    paper.box.hidden = over;
    paper.title.textContent = over ? "The round is over" : `Note ${answers.length + 1}: ${mark}`;
    paper.describe(over ? "No more notes in this round" : `A banknote with its ${mark}`);
    ruler.describe(`${answers.length} notes judged${over ? "; the curves of both laws and the best rule" : ""}`);
    say(last + (over ? ending(best) : `The next note has its <b>${mark}</b>. Real or forged? ${right} of ${answers.length} right.`), now);
    body.replaceChildren(...game.scores.map((score) => {
      const { motto, limit, band } = numbers.forgers[score.round];
      const words = [score.round + 1, motto, `${score.right} of ${notes}`, `${score.best} of ${notes}`, `${score.agreed} times`, `${band[0]} to ${band[1]}`, `${number(100 * limit, 1)} %`];
      return element("tr", {}, words.map((word) => element("td", {}, String(word))));
    }));
    table.hidden = !game.scores.length;
    stage.draw();
  }
  function ending(best) {
    const { forger, right } = game;
    const coin = forger.limit < 0.5 + 1e-6 ? "This forger is perfect: every rule is a coin, also yours." : `Nobody can be right more than ${number(100 * forger.limit, 1)} % of the time.`;
    const { agreed } = game.scores.at(-1);
    return `Round over. The forger: <b>${forger.motto}</b>. You had ${right} of ${notes}, the best rule ${best}; you agreed with it ${agreed} times. ${coin}${total()}`;
  }
  // Over all rounds luck evens out.
  function total() {
    if (game.scores.length < numbers.forgers.length) return "";
    const sum = (values) => values.reduce((a, b) => a + b);
    const perfect = notes * sum(numbers.forgers.map(({ limit }) => limit));
    return ` In all you had ${sum(game.scores.map(({ right }) => right))} of ${notes * numbers.forgers.length}; a perfect policeman gets ${number(perfect)} on average.`;
  }

  const box = (pen) => ({ left: 14, right: pen.width - 14, X: (v) => 14 + ((pen.width - 28) * (v - low)) / (high - low) });
  function drawNote(pen) {
    const { height: h, colours } = pen;
    const { left, right, X } = box(pen);
    pen.area([[left, 8], [right, 8], [right, h - 30], [left, h - 30]], colours.surface);
    for (let k = 0; k < 6; k++) { // engraving, the same on every note
      const wave = (t) => (h - 22) / 2 + ((h - 52) / 2) * Math.sin(2 * Math.PI * (3 * t + k / 12)) * Math.cos(Math.PI * (t - 0.5));
      pen.line(Array.from({ length: 161 }, (_, i) => [left + ((right - left) * i) / 160, wave(i / 160)]), colours.hair, { width: 0.8, alpha: 0.5 });
    }
    pen.line([[left, 8], [right, 8], [right, h - 30], [left, h - 30], [left, 8]], colours.hair, { width: 1.6 });
    for (let v = low; v <= high; v++) {
      pen.line([[X(v), h - 30], [X(v), h - (v % 4 ? 25 : 20)]], colours.hair, { width: 1 });
      if (v % 4 === 0) pen.text(String(v), X(v), h - 5, colours.muted, { align: "center" });
    }
    if (game.over) return;
    const x = Math.min(Math.max(X(game.note.x), left), right);
    pen.area([[x - 4, 8], [x, 8], [x, h - 30], [x - 4, h - 30]], colours.ink, 0.75);
    pen.area([[x, 8], [x + 4, 8], [x + 4, h - 30], [x, h - 30]], colours.ink, 0.35);
  }
  function drawRuler(pen) {
    const { height: h, colours } = pen;
    const { left, right, X } = box(pen);
    const floor = h - 34;
    if (game.over) {
      const xs = Array.from({ length: cells }, (_, k) => low + ((high - low) * k) / (cells - 1));
      const [p, q, best] = game.judge(game.round, xs);
      const Y = (v) => floor - ((floor - 10) * v) / 0.26;
      pen.line(xs.map((v, k) => [X(v), Y(p[k])]), colours.data, { width: 2.4 });
      pen.line(xs.map((v, k) => [X(v), Y(q[k])]), colours.gen, { width: 2.4, dash: [7, 4] });
      best.forEach((d, k) => {
        const shade = colours.verdicts[d > 0.5 + 1e-9 ? 7 : d < 0.5 - 1e-9 ? 1 : 4];
        pen.area([[X(xs[k]) - 2, floor + 4], [X(xs[k]) + 3, floor + 4], [X(xs[k]) + 3, floor + 14], [X(xs[k]) - 2, floor + 14]].map(([u, v]) => [Math.min(Math.max(u, left), right), v]), `rgb(${shade})`);
      });
      pen.text("the best rule: blue for “real”, orange for “forged”", left, h - 4, colours.disc);
    }
    for (const x of game.known) pen.line([[X(x), floor], [X(x), floor - 12]], colours.data, { width: 1.6 });
    pen.line([[left, floor], [right, floor]], colours.hair, { width: 1 });
    game.answers.forEach(({ x, real: was, said }, k) => {
      const [u, v] = [Math.min(Math.max(X(x), left + 5), right - 5), floor - 26 - 9 * (k % 4)];
      if (was) pen.dot(u, v, 5);
      else pen.diamond(u, v, 6);
      if (said !== was) pen.text("✕", u + 12, v + 4, colours.warn, { align: "center", bold: true });
    });
  }
  look();
  return Object.assign(stage, { look });
};
