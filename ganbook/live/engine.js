// Numbers only, no page: memory and matrix product for the generated kernels, random numbers, and
// the playground `game2d`. A classic script, so that it also runs from a file.
"use strict";
globalThis.ganbook ??= {};

// An array store for kernels. Arrays that are kept are taken from the bottom; kernels run one at a
// time, so they share the top for what they need only while they run.
ganbook.memory = function ({ wasm = true, precision = 32, bytes = 1 << 22 } = {}) {
  const Numbers = precision === 64 ? Float64Array : Float32Array;
  let buffer = null;
  let fast = null;
  if (wasm && precision === 32) {
    try {
      const memory = new WebAssembly.Memory({ initial: bytes >> 16 });
      const code = Uint8Array.from(atob(ganbook.wasm), (letter) => letter.charCodeAt(0));
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), {
        engine: { memory },
      });
      fast = exports.product;
      buffer = memory.buffer;
    } catch {
      fast = null; // no SIMD, or the page may not run WebAssembly: the plain product will do
    }
  }
  buffer ??= new ArrayBuffer(bytes);

  const size = Numbers.BYTES_PER_ELEMENT;
  const room = (length) => Math.ceil((length * size) / 16) * 16;
  let used = 16; // 0 stands for "no array" in the fast product
  function array(content) {
    const length = typeof content === "number" ? content : content.length;
    const made = new Numbers(buffer, used, length);
    used += room(length);
    if (typeof content !== "number") made.set(content);
    return made;
  }
  function scratch(...lengths) {
    let at = bytes - lengths.reduce((sum, length) => sum + room(length), 0);
    if (at < used) throw new RangeError(`${bytes} bytes of memory are too few`);
    return lengths.map((length) => {
      const made = new Numbers(buffer, at, length);
      at += room(length);
      return made;
    });
  }

  // out = start + a b, with out (rows × columns), a (rows × inner) and b (inner × columns), each
  // in an array from an offset on. b and out lie row by row; a and start have steps of their own.
  function plain(out, outAt, rows, inner, columns, a, aAt, aRow, aColumn, b, bAt, start, startAt, startRow) {
    for (let i = 0; i < rows; i++) {
      const from = aAt + i * aRow;
      const into = outAt + i * columns;
      const first = startAt + i * startRow;
      let j = 0;
      for (; j + 4 <= columns; j += 4) {
        let c0 = 0, c1 = 0, c2 = 0, c3 = 0;
        if (start) {
          c0 = start[first + j];
          c1 = start[first + j + 1];
          c2 = start[first + j + 2];
          c3 = start[first + j + 3];
        }
        for (let k = 0, at = from, row = bAt + j; k < inner; k++, at += aColumn, row += columns) {
          const x = a[at];
          c0 += x * b[row];
          c1 += x * b[row + 1];
          c2 += x * b[row + 2];
          c3 += x * b[row + 3];
        }
        out[into + j] = c0;
        out[into + j + 1] = c1;
        out[into + j + 2] = c2;
        out[into + j + 3] = c3;
      }
      for (; j < columns; j++) {
        let c = start ? start[first + j] : 0;
        for (let k = 0; k < inner; k++) c += a[from + k * aColumn] * b[bAt + k * columns + j];
        out[into + j] = c;
      }
    }
  }
  function product(out, outAt, rows, inner, columns, a, aAt, aRow, aColumn, b, bAt, start, startAt, startRow) {
    if (fast === null || columns % 4) {
      plain(out, outAt, rows, inner, columns, a, aAt, aRow, aColumn, b, bAt, start, startAt, startRow);
      return;
    }
    const into = out.byteOffset + 4 * outAt;
    const left = a.byteOffset + 4 * aAt;
    const right = b.byteOffset + 4 * bAt;
    const first = start ? start.byteOffset + 4 * startAt : 0;
    fast(into, left, right, first, inner, 4 * aRow, 4 * aColumn, 4 * columns, start ? 4 * startRow : 0, rows, columns);
  }
  return { array, scratch, product: fast ? product : plain, wasm: fast !== null };
};

// Numbers of a seeded generator (mulberry32), uniform on [0, 1) or standard normal.
ganbook.random = function (seed) {
  let state = seed >>> 0;
  function uniform() {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }
  function normal() {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  }
  return { uniform, normal };
};
