"""Gradient descent, plain and scaled by moments."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import _core
from .._core import Tensor
from ._optimizer import Optimizer


class SGDState(NamedTuple):
    """What :class:`SGD` carries from step to step."""

    velocity: Any
    """A tree like the parameters, or None without momentum."""


class AdamState(NamedTuple):
    """What :class:`Adam` carries from step to step."""

    step: Any
    """The number of steps made, a scalar int64 tensor."""
    mean: Any
    """Running mean of the gradients, a tree like the parameters."""
    mean_square: Any
    """Running mean of their squares, a tree like the parameters."""


def _by_parts(function: Callable[..., Tensor], *values: Tensor) -> Tensor:
    """The function of real numbers, applied to real and imaginary parts on their own."""
    if values[0].dtype.kind == "f":
        return function(*values)
    parts = (function(*map(part, values)) for part in (_core.real, _core.imag))
    return _core.complex(*parts)


def _over_root(eps: Tensor, mean: Tensor, square: Tensor) -> Tensor:
    # At zero the slope of the root is infinite; the mask makes it a constant there.
    root = _core.where(square > 0.0, _core.sqrt(square), 0.0)
    return mean / (root + eps.astype(mean.dtype))


def _like(value: float | Tensor, x: Tensor) -> float | Tensor:
    """A number in the dtype that it is to be multiplied with."""
    return value.astype(x.dtype) if type(value) is Tensor else value


def _used(value: float | Tensor) -> bool:
    return isinstance(value, Tensor) or value != 0.0


class SGD(Optimizer[SGDState]):
    """Gradient descent, with heavy-ball momentum and weight decay if wanted.

    ``velocity = momentum * velocity + grad + weight_decay * param`` and ``param -= lr * velocity``,
    the velocity being zero at first; this is PyTorch's form of the method of Polyak (1964).

    With ``nesterov`` the step is ``lr * (grad + weight_decay * param + momentum * velocity)``, with
    the new velocity.

    Args:
        params: a tree of leaves that require grad, to be moved by :meth:`step`; leave it out to use
            :meth:`init` and :meth:`update` only.
        lr: the learning rate.
        momentum: a number in [0, 1).
        weight_decay: times half the squared norm of the parameters is added to the loss.
        nesterov: look ahead along the velocity (Y. Nesterov, 1983; in this form I. Sutskever et
            al., On the importance of initialization and momentum in deep learning, 2013).

    Rate, momentum and decay are each a number or a scalar tensor; :meth:`update` is
    differentiable with respect to the tensors.

    Raises:
        TypeError, ValueError: a parameter is not a leaf that requires grad or is given twice, an
            option is out of range, or there is no momentum to look ahead by.

    >>> opt = pa.optim.SGD(lr=0.1, momentum=0.5)
    >>> w, state = pa.asarray([1.0]), opt.init(pa.asarray([1.0]))
    >>> for _ in range(2):
    ...     w, state = opt.update(w, pa.asarray([1.0]), state)
    >>> w.tolist(), state.velocity.tolist()
    ([0.75], [1.5])
    """

    def __init__(
        self,
        params: Any = None,
        *,
        lr: float | Tensor,
        momentum: float | Tensor = 0.0,
        weight_decay: float | Tensor = 0.0,
        nesterov: bool = False,
    ) -> None:
        self._momentum = self._number("momentum", momentum, 0.0, 1.0)
        if nesterov and not _used(self._momentum):
            raise ValueError("[SGD] nesterov=True needs a momentum to look ahead by")
        self._nesterov = nesterov
        self._decay = self._number("weight_decay", weight_decay, 0.0, math.inf)
        super().__init__(params, lr)

    def _start(self, leaves: list[Tensor]) -> SGDState:
        return SGDState([_core.zeros_like(p) for p in leaves] if _used(self._momentum) else None)

    def _advance(
        self, leaves: list[Tensor], gradients: list[Tensor], state: SGDState
    ) -> tuple[list[Tensor], SGDState]:
        if _used(self._decay):
            pairs = zip(leaves, gradients, strict=True)
            gradients = [g + _like(self._decay, p) * p for p, g in pairs]
        if state.velocity is not None:
            state = SGDState(self._ahead(state.velocity, gradients))
            gradients = self._ahead(state.velocity, gradients) if self._nesterov else state.velocity
        moved = [p - _like(self.lr, p) * v for p, v in zip(leaves, gradients, strict=True)]
        return moved, state

    def _ahead(self, velocity: list[Tensor], gradients: list[Tensor]) -> list[Tensor]:
        pairs = zip(velocity, gradients, strict=True)
        return [_like(self._momentum, v) * v + g for v, g in pairs]


class Adam(Optimizer[AdamState]):
    """Gradient descent scaled by running moments of the gradient.

    Source: Kingma, Ba (2015), Adam: a method for stochastic optimization, algorithm 1. Where no
    gradient was ever other than zero the step is zero, and so is its derivative, at every order.
    Real and imaginary part of a complex parameter count as two parameters, as in PyTorch.

    Args:
        params: a tree of leaves that require grad, to be moved by :meth:`step`; leave it out to use
            :meth:`init` and :meth:`update` only.
        lr: the learning rate.
        betas: decay of the running mean and of the running mean square, each in [0, 1).
        eps: added to the root of the mean square; positive.
        capturable: count the steps on the device of the parameters, so that a captured step counts
            them, too (:func:`pyautograd.cuda.graph`). Elsewhere that makes steps a little slower.

    Rates, decays and ``eps`` are numbers or scalar tensors; :meth:`update` is differentiable with
    respect to the tensors.

    Raises:
        TypeError, ValueError: a parameter is not a leaf that requires grad or is given twice, or an
            option is out of range.

    >>> opt = pa.optim.Adam(lr=0.5)
    >>> w, state = opt.update(pa.asarray([1.0]), pa.asarray([4.0]), opt.init(pa.asarray([1.0])))
    >>> round(w.item(), 6), state.step.item()
    (0.5, 1)
    """

    _scalars: ClassVar[dict[str, str]] = {"step": "integer"}

    def __init__(
        self,
        params: Any = None,
        *,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float | Tensor = 1e-8,
        capturable: bool = False,
    ) -> None:
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise TypeError(f"[{self._name()}] betas must be a pair of numbers, got {betas!r}")
        first, second = betas
        self._betas = (
            self._number("betas[0]", first, 0.0, 1.0),
            self._number("betas[1]", second, 0.0, 1.0),
        )
        self._eps = self._number("eps", eps, math.ulp(0.0), math.inf)
        self._capturable = capturable
        super().__init__(params, lr)

    def _start(self, leaves: list[Tensor]) -> AdamState:
        device = leaves[0].device if self._capturable and leaves else "cpu"
        return AdamState(
            _core.zeros((), dtype=np.int64, device=device),
            [_core.zeros_like(p) for p in leaves],
            [_core.zeros_like(p) for p in leaves],
        )

    def _advance(
        self, leaves: list[Tensor], gradients: list[Tensor], state: AdamState
    ) -> tuple[list[Tensor], AdamState]:
        first, second = self._betas
        step = state.step + 1
        time = step.astype(np.float64)
        # The bias corrections folded into two scalars: Kingma and Ba, end of section 2.
        unbias = _core.sqrt(1.0 - second**time)
        rate, eps = self.lr * unbias / (1.0 - first**time), self._eps * unbias
        moved, means, squares = [], [], []
        for p, g, m, v in zip(leaves, gradients, state.mean, state.mean_square, strict=True):
            m = _like(first, m) * m + _like(1.0 - first, m) * g
            v = _like(second, v) * v + _like(1.0 - second, v) * _by_parts(_core.square, g)
            scaled = _by_parts(partial(_over_root, eps), m, v)
            moved.append(p - rate.astype(p.dtype) * scaled)
            means.append(m)
            squares.append(v)
        return moved, AdamState(step, means, squares)


class AdamW(Adam):
    """:class:`Adam` with weight decay that is decoupled from the gradient's moments.

    ``param -= lr * weight_decay * param`` precedes Adam's step. Source: Loshchilov, Hutter (2019),
    Decoupled weight decay regularization, algorithm 2 with PyTorch's scaling by ``lr``.

    Args:
        params, lr, betas, eps, capturable: as for :class:`Adam`.
        weight_decay: a number that is not negative, or a scalar tensor.

    Raises:
        TypeError, ValueError: as for :class:`Adam`.

    >>> opt = pa.optim.AdamW(lr=0.5, weight_decay=0.1)
    >>> w, _ = opt.update(pa.asarray([1.0]), pa.asarray([0.0]), opt.init(pa.asarray([1.0])))
    >>> w.tolist()
    [0.95]
    """

    def __init__(
        self,
        params: Any = None,
        *,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float | Tensor = 1e-8,
        weight_decay: float | Tensor = 1e-2,
        capturable: bool = False,
    ) -> None:
        self._decay = self._number("weight_decay", weight_decay, 0.0, math.inf)
        super().__init__(params, lr=lr, betas=betas, eps=eps, capturable=capturable)

    def _advance(
        self, leaves: list[Tensor], gradients: list[Tensor], state: AdamState
    ) -> tuple[list[Tensor], AdamState]:
        kept = 1.0 - self._decay * _core.asarray(self.lr)
        return super()._advance([p * kept.astype(p.dtype) for p in leaves], gradients, state)
