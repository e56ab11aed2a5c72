"""Checkpoints: compute again what a derivative needs, in place of keeping it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .. import _core
from .._core import Tensor
from ..func._arguments import check_callable
from ..policies import Policy, as_rule
from ._rules import NAME, Captured

if TYPE_CHECKING:
    from .._typing import Tree

__all__ = ["checkpoint", "name"]

T = TypeVar("T")


@overload
def checkpoint(
    f: Callable[..., Tree],
    *args: Any,
    policy: Policy | None = None,
    preserve_rng: bool = True,
) -> Tree: ...
@overload
def checkpoint(
    f: Callable[..., Any],
    *args: Any,
    policy: Policy | None = None,
    preserve_rng: bool = True,
) -> Any: ...
def checkpoint(
    f: Callable[..., Any],
    *args: Any,
    policy: Policy | None = None,
    preserve_rng: bool = True,
) -> Any:
    """``f(*args)``, keeping only its inputs: a derivative computes the rest again.

    The values are those of ``f(*args)``, and so are the derivatives, of any order and in every
    mode: the call is one operation with derivative rules of its own, whose derivatives are
    checkpoints again. Memory for a backward pass is that of one run of ``f``, when its turn comes,
    and time grows by one more run.

    Args:
        f: a function of tensors, or of trees of them, that returns tensors or a tree of them.
            Tensors that it captures instead of taking them as arguments count as arguments. What
            else it reads must not change until the derivatives are taken. Inside it, tensors
            require no grad in the first run: take derivatives with :mod:`pyautograd.func`.
        *args: its arguments. What is no tensor is passed through unchanged.
        policy: which results to keep all the same, see :mod:`pyautograd.policies`; none by default.
        preserve_rng: the recomputation draws the same numbers from pyautograd's generators.

    Returns:
        What ``f`` returns.

    Raises:
        RuntimeError: ``f`` writes into an argument or into a captured tensor; or, when a derivative
            is taken, it did not do the same again: it called other operations, or its results have
            other values, for instance because it draws NumPy's random numbers.

    What ``f`` prints is printed by every run of it.

    See A. Griewank and A. Walther, Evaluating Derivatives, 2008, chapter 12.

    >>> w = pa.tensor([1.0, 2.0], requires_grad=True)
    >>> layer = lambda x: pa.tanh(w * x)
    >>> y = pa.checkpoint(layer, pa.tensor([0.0, 1.0]))
    >>> pa.sum(y).backward()
    >>> w.grad.numpy().round(3).tolist()
    [0.0, 0.071]
    >>> pa.func.hessian(lambda x: pa.checkpoint(lambda x: pa.sum(x**3), x))(pa.tensor([1.0])).item()
    6.0
    """
    check_callable(NAME, f)
    rule = None if policy is None else as_rule(policy)
    return Captured(f, args, _core.Trace(), preserve_rng).first_run(rule)


def name(x: T, label: str) -> T:
    """``x`` itself, known to checkpoint policies by a name.

    Outside of a checkpoint it does nothing, and a derivative never sees it.

    Args:
        x: a tensor that an operation has just made; anything else is returned as it is.
        label: any text. :func:`pyautograd.policies.save_names` keeps the values of names.

    >>> policy = pa.policies.save_names("hidden")
    >>> f = lambda x: pa.sum(pa.name(pa.exp(x), "hidden") ** 2)
    >>> pa.func.grad(lambda x: pa.checkpoint(f, x, policy=policy))(pa.tensor([0.0])).tolist()
    [2.0]
    """
    if type(label) is not str:
        raise TypeError(f"[name] the label must be a str, not {type(label).__name__}")
    if isinstance(x, Tensor):
        _core.label_value(x, label)
    return x
