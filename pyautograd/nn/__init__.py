"""Layers as functions over trees of parameters, initialisers, and losses.

A layer is a pure function ``layer(params, x)``; ``init_*`` makes the parameters it takes, which are
plain dicts and lists of tensors. So every transform of :mod:`pyautograd.func` and every optimiser
of :mod:`pyautograd.optim` applies to them as it is.

Random numbers come from a generator with NumPy's methods, such as ``np.random.default_rng(0)``, and
are drawn in float64 whatever the dtype: the same seed starts a float32 and a float64 network from
the same point, up to rounding.

>>> params = pa.nn.init_mlp(np.random.default_rng(0), [1, 40, 40, 1])
>>> [layer["weight"].shape for layer in params]
[(1, 40), (40, 40), (40, 1)]
>>> pa.nn.mlp(params, pa.zeros((5, 1))).shape
(5, 1)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import Tensor
from .._core import nn__conv as _conv
from .._core import nn__conv_transpose as _conv_transpose
from .._names import public_dir
from .._ported import lookup
from .._whole import one_or_each
from ..compositions._common import nowhere, surely
from ..compositions._in_single import in_single
from ..special import ndtr
from ._windows import avg_pool, conv, conv_transpose, max_pool

if TYPE_CHECKING:
    from .._core import TensorLike

__all__ = [
    "_conv",
    "_conv_transpose",
    "avg_pool",
    "binary_cross_entropy",
    "conv",
    "conv_transpose",
    "cross_entropy",
    "dropout",
    "elu",
    "gelu",
    "glorot_uniform",
    "he_normal",
    "init_conv",
    "init_linear",
    "init_mlp",
    "layer_norm",
    "leaky_relu",
    "linear",
    "max_pool",
    "mean_squared_error",
    "mlp",
    "silu",
    "uniform",
    "zeros",
]

__dir__ = public_dir(__all__)
__getattr__ = lookup(__name__)

# (generator, shape, dtype) -> a parameter; a weight is inputs by outputs
Initializer: TypeAlias = Callable[[Any, Sequence[int], npt.DTypeLike], Tensor]


def linear(params: dict[str, Tensor], x: Tensor) -> Tensor:
    """An affine map of the last axis, ``x @ weight + bias``.

    Args:
        params: ``{"weight": (inputs, outputs), "bias": (outputs,)}``.
        x: shape ``(..., inputs)``.

    Returns:
        Shape ``(..., outputs)``.

    Raises:
        ValueError: the last axis of ``x`` does not have as many entries as the weight has rows.

    >>> params = {"weight": pa.asarray([[1.0, 2.0]]), "bias": pa.asarray([0.0, 1.0])}
    >>> pa.nn.linear(params, pa.asarray([[3.0]])).tolist()
    [[3.0, 7.0]]
    """
    return _core.matmul(x, params["weight"]) + params["bias"]


def mlp(
    params: Sequence[dict[str, Tensor]],
    x: Tensor,
    *,
    activation: Callable[[Tensor], Tensor] = _core.relu,
) -> Tensor:
    """A multilayer perceptron: :func:`linear` layers with an activation between them.

    Args:
        params: the parameters of each layer.
        x: shape ``(..., inputs)``.
        activation: applied elementwise after every layer but the last. The default, ``relu``, has
            derivative 0 at 0, and no curvature: Laplacians and other second derivatives by ``x``
            are 0, so take ``pa.tanh`` or another smooth function for them.

    Returns:
        Shape ``(..., outputs)``.

    Raises:
        ValueError: there is no layer, or the sizes of ``x`` and the layers do not match.

    >>> params = [{"weight": pa.ones((1, 1)), "bias": pa.zeros(1)}] * 2
    >>> pa.nn.mlp(params, pa.asarray([[-1.0], [2.0]])).tolist()
    [[0.0], [2.0]]
    """
    if not params:
        raise ValueError("[nn.mlp] params is empty: give the parameters of at least one layer")
    for layer in params[:-1]:
        x = activation(linear(layer, x))
    return linear(params[-1], x)


@in_single
def gelu(x: Any) -> Tensor:
    """``x`` times the normal distribution function of ``x``, element by element.

    Source: D. Hendrycks, K. Gimpel, Gaussian error linear units (2016); not their approximation.

    >>> pa.nn.gelu([-1.0, 0.0, 1.0]).numpy().round(4)
    array([-0.1587,  0.    ,  0.8413])
    """
    value = _core.asarray(x)
    return value * ndtr(value)


@in_single
def silu(x: Any) -> Tensor:
    """``x`` times the logistic function of ``x``, element by element; also known as swish.

    >>> pa.nn.silu([-1.0, 0.0, 1.0]).numpy().round(4)
    array([-0.2689,  0.    ,  0.7311])
    """
    value = _core.asarray(x)
    return value * _core.sigmoid(value)


@in_single
def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """``x`` where it is positive, else ``alpha * (exp(x) - 1)``, element by element.

    The derivative at 0 is ``alpha``. Source: D.-A. Clevert et al., Fast and accurate deep network
    learning by exponential linear units (2016).

    >>> pa.nn.elu([-1.0, 0.0, 1.0]).numpy().round(4)
    array([-0.6321,  0.    ,  1.    ])
    """
    x = _core.asarray(x)
    return _core.where(x > 0, x, alpha * _core.expm1(_core.where(x > 0, 0, x)))


def leaky_relu(x: Any, slope: float = 0.01) -> Tensor:
    """``x`` where it is positive, else ``slope * x``, element by element.

    The derivative at 0 is ``slope``.

    >>> pa.nn.leaky_relu([-1.0, 0.0, 1.0]).tolist()
    [-0.01, 0.0, 1.0]
    """
    x = _core.asarray(x)
    return _core.where(x > 0, x, slope * x)


@in_single
def layer_norm(x: Any, *, axis: int | Sequence[int] = -1, eps: float = 1e-5) -> Tensor:
    """``x`` shifted and scaled to mean 0 and variance 1 along axes.

    Source: J. L. Ba, J. R. Kiros, G. E. Hinton, Layer normalization (2016). A gain and a shift are
    the caller's: ``gain * layer_norm(x) + shift``.

    Args:
        x: any shape.
        axis: over which axes the mean and the variance are taken.
        eps: is added to the variance; where all elements are equal the result is 0.

    Raises:
        IndexError: an axis does not exist.

    >>> pa.nn.layer_norm([[1.0, 3.0]], eps=0.0).tolist()
    [[-1.0, 1.0]]
    """
    axes = one_or_each(axis)
    value = _core.asarray(x)
    centred = value - _core.mean(value, axis=axes, keepdims=True)
    variance = _core.mean(_core.square(centred), axis=axes, keepdims=True)
    return centred / _core.sqrt(variance + eps)


def dropout(x: Any, rate: float, rng: Any) -> Tensor:
    """``x`` with elements set to zero at random, the others scaled so that the mean stays.

    Args:
        x: any shape.
        rate: the probability of a zero, in [0, 1).
        rng: a generator of :mod:`pyautograd.random`, whose draws every transform repeats or maps as
            its ``randomness`` says, or one of NumPy's.

    Raises:
        ValueError: the rate is out of range.

    >>> y = pa.nn.dropout(pa.ones(1000), 0.25, pa.random.default_rng(0))
    >>> sorted(set(y.numpy().round(4).tolist())), abs(y.mean().item() - 1) < 0.1
    ([0.0, 1.3333], True)
    """
    if not 0.0 <= rate < 1.0:
        raise ValueError(f"[nn.dropout] rate must be in [0, 1), got {rate}")
    x = _core.asarray(x)
    draws = _core.asarray(_draws("dropout", rng, "uniform", size=x.shape))
    kept = draws.to(x.device) >= rate
    return _core.where(kept, x / (1.0 - rate), 0)


def _of_the_shape(op: str, what: str, like: Any, target: Any) -> tuple[Tensor, Tensor]:
    x, y = _core.asarray(like), _core.asarray(target)
    if y.shape != x.shape:
        raise ValueError(
            f"[nn.{op}] the {what} shape {x.shape}, the target {y.shape}: reshape one of them"
        )
    return (x if x.dtype.kind in "fc" else _core.astype(x, np.float64)), y


@in_single
def mean_squared_error(prediction: TensorLike, target: Any) -> Tensor:
    """The mean over all elements of ``(prediction - target) ** 2``, a scalar.

    Args:
        prediction: any shape.
        target: the same shape. Shapes that merely broadcast, such as ``(n, 1)`` and ``(n,)``, are
            an error: their mean would be over all pairs.

    Raises:
        ValueError: the shapes differ.

    >>> pa.nn.mean_squared_error(pa.asarray([1.0, 2.0]), pa.asarray([1.0, 4.0])).item()
    2.0
    """
    x, y = _of_the_shape("mean_squared_error", "prediction has", prediction, target)
    return _core.mean(_core.square(x - y))


@in_single
def cross_entropy(logits: TensorLike, target: Any) -> Tensor:
    """The mean negative log-likelihood of classes under ``softmax(logits)``, a scalar.

    Args:
        logits: shape ``(..., classes)``.
        target: integers from 0 to ``classes - 1``, of shape ``(...)``; or probabilities, of the
            shape of the logits. Derivatives go to these, too. A probability of 0 at a logit of -inf
            counts nothing, with derivative 0.

    Raises:
        TypeError: the target is bool or complex.
        ValueError: the shapes do not match, or a class does not exist. Under ``vmap``, where nobody
            can look, such a class counts as a probability of zero for all classes.

    >>> logits = pa.asarray([[2.0, 0.0], [0.0, 0.0]])
    >>> round(pa.nn.cross_entropy(logits, [0, 1]).item(), 4)
    0.41
    >>> round(pa.nn.cross_entropy(logits, [[1.0, 0.0], [0.0, 1.0]]).item(), 4)
    0.41
    """
    logits, target = _core.asarray(logits), _core.asarray(target)
    classes = target.dtype.kind in "iu"
    if not classes and target.dtype.kind != "f":
        raise TypeError(
            f"[nn.cross_entropy] target has dtype {target.dtype}: expected integers or floats"
        )
    expected = logits.shape[:-1] if classes else logits.shape
    if target.shape != expected or not logits.ndim:
        raise ValueError(
            f"[nn.cross_entropy] logits of shape {logits.shape} need a target of shape {expected} "
            f"and dtype {target.dtype}, got shape {target.shape}"
        )
    logarithms = _core.log_softmax(logits)
    if classes:
        count = logits.shape[-1]
        if surely(_core.less(target, 0)) or surely(_core.greater_equal(target, count)):
            raise ValueError(
                f"[nn.cross_entropy] a target lies outside the classes 0 to {count - 1}"
            )
        chosen = _core.equal(target[..., None], _core.arange(count, device=target.device))
        return -_core.mean(_core.sum(_core.where(chosen, logarithms, 0.0), axis=-1))
    # Of what is impossible, and does not happen, 0 * log(0) = 0.
    impossible = _core.isinf(logarithms)
    if not nowhere(impossible):
        absent = _core.logical_and(impossible, _core.equal(target, 0.0))
        logarithms = _core.where(absent, 0.0, logarithms)
    return -_core.mean(_core.sum(target * logarithms, axis=-1))


@in_single
def binary_cross_entropy(logits: TensorLike, target: Any) -> Tensor:
    """The mean negative log-likelihood of yes or no under ``sigmoid(logits)``, a scalar.

    It is ``softplus(logits) - target * logits``, which neither overflows nor cancels. Infinite
    logits are certainties: 0 where the target agrees, infinite elsewhere, with derivative 0.

    Args:
        logits: any shape.
        target: bools, 0 and 1, or probabilities, of the same shape.

    Raises:
        ValueError: the shapes differ.

    >>> round(pa.nn.binary_cross_entropy(pa.asarray([0.0, 800.0]), [1, 1]).item(), 4)
    0.3466
    """
    x, y = _of_the_shape("binary_cross_entropy", "logits have", logits, target)
    y = y.astype(x.dtype)
    far = _core.isinf(x)
    if nowhere(far):
        return _core.mean(_core.softplus(x) - y * x)
    at = _core.where(far, 0.0, x)
    # Of what is sure, 0 where it is so, and infinite otherwise
    sure = _core.where(_core.equal(y, x > 0.0), 0.0, np.inf)
    return _core.mean(_core.where(far, sure, _core.softplus(at) - y * at))


def he_normal(rng: Any, shape: Sequence[int], dtype: npt.DTypeLike = np.float64) -> Tensor:
    """Normal with standard deviation ``sqrt(2 / inputs)``, for layers followed by ``relu``.

    Args:
        rng: a generator with NumPy's ``standard_normal``.
        shape: ``(inputs, outputs)``.
        dtype: of the result.

    Source: He, Zhang, Ren, Sun (2015), Delving deep into rectifiers, eq. 10.

    >>> pa.nn.he_normal(np.random.default_rng(0), (1000, 2)).std().item() < 0.05
    True
    """
    inputs, _ = _sizes("he_normal", shape)
    draws = _draws("he_normal", rng, "standard_normal", shape)
    return _tensor(draws * math.sqrt(2.0 / max(inputs, 1)), dtype)


def glorot_uniform(rng: Any, shape: Sequence[int], dtype: npt.DTypeLike = np.float64) -> Tensor:
    """Uniform within ``± sqrt(6 / (inputs + outputs))``.

    Args:
        rng: a generator with NumPy's ``uniform``.
        shape: ``(inputs, outputs)``.
        dtype: of the result.

    Source: Glorot, Bengio (2010), Understanding the difficulty of training deep feedforward neural
    networks, eq. 16.

    >>> pa.nn.glorot_uniform(np.random.default_rng(0), (4, 2)).max().item() <= 1.0
    True
    """
    limit = math.sqrt(6.0 / max(sum(_sizes("glorot_uniform", shape)), 1))
    return _tensor(_draws("glorot_uniform", rng, "uniform", -limit, limit, shape), dtype)


def uniform(
    rng: Any, shape: Sequence[int], dtype: npt.DTypeLike = np.float64, *, limit: float = 1.0
) -> Tensor:
    """Uniform within ``± limit``.

    Args:
        rng: a generator with NumPy's ``uniform``.
        shape: any shape.
        dtype: of the result.
        limit: the largest magnitude.

    >>> pa.nn.uniform(np.random.default_rng(0), (3, 2), limit=0.1).max().item() <= 0.1
    True
    """
    return _tensor(_draws("uniform", rng, "uniform", -limit, limit, shape), dtype)


def zeros(rng: Any, shape: Sequence[int], dtype: npt.DTypeLike = np.float64) -> Tensor:
    """Zeros; draws nothing from the generator.

    >>> pa.nn.zeros(np.random.default_rng(0), (2,)).tolist()
    [0.0, 0.0]
    """
    return _core.zeros(shape, dtype=dtype)


def init_linear(
    rng: Any,
    inputs: int,
    outputs: int,
    *,
    weight: Initializer | None = None,
    bias: Initializer | None = None,
    dtype: npt.DTypeLike = np.float64,
) -> dict[str, Tensor]:
    """Parameters for :func:`linear`.

    Args:
        rng: a generator with NumPy's methods.
        inputs, outputs: sizes of the last axis before and after.
        weight: ``weight(rng, (inputs, outputs), dtype)`` makes the weight.
        bias: ``bias(rng, (outputs,), dtype)`` makes the bias. The default of both is uniform within
            ``± 1 / sqrt(inputs)``, as in PyTorch.
        dtype: of both parameters.

    >>> params = pa.nn.init_linear(np.random.default_rng(0), 3, 2, bias=pa.nn.zeros)
    >>> params["weight"].shape, params["bias"].tolist()
    ((3, 2), [0.0, 0.0])
    """
    usual = functools.partial(uniform, limit=1.0 / math.sqrt(max(inputs, 1)))
    return {
        "weight": (weight or usual)(rng, (inputs, outputs), dtype),
        "bias": (bias or usual)(rng, (outputs,), dtype),
    }


def init_conv(
    rng: Any,
    size: Sequence[int],
    inputs: int,
    outputs: int,
    *,
    groups: int = 1,
    weight: Initializer | None = None,
    bias: Initializer | None = None,
    dtype: npt.DTypeLike = np.float64,
) -> dict[str, Tensor]:
    """Parameters for :func:`conv`.

    Args:
        rng: a generator with NumPy's methods.
        size: of a window along each spatial axis.
        inputs, outputs: channels before and after.
        groups: as for :func:`conv`.
        weight, bias, dtype: as for :func:`init_linear`, of which the elements of a window are the
            inputs.

    Raises:
        ValueError: the channels do not make the groups.

    >>> params = pa.nn.init_conv(np.random.default_rng(0), (3, 3), 2, 8)
    >>> params["weight"].shape, params["bias"].shape
    ((3, 3, 2, 8), (8,))
    """
    if groups < 1 or inputs % groups or outputs % groups:
        raise ValueError(
            f"[nn.init_conv] {inputs} inputs and {outputs} outputs do not make groups={groups}"
        )
    seen = inputs // groups
    made = init_linear(rng, math.prod(size) * seen, outputs, weight=weight, bias=bias, dtype=dtype)
    return made | {"weight": made["weight"].reshape(*size, seen, outputs)}


def init_mlp(
    rng: Any,
    sizes: Sequence[int],
    *,
    weight: Initializer | None = None,
    bias: Initializer | None = None,
    dtype: npt.DTypeLike = np.float64,
) -> list[dict[str, Tensor]]:
    """Parameters for :func:`mlp`, one dict per layer.

    Args:
        rng: a generator with NumPy's methods.
        sizes: of the input, of each hidden layer and of the output.
        weight, bias, dtype: as for :func:`init_linear`.

    Raises:
        ValueError: fewer than two sizes.

    >>> len(pa.nn.init_mlp(np.random.default_rng(0), [2, 16, 1], dtype=pa.float32))
    2
    """
    if len(sizes) < 2:
        raise ValueError(f"[nn.init_mlp] sizes={list(sizes)}: give at least an input and an output")
    return [
        init_linear(rng, inputs, outputs, weight=weight, bias=bias, dtype=dtype)
        for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True)
    ]


def _sizes(name: str, shape: Sequence[int]) -> tuple[int, int]:
    if len(shape) != 2:
        raise ValueError(f"[nn.{name}] shape {tuple(shape)}: expected (inputs, outputs)")
    return shape[0], shape[1]


def _draws(name: str, rng: Any, method: str, *args: Any, **named: Any) -> Any:
    draw = getattr(rng, method, None)
    if draw is None:
        raise TypeError(
            f"[nn.{name}] rng must be a generator such as pa.random.default_rng(0), got {rng!r}"
        )
    found = draw(*args, **named)
    captured = _core.capturing() or _core.device_capturing()
    if captured and not isinstance(found, Tensor):
        raise RuntimeError(
            f"[nn.{name}] each run of a captured call would have the numbers that {rng!r} drew "
            "once: draw from a generator of pa.random"
        )
    return found


def _tensor(draws: Any, dtype: npt.DTypeLike) -> Tensor:
    return _core.tensor(draws, dtype=dtype)
