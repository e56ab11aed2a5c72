"""Steps to the minimum of a quadratic model of the loss, found by products with its curvature."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np

from .. import _core
from .._core import Tensor
from .._points import warn_of_lost_derivative
from ..func._arguments import check_callable
from ..func._forward import transpose
from ..func._reverse import Recording, gradients_of, sweep
from ..grad_mode import no_grad
from ..tree import unflatten
from ._optimizer import OptimizerBase

Function: TypeAlias = Callable[[Any], Any]
Vector: TypeAlias = list[Tensor]

# Martens (2010), section 4.4: progress of less than this times the number of steps looked back over
_LEAST_PROGRESS = 5e-4
_LOOK_BACK = 10
# section 4.6: iterates are kept at powers of this
_SPACING = 1.3
# section 4.1: by how much the damping changes, and when
_GROWTH = 1.5
_POOR, _GOOD = 0.25, 0.75
_LEAST_SHARE = 1e-9
# Armijo's rule
_SUFFICIENT = 1e-2
_SHRINKAGE = 0.8
_MOST_TRIALS = 60


class HessianFreeState(NamedTuple):
    """What :class:`HessianFree` carries from step to step."""

    step: Any
    """The number of steps made, a scalar int64 tensor."""
    direction: Any
    """The last solution, where the next search begins: a tree like the parameters."""
    damping: Any
    """What is added to the curvature in every direction, a scalar float64 tensor."""
    loss: Any
    """The loss after the step, of the step's own data: a scalar float64 tensor, nan at first."""
    products: Any
    """How many products with the curvature the last step took, a scalar int64 tensor."""


class HessianFree(OptimizerBase[HessianFreeState]):
    """Gauss-Newton steps for networks: second-order training without a matrix.

    The loss is written as ``loss(model(params))``. With the gradient ``g``, the generalised
    Gauss-Newton matrix ``G = J^T H J`` of model and loss (:class:`pyautograd.linop.GaussNewton`)
    and a damping ``c``, the step minimises ``g d + d (G + c) d / 2`` by conjugate gradients, each
    of which takes one product with ``J`` and one with ``J^T``; where ``loss`` is the negative
    log-likelihood of logits or means, ``G`` is the Fisher matrix and ``d`` the natural gradient.
    The solution before is where the search starts; of its iterates the one with the smallest loss
    is taken, and a line search follows. The damping grows and shrinks with the ratio of what the
    loss and what the quadratic model have lost. Sources: J. Martens, Deep learning via Hessian-free
    optimization, ICML 2010; N. N. Schraudolph, Fast curvature matrix-vector products for
    second-order gradient descent, Neural Computation 14, 2002.

    Args:
        params: a tree of leaves that require grad, to be moved by :meth:`step`; leave it out to use
            :meth:`init` and :meth:`update` only.
        damping: the first ``c``, positive, in units of the curvature. It finds its own size, but a
            start that is far too small or too large costs steps.
        adapt: whether the damping changes.
        products: at most so many products with the curvature per step.
        tolerance: the search ends when its quadratic model falls by less than this share of itself
            per iterate, on average over the last ten or the last tenth of them.
        decay: times the last solution is where a search starts; in [0, 1]. Less than 1 forgets
            directions that other data have chosen.

    The loss of one step is that of all data that its functions see. Few large batches suit the
    method, many small ones suit :class:`Adam`. A penalty on parameters belongs into the loss: a
    ``model`` may return ``(outputs, params)``.

    Raises:
        TypeError, ValueError: a parameter is not a leaf that requires grad or is given twice, or an
            option is out of range.

    >>> x = pa.asarray([0.0, 1.0, 2.0])
    >>> opt, p = pa.optim.HessianFree(damping=1e-6), {"a": pa.asarray(0.0), "b": pa.asarray(0.0)}
    >>> model = lambda p: pa.exp(p["a"] * x) + p["b"]
    >>> loss = lambda y: pa.sum((y - (np.exp(-0.5 * x) + 2.0)) ** 2)
    >>> state = opt.init(p)
    >>> for _ in range(6):
    ...     p, state = opt.update(p, model, loss, state)
    >>> {name: round(value.item(), 5) for name, value in p.items()}
    {'a': -0.5, 'b': 2.0}
    """

    _scalars: ClassVar[dict[str, str]] = {
        "step": "integer",
        "damping": "floating-point number",
        "loss": "floating-point number",
        "products": "integer",
    }

    def __init__(
        self,
        params: Any = None,
        *,
        damping: float = 1.0,
        adapt: bool = True,
        products: int = 250,
        tolerance: float = _LEAST_PROGRESS,
        decay: float = 0.95,
    ) -> None:
        self._damping = self._plain("damping", damping, math.ulp(0.0), math.inf)
        self._adapt = adapt
        if not isinstance(products, int) or products < 1:
            raise ValueError(f"[{self._name()}] products must be a positive int, got {products!r}")
        self._products = products
        self._tolerance = self._plain("tolerance", tolerance, 0.0, 1.0)
        self._decay = self._plain("decay", decay, 0.0, math.nextafter(1.0, 2.0))
        super().__init__(params)

    def update(
        self, params: Any, model: Function, loss: Function, state: HessianFreeState
    ) -> tuple[Any, HessianFreeState]:
        """One step, as a function of all that it needs.

        It is evaluated at a point: nothing is recorded, and it cannot run inside transforms.

        Args:
            params: a tree of real floating-point tensors.
            model: a function of such a tree that returns a tensor or a tree of them.
            loss: a function of what `model` returns, a convex one as a rule, that returns a scalar.
            state: from :meth:`init` or an earlier call.

        Returns:
            ``(params, state)`` after the step. The arguments stay as they are. Where no step makes
            the loss smaller the parameters stay, and the damping grows.

        Raises:
            TypeError: a parameter is not a real floating-point tensor.
            ValueError: `state` does not match `params`, or the loss is no scalar.
            RuntimeError: a parameter is part of a running transform.
            FloatingPointError: the loss is not finite at `params`.

        >>> opt = pa.optim.HessianFree(damping=1.0)
        >>> w = pa.asarray([2.0, -1.0])
        >>> moved, state = opt.update(w, lambda w: w, lambda w: pa.sum(w**2) / 2, opt.init(w))
        >>> moved.tolist(), state.loss.item(), state.damping.item() < 1.0
        ([1.0, -0.5], 0.625, True)
        """
        leaves, structure = self._tensors("update", params)
        opened = self._opened("update", state, structure, leaves)
        moved, after = self._moved(f"{self._name()}.update", structure, leaves, model, loss, opened)
        trees = self._map_trees(lambda _, tree: unflatten(structure, tree), after)
        return unflatten(structure, moved), trees

    def step(self, model: Function, loss: Function) -> Tensor:
        """Move the parameters in place, by a step as :meth:`update` makes it.

        Args:
            model, loss: as for :meth:`update`; `model` is called with the tree of the parameters.

        Returns:
            The loss after the step, a scalar float64 tensor.

        Raises:
            RuntimeError: the optimiser was made without parameters.
            TypeError, ValueError, FloatingPointError: as for :meth:`update`.

        >>> w = pa.tensor([2.0, -1.0], requires_grad=True)
        >>> opt = pa.optim.HessianFree(w, damping=1.0)
        >>> opt.step(lambda w: w, lambda w: pa.sum(w**2) / 2).item(), w.tolist()
        (0.625, [1.0, -0.5])
        """
        structure = self._given("step")
        moved, self._state = self._moved(
            f"{self._name()}.step", structure, self._leaves, model, loss, self._state
        )
        with no_grad():
            for x, value in zip(self._leaves, moved, strict=True):
                x[...] = value
        reached: Tensor = self._state.loss
        return reached

    def _start(self, leaves: Vector) -> HessianFreeState:
        return HessianFreeState(
            _core.zeros((), dtype=np.int64),
            [_core.zeros_like(p) for p in leaves],
            _core.asarray(self._damping),
            _core.asarray(math.nan),
            _core.zeros((), dtype=np.int64),
        )

    def _plain(self, what: str, value: Any, low: float, high: float) -> float:
        if type(value) is Tensor:
            value = value.item()
        number = self._number(what, value, low, high)
        assert isinstance(number, float)
        return number

    def _moved(
        self,
        op: str,
        structure: Any,
        leaves: Vector,
        model: Function,
        loss: Function,
        state: HessianFreeState,
    ) -> tuple[Vector, HessianFreeState]:
        here = _Surroundings(op, structure, leaves, model, loss)
        damping = float(state.damping)

        def damped(v: Vector) -> Vector:
            return _sum(here.curvature(v), damping, v)

        with no_grad():
            start = [self._decay * d for d in state.direction]
            fall = [-g for g in here.gradient]
            iterates = conjugate_gradients(damped, fall, start, self._products, self._tolerance)
            best, value = here.best_of(iterates)
            direction = best.solution
            if self._adapt:
                damping *= _change_of_damping(value - here.value, best, damping)
            share, value = here.descend(direction, value)
            if share == 0.0:
                direction = [_core.zeros_like(d) for d in direction]
            moved = _sum(here.point, share, direction)
        return moved, HessianFreeState(
            state.step + 1,
            direction,
            _core.asarray(damping),
            _core.asarray(value),
            _core.asarray(iterates[-1].products),
        )


class _Surroundings:
    """A loss of a model around a point: value, gradient, curvature, and values nearby."""

    def __init__(
        self, op: str, structure: Any, leaves: Vector, model: Function, loss: Function
    ) -> None:
        for f in (model, loss):
            check_callable(op, f)
        for x in leaves:
            if _core.depth(x):
                raise RuntimeError(
                    f"[{op}] evaluates at a point and cannot run inside a transform: use "
                    "pa.optim.SGD or Adam there"
                )
            if x.dtype.kind == "c":
                raise TypeError(f"[{op}] takes real parameters, got dtype {x.dtype}")
        self.point = [x.detach() for x in leaves]
        self._structure, self._model, self._loss = structure, model, loss
        self._inner = inner = Recording(
            op, model, (unflatten(structure, self.point),), {}, 0, False
        )
        self._outer = outer = Recording(op, loss, (inner.value(),), {}, 0, False)
        if inner.reaches_outside() or outer.reaches_outside():
            warn_of_lost_derivative(op, "pa.optim.SGD", stacklevel=4)
        self.value: float = outer.scalar().item()
        if not math.isfinite(self.value):
            raise FloatingPointError(f"[{op}] the loss is {self.value} at the parameters")
        self._slopes = gradients_of(outer, unread=False)
        self._push = transpose(inner, "no")
        self.gradient = self._pull([g.detach() for g in self._slopes])

    def _pull(self, cotangents: Sequence[Tensor]) -> Vector:
        inner = self._inner
        return sweep(
            inner.outputs, cotangents, inner.inputs, retain_graph=True, differentiable="no"
        )

    def curvature(self, v: Vector) -> Vector:
        """The Gauss-Newton matrix times a vector."""
        turned = sweep(
            self._slopes,
            self._push(v),
            self._outer.inputs,
            retain_graph=True,
            differentiable="no",
        )
        return self._pull(turned)

    def loss_after(self, direction: Vector, share: float = 1.0) -> float:
        moved = unflatten(self._structure, _sum(self.point, share, direction))
        value: float = self._loss(self._model(moved)).item()
        return value

    def best_of(self, iterates: list[Iterate]) -> tuple[Iterate, float]:
        """Going back from the last, for as long as the loss gets smaller."""
        best, value = iterates[-1], self.loss_after(iterates[-1].solution)
        for other in reversed(iterates[:-1]):
            earlier = self.loss_after(other.solution)
            if not (earlier < value or math.isnan(value)):
                break
            best, value = other, earlier
        return best, value

    def descend(self, direction: Vector, value: float) -> tuple[float, float]:
        """How far to go in a direction, at whose end the loss has this value, and the loss there.

        Zero where no part of the way is good enough.
        """
        slope, share = _dot(self.gradient, direction), 1.0
        if slope < 0.0:
            for _ in range(_MOST_TRIALS):
                if value <= self.value + _SUFFICIENT * share * slope:
                    return share, value
                share *= _SHRINKAGE
                value = self.loss_after(direction, share)
        return 0.0, self.value


class Iterate(NamedTuple):
    """Of a search for the minimum of ``x A x / 2 - b x``."""

    solution: Vector
    value: float
    products: int


def _change_of_damping(change: float, reached: Iterate, damping: float) -> float:
    """By the ratio of what the loss and what the quadratic model without damping have lost."""
    damped = 0.5 * damping * _dot(reached.solution, reached.solution)
    promised = reached.value - damped
    if not promised < 0.0 or not change / promised >= _POOR:
        return _GROWTH
    # Smaller than can be seen it need not be: it has to come back.
    smaller = change / promised > _GOOD and damped > _LEAST_SHARE * -promised
    return 1.0 / _GROWTH if smaller else 1.0


def conjugate_gradients(
    multiply: Callable[[Vector], Vector],
    b: Vector,
    start: Vector,
    most: int,
    tolerance: float,
) -> list[Iterate]:
    """Iterates at growing distances, and the last one.

    They end after `most` products, where the value falls no more, and before a direction of
    negative curvature.
    """
    x, r, products = start, b, 0
    if _dot(start, start) > 0.0:
        r, products = _sum(b, -1.0, multiply(start)), 1
    p, square = r, _dot(r, r)
    values = [-0.5 * (_dot(x, b) + _dot(x, r))]
    kept: list[Iterate] = []
    wanted = 1
    while products < most and square > 0.0 and not _has_settled(values, tolerance):
        turned = multiply(p)
        products += 1
        bend = _dot(p, turned)
        if not bend > 0.0:
            break
        length = square / bend
        x, r = _sum(x, length, p), _sum(r, -length, turned)
        values.append(-0.5 * (_dot(x, b) + _dot(x, r)))
        if len(values) > wanted:
            kept.append(Iterate(x, values[-1], products))
            wanted = max(math.ceil(wanted * _SPACING), wanted + 1)
        former, square = square, _dot(r, r)
        p = _sum(r, square / former, p)
    if not kept or kept[-1].solution is not x:
        kept.append(Iterate(x, values[-1], products))
    return kept


def _has_settled(values: list[float], tolerance: float) -> bool:
    """Martens (2010), section 4.4."""
    steps = len(values) - 1
    back = max(_LOOK_BACK, steps // 10)
    if steps <= back or not values[-1] < 0.0:
        return False
    return values[-1 - back] - values[-1] < back * tolerance * -values[-1]


def _sum(x: Vector, factor: float, y: Vector) -> Vector:
    return [a + factor * b for a, b in zip(x, y, strict=True)]


def _dot(x: Vector, y: Vector) -> float:
    return math.fsum(float(_core.sum(a * b)) for a, b in zip(x, y, strict=True))
