"""A matrix product in WebAssembly with four numbers at a time, where plain JavaScript is too slow.

It computes `out = start + a · b` in float32. The rows of `b` and `out` lie one behind the other;
`a` may lie in any order, so a transposed one needs no copy. The text is put together here and
assembled when the book is built; in the page it is a kilobyte, and the engine has the same product
in plain JavaScript for browsers that refuse it.
"""

import base64

from wasmtime import wat2wasm

TILES = ((4, 2), (4, 1), (1, 2), (1, 1))  # rows, and vectors of four columns, in one go
PARAMETERS = "out a b start inner a_row a_column row start_row".split()


def tile(rows: int, vectors: int) -> str:
    """A function that computes a block of `rows` × 4 · `vectors` numbers of the product.

    All steps are in bytes: `row` from one row to the next in b and in out, `a_row`, `a_column` and
    `start_row` likewise; `start` = 0 stands for zeros.
    """
    cells = [(r, v) for r in range(rows) for v in range(vectors)]
    down = [
        f"(local.set $p{r} (i32.add (local.get $p{r - 1}) (local.get $a_row)))"
        for r in range(1, rows)
    ]
    load = [
        f"(local.set $c{r}{v} (v128.load offset={16 * v} (i32.add (local.get $start)"
        f" (i32.mul (i32.const {r}) (local.get $start_row)))))"
        for r, v in cells
    ]
    right = [
        f"(local.set $b{v} (v128.load offset={16 * v} (local.get $b)))" for v in range(vectors)
    ]
    grow = [
        f"(local.set $c{r}{v} (f32x4.add (local.get $c{r}{v})"
        f" (f32x4.mul (v128.load32_splat (local.get $p{r})) (local.get $b{v}))))"
        for r, v in cells
    ]
    move = [
        f"(local.set $p{r} (i32.add (local.get $p{r}) (local.get $a_column)))" for r in range(rows)
    ]
    store = [
        f"(v128.store offset={16 * v} (i32.add (local.get $out)"
        f" (i32.mul (i32.const {r}) (local.get $row))) (local.get $c{r}{v}))"
        for r, v in cells
    ]
    return f"""
  (func $tile_{rows}_{vectors} {" ".join(f"(param ${p} i32)" for p in PARAMETERS)}
    {" ".join(f"(local $p{r} i32)" for r in range(rows))}
    {" ".join(f"(local $b{v} v128)" for v in range(vectors))}
    {" ".join(f"(local $c{r}{v} v128)" for r, v in cells)}
    (local.set $p0 (local.get $a)) {" ".join(down)}
    (if (local.get $start) (then {" ".join(load)}))
    (loop $next
      {" ".join([*right, *grow, *move])}
      (local.set $b (i32.add (local.get $b) (local.get $row)))
      (br_if $next (local.tee $inner (i32.sub (local.get $inner) (i32.const 1)))))
    {" ".join(store)})"""


def strip(vectors: int) -> str:
    """A function that computes 4 · `vectors` columns of the product, four rows at a time."""
    steps = {rows: f"(call $tile_{rows}_{vectors} {arguments()})" for rows in (4, 1)}
    moves = {
        rows: " ".join(
            f"(local.set ${name} (i32.add (local.get ${name}) (i32.mul (i32.const {rows})"
            f" (local.get ${by}))))"
            for name, by in (("out", "row"), ("a", "a_row"), ("start", "start_row"))
        )
        for rows in (4, 1)
    }
    loops = "".join(
        f"""
    (block $done{rows} (loop $more
      (br_if $done{rows} (i32.lt_s (local.get $rows) (i32.const {rows})))
      {steps[rows]} {moves[rows]}
      (local.set $rows (i32.sub (local.get $rows) (i32.const {rows})))
      (br $more)))"""
        for rows in (4, 1)
    )
    parameters = " ".join(f"(param ${p} i32)" for p in [*PARAMETERS, "rows"])
    return f"\n  (func $strip_{vectors} {parameters}{loops})"


def arguments() -> str:
    """The parameters of a tile, handed on."""
    return " ".join(f"(local.get ${p})" for p in PARAMETERS)


def module() -> str:
    """The whole module as text: `product(rows, columns, …)`, with `columns` a multiple of four."""
    loops = "".join(
        f"""
    (block $done{vectors} (loop $more
      (br_if $done{vectors} (i32.lt_s (local.get $columns) (i32.const {4 * vectors})))
      (call $strip_{vectors} {arguments()} (local.get $rows))
      (local.set $out (i32.add (local.get $out) (i32.const {16 * vectors})))
      (local.set $b (i32.add (local.get $b) (i32.const {16 * vectors})))
      (if (local.get $start)
        (then (local.set $start (i32.add (local.get $start) (i32.const {16 * vectors})))))
      (local.set $columns (i32.sub (local.get $columns) (i32.const {4 * vectors})))
      (br $more)))"""
        for vectors in (2, 1)
    )
    parameters = " ".join(f"(param ${p} i32)" for p in [*PARAMETERS, "rows", "columns"])
    return f"""(module
  (import "engine" "memory" (memory 1)){"".join(tile(*size) for size in TILES)}{strip(2)}{strip(1)}
  (func (export "product") {parameters}{loops})
)"""


def encoded() -> str:
    """The assembled module, base64."""
    return base64.b64encode(bytes(wat2wasm(module()))).decode()
