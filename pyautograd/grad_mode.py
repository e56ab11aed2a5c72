"""Switching recording off and on.

Recording is switched per level of nested transforms: ``no_grad`` inside a function that is being
transformed stops the recording of that transform and of everything around it, and a ``grad`` called
inside it records its own evaluation again.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from . import _core

__all__ = ["enable_grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]

F = TypeVar("F", bound=Callable[..., Any])


def is_grad_enabled() -> bool:
    """Whether operations on tensors that require grad are recorded here.

    >>> pa.is_grad_enabled()
    True
    """
    return bool(_core.is_grad_enabled())


class _Switch:
    """A context manager, reentrant, that is also a decorator of functions and generators."""

    __slots__ = ("_formers",)

    def __init__(self) -> None:
        self._formers: list[int] = []

    def _switch(self) -> int:
        raise NotImplementedError

    def _again(self) -> _Switch:
        return type(self)()

    def __enter__(self) -> None:
        self._formers.append(self._switch())

    def __exit__(self, *_: object) -> None:
        _core.set_disabled_through(self._formers.pop())

    def __call__(self, f: F) -> F:
        if not callable(f):
            raise TypeError(f"[{type(self).__name__}] expected a function, got {type(f).__name__}")
        if inspect.isgeneratorfunction(f):
            return self._around_generator(f)  # type: ignore[return-value]

        @functools.wraps(f)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return f(*args, **kwargs)

        return wrapped  # type: ignore[return-value]

    def _around_generator(
        self, f: Callable[..., Generator[Any, Any, Any]]
    ) -> Callable[..., Generator[Any, Any, Any]]:
        """The switch holds while the generator runs, and not while its consumer does."""

        @functools.wraps(f)
        def wrapped(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            generator = f(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(next, generator)
            try:
                while True:
                    with self._again():
                        value = resume()
                    try:
                        sent = yield value
                        resume = functools.partial(generator.send, sent)
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        resume = functools.partial(generator.throw, error)
            except StopIteration as stop:
                return stop.value
            finally:
                with self._again():
                    generator.close()

        return wrapped


class _PlainSwitch(_Switch):
    """A switch without arguments, which decorates without parentheses too."""

    __slots__ = ()

    def __new__(cls, function: Callable[..., Any] | None = None, /) -> Any:
        return super().__new__(cls) if function is None else cls()(function)


class no_grad(_PlainSwitch):
    """Record nothing, as ``with pa.no_grad():`` or ``@pa.no_grad``.

    Results do not require grad even if their inputs do. Inside a transform such as
    ``pa.func.grad`` it applies to that transform and those around it, not to transforms that are
    called inside the block.

    >>> x = pa.tensor(2.0, requires_grad=True)
    >>> with pa.no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """

    __slots__ = ()

    def _switch(self) -> int:
        return int(_core.disable_recording())


class enable_grad(_PlainSwitch):
    """Record again inside ``no_grad``, as ``with pa.enable_grad():`` or ``@pa.enable_grad``.

    >>> x = pa.tensor(2.0, requires_grad=True)
    >>> with pa.no_grad(), pa.enable_grad():
    ...     y = x * x
    >>> y.requires_grad
    True
    """

    __slots__ = ()

    def _switch(self) -> int:
        return int(_core.enable_recording())


class set_grad_enabled(_Switch):
    """Switch recording on or off at once; leaving ``with`` or the decorated function switches back.

    Args:
        mode: whether to record.

    >>> handle = pa.set_grad_enabled(False)
    >>> pa.is_grad_enabled()
    False
    >>> handle = pa.set_grad_enabled(True)
    >>> with pa.set_grad_enabled(False):
    ...     pa.is_grad_enabled()
    False
    >>> pa.is_grad_enabled()
    True
    """

    __slots__ = ("_mode",)

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self._mode = bool(mode)
        self._formers.append(self._switch())

    def __enter__(self) -> None:
        """The switch was thrown already."""

    def __call__(self, f: F) -> F:
        """As a decorator it acts inside the function only."""
        super().__exit__()
        return super().__call__(f)

    def _switch(self) -> int:
        return int(_core.enable_recording() if self._mode else _core.disable_recording())

    def _again(self) -> _Switch:
        return set_grad_enabled(self._mode)
