"""Trees: nested tuples, lists, dicts, named tuples and dataclasses, taken apart into leaves.

Everything that is not one of these containers is a leaf; ``None`` is a tree without leaves. The
functions of :mod:`pyautograd.func` take and return trees of tensors. A dict keeps the order of its
keys; two dicts match if they have the same keys. A dataclass field declared with
``field(metadata={"static": True})`` belongs to the structure, not to the leaves.

>>> leaves, structure = pa.tree.flatten({"w": 1.0, "b": (2.0, None)})
>>> leaves
[1.0, 2.0]
>>> structure
{'w': *, 'b': (*, None)}
>>> pa.tree.unflatten(structure, [3.0, 4.0])
{'w': 3.0, 'b': (4.0, None)}
"""

from __future__ import annotations

import itertools
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

from . import _core
from ._core import Tensor
from ._names import public_dir
from ._ported import lookup

if TYPE_CHECKING:
    from ._typing import Tree

__all__ = [
    "TreeDef",
    "broadcast_prefix",
    "flatten",
    "flatten_like",
    "leaves",
    "map",
    "paths",
    "ravel",
    "register_node",
    "unflatten",
]

__dir__ = public_dir(__all__)
__getattr__ = lookup(__name__)

T = TypeVar("T")


class _NodeType(NamedTuple):
    """How to take one kind of container apart and put it together again."""

    # container -> children, and what else describes it (compared by ==)
    flatten: Callable[[Any], tuple[Sequence[Any], Any]]
    unflatten: Callable[[Any, Sequence[Any]], Any]
    # How Python writes the way to each child: "[0]", "['w']", ".weights".
    steps: Callable[[Any, int], list[str]]


class TreeDef:
    """The structure of a tree: what is left when the leaves are taken out. Immutable."""

    __slots__ = ("aux", "children", "num_leaves", "type")

    def __init__(self, type: type | None, aux: Any, children: tuple[TreeDef, ...]) -> None:
        self.type = type
        self.aux = aux
        self.children = children
        count = 1 if type is None else 0
        for child in children:
            count += child.num_leaves
        self.num_leaves: int = count

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, TreeDef):
            return NotImplemented
        mine = (self.type, self.aux, self.children)
        return mine == (other.type, other.aux, other.children)

    def __hash__(self) -> int:
        return hash((self.type, self.children))

    def __repr__(self) -> str:
        if self.type is None:
            return "*"
        if self.type is type(None):
            return "None"
        inner = [repr(child) for child in self.children]
        if self.type is list:
            return f"[{', '.join(inner)}]"
        if self.type is tuple:
            return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"
        if self.type is dict:
            pairs = zip(self.aux[1], inner, strict=True)
            return "{" + ", ".join(f"{key!r}: {child}" for key, child in pairs) + "}"
        return f"{self.type.__name__}({', '.join(inner)})"


_LEAF = TreeDef(None, None, ())


def flatten(tree: Any) -> tuple[list[Any], TreeDef]:
    """Take a tree apart into the list of its leaves and its structure.

    >>> pa.tree.flatten([1.0, (2.0, 3.0)])
    ([1.0, 2.0, 3.0], [*, (*, *)])
    """
    if type(tree) is Tensor:
        return [tree], _LEAF
    leaves: list[Any] = []
    return leaves, _flatten_into(leaves, tree)


def leaves(tree: Any) -> list[Any]:
    """The leaves of a tree, in the order of :func:`flatten`.

    >>> sum(pa.sum(x**2) for x in pa.tree.leaves({"w": pa.ones(2), "b": pa.ones(())})).item()
    3.0
    """
    return flatten(tree)[0]


@overload
def ravel(tree: Tree) -> tuple[Tensor, Callable[[Any], Tree]]: ...
@overload
def ravel(tree: Any) -> tuple[Tensor, Callable[[Any], Any]]: ...
def ravel(tree: Any) -> tuple[Tensor, Callable[[Any], Any]]:
    """A tree of tensors as one vector, and the function that makes a tree of such a vector.

    Both ways record, and work inside every transform, as ``jax.flatten_util.ravel_pytree``.

    Args:
        tree: tensors, arrays and numbers in any containers.

    Returns:
        ``(vector, unravel)``: the leaves one after another in row-major order, promoted to one
        dtype (float64 for a tree without leaves), and a function of a vector of that size, which
        casts the leaves back. That raises ValueError for another shape.

    >>> vector, unravel = pa.tree.ravel({"w": pa.eye(2), "b": 5.0})
    >>> vector.tolist()
    [1.0, 0.0, 0.0, 1.0, 5.0]
    >>> unravel(2 * vector)["b"].item()
    10.0
    """
    found, structure = flatten(tree)
    parts = [_core.asarray(leaf) for leaf in found]
    ends = list(itertools.accumulate(x.size for x in parts))
    size = ends[-1] if ends else 0
    flat = [_core.reshape(x, -1) for x in parts]
    vector = _core.concat(flat) if flat else _core.zeros(0)

    def unravel(vector: Any) -> Any:
        values = _core.asarray(vector)
        if values.shape != (size,):
            raise ValueError(
                f"[tree.ravel] expected a vector of shape ({size},), got {values.shape}"
            )
        pieces = [
            _core.astype(_core.reshape(values[end - x.size : end], x.shape), x.dtype)
            for x, end in zip(parts, ends, strict=True)
        ]
        return unflatten(structure, pieces)

    return vector, unravel


def unflatten(structure: TreeDef, leaves: Sequence[Any]) -> Any:
    """Put a tree of this structure together from its leaves.

    Raises ``ValueError`` if there are too many or too few leaves.

    >>> _, structure = pa.tree.flatten([1.0, (2.0, 3.0)])
    >>> pa.tree.unflatten(structure, "abc")
    ['a', ('b', 'c')]
    """
    if len(leaves) != structure.num_leaves:
        raise ValueError(
            f"[tree.unflatten] the structure {structure!r} has {structure.num_leaves} leaves, "
            f"got {len(leaves)}"
        )
    if structure is _LEAF:
        return leaves[0]
    return _build(structure, iter(leaves))


def map(function: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Apply ``function`` to every leaf, together with the matching leaves of other trees.

    Raises ``ValueError`` naming the first place where two trees differ.

    >>> pa.tree.map(lambda a, b: a + b, {"x": 1.0, "y": 2.0}, {"y": 20.0, "x": 10.0})
    {'x': 11.0, 'y': 22.0}
    """
    if type(tree) is Tensor and not rest:
        return function(tree)
    leaves, structure = flatten(tree)
    if not rest:
        return unflatten(structure, [function(leaf) for leaf in leaves])
    columns = [flatten_like(structure, other, "tree.map", "a later tree") for other in rest]
    return unflatten(structure, [function(*row) for row in zip(leaves, *columns, strict=True)])


def flatten_like(
    structure: TreeDef, tree: Any, op: str = "tree.flatten_like", what: str = "tree"
) -> list[Any]:
    """The leaves of a tree that must have this structure, in the order of the structure.

    Raises ``ValueError`` naming the first place where they differ; ``op`` and ``what`` begin the
    message.

    >>> _, structure = pa.tree.flatten({"x": 1.0, "y": 2.0})
    >>> pa.tree.flatten_like(structure, {"y": 20.0, "x": 10.0})
    [10.0, 20.0]
    """
    if structure is _LEAF and type(tree) is Tensor:
        return [tree]
    leaves, found = flatten(tree)
    if found == structure:
        return leaves
    return list(_matching_leaves(structure, tree, op, what, ""))


# Recursive functions stand at module level: one that closes over itself is a reference cycle, which
# would keep the leaves alive until the next collection.
def _matching_leaves(expected: TreeDef, tree: Any, op: str, what: str, path: str) -> Iterator[Any]:
    if expected.type is None:
        if _node_type(type(tree)) is not None:
            raise _mismatch(op, what, path, "a leaf", tree)
        yield tree
    else:
        children = _matching_children(expected, tree, op, what, path)
        for (step, child), value in zip(_steps(expected), children, strict=True):
            yield from _matching_leaves(child, value, op, what, path + step)


def broadcast_prefix(
    prefix: Any, structure: TreeDef, op: str = "tree.broadcast_prefix", what: str = "prefix"
) -> list[Any]:
    """One value per leaf from a tree that may stop early: a value stands for all leaves below it.

    Here ``None`` is a value like any other. Raises ``ValueError`` naming the first place where the
    prefix does not fit.

    >>> _, structure = pa.tree.flatten(({"x": 1.0, "y": 2.0}, 3.0))
    >>> pa.tree.broadcast_prefix((0, None), structure)
    [0, 0, None]
    """
    if prefix is None or type(prefix) is int:  # nearly always
        return [prefix] * structure.num_leaves
    values: list[Any] = []
    if _prefix_into(values, prefix, structure):
        return values
    return list(_prefix_values(prefix, structure, op, what, ""))


def _prefix_into(values: list[Any], prefix: Any, below: TreeDef) -> bool:
    """Appends the values unless a container differs: `_prefix_values` says where, or that only the
    order of keys does."""
    node = None if prefix is None else _node_type(type(prefix))
    if node is None:
        values += [prefix] * below.num_leaves
        return True
    if type(prefix) is not below.type:
        return False
    children, aux = node.flatten(prefix)
    if aux != below.aux or len(children) != len(below.children):
        return False
    for value, child in zip(children, below.children, strict=True):
        if not _prefix_into(values, value, child):
            return False
    return True


def _prefix_values(prefix: Any, below: TreeDef, op: str, what: str, path: str) -> Iterator[Any]:
    if prefix is None or _node_type(type(prefix)) is None:
        yield from [prefix] * below.num_leaves
    elif below.type is None:
        raise _mismatch(op, what, path, "one value for a leaf", prefix)
    else:
        children = _matching_children(below, prefix, op, what, path)
        for (step, child), value in zip(_steps(below), children, strict=True):
            yield from _prefix_values(value, child, op, what, path + step)


def paths(structure: TreeDef) -> list[str]:
    """How Python would write the way to each leaf.

    >>> pa.tree.paths(pa.tree.flatten({"w": [1.0, 2.0], "b": 3.0})[1])
    ["['w'][0]", "['w'][1]", "['b']"]
    """
    if not isinstance(structure, TreeDef):
        raise TypeError(
            "[tree.paths] expected a structure, the second of what pa.tree.flatten(tree) returns, "
            f"not {type(structure).__name__}"
        )
    if structure.type is None:
        return [""]
    return [step + rest for step, child in _steps(structure) for rest in paths(child)]


def register_node(
    cls: type[T],
    flatten: Callable[[T], tuple[Sequence[Any], Any]],
    unflatten: Callable[[Any, Sequence[Any]], T],
) -> None:
    """Make instances of ``cls`` (not of its subclasses) containers instead of leaves.

    ``flatten(instance)`` returns the children and anything else that describes the instance, to be
    compared with ``==``; ``unflatten(that, children)`` returns an instance. Raises ``ValueError``
    if the class is a container already.

    >>> class Pair:
    ...     def __init__(self, a, b):
    ...         self.a, self.b = a, b
    >>> pa.tree.register_node(Pair, lambda p: ((p.a, p.b), None), lambda _, ab: Pair(*ab))
    >>> pa.tree.flatten(Pair(1.0, 2.0))[0]
    [1.0, 2.0]
    """
    if not isinstance(cls, type):
        raise TypeError(f"[tree.register_node] expected a class, got {cls!r}")
    if cls is Tensor or _node_type(cls) is not None:
        raise ValueError(f"[tree.register_node] {cls.__name__} is a tree node already or a tensor")
    _types[cls] = _NodeType(flatten, unflatten, lambda _, n: [f"<{i}>" for i in range(n)])


def _flatten_into(leaves: list[Any], tree: Any) -> TreeDef:
    cls = type(tree)
    node = _node_type(cls)
    if node is None:
        leaves.append(tree)
        return _LEAF
    children, aux = node.flatten(tree)
    structures = []
    for child in children:
        if type(child) is Tensor:  # most are: saves a call for each
            leaves.append(child)
            structures.append(_LEAF)
        else:
            structures.append(_flatten_into(leaves, child))
    return TreeDef(cls, aux, tuple(structures))


def _build(structure: TreeDef, leaves: Iterator[Any]) -> Any:
    if structure.type is None:
        return next(leaves)
    children = [
        next(leaves) if child is _LEAF else _build(child, leaves) for child in structure.children
    ]
    node = _node_type(structure.type)
    assert node is not None
    return node.unflatten(structure.aux, children)


def _steps(structure: TreeDef) -> list[tuple[str, TreeDef]]:
    assert structure.type is not None
    node = _node_type(structure.type)
    assert node is not None
    steps = node.steps(structure.aux, len(structure.children))
    return list(zip(steps, structure.children, strict=True))


def _matching_children(
    expected: TreeDef, tree: Any, op: str, what: str, path: str
) -> Sequence[Any]:
    """The children of a container that must be like ``expected``, in its order."""
    node = _node_type(type(tree))
    if node is None or expected.type is not type(tree):
        assert expected.type is not None
        wanted = "None" if expected.type is type(None) else f"a {expected.type.__name__}"
        raise _mismatch(op, what, path, wanted, tree)
    children, aux = node.flatten(tree)
    if isinstance(tree, dict):
        keys = expected.aux[1]
        if tree.keys() != set(keys):
            raise _mismatch(op, what, path, f"the keys {list(keys)}", tree, f"{list(tree)}")
        return [tree[key] for key in keys]
    if len(children) != len(expected.children):
        wanted = f"{len(expected.children)} entries"
        raise _mismatch(op, what, path, wanted, tree, f"{len(children)}")
    if aux != expected.aux:
        raise _mismatch(op, what, path, f"{expected.aux!r}", tree, f"{aux!r}")
    return children


def _mismatch(
    op: str, what: str, path: str, wanted: str, tree: Any, got: str | None = None
) -> ValueError:
    place = f" at {path}" if path else ""
    if got is None:
        got = "None" if tree is None else f"a {type(tree).__name__}"
    return ValueError(f"[{op}] {what} does not match{place}: expected {wanted}, got {got}")


def _indices(_: Any, count: int) -> list[str]:
    return [f"[{i}]" for i in range(count)]


def _dict_type(make: Callable[[Any, Any], Any]) -> _NodeType:
    def flatten(tree: Any) -> tuple[Sequence[Any], Any]:
        return list(tree.values()), (getattr(tree, "default_factory", None), tuple(tree))

    return _NodeType(
        flatten,
        lambda aux, children: make(aux[0], zip(aux[1], children, strict=True)),
        lambda aux, _: [f"[{key!r}]" for key in aux[1]],
    )


def _named_tuple_type(cls: Any) -> _NodeType:
    steps = [f".{name}" for name in cls._fields]
    return _NodeType(
        lambda tree: (tree, None), lambda _, children: cls._make(children), lambda *_: steps
    )


def _dataclass_type(cls: Any) -> _NodeType:
    fields = cls.__dataclass_fields__
    # InitVar and ClassVar entries are no fields; dataclasses.fields leaves them out by this mark.
    names = [name for name, field in fields.items() if field._field_type.name == "_FIELD"]
    static = [name for name in names if fields[name].metadata.get("static", False)]
    moving = [name for name in names if name not in static]

    def flatten(tree: Any) -> tuple[Sequence[Any], Any]:
        values = [getattr(tree, name) for name in moving]
        return values, tuple([getattr(tree, name) for name in static])

    def unflatten(aux: Any, children: Sequence[Any]) -> Any:
        # Not through __init__: a __post_init__ that checks or converts would meet tracers or axes.
        tree = object.__new__(cls)
        for name, value in (*zip(static, aux, strict=True), *zip(moving, children, strict=True)):
            object.__setattr__(tree, name, value)
        return tree

    return _NodeType(flatten, unflatten, lambda *_: [f".{name}" for name in moving])


_types: dict[type, _NodeType | None] = {
    Tensor: None,
    float: None,
    int: None,
    type(None): _NodeType(lambda _: ((), None), lambda *_: None, _indices),
    tuple: _NodeType(lambda tree: (tree, None), lambda _, children: tuple(children), _indices),
    list: _NodeType(lambda tree: (tree, None), lambda _, children: list(children), _indices),
    dict: _dict_type(lambda _, items: dict(items)),
    OrderedDict: _dict_type(lambda _, items: OrderedDict(items)),
    defaultdict: _dict_type(lambda factory, items: defaultdict(factory, items)),
}


def _node_type(cls: type) -> _NodeType | None:
    """How to treat instances of a class; None for leaves. Decided once per class."""
    try:
        return _types[cls]
    except KeyError:
        found = None
        if issubclass(cls, tuple) and hasattr(cls, "_fields"):
            found = _named_tuple_type(cls)
        elif hasattr(cls, "__dataclass_fields__"):
            found = _dataclass_type(cls)
        _types[cls] = found
        return found
