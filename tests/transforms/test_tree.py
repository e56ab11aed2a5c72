"""pyautograd.tree: containers, paths in messages, prefixes, registered classes."""

import dataclasses
from collections import OrderedDict, defaultdict, namedtuple

import numpy as np
import pytest

import pyautograd as pa
from pyautograd import tree

Pair = namedtuple("Pair", "first second")


@dataclasses.dataclass
class Layer:
    weight: object
    bias: object
    size: int = dataclasses.field(default=3, metadata={"static": True})

    def __post_init__(self):
        assert self.weight is not None


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    value: object


TREES = [
    1.0,
    None,
    (),
    [],
    {},
    (1.0,),
    [1.0, (2.0, None, [3.0])],
    {"b": 1.0, "a": {"c": 2.0}},
    Pair(1.0, {"x": (2.0,)}),
    Layer(1.0, [2.0, 3.0], 5),
    Frozen((1.0, 2.0)),
    OrderedDict([("b", 1.0), ("a", 2.0)]),
]


@pytest.mark.parametrize("value", TREES, ids=repr)
def test_round_trip(value):
    leaves, structure = tree.flatten(value)
    again = tree.unflatten(structure, leaves)
    assert again == value
    assert type(again) is type(value)
    assert tree.flatten(again)[1] == structure
    assert hash(tree.flatten(again)[1]) == hash(structure)
    assert structure.num_leaves == len(leaves) == len(tree.paths(structure))
    assert tree.flatten_like(structure, value) == leaves


def test_leaves_are_whatever_is_no_container():
    x = pa.tensor([1.0])
    leaves = [x, "text", 3, object, {1, 2}]
    assert tree.flatten(leaves)[0] == leaves
    assert tree.flatten(x)[0][0] is x


def test_order_is_that_of_the_keys_as_inserted_but_matching_is_by_key():
    assert tree.flatten({"b": 1, "a": 2})[0] == [1, 2]
    assert tree.map(lambda x, y: (x, y), {"b": 1, "a": 2}, {"a": 20, "b": 10}) == {
        "b": (1, 10),
        "a": (2, 20),
    }


def test_defaultdict_keeps_its_factory():
    made = tree.map(lambda x: x + 1, defaultdict(list, a=1))
    assert made == {"a": 2}
    assert made.default_factory is list


def test_static_fields_and_post_init():
    layer = tree.map(lambda x: None, Layer(1.0, 2.0, 7))
    assert (layer.weight, layer.bias, layer.size) == (None, None, 7)
    structure = tree.flatten(Layer(1.0, 2.0, 7))[1]
    assert structure != tree.flatten(Layer(1.0, 2.0, 8))[1]
    with pytest.raises(ValueError, match=r"expected \(7,\), got \(8,\)"):
        tree.flatten_like(structure, Layer(1.0, 2.0, 8))


def test_paths():
    value = {"w": [1.0, Pair(2.0, 3.0)], "l": Layer(4.0, (5.0,))}
    assert tree.paths(tree.flatten(value)[1]) == [
        "['w'][0]",
        "['w'][1].first",
        "['w'][1].second",
        "['l'].weight",
        "['l'].bias[0]",
    ]


@pytest.mark.parametrize(
    "first, second, message",
    [
        ([1, 2], [1], r"expected 2 entries, got 1"),
        ([1, (2, 3)], [1, [2, 3]], r"at \[1\]: expected a tuple, got a list"),
        ({"a": [1, 2]}, {"a": [1, {"b": 2}]}, r"at \['a'\]\[1\]: expected a leaf, got a dict"),
        ({"a": 1}, {"b": 1}, r"expected the keys \['a'\], got \['b'\]"),
        (Pair(1, (2,)), Pair(1, 2), r"at \.second: expected a tuple, got a int"),
        ((1, None), (1, 2), r"at \[1\]: expected None, got a int"),
        (1, None, r"expected a leaf, got None"),
    ],
)
def test_mismatches_name_the_first_differing_path(first, second, message):
    with pytest.raises(ValueError, match=r"\[tree\.map\] a later tree does not match.*" + message):
        tree.map(lambda x, y: x, first, second)


def test_unflatten_counts():
    structure = tree.flatten([1, 2])[1]
    with pytest.raises(ValueError, match=r"\[\*, \*\] has 2 leaves, got 3"):
        tree.unflatten(structure, [1, 2, 3])


def test_prefixes():
    structure = tree.flatten({"a": (1, 2), "b": [3, None]})[1]
    assert tree.broadcast_prefix(7, structure) == [7, 7, 7]
    assert tree.broadcast_prefix({"b": None, "a": (1, 2)}, structure) == [1, 2, None]
    with pytest.raises(ValueError, match=r"at \['b'\]\[0\]: expected one value for a leaf, got a"):
        tree.broadcast_prefix({"a": 0, "b": [(1, 2), None]}, structure)
    with pytest.raises(ValueError, match=r"at \['a'\]: expected 2 entries, got 3"):
        tree.broadcast_prefix({"a": (0, 0, 0), "b": 0}, structure)


def test_registered_classes():
    class Point:
        def __init__(self, x, y, label):
            self.x, self.y, self.label = x, y, label

    assert len(tree.flatten(Point(1, 2, "p"))[0]) == 1
    tree.register_node(Point, lambda p: ((p.x, p.y), p.label), lambda label, xy: Point(*xy, label))
    moved = tree.map(lambda x: 10 * x, Point(1, (2, 3), "p"))
    assert (moved.x, moved.y, moved.label) == (10, (20, 30), "p")
    structure = tree.flatten(Point(1, (2, 3), "p"))[1]
    assert repr(structure) == "Point(*, (*, *))"
    gradient = pa.func.grad(lambda p: p.x * p.y**2)(Point(1.0, 2.0, "p"))
    assert (gradient.x.item(), gradient.y.item()) == (4.0, 4.0)
    with pytest.raises(ValueError, match="Point is a tree node already"):
        tree.register_node(Point, None, None)
    with pytest.raises(TypeError, match="expected a class, got 3"):
        tree.register_node(3, None, None)


def test_repr():
    value = {"a": (1,), "b": [None, Pair(1, 2)], "c": Layer(1, 2)}
    assert repr(tree.flatten(value)[1]) == "{'a': (*,), 'b': [None, Pair(*, *)], 'c': Layer(*, *)}"


def test_leaves():
    assert tree.leaves({"a": 1, "b": [2, (3, None)]}) == [1, 2, 3]


def test_ravel_is_differentiable_both_ways():
    params = {"w": pa.tensor([[1.0, 2.0]], dtype="float32"), "b": [pa.tensor(3.0), np.ones(0)]}
    vector, unravel = tree.ravel(params)
    assert vector.tolist() == [1, 2, 3] and vector.dtype == np.float64
    back = unravel(vector)
    assert back["w"].dtype == np.float32 and back["w"].tolist() == [[1, 2]]
    assert back["b"][1].shape == (0,)

    def loss(p):
        return pa.sum(p["w"] ** 3) * p["b"][0]

    flat = pa.func.hessian(lambda v: loss(unravel(v)))(vector)
    whole, _ = pa.hessian(loss, {"w": pa.tensor([[1.0, 2.0]]), "b": [pa.tensor(3.0)]}, flatten=True)
    assert flat.tolist() == whole.tolist()
    squares = pa.func.grad(lambda p: pa.sum(tree.ravel(p)[0] ** 2))(params)
    assert squares["w"].tolist() == [[2, 4]] and squares["b"][0].item() == 6
    rows = pa.func.vmap(lambda v: unravel(v)["b"][0])(pa.stack([vector, 2 * vector]))
    assert rows.tolist() == [3, 6]
    with pytest.raises(ValueError, match=r"expected a vector of shape \(3,\), got \(4,\)"):
        unravel(pa.ones(4))
    nothing, unravel = tree.ravel({"a": None})
    assert nothing.shape == (0,) and unravel(nothing) == {"a": None}


def test_paths_are_those_of_a_structure():
    with pytest.raises(TypeError, match=r"\[tree.paths\] expected a structure, .* not dict"):
        tree.paths({"a": 1.0})
