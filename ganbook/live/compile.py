"""From a PyTorch function to one readable JavaScript function, by a table of operators.

`make_fx` runs the function once, on example tensors, and writes down every operator that was
called: a graph of static shapes, derivatives included. The graph is simplified, its element-wise
parts are fused into loops, arrays whose content is no longer needed are used again, and the result
is printed. What the tables do not know is taken apart by torch's own decompositions; what is still
unknown then raises an error. `translate` is the one function to call.
"""

import math
import re
import string
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, fx
from torch._decomp import core_aten_decompositions, get_decompositions
from torch._guards import TracingContext, tracing
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import disable_proxy_modes_tracing, make_fx
from torch.fx.node import map_arg
from torch.overrides import TorchFunctionMode

aten, prims = torch.ops.aten, torch.ops.prims
FILL, PRODUCT, AFFINE = aten.full.default, aten.mm.default, aten.addmm.default

# --- the tables of operators ----------------------------------------------------------------------

# How tightly JavaScript's operators bind. In a template "{0:9}" asks for the first operand, in
# brackets if it binds less tightly than 9.
CHOICE, EQUAL, COMPARE, ADD, MULTIPLY, UNARY, ATOM = 1, 6, 7, 9, 10, 12, 15

POINTWISE: dict[object, tuple[int, str]] = {
    aten.clone.default: (ATOM, "{0:15}"),
    aten.add.Tensor: (ADD, "{0:9} + {1:10}"),
    aten.sub.Tensor: (ADD, "{0:9} - {1:10}"),
    aten.rsub.Scalar: (ADD, "{1:9} - {0:10}"),
    aten.mul.Tensor: (MULTIPLY, "{0:10} * {1:12}"),
    aten.mul.Scalar: (MULTIPLY, "{0:10} * {1:12}"),
    aten.div.Tensor: (MULTIPLY, "{0:10} / {1:12}"),
    aten.div.Scalar: (MULTIPLY, "{0:10} / {1:12}"),
    aten.neg.default: (UNARY, "-{0:15}"),
    aten.reciprocal.default: (MULTIPLY, "1 / {0:12}"),
    aten.remainder.Tensor: (ADD, "{0:10} - {1:12} * Math.floor({0:10} / {1:12})"),
    aten.remainder.Scalar: (ADD, "{0:10} - {1:12} * Math.floor({0:10} / {1:12})"),
    aten.sigmoid.default: (MULTIPLY, "1 / (1 + Math.exp(-{0:15}))"),
    aten.rsqrt.default: (MULTIPLY, "1 / Math.sqrt({0})"),
    aten.leaky_relu.default: (CHOICE, "{0:9} > 0 ? {0:9} : {1:10} * {0:12}"),
    aten.leaky_relu_backward.default: (CHOICE, "{1:9} > 0 ? {0:9} : {2:10} * {0:12}"),
    aten.softplus.default: (CHOICE, "{0:9} > 20 ? {0:9} : Math.log1p(Math.exp({0}))"),
    aten.softplus_backward.default: (
        CHOICE,
        "{1:9} > 20 ? {0:9} : {0:10} / (1 + Math.exp(-{1:15}))",
    ),
    aten.xlogy.Tensor: (CHOICE, "{0:9} === 0 ? 0 : {0:10} * Math.log({1})"),
    aten.special_xlog1py.default: (CHOICE, "{0:9} === 0 ? 0 : {0:10} * Math.log1p({1})"),
    aten.where.self: (CHOICE, "{0:6} ? {1:6} : {2:6}"),
    aten.isnan.default: (ATOM, "Number.isNaN({0})"),
    aten.logical_not.default: (UNARY, "!{0:15}"),
    aten.bitwise_not.default: (UNARY, "!{0:15}"),  # of booleans: `trace` refuses integers
    aten.logical_and.default: (4, "{0:6} && {1:6}"),
    aten.bitwise_and.Tensor: (4, "{0:6} && {1:6}"),
    aten.logical_or.default: (3, "{0:6} || {1:6}"),
    aten.bitwise_or.Tensor: (3, "{0:6} || {1:6}"),
}
for theirs, ours in {
    **{name: name for name in "abs ceil cos cosh exp expm1 floor log log1p log2 log10".split()},
    **{name: name for name in "sign sin sinh sqrt tan tanh trunc asin acos atan".split()},
}.items():
    POINTWISE[getattr(aten, theirs).default] = (ATOM, f"Math.{ours}({{0}})")
for theirs, ours in {
    **{f"pow.{kind}": "pow" for kind in ("Scalar", "Tensor_Scalar", "Tensor_Tensor")},
    "maximum.default": "max",
    "clamp_min.default": "max",
    "clamp_min.Tensor": "max",
    "minimum.default": "min",
    "clamp_max.default": "min",
    "clamp_max.Tensor": "min",
    "atan2.default": "atan2",
}.items():
    name, _, kind = theirs.partition(".")
    POINTWISE[getattr(getattr(aten, name), kind)] = (ATOM, f"Math.{ours}({{0}}, {{1}})")
for theirs, (ours, level) in {
    "gt": (">", COMPARE),
    "ge": (">=", COMPARE),
    "lt": ("<", COMPARE),
    "le": ("<=", COMPARE),
    "eq": ("===", EQUAL),
    "ne": ("!==", EQUAL),
}.items():
    for kind in ("Tensor", "Scalar"):
        POINTWISE[getattr(getattr(aten, theirs), kind)] = (level, f"{{0:9}} {ours} {{1:9}}")
POINTWISE[aten.relu.default] = (ATOM, "Math.max({0}, 0)")

# Arguments that the templates leave out, and the only values of them that the templates are for.
LEFT_OUT = {aten.softplus_backward.default: (1, 20), aten.leaky_relu_backward.default: (False,)}

REDUCTIONS = {  # where a total starts, and how one more value joins it
    aten.sum.default: ("0", "{s} += {x}"),
    aten.sum.dim_IntList: ("0", "{s} += {x}"),
    aten.prod.default: ("1", "{s} *= {x}"),
    aten.prod.dim_int: ("1", "{s} *= {x}"),
    aten.amax.default: ("-Infinity", "{s} = Math.max({s}, {x})"),
    aten.amin.default: ("Infinity", "{s} = Math.min({s}, {x})"),
}
PRODUCTS = {aten.mm.default, aten.addmm.default}

# Views only rename places. Each entry turns a place in the result (one `Index` for each dimension)
# into the place in the operand.
VIEWS: dict[object, Callable] = {
    aten.expand.default: lambda at, node: broadcast(at, shape(node), shape(node.args[0])),
    aten.permute.default: lambda at, node: [
        at[[d % len(at) for d in node.args[1]].index(k)] for k in range(len(at))
    ],
    aten.select.int: lambda at, node: insert(at, node.args[1], {"": node.args[2]}, node),
    aten.slice.Tensor: lambda at, node: sliced(at, node, *node.args[1:]),
    aten.flip.default: lambda at, node: [
        plus({"": size - 1}, i, -1) if d in [f % len(at) for f in node.args[1]] else i
        for d, (i, size) in enumerate(zip(at, shape(node), strict=True))
    ],
    **dict.fromkeys(
        (
            *(aten.view.default, aten._unsafe_view.default, aten.unsqueeze.default),
            *(aten.squeeze.default, aten.squeeze.dim, aten.squeeze.dims),
        )
    ),  # all that keep the order of the elements: `Kernel.read` sees to them
}
KEEP_ORDER = {op for op, rule in VIEWS.items() if rule is None}
CONVERSIONS = {aten._to_copy.default, prims.convert_element_type.default}
SAME = {  # operators that change nothing, if they keep the shape
    *(aten.detach.default, aten.alias.default, aten.lift_fresh.default, aten.clone.default),
    *(aten.lift_fresh_copy.default, aten.slice.Tensor, aten.expand.default, *KEEP_ORDER),
}
FILLED = {  # operators whose result holds one number everywhere, and which number
    aten.full.default: lambda size, value: value,
    aten.full_like.default: lambda x, value: value,
    aten.scalar_tensor.default: lambda value: value,
    aten.zeros.default: lambda size: 0.0,
    aten.zeros_like.default: lambda x: 0.0,
    aten.ones.default: lambda size: 1.0,
    aten.ones_like.default: lambda x: 1.0,
    aten.new_zeros.default: lambda x, size: 0.0,
    aten.new_ones.default: lambda x, size: 1.0,
}
RANGES = {  # operators whose result counts: first number and step
    aten.arange.default: lambda end: (0, 1),
    aten.arange.start: lambda start, end: (start, 1),
    aten.arange.start_step: lambda start, end, step=1: (start, step),
}
OTHERS = {aten.cat.default, aten.cumsum.default}
COMPUTED = {*POINTWISE, *REDUCTIONS, *PRODUCTS, *OTHERS}  # what needs a loop somewhere
RESERVED = {
    *"await break case catch class const continue debugger default delete do else export".split(),
    *"extends false finally for function if implements import in instanceof interface let".split(),
    *"new null package private protected public return static super switch this throw".split(),
    *"true try typeof var void while with yield memory product Math Number Infinity NaN".split(),
}
VARIABLES = "ijklmn"


def shape(node: fx.Node) -> tuple[int, ...]:
    """The shape of what a node computes."""
    return node.meta["shape"]


# --- places: whole-number sums such as 66 + 32 i + j, as {"": 66, "i": 32, "j": 1} ----------------

Index = dict[str, int]


def plus(left: Index, right: Index, factor: int = 1) -> Index:
    """left + factor · right."""
    terms = {t: left.get(t, 0) + factor * right.get(t, 0) for t in {**left, **right}}
    return {term: count for term, count in terms.items() if count}


def broadcast(at: Sequence[Index], have: Sequence[int], want: Sequence[int]) -> list[Index]:
    """The place in an operand of shape `want` of a place in a result of shape `have`."""
    return [
        {} if small == 1 else i for i, small in zip(at[len(have) - len(want) :], want, strict=True)
    ]


def insert(at: Sequence[Index], dim: int, index: Index, node: fx.Node) -> list[Index]:
    """The place with one more dimension, as `select` needs it."""
    size = len(at) + 1
    if index[""] < 0:
        index = {"": index[""] + shape(node.args[0])[dim]}
    return [*at[: dim % size], index, *at[dim % size :]]


def sliced(at, node, dim=0, start=None, end=None, step=1) -> list[Index]:
    """The place before a slice was taken."""
    dim, size = dim % len(at), shape(node.args[0])[dim]
    start = min(max((start or 0) + (size if (start or 0) < 0 else 0), 0), size)
    return [plus({"": start}, i, step) if d == dim else i for d, i in enumerate(at)]


def strides(size: Sequence[int]) -> tuple[int, ...]:
    """How far apart neighbours lie when the last dimension is the fastest."""
    return tuple(math.prod(size[d + 1 :]) for d in range(len(size)))


def core(size: Sequence[int]) -> tuple[int, ...]:
    """A shape without its ones: what a loop walks through."""
    return tuple(n for n in size if n != 1)


# --- from a function to a graph -------------------------------------------------------------------


TORCH = str(Path(torch.__file__).parent)
LAYOUT = {"dtype", "layout", "device", "pin_memory", "memory_format", "implicit"}


class Checks(TorchFunctionMode):
    """Lets `if bool(tensor): raise …` be decided by the examples, without a trace."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        """Take `bool(tensor)` out of the trace."""
        if function is Tensor.__bool__:
            with disable_proxy_modes_tracing():
                return function(*args)
        return function(*args, **(kwargs or {}))


def thin_product(a: Tensor, b: Tensor):
    """A matrix product with a side of 1 or 2 as sums that fuse with the loops around them."""
    if a.shape[1] <= 2:
        return sum(a[:, k : k + 1] * b[k : k + 1] for k in range(a.shape[1]))
    if b.shape[1] > 2:
        return NotImplemented
    if not a.is_contiguous() and a.t().is_contiguous():  # walk through memory in its own order
        return (a.t()[:, :, None] * b[:, None, :]).sum(0)
    return (a[:, None, :] * b.t()[None, :, :]).sum(2)


def thin_affine(bias: Tensor, a: Tensor, b: Tensor, *, beta=1, alpha=1):
    """The same for beta · bias + alpha · a b."""
    if beta != 1 or alpha != 1:
        return beta * bias + alpha * (a @ b)
    product = thin_product(a, b)
    return product if product is NotImplemented else bias + product


def mean(x: Tensor, dim=None, keepdim=False, *, dtype=None):
    """A mean as a sum and one division."""
    dim = dim or list(range(x.dim()))
    return x.sum(dim, keepdim) / math.prod(x.shape[d] for d in dim)


def clamp(x: Tensor, low=None, high=None):
    """A clamp as a minimum of a maximum."""
    x = x if low is None else x.clamp_min(low)
    return x if high is None else x.clamp_max(high)


def scaled(combine: Callable):
    """A sum or difference with a factor alpha, as a product and a plain one."""
    return lambda x, y, *, alpha=1: NotImplemented if alpha == 1 else combine(x, alpha * y)


def part_of(name: str):
    """The derivative of a slice or a selection: zeros with the gradient in its place."""

    def rule(gradient, size, dim, *where):
        if name == "select":
            gradient, where = gradient.unsqueeze(dim), (where[0] % size[dim], None, 1)
        start, _, step = where
        if step != 1:
            return NotImplemented
        start = start + size[dim] if start < 0 else start
        after = size[dim] - start - gradient.shape[dim]
        sides = [
            gradient.new_zeros([n if d == dim % len(size) else m for d, m in enumerate(size)])
            for n in (start, after)
        ]
        pieces = [p for p in (sides[0], gradient, sides[1]) if p.shape[dim]]
        return torch.cat(pieces, dim)

    return rule


OURS = {  # how some operators are taken apart, before torch's own rules
    aten.mm.default: thin_product,
    aten.addmm.default: thin_affine,
    aten.bmm.default: lambda a, b: (a[..., None] * b[:, None]).sum(2),
    aten.mean.default: mean,
    aten.mean.dim: mean,
    aten.clamp.default: clamp,
    aten.clamp.Tensor: clamp,
    aten.max.default: lambda x: x.amax(),
    aten.min.default: lambda x: x.amin(),
    aten.add.Tensor: scaled(torch.add),
    aten.sub.Tensor: scaled(torch.sub),
    aten.split_with_sizes.default: lambda x, sizes, dim=0: [
        x.narrow(dim, sum(sizes[:k]), size) for k, size in enumerate(sizes)
    ],
    aten.slice_backward.default: part_of("slice"),
    aten.select_backward.default: part_of("select"),
}
KNOWN = {*POINTWISE, *REDUCTIONS, *PRODUCTS, *VIEWS, *SAME, *FILLED, *RANGES, *OTHERS}
FURTHER = [  # what torch can take apart but does not by itself
    *(
        aten._softmax,
        aten._log_softmax,
        aten._softmax_backward_data,
        aten._log_softmax_backward_data,
    ),
    *(aten.elu, aten.elu_backward, aten.hardtanh, aten.hardtanh_backward, aten.var),
]
RULES = {**core_aten_decompositions(), **get_decompositions(FURTHER)}
RULES = {op: rule for op, rule in RULES.items() if op not in KNOWN} | OURS


def trace(function: Callable, examples: Sequence[Tensor], checks: bool = False) -> fx.Graph:
    """All operators that `function` calls on the examples, as a simplified graph.

    Raises:
        NotImplementedError: for an operator that nothing here knows; names it and who called it.
    """

    def graph(rules):
        copies = [x.clone() for x in examples]  # a tensor given twice would become one input
        fakes = FakeTensorMode(allow_fallback_kernels=True)  # else one is made for every operator
        with tracing(TracingContext(fakes)), Checks() if checks else nullcontext():
            # a plain function of so many tensors, whatever was given
            return make_fx(lambda *tensors: function(*tensors), decomposition_table=rules)(*copies)

    def stop(*args, **kwargs):
        frames = [f for f in traceback.extract_stack() if not f.filename.startswith(TORCH)]
        while frames[-1].filename == __file__:
            frames.pop()
        raise NotImplementedError(
            f"no JavaScript for {unknown}: {frames[-1].filename}:{frames[-1].lineno} calls it in "
            f"{frames[-1].line!r}; do without it there, or add it to a table in {__file__}"
        )

    simple = simplify(graph(RULES))
    for node in simple.nodes:
        if node.op == "call_function" and not known(node):
            unknown = node.target
            graph(RULES | {unknown: stop})  # once more, to see who calls it
    return simple


def known(node: fx.Node) -> bool:
    """Whether the tables can print this call, with all its arguments."""
    op, left_out = node.target, len(LEFT_OUT.get(node.target, ()))
    if op in LEFT_OUT and tuple(node.args[-left_out:]) != LEFT_OUT[op]:
        return False
    if op in CONVERSIONS:  # JavaScript counts with doubles and reads true as 1
        return node.meta["dtype"].is_floating_point
    return op in KNOWN


def simplify(module: fx.GraphModule) -> fx.Graph:
    """The same graph with equal calls made once, constants folded, zeros and ones gone."""
    graph, new, seen = fx.Graph(), {}, {}
    for node in module.graph.nodes:
        if node.op == "output":
            results = node.args[0] if isinstance(node.args[0], tuple | list) else (node.args[0],)
            graph.output(tuple(new[result] for result in results)).meta["shape"] = ()
            continue
        meta = node.meta.get("tensor_meta")
        size = None if meta is None else tuple(meta.shape)
        made = None
        args = map_arg(node.args, new.get)
        if node.op == "call_function":
            made = simpler(node, args, size)
        if not isinstance(made, fx.Node):
            op, kwargs = node.target, {k: v for k, v in node.kwargs.items() if k not in LAYOUT}
            if made is not None:
                op, args, kwargs = made if isinstance(made, tuple) else (FILL, (size, made), {})
            key = (node.op, op, repr(args), repr(kwargs))
            if node.op == "call_function" and key in seen:
                made = seen[key]
            else:
                made = seen[key] = graph.create_node(node.op, op, args, kwargs, name=node.name)
                made.meta["shape"], made.meta["dtype"] = size, getattr(meta, "dtype", None)
        if node.op == "get_attr":
            made.meta["constant"] = getattr(module, node.target)
            made.meta["shape"] = tuple(made.meta["constant"].shape)
        new[node] = made
    graph.eliminate_dead_code()
    for node in graph.nodes:  # x + a b: one product that starts from x
        for start, term in (
            (node.args[:2], node.args[1::-1]) if node.target is aten.add.Tensor else ()
        ):
            single = isinstance(term, fx.Node) and term.target is PRODUCT and len(term.users) == 1
            if single and isinstance(start, fx.Node) and shape(start) == shape(node):
                node.target, node.args = AFFINE, (start, *term.args)
                break
    graph.eliminate_dead_code()
    return graph


def number(argument):
    """The number that an argument is everywhere, or None."""
    if isinstance(argument, int | float):
        return argument
    filled = isinstance(argument, fx.Node) and argument.target is FILL
    return argument.args[1] if filled else None


def simpler(node: fx.Node, args: tuple, size: tuple):
    """A simpler way to the same value: a number, an earlier node, another call, or None."""
    op, values = node.target, [number(a) for a in args]
    if op in FILLED:
        return FILLED[op](*args)
    first = args[0] if args and isinstance(args[0], fx.Node) else None
    if op in SAME and first is not None and shape(first) == size:
        return first
    if op in VIEWS and values[0] is not None:
        return values[0]
    if op in POINTWISE and None not in values:
        tensors = [
            torch.tensor(v, dtype=torch.float64 if isinstance(v, float) else None)
            if isinstance(a, fx.Node)
            else v
            for v, a in zip(values, args, strict=True)
        ]
        return op(*tensors).item()
    if op in (aten.mul.Tensor, aten.mul.Scalar):
        if 0 in values:
            return 0.0
        for one, other in (args, args[::-1]):
            if number(one) == 1 and isinstance(other, fx.Node):
                return other if shape(other) == size else (aten.expand.default, (other, size), {})
    if op in (aten.add.Tensor, aten.sub.Tensor) and values[1] == 0 and shape(first) == size:
        return first
    if op is aten.add.Tensor and values[0] == 0 and isinstance(args[1], fx.Node):
        return args[1] if shape(args[1]) == size else None
    if op in (aten.div.Tensor, aten.div.Scalar) and values[1] == 1 and shape(first) == size:
        return first
    if op is aten.pow.Tensor_Scalar and args[1] in (1, 2):
        return first if args[1] == 1 else (aten.mul.Tensor, (first, first), {})
    if (op is aten.mm.default and 0 in values) or (op in LEFT_OUT and values[0] == 0):
        return 0.0
    if op in (aten.sum.default, aten.sum.dim_IntList) and values[0] is not None:
        return values[0] * math.prod(shape(first)) / math.prod(size)
    return None


# --- from a graph to loops ------------------------------------------------------------------------


class Expr:
    """A piece of JavaScript that knows how tightly it binds."""

    def __init__(self, text: str, level: int = ATOM):
        self.text, self.level = text, level

    def __format__(self, need: str) -> str:
        return self.text if self.level >= int(need or 0) else f"({self.text})"


@dataclass
class Group:
    """Nodes that share one nest of loops over `size`; or one product, with no size."""

    size: tuple[int, ...] | None
    nodes: list[fx.Node] = field(default_factory=list)


def is_pointwise(node: fx.Node) -> bool:
    """Whether each element of the result is an expression of its own."""
    return node.target in POINTWISE or node.target is aten.cumsum.default


def operands(node: fx.Node) -> list[fx.Node]:
    """The tensors that a node reads, each as often as it reads them."""
    found: list[fx.Node] = []
    map_arg(node.args, found.append)
    return found


def readers(node: fx.Node) -> list[fx.Node]:
    """The nodes that read a node, directly or through views, each as often as it does."""
    found = []
    for user in node.users:
        times = operands(user).count(node)
        found += times * (readers(user) if user.target in VIEWS else [user])
    return found


def domain(node: fx.Node) -> tuple[int, ...]:
    """The shape that a node's loops walk through."""
    return shape(node.args[0]) if node.target in REDUCTIONS else shape(node)


def source(node: fx.Node) -> fx.Node:
    """The node behind views that keep the order of the elements."""
    return source(node.args[0]) if node.target in KEEP_ORDER else node


class Kernel:
    """One function on its way to JavaScript; `text` is the result.

    The stages are the methods, in their order. What they find out stands in the attributes:

    Attributes:
        computed: nodes that are computed once and kept, not written into their readers.
        groups, group: the loops and products in their order; the number of each node's one.
        pieces: for a node that is a piece of a concatenation: that one, and where it starts.
        array: the name of the array that holds a node's elements.
    """

    def __init__(self, graph: fx.Graph, inputs: Sequence[str], outputs: Sequence[str]):
        self.graph, self.outputs = graph, list(outputs)
        self.names = {*RESERVED, *inputs, *VARIABLES}
        placeholders = [node for node in graph.nodes if node.op == "placeholder"]
        self.input = dict(zip(inputs, placeholders, strict=True))
        self.constant = {
            node: self.fresh("constant") for node in graph.nodes if node.op == "get_attr"
        }
        self.array = {node: name for name, node in self.input.items()} | self.constant
        self.extent: dict[str, int] = {}  # of loop variables, and of quotients and remainders
        self.parts: dict[tuple[str, str], tuple[int, Index]] = {}  # quotient, remainder: of what
        self.pieces: dict[fx.Node, tuple[fx.Node, int]] = {}
        self.scalar: dict[fx.Node, str] = {}
        self.local: dict[fx.Node, str] = {}
        self.copy_operands()
        self.copy_pieces()
        self.copy_results()
        self.choose_computed()
        self.schedule()
        self.allocate()

    # --- copies, where an array of a certain layout is needed -------------------------------------

    def copy(self, node: fx.Node) -> fx.Node:
        """A copy of a node, made at the point where the graph is being written."""
        made = self.graph.call_function(aten.clone.default, (node,))
        made.meta["shape"] = shape(node)
        return made

    def copy_operands(self) -> None:
        """Copy what a product cannot read where it lies: a transposed right side, for instance."""
        copies: dict[fx.Node, fx.Node] = {}
        for node in list(self.graph.nodes):
            if node.target not in PRODUCTS:
                continue
            left = node.args[-2]
            for operand in node.args:
                base, _, row, column = self.layout(operand)
                packed = operand is left or (
                    column in (None, 1) and row in (None, shape(operand)[-1])
                )
                if operand is not left and operand is not node.args[-1]:
                    packed = column in (None, 1)  # what a product starts from may repeat one row
                if base is not None and packed:
                    continue
                if operand not in copies:
                    with self.graph.inserting_after(operand):
                        copies[operand] = self.copy(operand)
                node.replace_input_with(operand, copies[operand])

    def copy_pieces(self) -> None:
        """See that each piece of a concatenation can be computed right where it belongs."""
        for node in [n for n in self.graph.nodes if n.target is aten.cat.default]:
            dim = (node.args[1] if len(node.args) > 1 else 0) % len(shape(node))
            in_order = math.prod(shape(node)[:dim]) == 1
            start, pieces = 0, []
            for piece in node.args[0]:
                size, base = shape(piece)[dim], source(piece)
                own = is_pointwise(base) or base.target in REDUCTIONS or base.target in PRODUCTS
                if not (in_order and own and base not in self.pieces):
                    with self.graph.inserting_before(node):
                        piece = base = self.copy(piece)
                self.pieces[base] = (node, dim, start)
                pieces.append(piece)
                start += size
            node.args = (pieces, dim)

    def copy_results(self) -> None:
        """See that each result has an array of its own, or is written over an input."""
        end = next(iter(reversed(self.graph.nodes)))
        results, self.given = [], {}
        for name, node in zip(self.outputs, end.args[0], strict=True):
            fixed = node in results or node in self.pieces or node.op != "call_function"
            fixed = fixed or node.target in {*VIEWS, *RANGES, FILL}
            if math.prod(shape(node)) > 1 and (fixed or name in self.input):
                with self.graph.inserting_before(end):
                    node = self.copy(node)
            if math.prod(shape(node)) > 1:
                self.given[node] = name
            results.append(node)
        end.args = (tuple(results),)

    def layout(self, node: fx.Node):
        """The node that holds a matrix, and where in it: (node, offset, row step, column step)."""
        size = shape(node)
        self.extent |= dict(zip(("row", "column"), (1, *size)[-2:], strict=True))
        at = [
            {} if n == 1 else {v: 1}
            for v, n in zip(("row", "column")[-len(size) :], size, strict=True)
        ]
        while node.target in VIEWS:
            at, node = self.behind(node, at), node.args[0]
        place = self.linear(at, shape(node))
        if not set(place) <= {"", "row", "column"} or node.target in {FILL, *RANGES}:
            return None, 0, 0, 0
        return node, place.get("", 0), place.get("row"), place.get("column")

    # --- what is computed where -------------------------------------------------------------------

    def choose_computed(self) -> None:
        """Write element-wise calls into their one reader; all else is computed by itself."""
        products = [n for n in self.graph.nodes if n.target in PRODUCTS]
        pinned = {*self.pieces, *self.given} | {self.layout(x)[0] for n in products for x in n.args}

        def by_itself(node: fx.Node) -> bool:
            if not is_pointwise(node) or node.target is aten.cumsum.default or node in pinned:
                return node.target in COMPUTED
            found = readers(node)
            in_loop = len(found) == 1 and found[0].target in {*POINTWISE, *REDUCTIONS}
            return not in_loop or math.prod(domain(found[0])) > math.prod(shape(node))

        self.computed = dict.fromkeys(filter(by_itself, self.graph.nodes))

    def reads(self, node: fx.Node):
        """What a node reads, through all that is written into it: (node, element for element?)."""
        walk = core(domain(node))
        todo = [(x, node.target not in PRODUCTS) for x in operands(node)]
        while todo:
            x, same = todo.pop()
            same = same and core(shape(x)) == walk
            if x in self.computed or x in self.array:
                yield x, same
            elif x.target in VIEWS:
                todo.append((x.args[0], same and x.target in {*KEEP_ORDER, aten.expand.default}))
            else:
                todo += [(operand, same) for operand in operands(x)]

    def schedule(self) -> None:
        """Gather in one nest of loops what walks through one shape, as early as can be."""
        self.groups: list[Group] = []
        self.group: dict[fx.Node, int] = {}
        nodes = [node for node in self.graph.nodes if node in self.computed]
        over = {self.input[name]: node for node, name in self.given.items() if name in self.input}
        # an input may be overwritten in a loop that reads it element for element, else at the end
        self.late = {
            result
            for x, result in over.items()
            for other in over.values()
            if any(read is x and not same for read, same in self.reads(other))
        }
        in_place = {result: x for x, result in over.items() if result not in self.late}
        for node in nodes:
            if node not in in_place:
                self.join(node, self.earliest(node))
        sizes = {core(domain(node)) for node in in_place}
        for size in sorted(sizes):
            together = [node for node in in_place if core(domain(node)) == size]
            first = max(self.earliest(node) for node in together)
            for node in together:
                for other in self.group:
                    for read, same in self.reads(other):
                        if read is in_place[node]:
                            first = max(
                                first, self.group[other] + (not self.shared(other, size, same))
                            )
            for node in together:
                self.join(node, first)

    def shared(self, node: fx.Node, size: tuple[int, ...], same: bool) -> bool:
        """Whether a loop over `size` may also hold what comes after `node`."""
        return same and node.target not in PRODUCTS and core(domain(node)) == size

    def earliest(self, node: fx.Node) -> int:
        """The first group that may hold a node."""
        after = (
            self.group[x] + (not (node.target not in PRODUCTS and same and is_pointwise(x)))
            for x, same in self.reads(node)
            if x in self.group
        )
        return max(after, default=0)

    def join(self, node: fx.Node, first: int) -> None:
        """Put a node into the first fitting group, or into a new one."""
        if node.target is aten.cat.default:  # nothing to do: its pieces are where they belong
            self.group[node] = max(self.group[x] for x, _ in self.reads(node))
            return
        size = None if node.target in PRODUCTS else core(domain(node))
        fitting = (
            k
            for k in range(first, len(self.groups))
            if size is not None and self.groups[k].size == size
        )
        k = next(fitting, len(self.groups))
        if k == len(self.groups):
            self.groups.append(Group(size))
        self.groups[k].nodes.append(node)
        self.group[node] = k

    def allocate(self) -> None:
        """Find an array for all that must be kept; arrays are used again when they are free."""
        end = next(iter(reversed(self.graph.nodes)))
        last: dict[fx.Node, int] = {}
        kept = set(self.given)
        for node in [*self.computed, end]:
            when = self.group.get(node, len(self.groups))
            for x, same in self.reads(node):
                if not (x in self.group and self.group[x] == when and same and is_pointwise(x)):
                    kept.add(x)
                last[x] = max(last.get(x, 0), when)
        kept.update(node for node in self.computed if node.target is aten.cumsum.default)
        for piece, (whole, *_) in self.pieces.items():
            last[whole] = max(last.get(whole, 0), last.get(piece, 0))
        births: dict[int, list[fx.Node]] = {}
        for node in self.computed:
            if math.prod(shape(node)) == 1:
                self.scalar[node] = self.fresh(node.name)
            elif node in kept and node not in self.pieces:
                made = [p for p, (whole, *_) in self.pieces.items() if whole is node] or [node]
                births.setdefault(min(self.group[p] for p in made), []).append(node)
        self.results = {
            node: name
            for node, name in self.given.items()
            if name not in self.input or node in self.late
        }
        self.array |= {node: self.fresh(name) for node, name in self.results.items()}
        self.array |= {node: name for node, name in self.given.items() if node not in self.results}
        free: dict[int, list[str]] = {}
        self.scratch: dict[str, int] = {}
        position = {node: k for k, node in enumerate(self.graph.nodes)}
        for k in range(len(self.groups)):
            for node in sorted(births.get(k, ()), key=position.get):
                if node not in self.array:
                    length = math.prod(shape(node))
                    if not free.get(length):
                        free.setdefault(length, []).append(self.fresh(f"t{len(self.scratch)}"))
                        self.scratch[free[length][-1]] = length
                    self.array[node] = free[length].pop()
            for node, until in last.items():
                if until == k and self.array.get(node) in self.scratch:
                    free[math.prod(shape(node))].append(self.array[node])

    # --- places -----------------------------------------------------------------------------------

    def fresh(self, name: str) -> str:
        """A name of JavaScript that is not taken yet."""
        plain = name = re.sub(r"\W", "_", name)
        count = 1
        while name in self.names:
            name, count = f"{plain}_{count}", count + 1
        self.names.add(name)
        return name

    def linear(self, at: Sequence[Index], size: Sequence[int], steps=None) -> Index:
        """The number of an element, counted in order, from its place in each dimension."""
        total: Index = {}
        for index, step in zip(at, steps or strides(size), strict=True):
            total = plus(total, index, step)
        for (quotient, remainder), (divisor, whole) in self.parts.items():
            count = total.get(remainder, 0)
            if count and total.get(quotient) == count * divisor:  # q d + r is the whole again
                total = plus(
                    {k: v for k, v in total.items() if k not in (quotient, remainder)}, whole, count
                )
        return total

    def unravel(self, total: Index, size: Sequence[int]) -> list[Index]:
        """The place in each dimension of an element whose number is given."""
        at: list[Index] = []
        for step, length in zip(strides(size), size, strict=True):
            if length == 1:
                at.append({})
                continue
            outer = {term: count // step for term, count in total.items() if count % step == 0}
            inner = {term: count for term, count in total.items() if count % step}
            if "" in inner:
                outer, inner = plus(outer, {"": total[""] // step}), inner | {"": total[""] % step}
            ends = [count * (self.extent[term] - 1) for term, count in inner.items() if term]
            ends.append(inner.get("", 0))
            if sum(e for e in ends if e < 0) < 0 or sum(e for e in ends if e > 0) >= step:
                # the inner terms may carry over: divide when it runs
                text = self.sum(total)
                text = f"({text})" if " " in text else text
                quotient, remainder = f"Math.floor({text} / {step})", f"({text} % {step})"
                self.parts[quotient, remainder] = step, total
                self.extent |= {quotient: length, remainder: step}
                outer, inner = {quotient: 1}, {remainder: 1}
            at.append(outer)
            total = inner
        return at

    def sum(self, index: Index) -> str:
        """A place as JavaScript."""
        terms = [
            (term if abs(count) == 1 else f"{abs(count)} * {term}", count)
            for term, count in sorted(index.items(), key=lambda item: item[0] == "")
            if term
        ]
        constant = index.get("", 0)
        terms += [(str(abs(constant)), constant)] if constant or not terms else []
        text = "".join(f" {'-' if count < 0 else '+'} {term}" for term, count in terms)
        return text.removeprefix(" + ").replace(" - ", "-", text.startswith(" - "))

    def behind(self, view: fx.Node, at: Sequence[Index]) -> list[Index]:
        """The place in a view's operand of a place in the view."""
        if VIEWS[view.target]:
            return VIEWS[view.target](at, view)
        return self.unravel(self.linear(at, shape(view)), shape(view.args[0]))

    # --- expressions ------------------------------------------------------------------------------

    def read(self, node: fx.Node, at: Sequence[Index]) -> Expr:
        """The element of a node at a place."""
        if node in self.local or node in self.scalar:
            return Expr(self.local.get(node) or self.scalar[node])
        if node.target is FILL:
            return literal(node.args[1])
        if node in self.array and shape(node) == () and node.op == "placeholder":
            return Expr(self.array[node])
        if node.target in RANGES:
            start, step = RANGES[node.target](*node.args)
            return plain_sum(start, step, self.sum(at[0]))
        if node.target in VIEWS:
            return self.read(node.args[0], self.behind(node, at))
        if node in self.array or node in self.pieces:
            return Expr(self.element(node, at))
        return self.call(node, at)

    def element(self, node: fx.Node, at: Sequence[Index]) -> str:
        """The element of an array, to read or to write."""
        if node not in self.pieces:
            return f"{self.array[node]}[{self.sum(self.linear(at, shape(node)))}]"
        whole, dim, start = self.pieces[node]
        steps = strides(shape(whole))
        first = {"": start * steps[dim]} if start else {}
        in_order = math.prod(shape(whole)[:dim]) == 1
        place = self.linear(at, shape(node), None if in_order else steps)
        return f"{self.array[whole]}[{self.sum(plus(place, first))}]"

    def call(self, node: fx.Node, at: Sequence[Index]) -> Expr:
        """An element-wise call, from the table."""
        level, template = POINTWISE.get(node.target, (ATOM, "{0}"))
        slots = [slot for _, slot, _, _ in string.Formatter().parse(template) if slot is not None]
        values = []
        for k, argument in enumerate(node.args[: len(set(slots))]):
            if isinstance(argument, fx.Node):
                value = self.read(argument, broadcast(at, shape(node), shape(argument)))
                if slots.count(str(k)) > 1 and not re.fullmatch(r"[\w.]+", value.text):
                    name = self.fresh(argument.name)
                    self.body.append(f"const {name} = {value};")
                    value = Expr(name)
            else:
                value = literal(argument)
            values.append(value)
        if node.target is aten.clone.default:
            return values[0]
        return Expr(template.format(*values), level)

    # --- statements -------------------------------------------------------------------------------

    def lines(self, group: Group) -> list[str]:
        """A group as lines of JavaScript: one loop if that is possible, else nested ones."""
        if group.size is None:
            return self.product(group.nodes[0])
        names = set(self.names)
        for size in dict.fromkeys([(math.prod(group.size),) if group.size else (), group.size]):
            self.names, self.parts = set(names), {}
            lines = self.nest(group, size)
            divided = any(term in line for line in lines for pair in self.parts for term in pair)
            if not divided:
                break
        return lines

    def nest(self, group: Group, size: tuple[int, ...]) -> list[str]:
        """Loops over `size`, which is the group's size or all of it as one dimension."""
        depth, variables = len(size), VARIABLES[: len(size)]
        self.extent |= dict(zip(variables, size, strict=True))
        at_core = [{v: 1} for v in variables]
        if size != group.size:
            at_core = self.unravel(at_core[0], group.size)
        before: list[list[str]] = [[] for _ in range(depth + 1)]
        after: list[list[str]] = [[] for _ in range(depth + 1)]
        self.body, self.local, late = [], {}, []

        for node in group.nodes:
            places = iter(at_core)
            at = [{} if n == 1 else next(places) for n in domain(node)]
            if node.target in REDUCTIONS:
                self.reduce(node, at, size == group.size, before, after)
                continue
            value = self.call(node, at)
            if node.target is aten.cumsum.default:
                value = self.running(node, at)
            if node in self.scalar:
                self.body.append(f"const {self.scalar[node]} = {value};")
                value = Expr(self.scalar[node])
            elif self.shares(node, group) or self.over_input(node):
                over = self.over_input(node)
                self.local[node] = self.fresh(f"new_{self.given[node]}" if over else node.name)
                self.body.append(f"const {self.local[node]} = {value};")
                value = Expr(self.local[node])
            if node in self.array or node in self.pieces:
                target = late if self.over_input(node) else self.body
                target.append(f"{self.element(node, at)} = {value};")

        title = ", ".join(node.name for node in group.nodes)
        lines = [f"// {title}: {' × '.join(map(str, size)) or 'one number'}"]
        for d, (variable, end) in enumerate(zip(variables, size, strict=True)):
            lines += ["  " * d + line for line in before[d]]
            lines.append(
                "  " * d + f"for (let {variable} = 0; {variable} < {end}; {variable}++) {{"
            )
        lines += [
            "  " * depth + line for line in [*before[depth], *self.body, *late, *after[depth]]
        ]
        for d in reversed(range(depth)):
            lines.append("  " * d + "}")
            lines += ["  " * d + line for line in after[d]]
        self.local = {}
        return lines

    def shares(self, node: fx.Node, group: Group) -> bool:
        """Whether the same loop reads a node again."""
        return any(
            read is node and same
            for other in group.nodes
            if other is not node
            for read, same in self.reads(other)
        )

    def over_input(self, node: fx.Node) -> bool:
        """Whether a result takes the place of an input."""
        return node in self.given and node not in self.results

    def running(self, node: fx.Node, at: Sequence[Index]) -> Expr:
        """One element of a cumulative sum, from the one before."""
        dim = node.args[1] % len(at)
        value = self.read(node.args[0], at)
        if not at[dim]:
            return value
        earlier = self.element(
            node, [plus(i, {"": -1}) if d == dim else i for d, i in enumerate(at)]
        )
        return Expr(f"({Expr(self.sum(at[dim]), ADD)} > 0 ? {earlier} : 0) + {value:10}", ADD)

    def reduce(self, node, at, nested: bool, before, after) -> None:
        """Add the statements of a total to those before, in and after the loops."""
        start, join = REDUCTIONS[node.target]
        operand = node.args[0]
        dims = node.args[1] if len(node.args) > 1 else []
        dims = [dims] if isinstance(dims, int) else dims or range(len(at))
        dims = {d % len(at) for d in dims}
        gone = [d in dims for d, n in enumerate(domain(node)) if n > 1]
        keeps = len(shape(node)) == len(at)
        kept = [i for d, i in enumerate(at) if d not in dims]
        kept = [{} if d in dims else i for d, i in enumerate(at)] if keeps else kept
        value = self.read(operand, at)
        depth = gone.index(True) if True in gone else len(gone)
        if all(gone[depth:]) and (nested or not depth):
            name = self.scalar.get(node) or self.fresh(node.name)
            before[depth].append(f"let {name} = {start};")
            self.body.append(join.format(s=name, x=value) + ";")
            if node in self.array or node in self.pieces:
                after[depth].append(f"{self.element(node, kept)} = {name};")
            return
        array, first = self.element(node, [{} for _ in shape(node)])[:-1].split("[")
        piece = f", {first}, {int(first) + math.prod(shape(node))}" if node in self.pieces else ""
        before[0].append(f"{array}.fill({start}{piece});")
        self.body.append(join.format(s=self.element(node, kept), x=value) + ";")

    def product(self, node: fx.Node) -> list[str]:
        """A matrix product, which the engine does."""
        *start, left, right = node.args
        (rows, inner), columns = shape(left), shape(right)[1]

        def matrix(operand, *steps):
            base, offset, row, column = self.layout(operand)
            if base in self.pieces:
                whole, dim, first = self.pieces[base]
                base, offset = whole, offset + first * strides(shape(whole))[dim]
            numbers = (offset, row or 0, column or 0)
            return f"{self.array[base]}, {', '.join(str(n) for n in numbers[: 1 + len(steps)])}"

        out = self.element(node, [{}, {}])[:-1].replace("[", ", ")
        first = matrix(start[0], "row") if start else "null, 0, 0"
        sides = f"{matrix(left, 'row', 'column')}, {matrix(right)}"
        title = f"{left.name} ({rows} × {inner}) by {right.name} ({inner} × {columns})"
        plus_ = "".join(f"{x.name} + " for x in start)
        title = f"{node.name} ({rows} × {columns}): {plus_}{title}"
        return [f"// {title}", f"product({out}, {rows}, {inner}, {columns}, {sides}, {first});"]

    def text(self, name: str) -> str:
        """The whole function."""
        scratch = ", ".join(map(str, self.scratch.values()))
        head = (
            ["const product = memory.product;"] if any(g.size is None for g in self.groups) else []
        )
        if scratch:
            head.append(f"const [{', '.join(self.scratch)}] = memory.scratch({scratch});")
        for node, array in self.constant.items():
            numbers = ", ".join(format_number(v) for v in node.meta["constant"].flatten().tolist())
            head.append(f"const {array} = memory.array([{numbers}]);")
        head += [
            f"const {self.array[node]} = memory.array({math.prod(shape(node))});"
            for node in self.results
        ]
        body = [line for group in self.groups for line in self.lines(group)]
        fields = []
        end = next(iter(reversed(self.graph.nodes)))
        for output, node in zip(self.outputs, end.args[0], strict=True):
            self.body = body
            if math.prod(shape(node)) == 1:
                value = self.read(node, [{} for _ in shape(node)]).text
            elif output in self.input:
                value = output
                if node in self.late:
                    body.append(f"{output}.set({self.array[node]});")
            else:
                value = self.array[node]
            fields.append(output if value == output else f"{output}: {value}")
        inputs = ", ".join(self.input)
        sizes = ", ".join(
            f"{n} ({' × '.join(map(str, shape(x))) or 'a number'})" for n, x in self.input.items()
        )
        lines = [
            f"// {sizes}",
            f"function {name}(memory) {{",
            *(f"  {line}" for line in head),
            f"  return function ({inputs}) {{",
            *(f"    {line}" for line in body),
            f"    return {{ {', '.join(fields)} }};",
            "  };",
            "}",
        ]
        return "\n".join(lines) + "\n"


def literal(value) -> Expr:
    """A number as JavaScript."""
    text = format_number(value)
    return Expr(text, UNARY if text.startswith("-") else ATOM)


def format_number(value) -> str:
    """The shortest text that gives the same number back."""
    if isinstance(value, bool):
        return str(value).lower()
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def plain_sum(start, step, index: str) -> Expr:
    """start + step · index, where step and start may be any numbers."""
    product = (
        Expr(index, ADD)
        if step == 1
        else Expr(f"{literal(step)} * {Expr(index, ADD):12}", MULTIPLY)
    )
    return product if start == 0 else Expr(f"{literal(start)} + {product:10}", ADD)


def translate(
    name: str,
    function: Callable,
    examples: Mapping[str, Tensor],
    outputs: Sequence[str],
    *,
    checks: bool = False,
) -> str:
    """A PyTorch function as the text of a JavaScript function.

    The JavaScript function takes the engine's `memory` and returns the function proper. That takes
    the arguments in the order of `examples`, a number for a tensor of shape () and an array of the
    memory for any other, and returns an object with one field for each output: a number where
    there is one element, else an array, which the next call overwrites. An output that has the name
    of an input is written over it.

    Args:
        name: the name of the JavaScript function.
        function: calls torch alone, on as many tensors as there are examples; returns a tensor or a
            tuple of them. Shapes are fixed by the examples.
        examples: the names and examples of the arguments, in order.
        outputs: the names of the results, in order.
        checks: let `if bool(tensor): raise …` be decided by the examples; for functions that branch
            on values only to refuse bad ones.

    Raises:
        NotImplementedError: for an operator that is not known; names it and the line that calls it.
        ValueError: if the number of outputs is not that of the results.
    """
    graph = trace(function, list(examples.values()), checks)
    results = next(iter(reversed(graph.nodes))).args[0]
    if len(results) != len(outputs):
        raise ValueError(f"{name} gives {len(results)} results; got names {list(outputs)}")
    return Kernel(graph, list(examples), outputs).text(name)
