"""Calls that are written down once as a list of ops and then run again: :func:`captured`."""

from __future__ import annotations

import functools
import gc
import inspect
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

import numpy as np

from . import _core
from ._core import Tensor
from ._replay import Tape, note
from .tree import TreeDef, flatten, paths, unflatten

__all__ = ["Captured", "captured"]

P = ParamSpec("P")
R = TypeVar("R")

# What returns before it has done anything
_RUN_LATER: dict[str, Callable[[Any], bool]] = {
    "a generator function": inspect.isgeneratorfunction,
    "a coroutine function": inspect.iscoroutinefunction,
    "an asynchronous generator function": inspect.isasyncgenfunction,
}
# Beyond so many, the arguments that decide what is captured are likely to be ones that change.
_MANY = 16


def captured(f: Callable[P, R]) -> Captured[P, R]:
    """A function whose calls are written down as lists of ops and then run again.

    The first call with arguments of some shapes and dtypes runs ``f`` without doing the work, to
    write down which ops it asks for: those of all derivatives that it takes included, those that
    nobody reads left out. That call and later ones run the list: no Python, no graph, no
    derivative rules, and the same numbers. What costs tens of microseconds of bookkeeping costs a
    few. There is nothing to compile.

    >>> def energy(x):
    ...     return pa.sum(x**4)
    >>> curvature = pa.captured(lambda x: pa.hessian(energy, x))
    >>> curvature(pa.tensor([1.0, 2.0])).tolist()
    [[12.0, 0.0], [0.0, 48.0]]
    >>> curvature(pa.tensor([0.0, 1.0])).tolist()
    [[0.0, 0.0], [0.0, 12.0]]
    >>> curvature
    <captured <lambda>: 1 call of 3 ops>

    Tensors and arrays in the arguments, which may be trees of them (:mod:`pyautograd.tree`), may
    have other numbers in each call. Everything else is fixed by the call that was written down,
    and where an argument that is no array differs, another call is: numbers that change should be
    arrays, and what is no array is kept alive. What ``f`` reads beside its arguments are the
    tensors of that call, with the numbers that they have when the list is run; other values of
    Python's, and what is printed, counted or decided by them, are not looked at again. Everything
    that goes through the same ops in every call can be captured, ``backward`` on tensors that ``f``
    made and writes into such tensors included, and writes into arguments, of which the caller sees
    nothing; but no function with rules of its own that computes with NumPy. The solvers of
    :mod:`pyautograd.implicit` run anew in each call, and what generators from outside draw is what
    ``f`` would draw there.

    Where an argument requires grad or a transform is at work on it, ``f`` is called as it is, so
    that derivatives of a captured function are those of ``f``: capture the outermost function. So
    it is inside ``pa.detect_anomaly``, which looks at numbers. Functions may run in several
    threads.

    Args:
        f: takes and returns trees of tensors and other values.

    Returns:
        A function like ``f``, a :class:`Captured`. Tensors that it returns record nothing.

    Raises (when it is called):
        RuntimeError: ``f`` asks for numbers that depend on its arguments (``float(x)``, ``if x >
            0``, boolean masks, NumPy functions of ``np.asarray(x)``), seeds a generator from
            outside, writes into tensors that it did not make (``.grad`` included) or into an array
            that it has read, keeps tensors that it made (in a list), or returns what depends on a
            tensor from outside that requires grad.
        TypeError: an argument is neither an array nor hashable; at once, ``f`` is a generator
            function or a coroutine function.
        ValueError: an argument lies on a device, where ``pa.cuda.graph`` captures calls.

    Warns:
        UserWarning: many calls were written down, since arguments that are no arrays differed.
    """
    return Captured(f)


class Captured(_core.KnownCalls, Generic[P, R]):
    """What :func:`captured` returns."""

    if TYPE_CHECKING:

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    def __init__(self, f: Callable[P, R]) -> None:
        if not callable(f):
            raise TypeError(f"[captured] expected a function, got a {type(f).__name__}")
        for kind, is_kind in _RUN_LATER.items():
            if is_kind(f):
                raise TypeError(
                    f"[captured] {_name(f)} is {kind}, whose ops run after the call: capture the "
                    "functions that it calls"
                )
        functools.update_wrapper(self, f)
        self._f = f
        self._calls: dict[Any, _Call] = {}
        self._lock = threading.RLock()

    def _call(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """A call that is not known."""
        if not _core.may_capture():
            return self._f(*args, **kwargs)
        # Nearly always there are tensors only.
        key: Any = None if kwargs else _core.call_signature(args)
        tensors: Sequence[Any] = args
        if key is None:
            # Once: another thread, or a leaf's hash, may change what holds the leaves meanwhile.
            leaves, structure = flatten((args, kwargs))
            tensors = _arrays(leaves)
            signature = _core.call_signature(tensors)
            if signature is None:
                _check_host(tensors)
                return self._f(*args, **kwargs)
            key = (signature, structure, *[_fixed(x) for x in leaves])
        call = self._calls.get(key)
        if call is None:
            if _core.innermost_depth():  # f may use what the transforms around have wrapped
                return self._f(*args, **kwargs)
            if tensors is args:
                leaves, structure = flatten((args, kwargs))
            call = self._write_down(key, leaves, structure, tensors)
        found = call.run(tensors)
        if found is None:
            return self._f(*args, **kwargs)
        if found is False:
            self._calls.pop(key, None)
            return self(*args, **kwargs)
        return cast(R, call.result(found))

    def _write_down(
        self, key: Any, leaves: list[Any], structure: TreeDef, tensors: Sequence[Tensor]
    ) -> _Call:
        with self._lock:
            if key not in self._calls:
                call = self._calls[key] = _Call(self._f, leaves, structure, tensors)
                args, kwargs = unflatten(structure, leaves)
                signature = None if kwargs or call.draws else _core.tree_signature(args)
                if signature is not None:
                    self.know(signature, call.ops_to_run, call.finish)
                if len(self._calls) == _MANY:
                    warnings.warn(
                        f"[captured] {_MANY} calls of {_name(self._f)} were written down: pass "
                        "numbers that change as arrays, or call it without pa.captured",
                        stacklevel=3,
                    )
            return self._calls[key]

    def ops(self) -> list[list[str]]:
        """The ops of each call that was written down, by name, in the order in which they run.

        >>> f = pa.captured(pa.func.grad(lambda x: pa.sum(pa.sin(x * x))))
        >>> f(pa.ones(2)).shape
        (2,)
        >>> f.ops()
        [['multiply', 'cos', '_scale', '_scale', 'add']]
        """
        return [call.ops() for call in [*self._calls.values()]]

    def reset(self) -> None:
        """Forget the calls that were written down, and what they keep alive."""
        self._calls.clear()
        self.forget()

    def __copy__(self) -> Captured[P, R]:
        return Captured(self._f)

    def __reduce__(self) -> str | tuple[Any, ...]:
        """By its name, as functions are pickled, or made again of its function; lists of ops do
        not go along."""
        name = self.__dict__.get("__qualname__", "")
        found: Any = sys.modules.get(self.__module__)
        for part in name.split("."):
            found = getattr(found, part, None)
        return name if found is self else (Captured, (self._f,))

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        lengths = [str(len(ops)) for ops in self.ops()]
        calls = "1 call" if len(lengths) == 1 else f"{len(lengths)} calls"
        ops = f" of {', '.join(lengths)} ops" if lengths else ""
        return f"<captured {_name(self._f)}: {calls}{ops}>"


class _Call:
    """A call that was written down."""

    def __init__(
        self,
        f: Callable[..., Any],
        leaves: list[Any],
        structure: TreeDef,
        tensors: Sequence[Tensor],
    ) -> None:
        capture = _core.Capture(tensors)
        with Tape().record() as drawn:
            results, self._structure = _run(f, capture, leaves, structure)
        self._generators = drawn.generators()
        self._others = [None if isinstance(y, Tensor) else _own(y) for y in results]
        self._places = [i for i, y in enumerate(results) if isinstance(y, Tensor)]
        # Mostly a tensor, a few or a dict of them: put together at once.
        kind = self._structure.type
        plain = len(self._places) == len(results) and all(
            child.type is None for child in self._structure.children
        )
        # From a list of tensors to what the function returns, where that is not its only one
        self.finish: Callable[[list[Tensor]], Any] | None = self._rebuilt
        if plain and kind in (tuple, list, None):
            self.finish = kind
        elif plain and kind is dict:
            names = [*unflatten(self._structure, self._places)]
            self.finish = lambda found: dict(zip(names, found, strict=True))
        self.ops_to_run = capture.finish([results[i] for i in self._places])
        self.draws = bool(self._generators)
        self.run = self._run_drawing if self.draws else self.ops_to_run.run
        self.ops = self.ops_to_run.ops
        del results
        if capture.held:
            gc.collect()
        if capture.held:
            raise RuntimeError(
                f"[captured] {_name(f)} keeps tensors that it made (in a list, an attribute), "
                "where later calls would not put theirs: return them instead"
            )

    def _run_drawing(self, tensors: Sequence[Tensor]) -> Any:
        for generator in self._generators:
            note(generator)
        return self.ops_to_run.run(tensors)

    def result(self, found: list[Tensor]) -> Any:
        """What the function returns, with these tensors in it."""
        return self.finish(found) if self.finish else found[0]

    def _rebuilt(self, found: list[Tensor]) -> Any:
        results = [_own(y) for y in self._others]
        for i, y in zip(self._places, found, strict=True):
            results[i] = y
        return unflatten(self._structure, results)


def _run(
    f: Callable[..., Any], capture: _core.Capture, leaves: list[Any], structure: TreeDef
) -> tuple[list[Any], TreeDef]:
    arrays = iter(capture.arguments())
    args, kwargs = unflatten(structure, [next(arrays) if _is_array(x) else x for x in leaves])
    del arrays
    with capture:
        results, out_structure = flatten(f(*args, **kwargs))
    for i, y in enumerate(results):
        if isinstance(y, Tensor) and (y.requires_grad or _core.depth(y)):
            raise RuntimeError(
                f"[captured] the result{paths(out_structure)[i]} can be differentiated with "
                "respect to a tensor beside the arguments, which no later call could: pass that as "
                "an argument, or return the result of detach()"
            )
    return results, out_structure


def _is_array(x: Any) -> bool:
    return isinstance(x, (Tensor, np.ndarray, np.generic))


def _arrays(leaves: Sequence[Any]) -> list[Tensor]:
    return [_core.asarray(x) for x in leaves if _is_array(x)]


def _own(x: Any) -> Any:
    """A NumPy array that a caller writes into must not be the next one's result."""
    return x.copy() if isinstance(x, np.ndarray) else x


def _fixed(x: Any) -> Any:
    """What an argument decides about the ops."""
    if _is_array(x):
        return Tensor
    if isinstance(x, (float, complex)):  # 0.0 is not -0.0
        return type(x), repr(x)
    try:
        hash(x)
    except TypeError:
        instead = ": pass np.asarray(it)" if hasattr(x, "__array__") else ""
        raise TypeError(
            f"[captured] an argument of type {type(x).__name__} is neither an array nor hashable, "
            f"so that nothing tells whether it is the same in the next call{instead}"
        ) from None
    return type(x), x


def _check_host(tensors: Sequence[Tensor]) -> None:
    for x in tensors:
        if x.device != "cpu":
            raise ValueError(
                f"[captured] an argument lies on {x.device}: capture the call with pa.cuda.graph"
            )


def _name(f: Callable[..., Any]) -> str:
    return getattr(f, "__qualname__", None) or repr(f)
