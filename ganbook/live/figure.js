// What every live figure needs of the page: controls, panels that stay sharp, the theme's colours, a
// clock that never makes the page stutter. A figure registers itself in `ganbook.figures` as a
// function of its stage; `ganbook.mount` builds it into each element that asks for it.
"use strict";
globalThis.ganbook ??= {};
ganbook.figures ??= {};

(function () {
  const COLOURS = `data gen disc value ok warn focus ink muted hair line paper surface
    d0 d1 d2 d3 d4 d5 d6 d7 d8`.split(/\s+/);
  const FRAME_MS = 9; // of each frame's 16 ms, what training may take
  let made = 0;

  // --- elements -----------------------------------------------------------------------------------
  function element(tag, attributes = {}, ...children) {
    const svg = ["svg", "path", "rect", "circle", "text", "g", "line"].includes(tag);
    const node = svg
      ? document.createElementNS("http://www.w3.org/2000/svg", tag)
      : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === true) node.setAttribute(name, "");
      else if (value !== false && value != null) node.setAttribute(name, value);
    }
    node.append(...children.flat());
    return node;
  }

  // Numbers as readers write them: a true minus, thousands set apart, no more digits than asked for.
  const formats = []; // by digits: making one takes longer than the rest of a small panel
  function number(value, digits = 0) {
    if (!Number.isFinite(value)) return "–";
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    const format = (formats[digits] ??= new Intl.NumberFormat("en", options));
    const rounded = Number(value.toFixed(digits)) || 0; // no minus before a zero
    return format.format(rounded).replace("-", "−");
  }
  function short(value) {
    return String(Number(value.toPrecision(2))).replace("-", "−");
  }

  // --- drawing ------------------------------------------------------------------------------------
  class Pen {
    constructor(canvas, colours) {
      const scale = Math.max(2, devicePixelRatio);
      this.width = canvas.clientWidth;
      this.height = canvas.clientHeight;
      canvas.width = Math.round(this.width * scale);
      canvas.height = Math.round(this.height * scale);
      this.context = canvas.getContext("2d");
      this.context.scale(scale, scale);
      this.context.lineJoin = "round";
      this.colours = colours;
    }
    path(points, closed = false) {
      this.context.beginPath();
      points.forEach(([x, y], i) => this.context[i ? "lineTo" : "moveTo"](x, y));
      if (closed) this.context.closePath();
    }
    stroke(colour, width, dash = [], alpha = 1) {
      Object.assign(this.context, { strokeStyle: colour, lineWidth: width, globalAlpha: alpha });
      this.context.setLineDash(dash);
      this.context.stroke();
      this.context.setLineDash([]);
      this.context.globalAlpha = 1;
    }
    fill(colour, alpha = 1) {
      Object.assign(this.context, { fillStyle: colour, globalAlpha: alpha });
      this.context.fill();
      this.context.globalAlpha = 1;
    }
    line(points, colour, { width = 2, dash, alpha } = {}) {
      this.path(points);
      this.stroke(colour, width, dash, alpha);
    }
    area(points, colour, alpha) {
      this.path(points, true);
      this.fill(colour, alpha);
    }
    // Axes: ranges and ticks (value, or [value, words]) in units of the data, names of the axes, a
    // margin in pixels; returns the two maps from data to pixels.
    axes({ x, y, xticks = [], yticks = [], xname = "", yname = "", log = false, left = 40, bottom = 36 }) {
      const [right, top] = [this.width - 8, 12];
      const floor = this.height - bottom;
      const scale = log ? Math.log10 : (v) => v;
      const [low, high] = y.map(scale);
      const X = (v) => left + ((v - x[0]) / (x[1] - x[0])) * (right - left);
      const Y = (v) => floor - ((scale(v) - low) / (high - low)) * (floor - top);
      const words = (tick) => (Array.isArray(tick) ? tick : [tick, number(tick, tick % 1 ? 1 : 0)]);
      for (const [at, name] of yticks.map(words)) {
        this.line([[left, Y(at)], [right, Y(at)]], this.colours.line, { width: 1 });
        this.text(name, left - 5, Y(at) + 4, this.colours.muted, { align: "right" });
      }
      for (const [at, name] of xticks.map(words)) {
        this.line([[X(at), floor], [X(at), floor + 4]], this.colours.hair, { width: 1 });
        const align = X(at) > right - 12 ? "right" : "center";
        this.text(name, X(at) + (align === "right" ? 6 : 0), floor + 17, this.colours.muted, { align });
      }
      this.line([[left, floor], [right, floor]], this.colours.hair, { width: 1 });
      this.text(xname, right, floor + 31, this.colours.muted, { align: "right" });
      this.text(yname, left + 4, top + 4, this.colours.muted);
      return [X, Y];
    }
    // Draw within the axes only.
    within(left, top, right, bottom, draw) {
      this.context.save();
      this.context.beginPath();
      this.context.rect(left, top, right - left, bottom - top);
      this.context.clip();
      draw();
      this.context.restore();
    }
    circle(x, y, radius) {
      this.context.beginPath();
      this.context.arc(x, y, radius, 0, 2 * Math.PI);
    }
    // Data are circles, fakes are diamonds, each in a ring of paper.
    dot(x, y, radius, colour = this.colours.data) {
      this.circle(x, y, radius);
      this.stroke(this.colours.paper, 2.5);
      this.fill(colour);
    }
    diamond(x, y, radius, colour = this.colours.gen) {
      this.path([[x, y - radius], [x + radius, y], [x, y + radius], [x - radius, y]], true);
      this.stroke(this.colours.paper, 2.5);
      this.fill(colour);
    }
    arrow(x, y, dx, dy, colour = this.colours.ink, width = 1.4) {
      const length = Math.hypot(dx, dy);
      if (length < 4) return;
      const [u, v] = [dx / length, dy / length];
      const [tipX, tipY] = [x + dx, y + dy];
      this.line([[x, y], [tipX - 4 * u, tipY - 4 * v]], colour, { width });
      const side = 2.6 + width / 3;
      this.area([
        [tipX, tipY],
        [tipX - 7 * u + side * v, tipY - 7 * v - side * u],
        [tipX - 7 * u - side * v, tipY - 7 * v + side * u],
      ], colour);
    }
    text(words, x, y, colour = this.colours.muted, { align = "left", bold = false } = {}) {
      const { context } = this;
      context.font = `${bold ? "600 " : ""}13px system-ui, sans-serif`;
      Object.assign(context, { textAlign: align, lineWidth: 3, strokeStyle: this.colours.paper });
      context.strokeText(words, x, y);
      context.fillStyle = colour;
      context.fillText(words, x, y);
    }
    // Verdicts between 0 (fake) and 1 (real) on square cells, the first row at the bottom.
    verdicts(values, cells, veil = 0) {
      const image = new ImageData(cells, cells);
      for (let row = 0; row < cells; row++) {
        for (let column = 0; column < cells; column++) {
          const rgb = shade(this.colours.verdicts, values[(cells - 1 - row) * cells + column]);
          image.data.set(rgb, 4 * (row * cells + column));
          image.data[4 * (row * cells + column) + 3] = 255;
        }
      }
      const small = element("canvas", { width: cells, height: cells });
      small.getContext("2d").putImageData(image, 0, 0);
      this.context.imageSmoothingQuality = "high";
      this.context.drawImage(small, 0, 0, this.width, this.height);
      this.context.fillStyle = this.colours.paper;
      this.context.globalAlpha = veil;
      this.context.fillRect(0, 0, this.width, this.height);
      this.context.globalAlpha = 1;
    }
    // The colour of a verdict.
    verdict(share) {
      return `rgb(${shade(this.colours.verdicts, share)})`;
    }
    // Where values on square cells (the first row at the bottom) cross a level.
    level(values, cells, level, colour, width, alpha) {
      const { context } = this;
      const at = (row, column) => values[row * cells + column];
      const x = (column) => ((column + 0.5) * this.width) / cells;
      const y = (row) => this.height - ((row + 0.5) * this.height) / cells;
      context.beginPath();
      for (let row = 0; row + 1 < cells; row++) {
        for (let column = 0; column + 1 < cells; column++) {
          const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]];
          let drawing = false;
          for (let k = 0; k < 4; k++) {
            const [[r, c], [s, d]] = [corners[k], corners[(k + 1) % 4]];
            const [a, b] = [at(r, c), at(s, d)];
            if (a < level === b < level) continue;
            const part = (level - a) / (b - a);
            context[drawing ? "lineTo" : "moveTo"](x(c + part * (d - c)), y(r + part * (s - r)));
            drawing = !drawing;
          }
        }
      }
      this.stroke(colour, width, [], alpha);
    }
  }
  function shade(verdicts, share) {
    const place = 8 * Math.min(Math.max(share, 0), 0.9999);
    const [low, high] = [verdicts[Math.floor(place)], verdicts[Math.floor(place) + 1]];
    return low.map((from, k) => from + (place % 1) * (high[k] - from));
  }

  // --- a stage: one figure on one page ------------------------------------------------------------
  class Stage {
    constructor(root) {
      this.root = root;
      this.options = JSON.parse(root.dataset.options || "{}");
      this.body = element("div", { class: "gb-body" });
      this.ending = new AbortController();
      this.panels = [];
      this.playing = false;
      this.seen = true;
      this.frames = 0;
      this.still = matchMedia("(prefers-reduced-motion: reduce)");
      root.prepend(this.body);
      root.classList.add("gb-on");
      this.readColours();
      const recolour = () => {
        this.readColours();
        this.draw();
      };
      const observers = [new MutationObserver(recolour), new ResizeObserver(() => this.draw())];
      observers[0].observe(document.documentElement, { attributeFilter: ["data-theme"] });
      observers[1].observe(this.body);
      observers.push(new IntersectionObserver(([entry]) => (this.seen = entry.isIntersecting)));
      observers[2].observe(root);
      this.on(this.ending.signal, "abort", () => observers.forEach((one) => one.disconnect()));
      this.on(matchMedia("(prefers-color-scheme: dark)"), "change", recolour);
    }
    on(target, type, handler) {
      target.addEventListener(type, handler, { signal: this.ending.signal });
    }
    remove() {
      this.pause?.();
      this.ending.abort();
      this.body.remove();
      this.root.classList.remove("gb-on");
    }
    readColours() {
      const style = getComputedStyle(this.root);
      this.colours = { dark: document.documentElement.dataset.theme === "dark" };
      for (const name of COLOURS) this.colours[name] = style.getPropertyValue(`--gb-${name}`).trim();
      this.colours.verdicts = Array.from({ length: 9 }, (_, k) =>
        [1, 3, 5].map((i) => parseInt(this.colours[`d${k}`].slice(i, i + 2), 16)));
    }

    // --- controls: each returns its element, which has a `set` if it shows a value
    bar(label, ...items) {
      const bar = element("div", { class: "gb-bar", role: "group", "aria-label": label }, ...items);
      this.body.append(bar);
      return bar;
    }
    button(text, action, attributes = {}) {
      const button = element("button", { type: "button", ...attributes }, text);
      this.on(button, "click", action);
      return button;
    }
    // Exclusive choices, at most six: [value, label, picture in SVG if there is one].
    choice(label, items, value, change, kind = "") {
      const name = `gb-${++made}`;
      const inputs = items.map(([key]) => element("input", { type: "radio", name, value: key }));
      const labels = items.map(([, words, picture], i) => {
        const face = element("span", {}, picture ? "" : words);
        if (picture) {
          face.innerHTML = `<svg viewBox="0 0 34 34" aria-hidden="true">${picture}</svg>`;
          inputs[i].setAttribute("aria-label", words);
        }
        return element("label", { title: picture ? words : null }, inputs[i], face);
      });
      const group = element(
        "div", { class: `gb-choice ${kind}`, role: "radiogroup", "aria-label": label },
        element("b", { "aria-hidden": "true" }, label), labels);
      group.set = (key) => inputs.forEach((input) => (input.checked = input.value === String(key)));
      group.set(value);
      inputs.forEach((input, i) => this.on(input, "change", () => change(items[i][0])));
      return group;
    }
    select(label, items, value, change) {
      const list = element("select", { "aria-label": label }, items.map(([key, text]) =>
        element("option", { value: key }, text)));
      const box = element("label", { class: "gb-select" }, element("span", {}, label), list);
      box.set = (key) => (list.value = key);
      box.set(value);
      this.on(list, "change", () => change(list.value));
      return box;
    }
    // A range; with `log` its steps are equal factors. `format` gives the words beside it.
    slider(label, { min, max, step = 1, log = false, value, format = (v) => number(v) }, change) {
      const to = log ? Math.log10 : (v) => v;
      const from = log ? (v) => 10 ** v : (v) => v;
      const input = element("input", {
        type: "range", "aria-label": label, min: to(min), max: to(max), step: log ? "any" : step });
      if (log) input.step = (to(max) - to(min)) / 60;
      const shown = element("output");
      const box = element("label", { class: "gb-slider" }, element("span", {}, label), input, shown);
      const show = (v) => {
        shown.value = format(v);
        input.setAttribute("aria-valuetext", format(v));
      };
      box.set = (v) => {
        input.value = to(v);
        show(v);
      };
      box.enable = (yes) => (input.disabled = !yes);
      box.set(value);
      this.on(input, "input", () => {
        const v = log ? Number(from(Number(input.value)).toPrecision(2)) : Number(input.value);
        show(v);
        change(v);
      });
      return box;
    }
    check(label, value, change) {
      const input = element("input", { type: "checkbox" });
      input.checked = value;
      this.on(input, "change", () => change(input.checked));
      return element("label", { class: "gb-check" }, input, label);
    }
    more(...items) {
      const fold = element("details", { class: "gb-more" }, element("summary", {}, "More"),
        element("div", { class: "gb-bar" }, ...items));
      this.body.append(fold);
      return fold;
    }

    // --- what is shown
    // A canvas under a heading; `ratio` is its height by its width, `draw` is given a `Pen`.
    panel(parent, { heading, ratio, label, draw, focus = false }) {
      const canvas = element("canvas", { role: "img", "aria-label": label, tabindex: focus ? 0 : null });
      canvas.style.aspectRatio = 1 / ratio;
      const title = element("h3");
      title.innerHTML = heading;
      const box = element("div", { class: "gb-panel" }, title, canvas);
      parent.append(box);
      const panel = { box, canvas, title, draw, describe: (words) => canvas.setAttribute("aria-label", words) };
      this.panels.push(panel);
      return panel;
    }
    // A handle on a panel that can be dragged, or moved with the arrow keys (Shift: five times as
    // far). `at()` gives its place in pixels of the canvas; `move([x, y])` is told a new one, and
    // `nudge([right, up])` how many small steps; `words()` says where it is.
    handle(panel, { label, at, move, nudge, words, value = () => at()[0] }) {
      const knob = element("div", { class: "gb-handle", role: "slider", tabindex: 0, "aria-label": label });
      panel.box.append(knob);
      let held = false;
      this.on(knob, "pointerdown", (event) => {
        held = true;
        knob.setPointerCapture(event.pointerId);
      });
      this.on(knob, "pointerup", () => (held = false));
      this.on(knob, "pointermove", (event) => {
        if (!held) return;
        const box = panel.canvas.getBoundingClientRect();
        move([event.clientX - box.left, event.clientY - box.top]);
      });
      const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
      this.on(knob, "keydown", (event) => {
        if (!ways[event.key]) return;
        event.preventDefault();
        nudge(ways[event.key].map((way) => way * (event.shiftKey ? 5 : 1)));
      });
      const place = () => {
        const [x, y] = at();
        knob.style.left = `${panel.canvas.offsetLeft + x}px`;
        knob.style.top = `${panel.canvas.offsetTop + y}px`;
        knob.setAttribute("aria-valuenow", Math.round(value() * 100) / 100);
        knob.setAttribute("aria-valuetext", words());
      };
      (panel.handles ??= []).push(place);
      return knob;
    }
    readouts(names) {
      const values = names.map(() => element("dd", {}, "–"));
      const list = element("dl", { class: "gb-readouts" }, names.map((name, i) =>
        element("div", {}, element("dt", {}, name), values[i])));
      this.body.append(list);
      return (...words) => words.forEach((word, i) => {
        if (values[i].textContent !== word) values[i].textContent = word;
        values[i].parentNode.hidden = word === "";
      });
    }
    // The sentence that says what happened: a screen reader hears it once a second at most.
    status() {
      const line = element("p", { class: "gb-status", role: "status" });
      let latest = "";
      let waiting = 0;
      this.body.append(line);
      this.on(this.ending.signal, "abort", () => clearTimeout(waiting));
      return (words, now = false) => {
        latest = words;
        if (now || !waiting) line.innerHTML = words;
        waiting ||= setTimeout(() => {
          waiting = 0;
          if (line.innerHTML !== latest) line.innerHTML = latest;
        }, 1000);
      };
    }
    draw() {
      for (const { canvas, draw, box, handles } of this.panels) {
        if (box.hidden || !canvas.clientWidth) continue;
        draw(new Pen(canvas, this.colours));
        handles?.forEach((place) => place());
      }
    }

    // --- the clock
    // A Play button. `advance()` does one unit of work and says whether it may be called again in
    // this frame; after each frame `after()` measures and draws. Nothing runs while out of sight;
    // with reduced motion the button is `burst` units at a press, and the time is Infinity.
    clock({ advance, after, burst = 10 }) {
      const button = element("button", { type: "button", class: "gb-play" });
      const label = () => {
        if (this.still.matches) button.textContent = `${burst} steps`;
        else button.textContent = this.playing ? "❚❚ Pause" : "▶ Play";
      };
      const frame = (time) => {
        if (!this.playing) return;
        requestAnimationFrame(frame);
        if (!this.seen) return;
        const end = performance.now() + FRAME_MS;
        while (advance(time) && this.playing && performance.now() < end);
        after();
        this.frames++;
      };
      this.play = () => {
        if (this.playing) return;
        this.playing = true;
        label();
        requestAnimationFrame(frame);
      };
      this.pause = () => {
        this.playing = false;
        label();
      };
      this.toggle = () => {
        if (this.still.matches) {
          for (let i = 0; i < burst && advance(Infinity); i++);
          after();
        } else if (this.playing) this.pause();
        else this.play();
      };
      this.on(button, "click", this.toggle);
      this.on(this.still, "change", this.pause);
      label();
      return button;
    }
    // Single letters, while the focus is inside the figure and not where letters mean something else.
    keys(actions) {
      this.on(this.root, "keydown", (event) => {
        const { tagName, type } = event.target;
        const busy = tagName === "SELECT" || type === "text" || type === "number";
        const pressed = event.key === " " && ["BUTTON", "INPUT", "SUMMARY", "A"].includes(tagName);
        const action = actions[event.key.toLowerCase()];
        if (!action || busy || pressed || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        action();
      });
    }
  }

  function build(root) {
    const make = ganbook.figures[root.dataset.live];
    if (make && !root.classList.contains("gb-on")) root.stage = make(new Stage(root)) ?? root.stage;
  }
  // Build each figure on the page when it comes near: a page may hold many.
  ganbook.mount = function (within = document) {
    const near = new IntersectionObserver(
      (entries) => {
        for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
          near.unobserve(target);
          build(target);
        }
      },
      { rootMargin: "600px" },
    );
    for (const root of within.querySelectorAll("[data-live]")) near.observe(root);
  };
  Object.assign(ganbook, { element, number, short, Stage });
  if (typeof document !== "undefined") {
    // Not before that event: the deferred scripts of the figures come after this one.
    if (document.readyState === "complete") ganbook.mount();
    else document.addEventListener("DOMContentLoaded", () => ganbook.mount());
  }
})();
