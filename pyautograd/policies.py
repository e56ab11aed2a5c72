"""What a checkpoint keeps: rules for ``pa.checkpoint(f, x, policy=...)``.

A policy is a function of an :class:`Operation` that says whether its result is kept. What is kept
is not computed again, at the cost of its memory; the derivatives are the same. The functions here
make the usual ones.

>>> policy = pa.policies.save_ops("matmul")
>>> f = lambda x: pa.sum(pa.tanh(x @ x))
>>> g = pa.func.grad(lambda x: pa.checkpoint(f, x, policy=policy))(pa.eye(2))
>>> bool(pa.allclose(g, pa.func.grad(f)(pa.eye(2))))
True

Values are kept for runs under the same ``vmap``s as the first; elsewhere, and in forward mode, all
is computed again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ._names import public_dir

__all__ = [
    "Operation",
    "Policy",
    "any_of",
    "dots_saveable",
    "everything_saveable",
    "nothing_saveable",
    "save_costly",
    "save_names",
    "save_ops",
    "save_smaller_than",
]

__dir__ = public_dir(__all__)


class Operation(NamedTuple):
    """One evaluation of an operation, as a policy sees it."""

    op: str
    """The name of the operation, such as ``"matmul"``."""
    name: str | None
    """What :func:`pyautograd.name` calls its result. A result with a name is asked about twice:
    when it is made, with None here, and when it is named."""
    nbytes: int
    """The size of its result."""
    cost: float
    """How many arithmetic operations it takes, roughly: elements, for products and factorizations
    times the length of the sums."""


Policy: TypeAlias = Callable[[Operation], bool]
Rule: TypeAlias = Callable[[str, str | None, int, float], bool]


def as_rule(policy: Policy) -> Rule:
    """A policy as the engine calls it."""
    if not callable(policy):
        raise TypeError(f"[checkpoint] policy must be a function, not {type(policy).__name__}")
    return lambda op, name, nbytes, cost: bool(policy(Operation(op, name, nbytes, cost)))


def nothing_saveable(operation: Operation) -> bool:
    """Keep nothing, as without a policy.

    >>> pa.policies.nothing_saveable(pa.policies.Operation("exp", None, 80, 10.0))
    False
    """
    return False


def everything_saveable(operation: Operation) -> bool:
    """Keep the result of every operation.

    >>> pa.policies.everything_saveable(pa.policies.Operation("exp", None, 80, 10.0))
    True
    """
    return True


def dots_saveable(operation: Operation) -> bool:
    """Keep matrix products, which cost most per byte.

    >>> pa.policies.dots_saveable(pa.policies.Operation("matmul", None, 80, 1e3))
    True
    """
    return operation.op in ("matmul", "vecdot")


def save_ops(*ops: str) -> Policy:
    """Keep the results of these operations.

    >>> pa.policies.save_ops("exp")(pa.policies.Operation("exp", None, 80, 10.0))
    True
    """
    return lambda operation: operation.op in ops


def save_names(*names: str) -> Policy:
    """Keep what :func:`pyautograd.name` gave one of these names.

    >>> pa.policies.save_names("attn")(pa.policies.Operation("exp", "attn", 80, 10.0))
    True
    """
    return lambda operation: operation.name in names


def save_smaller_than(nbytes: int) -> Policy:
    """Keep results of fewer bytes than this.

    >>> pa.policies.save_smaller_than(100)(pa.policies.Operation("sum", None, 8, 10.0))
    True
    """
    return lambda operation: operation.nbytes < nbytes


def save_costly(cost_per_byte: float) -> Policy:
    """Keep results that take at least so many arithmetic operations per byte.

    >>> pa.policies.save_costly(4.0)(pa.policies.Operation("matmul", None, 80, 1e3))
    True
    """
    return lambda operation: operation.cost >= cost_per_byte * operation.nbytes


def any_of(*policies: Policy) -> Policy:
    """Keep what one of these keeps.

    >>> policy = pa.policies.any_of(pa.policies.dots_saveable, pa.policies.save_ops("exp"))
    >>> policy(pa.policies.Operation("exp", None, 80, 10.0))
    True
    """
    return lambda operation: any(policy(operation) for policy in policies)
