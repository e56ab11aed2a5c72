"""The recorded graph as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import _core
from .._core import Node, Tensor
from ..autograd import grad
from ..func._arguments import Arguments, check_callable
from ..grad_mode import enable_grad
from ..tree import flatten, paths
from ._layout import Layout, layered

_MARGIN, _LINE, _CHARACTER = 16.0, 14.0, 6.7
_COLOURS = {"leaf": "#d9ead3", "op": "#ffffff", "backward": "#fce5cd", "output": "#cfe2f3"}


class SVG(str):
    """SVG text; notebooks show it as a picture.

    >>> svg = pa.plot.graph(pa.sin, 1.0)
    >>> isinstance(svg, str)
    True
    """

    def _repr_svg_(self) -> str:
        return str(self)

    def save(self, path: str | Path) -> None:
        """Write the text to a file."""
        Path(path).write_text(self, encoding="utf-8")


class _Box(NamedTuple):
    kind: str
    lines: list[str]
    tooltip: str


def graph(
    what: Any,
    *args: Any,
    gradient: bool = False,
    names: dict[str, Tensor] | None = None,
    max_nodes: int = 500,
) -> SVG:
    """Draw a recorded graph, inputs at the top.

    Each box is a recorded operation with the shapes of its results and the bytes of memory that its
    derivative keeps alive; memory that several operations keep is marked as shared, and counted
    once in the total. Leaves are green, results blue; operations that were recorded by a backward
    pass, those that a second derivative goes through, are orange.

    Args:
        what: a tensor that requires grad or a tree of them; or a function, which is called with
            ``args``, trees of floating-point tensors, and whose output is drawn.
        *args: the arguments of the function.
        gradient: draw also the gradient of the (summed) output with respect to every input, with
            the operations that it took.
        names: labels for leaves, ``{"w": w}``; a function's arguments are named by themselves.
        max_nodes: raise instead of drawing more.

    Returns:
        The SVG text, a ``str`` with a method ``save(path)``.

    Raises:
        TypeError: what is to be drawn is no tensor, tree of tensors or function.
        ValueError: nothing was recorded, or the graph has more than ``max_nodes`` nodes.

    >>> x = pa.tensor([1.0, 2.0], requires_grad=True)
    >>> (g,) = pa.grad(pa.sum(x**3), x, create_graph=True)
    >>> svg = pa.plot.graph(g, names={"x": x})
    >>> ">x</text>" in svg
    True
    """
    leaves: dict[Node, str] = {}
    if callable(what):
        outputs, inputs = _call(what, args)
        leaves = {_leaf(x): name for name, x in inputs.items()}
        results = outputs
        if gradient:
            results = results + _gradients(outputs, list(inputs.values()))
    elif args:
        raise TypeError("[plot.graph] arguments go with a function, not with a tensor")
    else:
        outputs = results = _tensors(what)
        if gradient:
            raise TypeError("[plot.graph] gradient=True goes with a function")
    for name, x in (names or {}).items():
        leaves[_leaf(x)] = name
    roots = [y.grad_fn for y in results if y.grad_fn is not None]
    if not roots:
        raise ValueError(
            "[plot.graph] nothing was recorded: no result requires grad, or all are leaves"
        )
    nodes = _reachable(roots, max_nodes)
    forward = max([y.grad_fn.sequence_number for y in outputs if y.grad_fn is not None], default=0)
    boxes, total = _boxes(nodes, set(roots), leaves, forward if len(results) > len(outputs) else 0)
    numbers = {node: i for i, node in enumerate(nodes)}
    edges = [
        (numbers[source], i)
        for i, node in enumerate(nodes)
        for source, _ in node.next_functions
        if source is not None
    ]
    sizes = [_size(box.lines) for box in boxes]
    caption = f"{len(nodes)} nodes, {_bytes(total)} saved"
    return _draw(boxes, sizes, layered(sizes, edges), caption)


def _call(f: Callable[..., Any], args: tuple[Any, ...]) -> tuple[list[Tensor], dict[str, Tensor]]:
    check_callable("plot.graph", f)
    arguments = Arguments("plot.graph", args, tuple(range(len(args)))) if args else None
    if arguments is None:
        raise TypeError("[plot.graph] a function is drawn with its arguments: graph(f, x)")
    inputs = [x.detach().requires_grad_() for x in arguments.leaves]
    with enable_grad():
        outputs = _tensors(f(*arguments.replaced(inputs)))
    labels = [f"argument {path[1:].replace(']', '', 1)}" for path in paths(arguments.structure)]
    return outputs, dict(zip(labels, inputs, strict=True))


def _gradients(outputs: list[Tensor], inputs: list[Tensor]) -> list[Tensor]:
    tracked = [y for y in outputs if y.requires_grad]
    if not tracked:
        return []
    seeds = [_core.ones_like(y) for y in tracked]
    found = grad(tracked, inputs, seeds, create_graph=True, allow_unused=True)
    return [g for g in found if g is not None]


def _tensors(what: Any) -> list[Tensor]:
    leaves = flatten(what)[0]
    for x in leaves:
        if type(x) is not Tensor:
            raise TypeError(
                f"[plot.graph] expected tensors or a function, got a {type(x).__name__}"
            )
    return leaves


def _leaf(x: Tensor) -> Node:
    """The node of a leaf, which is seen only from what reads it."""
    if type(x) is not Tensor or not x.requires_grad:
        raise TypeError("[plot.graph] names are for tensors that require grad")
    if x.grad_fn is not None:
        return x.grad_fn
    with enable_grad():
        reader = (x + x).grad_fn
    assert reader is not None
    node = reader.next_functions[0][0]
    assert node is not None
    return node


def _reachable(roots: Sequence[Node], limit: int) -> list[Node]:
    """All nodes below the roots, in the order of recording."""
    found = set(roots)
    waiting = list(found)
    while waiting:
        for node, _ in waiting.pop().next_functions:
            if node is not None and node not in found:
                found.add(node)
                waiting.append(node)
        if len(found) > limit:
            raise ValueError(
                f"[plot.graph] the graph has more than {limit} nodes: draw a part of it, or raise "
                "max_nodes"
            )
    # Leaves may have been made at any time: first.
    return sorted(found, key=lambda node: (bool(node.next_functions), node.sequence_number))


def _boxes(
    nodes: list[Node], roots: set[Node], names: dict[Node, str], forward: int
) -> tuple[list[_Box], int]:
    saved = [node.saved_storages for node in nodes]
    holders = Counter([key for kept in saved for key in kept])
    boxes = []
    for node, kept in zip(nodes, saved, strict=True):
        is_leaf = not node.next_functions
        title = names.get(node) or ("leaf" if is_leaf else node.name().removesuffix("Backward"))
        lines = [title if is_leaf or node in names else title[:1].lower() + title[1:]]
        lines += [_shape(*output) for output in node.outputs]
        if kept:
            shared = sum([size for key, size in kept.items() if holders[key] > 1])
            lines.append(f"saves {_bytes(sum(kept.values()))}")
            if shared:
                lines.append(f"{_bytes(shared)} shared")
        kind = "leaf" if is_leaf else "output" if node in roots else "op"
        if kind == "op" and forward and node.sequence_number > forward:
            kind = "backward"
        boxes.append(_Box(kind, lines, f"{node.name()} #{node.sequence_number}"))
    total = {key: size for kept in saved for key, size in kept.items()}
    return boxes, sum(total.values())


def _shape(shape: tuple[int, ...], dtype: Any) -> str:
    text = str(shape) if shape else "scalar"
    return text if dtype == np.float64 else f"{text} {dtype}"


def _bytes(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    power = min((len(str(count)) - 1) // 3, 3)
    return f"{count / 1000**power:.1f} {('KB', 'MB', 'GB')[power - 1]}"


def _size(lines: list[str]) -> tuple[float, float]:
    return max([len(line) for line in lines]) * _CHARACTER + 16, len(lines) * _LINE + 8


def _draw(
    boxes: list[_Box],
    sizes: list[tuple[float, float]],
    layout: Layout,
    caption: str,
) -> SVG:
    width = max(layout.width, len(caption) * _CHARACTER) + 2 * _MARGIN
    height = layout.height + 2 * _MARGIN + _LINE + 6
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="monospace" font-size="11">',
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#666"/></marker></defs>',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<g transform="translate({_MARGIN:.0f} {_MARGIN:.0f})">',
    ]
    for points in layout.edges:
        parts.append(
            f'<path d="{_curve(points)}" fill="none" stroke="#666" marker-end="url(#arrow)"/>'
        )
    for box, (w, h), (x, y) in zip(boxes, sizes, layout.centres, strict=True):
        parts.append(f'<g class="{box.kind}"><title>{escape(box.tooltip)}</title>')
        parts.append(
            f'<rect x="{x - w / 2:.1f}" y="{y - h / 2:.1f}" width="{w:.1f}" height="{h:.1f}" '
            f'rx="4" fill="{_COLOURS[box.kind]}" stroke="#444"/>'
        )
        for i, line in enumerate(box.lines):
            weight = ' font-weight="bold"' if i == 0 else ' fill="#555"'
            parts.append(
                f'<text x="{x:.1f}" y="{y - h / 2 + (i + 1) * _LINE:.1f}" '
                f'text-anchor="middle"{weight}>{escape(line)}</text>'
            )
        parts.append("</g>")
    parts.append(f'<text x="0" y="{layout.height + _LINE + 8:.1f}" fill="#555">{caption}</text>')
    return SVG("\n".join([*parts, "</g>", "</svg>", ""]))


def _curve(points: list[tuple[float, float]]) -> str:
    """A path that leaves and enters every layer vertically."""
    x, y = points[0]
    path = [f"M{x:.1f} {y:.1f}"]
    for u, v in points[1:]:
        if abs(u - x) < 0.05:
            path.append(f"L{u:.1f} {v:.1f}")
        else:
            middle = (y + v) / 2
            path.append(f"C{x:.1f} {middle:.1f} {u:.1f} {middle:.1f} {u:.1f} {v:.1f}")
        x, y = u, v
    return "".join(path)
