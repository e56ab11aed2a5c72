"""The operators: one recorded linearisation each, swept once per product."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._core import Tensor
from .._flat import Array, Layout, sweep_flat
from .._points import constant, warn_of_lost_derivative
from .._scipy import scipy_module
from ..func._arguments import check_callable
from ..func._forward import transposed_graph
from ..func._reverse import Recording, recording_on, sweep
from ..tree import flatten_like

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator
else:
    try:
        LinearOperator = scipy_module("linop", "sparse.linalg").LinearOperator
    except ImportError:

        class LinearOperator:
            """Stands in where SciPy is missing, so that the module imports; it cannot be made."""

            def __init__(self, *_: Any) -> None:
                scipy_module("linop", "sparse.linalg")


class _Operator(LinearOperator):  # type: ignore[misc]
    """Products by sweeps over a graph; `_rows(V)` multiplies the rows of V, or one vector."""

    _columns: Layout

    def __init__(self, shape: tuple[int, int], columns: Layout) -> None:
        super().__init__(columns.dtype, shape)
        self._columns = columns

    def unflatten(self, vector: Any) -> Any:
        """The tree that a vector in the space of ``x`` stands for.

        Leaves lie one after another in the order of :func:`pyautograd.tree.flatten`, each in
        row-major order.

        >>> H = pa.linop.Hessian(lambda p: p["a"] * pa.sum(p["b"]), {"a": 2.0, "b": np.ones(2)})
        >>> H.unflatten(H @ np.array([1.0, 0.0, 0.0]))
        {'a': tensor(0.), 'b': tensor([1., 1.])}
        """
        return self._columns.unflatten(vector)

    def flatten(self, tree: Any) -> Array:
        """The vector that stands for a tree like ``x``, a direction for example.

        Raises:
            ValueError: a structure or a shape other than that of ``x``.

        >>> H = pa.linop.Hessian(lambda p: p["a"] * pa.sum(p["b"]), {"a": 2.0, "b": np.ones(2)})
        >>> H @ H.flatten({"a": 1.0, "b": np.zeros(2)})
        array([0., 1., 1.])
        """
        op = f"linop.{type(self).__name__}.flatten"
        leaves = flatten_like(self._columns.structure, tree, op, "the tree")
        given = [_core.asarray(leaf) for leaf in leaves]
        for x, (shape, _) in zip(given, self._columns.leaves, strict=True):
            if x.shape != shape:
                raise ValueError(f"[{op}] the tree has shape {x.shape} where x has {shape}")
        return self._columns.join([x.detach() for x in given])

    def _forward(self, v: Array) -> Array:
        raise NotImplementedError

    def _backward(self, v: Array) -> Array:
        return self._forward(v)

    def _matvec(self, v: Array) -> Array:
        return self._of_vectors(self._forward, v, *self.shape)

    def _rmatvec(self, v: Array) -> Array:
        return self._of_vectors(self._backward, v, *self.shape[::-1])

    def _matmat(self, v: Array) -> Array:
        products = self._of_vectors(self._forward, np.swapaxes(v, -1, -2), *self.shape)
        return np.swapaxes(products, -1, -2)

    def _rmatmat(self, v: Array) -> Array:
        products = self._of_vectors(self._backward, np.swapaxes(v, -1, -2), *self.shape[::-1])
        return np.swapaxes(products, -1, -2)

    def _of_vectors(
        self, product: Callable[[Array], Array], v: Array, rows: int, columns: int
    ) -> Array:
        """The products of the vectors along the last axis, in one sweep.

        SciPy gives more than one axis of them since 1.18; until then, `v` may be a column.
        """
        if np.iscomplexobj(v):
            real, imag = (self._of_vectors(product, u, rows, columns) for u in (v.real, v.imag))
            return real + 1j * imag
        if v.ndim == 1 or v.shape[-1] != columns:
            return product(v.reshape(-1))
        count = math.prod(v.shape[:-1])
        if count == 0:
            return np.zeros((*v.shape[:-1], rows), self.dtype)
        return product(v.reshape(count, columns)).reshape(*v.shape[:-1], rows)


class _Symmetric(_Operator):
    def _adjoint(self) -> _Symmetric:
        return self

    _transpose = _adjoint


class Hessian(_Symmetric):
    """The Hessian of a scalar function at a point, as a linear operator.

    ``f`` runs once and its gradient is recorded once; ``H v`` is then one sweep over that graph,
    and ``H @ V`` one batched sweep (B. A. Pearlmutter, Fast exact multiplication by the Hessian,
    Neural Computation 6, 1994).

    Args:
        f: a function of a tensor or a tree of them that returns a scalar tensor.
        x: the point, of floating dtype.

    Attributes:
        value: ``f(x)``, a float.
        gradient: the gradient as a flat array.

    Raises:
        TypeError: ``x`` is not floating-point, or the result is not a tensor.
        ValueError: the result is not a scalar.
        ImportError: SciPy is missing.

    >>> H = pa.linop.Hessian(lambda x: pa.sum(x**3), pa.tensor([1.0, 2.0]))
    >>> H @ np.eye(2)
    array([[ 6.,  0.],
           [ 0., 12.]])
    """

    def __init__(self, f: Callable[..., Any], x: Any) -> None:
        check_callable("linop.Hessian", f)
        recording = Recording("linop.Hessian", f, (constant(x),), {}, 0, False)
        if recording.reaches_outside():
            warn_of_lost_derivative("linop.Hessian", "pa.hvp", stacklevel=2)
        self._inputs = recording.inputs
        y = recording.scalar()
        with recording_on():
            self._gradient = sweep(
                [y], [None], self._inputs, retain_graph=True, differentiable="yes"
            )
        layout = Layout(recording.op, recording.in_structure, self._inputs)
        super().__init__((layout.size, layout.size), layout)
        self.value: float = y.item()
        self.gradient: Array = layout.join(self._gradient)

    def _forward(self, v: Array) -> Array:
        return sweep_flat(self._gradient, self._columns, self._columns, self._inputs, v)


class _Linearisation:
    """A function recorded at a point with both of its products."""

    def __init__(self, op: str, f: Callable[..., Any], x: Any) -> None:
        check_callable(op, f)
        recording = Recording(op, f, (constant(x),), {}, 0, False)
        if recording.reaches_outside():
            warn_of_lost_derivative(op, "pa.func.jvp and vjp", stacklevel=3)
        self.inputs, self.outputs = recording.inputs, recording.outputs
        self.value = recording.value()
        self.columns = Layout(recording.op, recording.in_structure, self.inputs)
        self.rows = Layout(recording.op, recording.out_structure, self.outputs)
        self._recording = recording
        self._transposed: tuple[list[Tensor], list[Tensor]] | None = None

    def pull(self, u: Array) -> Array:
        return sweep_flat(self.outputs, self.rows, self.columns, self.inputs, u)

    def push(self, v: Array) -> Array:
        if self._transposed is None:
            cotangents, pulled = transposed_graph(self._recording)
            with recording_on():
                zeros = [_core.zeros_like(x) for x in self.inputs]
            moved = [z if g is None else g for g, z in zip(pulled, zeros, strict=True)]
            self._transposed = cotangents, moved
        cotangents, moved = self._transposed
        return sweep_flat(moved, self.columns, self.rows, cotangents, v)


class Jacobian(_Operator):
    """The Jacobian of a function at a point, as a linear operator of shape (outputs, inputs).

    ``J v`` and ``J^T u`` are one sweep each over one recorded evaluation, for a matrix of vectors
    one batched sweep.

    Args:
        f: a function of a tensor or a tree of them that returns tensors or a tree of them.
        x: the point, of floating dtype.

    Attributes:
        value: ``f(x)`` as a flat array.

    Raises:
        TypeError: ``x`` or an output is not floating-point.
        ImportError: SciPy is missing.

    >>> J = pa.linop.Jacobian(lambda x: x[:2] * x[2], pa.tensor([1.0, 2.0, 3.0]))
    >>> J @ np.array([0.0, 0.0, 1.0]), J.T @ np.ones(2)
    (array([1., 2.]), array([3., 3., 3.]))
    """

    def __init__(self, f: Callable[..., Any], x: Any) -> None:
        self._graph = _Linearisation("linop.Jacobian", f, x)
        rows, columns = self._graph.rows, self._graph.columns
        super().__init__((rows.size, columns.size), columns)
        self.dtype = np.result_type(rows.dtype, columns.dtype)
        self.value: Array = rows.join(self._graph.outputs)

    def _forward(self, v: Array) -> Array:
        return self._graph.push(v)

    def _backward(self, v: Array) -> Array:
        return self._graph.pull(v)


class GaussNewton(_Symmetric):
    """The generalised Gauss-Newton matrix ``J^T H J`` of a loss of a model, as a linear operator.

    ``J`` is the Jacobian of the model and ``H`` the Hessian of the loss with respect to the model's
    output (N. N. Schraudolph, Fast curvature matrix-vector products for second-order gradient
    descent, Neural Computation 14, 2002). It is positive semi-definite where the loss is convex,
    and the Hessian of the whole where the model is linear.

    Args:
        model: a function of ``x``, a tensor or a tree of them, that returns tensors or a tree.
        loss: a function of the model's output that returns a scalar tensor.
        x: the point, of floating dtype.

    Raises:
        TypeError: ``x`` or an output is not floating-point.
        ValueError: the loss is not a scalar.
        ImportError: SciPy is missing.

    >>> G = pa.linop.GaussNewton(pa.sin, lambda z: pa.sum(z**2) / 2, pa.tensor([0.0, pa.pi]))
    >>> G @ np.array([1.0, 2.0])
    array([1., 2.])
    """

    def __init__(self, model: Callable[..., Any], loss: Callable[..., Any], x: Any) -> None:
        self._graph = _Linearisation("linop.GaussNewton", model, x)
        self._outer = Hessian(loss, self._graph.value)
        super().__init__((self._graph.columns.size,) * 2, self._graph.columns)

    def _forward(self, v: Array) -> Array:
        return self._graph.pull(self._outer._forward(self._graph.push(v)))


class Fisher(_Symmetric):
    """The Fisher information of a probabilistic model, summed over the samples.

    ``J^T F J`` with ``J`` the Jacobian of the model and ``F`` the Fisher information of the
    distribution whose parameter the model returns; the expectation over the distribution is
    analytic, never sampled. (J. Martens, New insights and perspectives on the natural gradient
    method, JMLR 21, 2020.) ``"empirical"`` is the sum of the outer products of the scores at the
    observed data instead, which is a different matrix except near a perfect fit (F. Kunstner,
    L. Balles, P. Hennig, Limitations of the empirical Fisher approximation, NeurIPS 2019).

    Args:
        model: a function of ``x`` that returns one tensor.
        x: the point, of floating dtype.
        likelihood: what the model returns: ``"categorical"``: logits along the last axis;
            ``"bernoulli"``: logits; ``"gaussian"``: means, of unit variance; ``"poisson"``:
            logarithms of rates; ``"empirical"``: the log-likelihood of each sample.

    Raises:
        TypeError: ``x`` or the output is not floating-point, or the output is not one tensor.
        ValueError: an unknown likelihood, or a categorical model that returns a scalar.
        ImportError: SciPy is missing.

    >>> F = pa.linop.Fisher(lambda x: x, pa.zeros(2), "bernoulli")
    >>> F @ np.ones(2)
    array([0.25, 0.25])
    """

    def __init__(self, model: Callable[..., Any], x: Any, likelihood: str) -> None:
        if likelihood not in _LIKELIHOODS:
            known = ", ".join(_LIKELIHOODS)
            raise ValueError(f"[linop.Fisher] unknown likelihood {likelihood!r}: one of {known}")
        self._graph = _Linearisation("linop.Fisher", model, x)
        if type(self._graph.value) is not Tensor:
            raise TypeError("[linop.Fisher] the model must return one tensor, got a tree")
        output = self._graph.value.detach().to("cpu").numpy()
        if likelihood == "categorical" and output.ndim == 0:
            raise ValueError("[linop.Fisher] a categorical model must return an axis of logits")
        self._product = _LIKELIHOODS[likelihood](output)
        super().__init__((self._graph.columns.size,) * 2, self._graph.columns)

    def _forward(self, v: Array) -> Array:
        moved = self._graph.push(v)
        shape = (*moved.shape[:-1], *self._graph.outputs[0].shape)
        return self._graph.pull(self._product(moved.reshape(shape)).reshape(moved.shape))


def _categorical(logits: Array) -> Callable[[Array], Array]:
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return lambda v: p * (v - (p * v).sum(axis=-1, keepdims=True))


def _bernoulli(logits: Array) -> Callable[[Array], Array]:
    # sigmoid(z) sigmoid(-z) without overflow
    small = np.exp(-np.abs(logits))
    return lambda v: v * (small / (1 + small) ** 2)


def _poisson(log_rates: Array) -> Callable[[Array], Array]:
    rates = np.exp(log_rates)
    return lambda v: v * rates


def _identity(_: Array) -> Callable[[Array], Array]:
    return lambda v: v


_LIKELIHOODS: dict[str, Callable[[Array], Callable[[Array], Array]]] = {
    "categorical": _categorical,
    "bernoulli": _bernoulli,
    "gaussian": _identity,
    "poisson": _poisson,
    "empirical": _identity,
}
