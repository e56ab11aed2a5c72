"""Context managers that are decorators too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from typing_extensions import Self

F = TypeVar("F", bound=Callable[..., Any])


class Switch:
    """A context manager, reentrant, that is also a decorator of functions and generators."""

    __slots__ = ("_formers",)

    def __init__(self) -> None:
        self._formers: list[int] = []

    def _switch(self) -> int:
        """Throws the switch and returns its former state."""
        raise NotImplementedError

    def _back(self, former: int) -> None:
        raise NotImplementedError

    def __enter__(self) -> None:
        self._formers.append(self._switch())

    def __exit__(self, *_: object) -> None:
        self._back(self._formers.pop())

    def _during(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        former = self._switch()
        try:
            return f(*args, **kwargs)
        finally:
            self._back(former)

    def __call__(self, f: F) -> F:
        if not callable(f):
            raise TypeError(f"[{type(self).__name__}] expected a function, got {type(f).__name__}")
        if inspect.iscoroutinefunction(f) or inspect.isasyncgenfunction(f):
            raise TypeError(
                f"[{type(self).__name__}] cannot decorate {f.__name__}, which is asynchronous: "
                "other tasks would run while it waits; use a with block without an await in it"
            )
        if inspect.isgeneratorfunction(f):
            return self._around_generator(f)  # type: ignore[return-value]

        @functools.wraps(f)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return self._during(f, *args, **kwargs)

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
                    value = self._during(resume)
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
                self._during(generator.close)

        return wrapped


class PlainSwitch(Switch):
    """A switch without arguments, which decorates without parentheses too."""

    __slots__ = ()

    @overload
    def __new__(cls, function: None = None, /) -> Self: ...
    @overload
    def __new__(cls, function: Callable[..., Any], /) -> Any: ...
    def __new__(cls, function: Callable[..., Any] | None = None, /) -> Any:
        return super().__new__(cls) if function is None else cls()(function)
