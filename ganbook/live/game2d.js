// The playground `game2d` without its page: a GAN on points of the plane, its state, its steps, and
// what can be measured of it. Kernels and numbers, by the width of the nets, come from Python.
"use strict";

globalThis.ganbook ??= {};
ganbook.game2d ??= { worlds: {} };

ganbook.game2d.create = function (settings = {}) {
  const world = ganbook.game2d.worlds[settings.nets ?? 32];
  const { batch, samples, cells, frame, lattice } = world;
  const memory = ganbook.memory();
  const made = {};
  const kernel = (name) => (made[name] ??= world.kernels[name](memory));
  const named = (list, name) => {
    const found = list.find((item) => item.name === name);
    if (!found) throw new RangeError(`${name} is none of ${list.map((item) => item.name)}`);
    return found;
  };
  const rule = () => named(world.games, game.settings.game);

  // --- state ------------------------------------------------------------------------------------
  const net = (layers) => {
    const length = layers.reduce((sum, [count]) => sum + count, 0);
    return { layers, now: memory.array(length), mean: memory.array(length), square: memory.array(length) };
  };
  const G = net(world.layers.G);
  const D = net(world.layers.D);
  const real = memory.array(2 * batch);
  const z = memory.array(2 * batch);
  const pairs = memory.array(2 * batch);
  const points = memory.array(2 * samples); // what `generate` and `mass` are given
  const shares = memory.array(samples);
  const p = memory.array(cells * cells);
  const q = memory.array(cells * cells);
  const zeros = memory.array(cells * cells);
  const fixed = Float32Array.from({ length: 2 * samples }, ganbook.random(world.noiseSeed).normal);
  let draw = null;
  let data = null;

  const game = {
    settings: {},
    world,
    memory,
    real,
    z,
    reset,
    setData,
    drawBatch,
    drawNoise: fillNoise,
    dStep,
    gStep,
    step,
    samples: () => generate(fixed, samples),
    warp,
    arrows,
    opinion,
    measure,
    get fakes() {
      return generate(z, batch);
    },
    get data() {
      return data;
    },
  };

  // --- data and noise ---------------------------------------------------------------------------
  function fill(into, count, { normal, uniform }) {
    const { centres, std } = data;
    for (let i = 0; i < count; i++) {
      const [x, y] = centres[Math.floor(uniform() * centres.length)];
      into[2 * i] = x + std * normal();
      into[2 * i + 1] = y + std * normal();
    }
  }
  function fillNoise() {
    for (let i = 0; i < 2 * batch; i++) z[i] = draw.normal();
    flatten(z, batch);
  }
  function flatten(noise, count) {
    if (game.settings.latent === 1) for (let i = 0; i < count; i++) noise[2 * i + 1] = 0;
  }
  function setData(chosen) {
    const next = typeof chosen === "string" ? named(world.datasets, chosen) : chosen;
    const count = next.centres.length;
    if (!count || count > samples) throw new RangeError(`1 to ${samples} centres; got ${count}`);
    data = next;
    game.settings.data = next.name ?? "drawn";
    const width = Math.hypot(data.std, world.bandwidth);
    points.fill(0).set(data.centres.flat());
    shares.fill(0).fill(1 / count, 0, count);
    p.set(kernel("mass")(points, shares, width).mass);
    // what a perfect generator would score with as many samples
    const source = ganbook.random(world.noiseSeed);
    game.floor = 0;
    for (let i = 0; i < world.floorDraws; i++) {
      fill(points, samples, source);
      q.set(spread());
      game.floor += kernel("value")(p, q, zeros).jsd / world.floorDraws;
    }
  }
  function spread() {
    shares.fill(1 / samples);
    return kernel("mass")(points, shares, world.bandwidth).mass;
  }

  // --- training ---------------------------------------------------------------------------------
  function reset(seed = game.settings.seed) {
    game.settings.seed = seed;
    draw = ganbook.random(seed);
    for (const { layers, now, mean, square } of [G, D]) {
      let i = 0;
      for (const [count, bound] of layers) {
        for (const end = i + count; i < end; i++) now[i] = bound * (2 * draw.uniform() - 1);
      }
      mean.fill(0);
      square.fill(0);
    }
    Object.assign(game, { iteration: 0, dSteps: 0, dLoss: NaN, gLoss: NaN, finite: true });
    drawBatch();
  }
  // A step draws its own batch, unless it is given the batch that was drawn and looked at before.
  function drawBatch() {
    fill(real, batch, draw);
    fillNoise();
  }
  function dStep(drawn = false) {
    if (!game.finite) return;
    if (!drawn) drawBatch();
    const { lrD, gamma } = game.settings;
    const run = kernel(rule().dStep);
    game.dLoss = run(D.now, D.mean, D.square, G.now, real, z, ++game.dSteps, lrD, gamma).loss;
    game.finite = Number.isFinite(game.dLoss);
  }
  function gStep(drawn = false) {
    if (!game.finite) return;
    if (!drawn) fillNoise();
    const { lrG } = game.settings;
    const run = kernel(rule().gStep);
    game.gLoss = run(G.now, G.mean, G.square, D.now, real, z, ++game.iteration, lrG).loss;
    game.finite = Number.isFinite(game.gLoss);
  }
  function step() {
    for (let i = 0; i < game.settings.k; i++) dStep();
    gStep();
  }

  // --- what can be seen -------------------------------------------------------------------------
  function generate(noise, count) {
    points.fill(0).set(noise.subarray(0, 2 * count));
    flatten(points, count);
    return kernel("generate")(G.now, points).points.slice(0, 2 * count);
  }
  function warp() {
    const nodes = new Float32Array(2 * lattice * lattice);
    for (let i = 0; i < lattice * lattice; i++) {
      nodes[2 * i] = -2 + (4 * (i % lattice)) / (lattice - 1);
      nodes[2 * i + 1] = -2 + (4 * Math.floor(i / lattice)) / (lattice - 1);
    }
    return generate(nodes, lattice * lattice);
  }
  function arrows() {
    pairs.set(game.fakes);
    return { from: pairs.slice(), to: kernel(rule().push)(D.now, pairs, real).push.slice() };
  }
  // How real the batch looks to D: the mean of D(x) over data and over fakes.
  function opinion() {
    const mean = (points) => {
      pairs.set(points);
      return kernel("judgeBatch")(D.now, pairs).mean;
    };
    return { real: mean(real), fake: mean(game.fakes) };
  }
  function measure() {
    const seen = generate(fixed, samples);
    points.set(seen);
    q.set(spread());
    const logits = kernel("judge")(D.now).logits;
    const { D: judged, best, value, jsd } = kernel("value")(p, q, logits);
    const bestValue = 2 * jsd - Math.log(4);
    const { iteration, floor } = game;
    const copies = { p, q, logits, D: judged, best };
    for (const name in copies) copies[name] = copies[name].slice();
    return { iteration, ...copies, value, bestValue, jsd, floor, ...modes(seen) };
  }
  function modes(seen) {
    const { centres, std, modes: countable } = data;
    const reached = new Uint8Array(centres.length);
    let near = 0;
    for (let i = 0; i < samples; i++) {
      let best = Infinity;
      let nearest = 0;
      centres.forEach(([x, y], k) => {
        const square = (seen[2 * i] - x) ** 2 + (seen[2 * i + 1] - y) ** 2;
        if (square < best) [best, nearest] = [square, k];
      });
      if (best > 9 * std * std) continue; // farther than 3 std: on no mode
      near++;
      reached[nearest] = 1;
    }
    const found = countable ? reached.reduce((sum, hit) => sum + hit, 0) : null;
    return { reached, found, total: countable ? centres.length : null, quality: near / samples };
  }

  Object.assign(game.settings, world.defaults, settings);
  const { gamma, lrG, lrD } = rule();
  game.settings = { gamma, lrG, lrD, ...game.settings, ...settings };
  setData(game.settings.data);
  reset();
  return game;
};
