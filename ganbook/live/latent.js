// `latent`: a stored generator, a plane through its latent space, and the walk. Kernels come from Python.
"use strict";
globalThis.ganbook ??= {};
ganbook.figures ??= {};

// All parameters in one array, weights before biases. One letter is one weight: a whole number,
// times the scale of its column.
ganbook.latentWeights = function ({ letters, layers }, array) {
  const whole = new Int8Array(128);
  [...letters].forEach((letter, k) => (whole[letter.charCodeAt(0)] = k - 32));
  const sum = (key) => layers.reduce((total, layer) => total + layer[key].length, 0);
  const made = array(sum("weights") + sum("biases"));
  let at = 0;
  for (const { weights, scales, unit } of layers) {
    const sizes = scales.map((scale) => scale * unit);
    for (let i = 0; i < weights.length; i++) made[at++] = whole[weights.charCodeAt(i)] * sizes[i % sizes.length];
  }
  for (const layer of layers) for (const bias of layer.biases) made[at++] = bias * layer.bias_unit;
  return made;
};

ganbook.latentGame = function (settings = {}, precision = 32) {
  const nets = ["digits", "faces"].filter((name) => ganbook[`latent_${name}`]);
  const { defaults } = ganbook[`latent_${nets[0]}`].numbers;
  const made = {}; // of each net, once it is looked at: its function of z
  const STEPS = 48;
  let plane = []; // two directions of length 1, at right angles
  function generator(name) {
    const { numbers, kernels } = ganbook[`latent_${name}`];
    const memory = ganbook.memory({ precision, bytes: 1 << 21 });
    const G = ganbook.latentWeights(numbers, memory.array);
    const z = memory.array(numbers.sizes[0]);
    const run = kernels.generate(memory);
    return (values) => {
      z.set(values);
      return run(G, z).x.slice(); // the next call overwrites it
    };
  }
  const game = {
    nets,
    settings: { net: nets[0], ...defaults, ...settings },
    get numbers() {
      return ganbook[`latent_${game.settings.net}`].numbers;
    },
    get side() {
      return Math.sqrt(game.numbers.sizes.at(-1));
    },
    // Two draws of z span the plane; its unit is the usual length of a draw.
    turn() {
      const { sizes, noise } = game.numbers;
      const draw = ganbook.random(game.settings.seed);
      const one = () => Array.from({ length: sizes[0] }, noise === "normal" ? draw.normal : () => 2 * draw.uniform() - 1);
      const [u, v] = [one(), one()];
      const dot = (a, b) => a.reduce((total, x, i) => total + x * b[i], 0);
      const across = v.map((x, i) => x - (dot(u, v) / dot(u, u)) * u[i]);
      plane = [u, across].map((w) => w.map((x) => x / Math.sqrt(dot(w, w))));
    },
    reset() {
      Object.assign(game, { point: [0.6, -0.8], A: [-1, 0], B: [0.5, 0.87], walked: null, way: 1, last: null });
    },
    z([a, b]) {
      const { typical, noise } = game.numbers;
      const edge = noise === "normal" ? Infinity : 1; // z never leaves the cube
      return plane[0].map((u, i) => Math.min(Math.max(typical * (a * u + b * plane[1][i]), -edge), edge));
    },
    length: (place) => Math.hypot(...game.z(place)),
    picture: (place) => (made[game.settings.net] ??= generator(game.settings.net))(game.z(place)),
    // The mean difference of a pixel, as a share of all the way from black to white.
    apart(one, other) {
      const [a, b] = [game.picture(one), game.picture(other)];
      return a.reduce((total, x, i) => total + Math.abs(x - b[i]), 0) / a.length / 2;
    },
    move(place) {
      const from = game.point;
      game.point = place;
      const change = Math.hypot(...game.z(place).map((x, i) => x - game.z(from)[i]));
      if (change) game.last = [change, game.apart(from, place)];
    },
    // A share t of the way from A to B: on a line, or by angle and length.
    along(t, path = game.settings.path) {
      const mix = (a, b) => a + t * (b - a);
      if (path === "straight") return game.A.map((a, i) => mix(a, game.B[i]));
      const [[from, r], [to, s]] = [game.A, game.B].map(([x, y]) => [Math.atan2(y, x), Math.hypot(x, y)]);
      const turn = Math.atan2(Math.sin(to - from), Math.cos(to - from)); // the shorter way round
      const [angle, radius] = [from + t * turn, mix(r, s)];
      return [radius * Math.cos(angle), radius * Math.sin(angle)];
    },
    get share() {
      return game.walked === null ? null : game.walked / STEPS;
    },
    step() {
      if (game.walked === null) [game.walked, game.way] = [0, 1];
      else {
        if (game.walked + game.way > STEPS || game.walked + game.way < 0) game.way *= -1;
        game.walked += game.way;
      }
      game.move(game.along(game.share));
    },
  };
  game.reset();
  game.turn();
  return game;
};

ganbook.figures.latent = function (stage) {
  const { element, number } = ganbook;
  const game = ganbook.latentGame(stage.options);
  stage.game = game;
  const REACH = 1.4; // of the plane, in usual lengths
  const TILES = 7;
  const STRIP = 9;
  const CELLS = 56; // where the length of z is computed
  const WAYS = [["straight", "straight"], ["sphere", "on the sphere"]];
  let smooth = false;
  let tiles = [];
  let strips = {};
  let measured = [];

  const nets = stage.options.net ? [stage.options.net] : game.nets;
  const reset = () => {
    stage.pause();
    game.reset();
    walkway();
  };
  stage.bar("Walk", stage.clock({ advance: pace(), after: look, burst: 6 }),
    stage.choice("Way", WAYS, game.settings.path, (path) => {
      game.settings.path = path;
      if (game.share !== null) game.move(game.along(game.share));
      look();
    }),
    stage.button("↺ Back to the start", reset, { class: "gb-quiet" }));
  stage.bar("Set up",
    ...(nets.length > 1 ? [stage.choice("G makes", nets.map((net) => [net, net]), game.settings.net, (net) => {
      game.settings.net = net;
      turn();
    })] : []),
    stage.slider("Plane", { min: 1, max: 20, value: game.settings.seed }, (seed) => {
      game.settings.seed = seed;
      turn();
    }));
  const say = stage.status();
  const layout = element("div", { class: "gb-stage" });
  const [large, side, wide] = [element("div"), element("div", { class: "gb-side gb-even" }), element("div", { class: "gb-wide" })];
  layout.append(large, side, wide);
  stage.body.append(layout);
  const map = stage.panel(large, { heading: "A plane of z <small>clear: |z| as in 99 % of draws</small>", ratio: 1, label: "", draw: drawMap });
  const shown = stage.panel(side, { heading: '<span class="gb-G">x = G(z)</span> <small>at the ring</small>', ratio: 1, label: "", draw: drawPicture });
  side.append(element("div", { class: "gb-chips" }, stage.check("smooth", smooth, (yes) => {
    smooth = yes;
    stage.draw();
  })));
  const strip = stage.panel(wide, { heading: "From A to B", ratio: 0.3, label: "", draw: drawStrips });
  const read = stage.readouts(["|z|", "99 % of draws", "A pixel differs from A by", "from B by"]);
  side.append(stage.body.lastChild);

  const put = (key) => ([a, b]) => {
    stage.pause();
    const inside = [a, b].map((v) => Math.min(Math.max(v, -REACH), REACH));
    game.walked = null;
    if (key === "point") game.move(inside);
    else game[key] = inside;
    if (key === "point") look();
    else walkway();
  };
  const toPlane = ([x, y]) => {
    const size = map.canvas.clientWidth;
    return [REACH * ((2 * x) / size - 1), REACH * (1 - (2 * y) / size)];
  };
  const toPixels = ([a, b], size = map.canvas.clientWidth) => [(size * (1 + a / REACH)) / 2, (size * (1 - b / REACH)) / 2];
  for (const [key, label] of [["A", "A, where the walk starts"], ["B", "B, where it ends"], ["point", "z, the place of the picture"]]) {
    stage.handle(map, {
      label,
      at: () => toPixels(game[key]),
      value: () => game.length(game[key]),
      move: (pixels) => put(key)(toPlane(pixels)),
      nudge: ([right, up]) => put(key)([game[key][0] + 0.05 * right, game[key][1] + 0.05 * up]),
      words: () => `${number(game[key][0], 2)} across, ${number(game[key][1], 2)} up, length ${number(game.length(game[key]), 1)}`,
    });
  }
  map.canvas.style.cursor = "crosshair";
  let dragging = false;
  const here = (event) => {
    const box = map.canvas.getBoundingClientRect();
    put("point")(toPlane([event.clientX - box.left, event.clientY - box.top]));
  };
  stage.on(map.canvas, "pointerdown", (event) => {
    dragging = event.pointerType === "mouse"; // a finger taps, so that the page still scrolls
    here(event);
  });
  stage.on(map.canvas, "pointermove", (event) => dragging && here(event));
  stage.on(window, "pointerup", () => (dragging = false));
  stage.keys({ " ": () => stage.toggle(), r: reset });

  function pace() {
    let last = -Infinity;
    return (time) => {
      if (time !== Infinity && time - last < 40) return false;
      last = time;
      game.step();
      return false;
    };
  }
  // What belongs to a plane, to a walk, and to a place.
  function turn() {
    game.turn();
    const middle = (k, count) => REACH * ((2 * k + 1) / count - 1);
    const grid = (count, of) => Array.from({ length: count * count }, (_, k) => of([middle(k % count, count), middle(Math.floor(k / count), count)]));
    tiles = grid(TILES, game.picture);
    measured = grid(CELLS, game.length);
    walkway();
  }
  function walkway() {
    for (const [way] of WAYS) strips[way] = Array.from({ length: STRIP }, (_, k) => game.picture(game.along(k / (STRIP - 1), way)));
    look();
  }
  function look() {
    const { band, sizes } = game.numbers;
    const percent = (key) => `${number(100 * game.apart(game.point, game[key]))} %`;
    const length = number(game.length(game.point), 1);
    read(length, `${number(band[0], 1)} to ${number(band[1], 1)}`, percent("A"), percent("B"));
    map.describe(`A plane through the ${sizes[0]} dimensions of z, ${TILES} by ${TILES} pictures; |z| is ${length} at the ring`);
    shown.describe(`G(z): its pixels differ from those at A by ${percent("A")}, from those at B by ${percent("B")}`);
    strip.describe(WAYS.map(([way, words]) => `${words}: ${remark(way)}`).join("; "));
    say(sentence());
    stage.draw();
  }
  function remark(way) {
    const all = Array.from({ length: 33 }, (_, k) => game.length(game.along(k / 32, way)));
    const [least, most] = [Math.min(...all), Math.max(...all)];
    if (least < 0.9 * Math.min(all[0], all.at(-1))) return `|z| falls to ${number(least, 1)}`;
    return most < 1.1 * least ? `|z| stays near ${number(most, 1)}` : `|z| goes from ${number(all[0], 1)} to ${number(all.at(-1), 1)}`;
  }
  function sentence() {
    const [low, high] = game.numbers.band;
    const length = game.length(game.point);
    const odd = (word) => `|z| is ${number(length, 1)}: fewer than 1 draw in 200 is so <b>${word}</b>. G has hardly ever met such a z.`;
    if (length < low) return odd("short");
    if (length > high) return odd("long");
    if (game.share !== null) return `${number(100 * game.share)} % of the way. G is continuous: it cannot jump from A to B, it builds a <b>bridge</b>.`;
    if (!game.last) return "Drag the ring. Each place of the plane is a z; the large picture is what G makes of it.";
    return `z moved by ${number(game.last[0], 2)}, a pixel by ${number(100 * game.last[1], 1)} %: G is continuous, so <b>near z give near pictures</b>.`;
  }

  // --- drawing
  const rgb = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  // A picture as a small canvas: ink on paper, or light.
  const printed = new WeakMap();
  function print(values) {
    const known = printed.get(values);
    if (known?.colours === stage.colours) return known.small;
    const { side, numbers } = game;
    const { paper, ink } = stage.colours;
    const [from, to] = numbers.ink ? [rgb(paper), rgb(ink)] : [[0, 0, 0], [255, 255, 255]];
    const image = new ImageData(side, side);
    values.forEach((value, i) => {
      const share = Math.min(Math.max((value + 1) / 2, 0), 1);
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = from[c] + share * (to[c] - from[c]);
      image.data[4 * i + 3] = 255;
    });
    const small = element("canvas", { width: side, height: side });
    small.getContext("2d").putImageData(image, 0, 0);
    printed.set(values, { small, colours: stage.colours });
    return small;
  }
  function paste(pen, values, x, y, size) {
    pen.context.imageSmoothingEnabled = smooth;
    pen.context.imageSmoothingQuality = "high";
    pen.context.drawImage(print(values), x, y, size, size);
  }
  function drawPicture(pen) {
    paste(pen, game.picture(game.point), 0, 0, pen.width);
  }
  function drawMap(pen) {
    const { width, colours, context } = pen;
    const cell = width / TILES;
    tiles.forEach((values, k) => paste(pen, values, (k % TILES) * cell + 0.5, width - (Math.floor(k / TILES) + 1) * cell + 0.5, cell - 1));
    // pale where hardly any draw of z falls
    const [low, high] = game.numbers.band;
    const veil = new ImageData(CELLS, CELLS);
    measured.forEach((length, k) => {
      const at = 4 * ((CELLS - 1 - Math.floor(k / CELLS)) * CELLS + (k % CELLS));
      veil.data.set([...rgb(colours.paper), length < low || length > high ? 150 : 0], at);
    });
    const small = element("canvas", { width: CELLS, height: CELLS });
    small.getContext("2d").putImageData(veil, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(small, 0, 0, width, width);
    for (const edge of [low, high]) {
      pen.level(measured, CELLS, edge, colours.paper, 4, 0.8);
      pen.level(measured, CELLS, edge, colours.ink, 1.4);
    }
    for (const [way] of WAYS) {
      const chosen = way === game.settings.path;
      const line = Array.from({ length: 33 }, (_, k) => toPixels(game.along(k / 32, way), width));
      pen.line(line, colours.paper, { width: chosen ? 6 : 4, alpha: 0.85 });
      pen.line(line, colours.ink, { width: chosen ? 2.6 : 1.4, dash: chosen ? [] : [2, 4] });
    }
    for (const key of ["A", "B"]) {
      const [x, y] = toPixels(game[key], width);
      pen.circle(x, y, 11);
      pen.fill(colours.paper);
      pen.stroke(colours.ink, 2);
      pen.text(key, x, y + 5, colours.ink, { align: "center", bold: true });
    }
    pen.circle(...toPixels(game.point, width), 14);
    pen.stroke(colours.paper, 7);
    pen.stroke(colours.gen, 3.4);
  }
  function drawStrips(pen) {
    const { width, height, colours } = pen;
    const slot = width / STRIP;
    const size = Math.min(slot - 3, height / 2 - 24);
    WAYS.forEach(([way, words], row) => {
      const chosen = way === game.settings.path;
      const top = (row * height) / 2 + 20;
      pen.text(`${words}: ${remark(way)}`, 0, top - 7, chosen ? colours.ink : colours.muted, { bold: chosen });
      strips[way].forEach((values, k) => {
        const left = k * slot + (slot - size) / 2;
        paste(pen, values, left, top, size);
        const now = chosen && game.share !== null && Math.round(game.share * (STRIP - 1)) === k;
        const edges = [[left, top], [left + size, top], [left + size, top + size], [left, top + size]];
        pen.path(edges, true);
        pen.stroke(now ? colours.gen : colours.line, now ? 3.4 : 1);
      });
    });
  }

  turn();
  return stage;
};
