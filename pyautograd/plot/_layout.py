"""A layered layout of a directed acyclic graph.

Layers by longest paths, order within layers by barycentres, places by medians with the boxes kept
apart (K. Sugiyama, S. Tagawa, M. Toda, Methods for visual understanding of hierarchical system
structures, IEEE Transactions on Systems, Man and Cybernetics 11, 1981).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_SWEEPS = 12
_GAP, _RISE = 24.0, 46.0
_THREAD = 8.0  # room for an edge that passes a layer


class Layout(NamedTuple):
    """Centres of the nodes, and for each edge the points that it runs through, top to bottom."""

    centres: list[tuple[float, float]]
    edges: list[list[tuple[float, float]]]
    width: float
    height: float


class _Place:
    """A node, or a point of a long edge in a layer between its ends."""

    __slots__ = ("above", "below", "height", "layer", "rank", "width", "x")

    def __init__(self, layer: int, width: float, height: float) -> None:
        self.layer, self.width, self.height = layer, width, height
        self.above: list[_Place] = []
        self.below: list[_Place] = []
        self.rank = 0
        self.x = 0.0


def layered(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> Layout:
    """Place boxes of these sizes; edges go from an earlier node to a later one, and downwards."""
    depths = [0] * len(sizes)
    for start, end in sorted(edges, key=lambda edge: edge[1]):
        depths[end] = max(depths[end], depths[start] + 1)
    # A source stands right above what first reads it.
    readers: dict[int, int] = {}
    for start, end in edges:
        readers[start] = min(readers.get(start, depths[end]), depths[end])
    sources = set(range(len(sizes))) - {end for _, end in edges}
    for i in sources & readers.keys():
        depths[i] = readers[i] - 1
    nodes = [_Place(d, *size) for d, size in zip(depths, sizes, strict=True)]
    chains = [_chain(nodes[start], nodes[end]) for start, end in edges]
    layers: list[list[_Place]] = [[] for _ in range(max(depths, default=-1) + 1)]
    for place in {id(p): p for p in [*nodes, *[p for c in chains for p in c]]}.values():
        layers[place.layer].append(place)
    _order(layers)
    _spread(layers)
    return _finish(nodes, chains, layers)


def _chain(start: _Place, end: _Place) -> list[_Place]:
    """An edge as a chain of places, one in every layer."""
    chain = [start]
    for layer in range(start.layer + 1, end.layer):
        chain.append(_Place(layer, _THREAD, 0.0))
    chain.append(end)
    for upper, lower in zip(chain[:-1], chain[1:], strict=True):
        upper.below.append(lower)
        lower.above.append(upper)
    return chain


def _order(layers: list[list[_Place]]) -> None:
    for layer in layers:
        _rank(layer)
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        for layer in layers if downwards else reversed(layers):
            keys = {}
            for place in layer:
                others = place.above if downwards else place.below
                mean = sum([p.rank for p in others]) / len(others) if others else place.rank
                keys[id(place)] = mean
            layer.sort(key=lambda place, keys=keys: keys[id(place)])  # type: ignore[misc]
            _rank(layer)


def _rank(layer: list[_Place]) -> None:
    for i, place in enumerate(layer):
        place.rank = i


def _spread(layers: list[list[_Place]]) -> None:
    for layer in layers:
        x = 0.0
        for place in layer:
            place.x = x + place.width / 2
            x += place.width + _GAP
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        for layer in layers if downwards else reversed(layers):
            wanted = []
            for place in layer:
                others = sorted([p.x for p in (place.above if downwards else place.below)])
                middle = len(others) // 2
                near = others[middle - 1 + len(others) % 2 : middle + 1]
                wanted.append(sum(near) / len(near) if near else place.x)
            _keep_apart(layer, wanted)


def _keep_apart(layer: list[_Place], wanted: list[float]) -> None:
    """The places nearest to what is wanted, in the least-squares sense, that do not overlap.

    With the room for what lies left of each taken out, places must only ascend: isotonic regression
    by pooling adjacent violators.
    """
    offsets, total = [], 0.0
    for i, place in enumerate(layer):
        if i:
            total += (layer[i - 1].width + place.width) / 2 + _GAP
        offsets.append(total)
    pools: list[tuple[float, int]] = []  # sum, count
    for offset, x in zip(offsets, wanted, strict=True):
        value, count = x - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > value / count:
            former = pools.pop()
            value, count = value + former[0], count + former[1]
        pools.append((value, count))
    shifts = [value / count for value, count in pools for _ in range(count)]
    for place, offset, shift in zip(layer, offsets, shifts, strict=True):
        place.x = offset + shift


def _finish(nodes: list[_Place], chains: list[list[_Place]], layers: list[list[_Place]]) -> Layout:
    places = [place for layer in layers for place in layer]
    left = min([p.x - p.width / 2 for p in places], default=0.0)
    right = max([p.x + p.width / 2 for p in places], default=0.0)
    tops, y = [], 0.0
    for layer in layers:
        height = max([p.height for p in layer])
        tops.append((y, y + height))
        y += height + _RISE

    def run(chain: list[_Place]) -> list[tuple[float, float]]:
        points = [(chain[0].x - left, _middle(tops, chain[0]) + chain[0].height / 2)]
        for place in chain[1:-1]:
            points += [
                (place.x - left, tops[place.layer][0]),
                (place.x - left, tops[place.layer][1]),
            ]
        return [*points, (chain[-1].x - left, _middle(tops, chain[-1]) - chain[-1].height / 2)]

    centres = [(p.x - left, _middle(tops, p)) for p in nodes]
    return Layout(centres, [run(c) for c in chains], right - left, max(y - _RISE, 0.0))


def _middle(tops: list[tuple[float, float]], place: _Place) -> float:
    return sum(tops[place.layer]) / 2
