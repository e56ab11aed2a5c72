"""What a sweep through a recorded graph takes, estimated from the shapes in it."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import _core
from .._core import Node, Tensor
from ..func._reverse import recording_on

# Blocks of the allocator are rounded up to its size classes.
_ROUNDING = 1.25


class Cost(NamedTuple):
    """Of one vector pulled back through a graph."""

    nodes: int
    flops: int
    bytes: int
    """Cotangents and temporaries that are alive together at the worst moment."""


class _Edge(NamedTuple):
    """Where a node sends a cotangent, what that takes and makes."""

    node: int
    slot: int
    bytes: int
    flops: int


class Graph:
    """The nodes that some tensors were recorded with, by their sequence numbers."""

    def __init__(self, outputs: Sequence[Tensor]) -> None:
        self._edges: dict[int, list[_Edge]] = {}
        waiting = [y.grad_fn for y in outputs if y.grad_fn is not None]
        while waiting:
            node = waiting.pop()
            if (key := node.sequence_number) not in self._edges:
                following = node.next_functions
                self._edges[key] = [
                    _edge(node, fn, i, place)
                    for place, (fn, i) in enumerate(following)
                    if fn is not None
                ]
                waiting += [fn for fn, _ in following if fn is not None]
        # An edge goes to a lower number, so this is an order in which they can be followed.
        self._order = sorted(self._edges)

    def cost(self, outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> Cost:
        """Follows the engine: nodes from the last to the first, a slot from its first cotangent on,
        and only where it leads to the inputs."""
        wanted = self._leading_to({_leaf(x) for x in inputs})
        roots = [(y.grad_fn, y.nbytes) for y in outputs]
        slots, flops = _Slots(), 0
        for fn, size in roots:
            if fn is not None and fn.sequence_number in wanted:
                slots.put(fn.sequence_number, 0, size)
        peak = slots.bytes
        while (taken := slots.latest()) is not None:
            key, received = taken
            edges = [edge for edge in self._edges.get(key, ()) if edge.node in wanted]
            if not edges:
                continue  # a leaf keeps what it got
            made = sum([edge.bytes for edge in edges])
            # The rule's own temporaries are about as large as what it reads or makes.
            peak = max(peak, slots.bytes + made + max(received, made))
            for edge in edges:
                flops += edge.flops
                slots.put(edge.node, edge.slot, edge.bytes)
            slots.bytes -= received
        seeds = sum([size for _, size in roots])
        return Cost(len(slots), flops, int(_ROUNDING * (seeds + peak)))

    def _leading_to(self, leaves: set[int]) -> set[int]:
        leading = set(leaves)
        for key in self._order:
            if any(edge.node in leading for edge in self._edges[key]):
                leading.add(key)
        return leading


class _Slots:
    """Cotangents that wait for their nodes, as the engine keeps them."""

    def __init__(self) -> None:
        self.bytes = 0
        self._waiting: list[int] = []
        self._received: dict[int, dict[int, int]] = {}

    def put(self, node: int, index: int, size: int) -> None:
        if node not in self._received:
            self._received[node] = {}
            heapq.heappush(self._waiting, -node)
        slots = self._received[node]
        if index not in slots:
            slots[index] = size
            self.bytes += size

    def latest(self) -> tuple[int, int] | None:
        """The next node and the bytes that it received."""
        if not self._waiting:
            return None
        node = -heapq.heappop(self._waiting)
        return node, sum(self._received[node].values())

    def __len__(self) -> int:
        return len(self._received)


def _edge(node: Node, to: Node, index: int, place: int) -> _Edge:
    shape, dtype = to.outputs[index]
    return _Edge(to.sequence_number, index, _size(shape, dtype), _flops(node, shape, place))


def _flops(node: Node, shape: tuple[int, ...], place: int) -> int:
    """Of the cotangent of one input; an elementwise op's count as one for each element."""
    total = math.prod(node.outputs[0][0])
    if "Matmul" not in node.name():
        return total
    return 2 * total * (shape[-1] if place == 0 or len(shape) == 1 else shape[-2])


def _size(shape: tuple[int, ...], dtype: Any) -> int:
    return int(math.prod(shape) * dtype.itemsize)


def _leaf(x: Tensor) -> int:
    """The number of the node that collects what arrives at an input."""
    if x.grad_fn is not None:
        return x.grad_fn.sequence_number
    with recording_on():
        node = _core.reshape(x, (*x.shape, 1)).grad_fn
    assert node is not None
    ((leaf, _),) = node.next_functions
    assert leaf is not None
    return leaf.sequence_number
