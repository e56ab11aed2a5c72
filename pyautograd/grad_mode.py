"""Switching recording off and on.

Recording is switched per level of nested transforms: ``no_grad`` inside a function that is being
transformed stops the recording of that transform and of everything around it, and a ``grad`` called
inside it records its own evaluation again.
"""

from __future__ import annotations

from . import _core
from ._switches import F, PlainSwitch, Switch

__all__ = ["enable_grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]


def is_grad_enabled() -> bool:
    """Whether operations on tensors that require grad are recorded here.

    >>> pa.is_grad_enabled()
    True
    """
    return bool(_core.is_grad_enabled())


class _Restored:
    """Goes back to the levels that recorded before."""

    __slots__ = ()

    def _back(self, former: int) -> None:
        _core.set_disabled_through(former)


class no_grad(_Restored, PlainSwitch):
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


class enable_grad(_Restored, PlainSwitch):
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


class set_grad_enabled(_Restored, Switch):
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

    __slots__ = ("_mode", "_thrown")

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self._mode = bool(mode)
        super().__enter__()
        self._thrown = True  # and no block has begun that will throw it back

    def __enter__(self) -> None:
        if not self._thrown:
            super().__enter__()
        self._thrown = False

    def __call__(self, f: F) -> F:
        """As a decorator it acts inside the function only."""
        if self._thrown:
            super().__exit__()
        self._thrown = False
        return super().__call__(f)

    def _switch(self) -> int:
        return int(_core.enable_recording() if self._mode else _core.disable_recording())
