"""Draws of real numbers, differentiable in their parameters."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from .. import _core
from .._core import Tensor
from ..compositions._common import surely
from ._arguments import (
    Dtype,
    Param,
    Size,
    Value,
    cast,
    check_range,
    check_values,
    common_shape,
    fitting,
    parameters,
    size_to_shape,
    tensor_parameter,
)
from ._stream import Stream


class Continuous(Stream):
    """Distributions with a density."""

    def random(self, size: Size = None, dtype: npt.DTypeLike = np.float64) -> Tensor:
        """Uniform on [0, 1): multiples of 2**-53 in float64, of 2**-24 in float32.

        >>> bool(pa.all(pa.random.default_rng(1).random(1000, dtype="float32") < 1))
        True
        """
        return self._base("random", "uniform", size_to_shape("random", size), dtype)

    def uniform(
        self, low: Param = 0.0, high: Param = 1.0, size: Size = None, dtype: Dtype = None
    ) -> Tensor:
        """``low + (high - low) * random()``, differentiable in both; rounding may give ``high``.

        Raises:
            ValueError: ``high`` is below ``low``.
            OverflowError: the range is not finite.

        >>> pa.random.default_rng(1).uniform([0.0, 10.0], [1.0, 11.0]).shape
        (2,)
        """
        (low, high), dtype = parameters("uniform", dtype, low, high)
        shape = common_shape("uniform", size, low, high)
        check_range("uniform", low, high)
        share = self._base("uniform", "uniform", shape, dtype, low, high)
        return _plus(low, _times(high - low, share))

    def standard_normal(self, size: Size = None, dtype: npt.DTypeLike = np.float64) -> Tensor:
        """Normal with mean 0 and variance 1, by inversion (M. J. Wichura, Algorithm AS 241, 1988)
        of a 64-bit word, whose distance from the nearer end is exact: tails reach to 9.2.

        >>> pa.random.default_rng(1).standard_normal((2, 2), dtype="float32").dtype
        dtype('float32')
        """
        return self._base(
            "standard_normal", "normal", size_to_shape("standard_normal", size), dtype
        )

    def normal(
        self, loc: Param = 0.0, scale: Param = 1.0, size: Size = None, dtype: Dtype = None
    ) -> Tensor:
        """``loc + scale * standard_normal()``, differentiable in both.

        >>> f = lambda s: pa.sum(pa.random.default_rng(3).normal(0.0, s, size=4))
        >>> z = pa.random.default_rng(3).standard_normal(4)
        >>> bool(pa.func.grad(f)(pa.tensor(2.0)) == pa.sum(z))
        True
        """
        return self._located("normal", "normal", loc, scale, size, dtype)

    def lognormal(
        self, mean: Param = 0.0, sigma: Param = 1.0, size: Size = None, dtype: Dtype = None
    ) -> Tensor:
        """``exp(normal(mean, sigma))``, differentiable in both.

        >>> bool(pa.random.default_rng(1).lognormal() > 0)
        True
        """
        return _core.exp(self._located("lognormal", "normal", mean, sigma, size, dtype))

    def standard_cauchy(self, size: Size = None, dtype: npt.DTypeLike = np.float64) -> Tensor:
        """A ratio of two standard normals.

        >>> pa.random.default_rng(1).standard_cauchy(3).shape
        (3,)
        """
        shape = size_to_shape("standard_cauchy", size)
        above = self._base("standard_cauchy", "normal", shape, dtype)
        return above / self._base("standard_cauchy", "normal", shape, dtype)

    def standard_exponential(self, size: Size = None, dtype: npt.DTypeLike = np.float64) -> Tensor:
        """Exponential with mean 1, by inversion, exact to the last digits near 0 and in the tail.

        >>> bool(pa.random.default_rng(1).standard_exponential() >= 0)
        True
        """
        shape = size_to_shape("standard_exponential", size)
        return self._base("standard_exponential", "exponential", shape, dtype)

    def exponential(self, scale: Param = 1.0, size: Size = None, dtype: Dtype = None) -> Tensor:
        """``scale * standard_exponential()``, differentiable in the scale, which is the mean.

        >>> pa.random.default_rng(1).exponential(pa.ones(3)).shape
        (3,)
        """
        return self._located("exponential", "exponential", 0.0, scale, size, dtype)

    def gumbel(
        self, loc: Param = 0.0, scale: Param = 1.0, size: Size = None, dtype: Dtype = None
    ) -> Tensor:
        """``loc - scale * log(standard_exponential())``, differentiable in both.

        >>> pa.random.default_rng(1).gumbel(size=2).shape
        (2,)
        """
        return self._located("gumbel", "gumbel", loc, scale, size, dtype)

    def logistic(
        self, loc: Param = 0.0, scale: Param = 1.0, size: Size = None, dtype: Dtype = None
    ) -> Tensor:
        """``loc + scale * log(u / (1 - u))`` of a uniform u, differentiable in both.

        >>> pa.random.default_rng(1).logistic(size=2).shape
        (2,)
        """
        return self._located("logistic", "logistic", loc, scale, size, dtype)

    def laplace(
        self, loc: Param = 0.0, scale: Param = 1.0, size: Size = None, dtype: Dtype = None
    ) -> Tensor:
        """Double exponential around ``loc``, differentiable in both parameters.

        >>> pa.random.default_rng(1).laplace(size=2).shape
        (2,)
        """
        return self._located("laplace", "laplace", loc, scale, size, dtype)

    def rayleigh(self, scale: Param = 1.0, size: Size = None, dtype: Dtype = None) -> Tensor:
        """``scale * sqrt(2 * standard_exponential())``, differentiable in the scale.

        >>> pa.random.default_rng(1).rayleigh(2.0, size=2).shape
        (2,)
        """
        return self._located("rayleigh", "rayleigh", 0.0, scale, size, dtype)

    def weibull(self, a: Param, size: Size = None, dtype: Dtype = None) -> Tensor:
        """``standard_exponential() ** (1 / a)``, differentiable in ``a``.

        >>> pa.random.default_rng(1).weibull(2.0, size=2).shape
        (2,)
        """
        return _core.exp(self._log_exponential("weibull", a, size, dtype))

    def pareto(self, a: Param, size: Size = None, dtype: Dtype = None) -> Tensor:
        """``exp(standard_exponential() / a) - 1``: Pareto II (Lomax), differentiable in ``a``.

        >>> pa.random.default_rng(1).pareto(2.0, size=2).shape
        (2,)
        """
        (a,), dtype = parameters("pareto", dtype, a)
        check_values("pareto", "a", a, positive=True)
        shape = common_shape("pareto", size, a)
        return _core.expm1(self._base("pareto", "exponential", shape, dtype, a) / a)

    def power(self, a: Param, size: Size = None, dtype: Dtype = None) -> Tensor:
        """``random() ** (1 / a)``, differentiable in ``a``.

        >>> pa.random.default_rng(1).power(2.0, size=2).shape
        (2,)
        """
        (a,), dtype = parameters("power", dtype, a)
        check_values("power", "a", a, positive=True)
        shape = common_shape("power", size, a)
        return _core.exp(-self._base("power", "exponential", shape, dtype, a) / a)

    def _log_exponential(self, op: str, a: Param, size: Size, dtype: Dtype) -> Tensor:
        (a,), dtype = parameters(op, dtype, a)
        check_values(op, "a", a, positive=True)
        drawn = self._base(op, "exponential", common_shape(op, size, a), dtype, a)
        return _core.log(drawn) / a

    def _located(
        self, op: str, kind: str, loc: Param, scale: Param, size: Size, dtype: Dtype
    ) -> Tensor:
        """loc + scale * a standard draw."""
        (loc, scale), dtype = parameters(op, dtype, loc, scale)
        check_values(op, "scale", scale)
        shape = common_shape(op, size, loc, scale)
        base: Literal["normal", "exponential"] = "normal" if kind == "normal" else "exponential"
        drawn = self._base(op, base, shape, dtype, loc, scale)
        if kind in _OF_EXPONENTIAL:
            drawn = _OF_EXPONENTIAL[kind](drawn)
        return _plus(loc, _times(scale, drawn))

    def standard_gamma(self, shape: Param, size: Size = None, dtype: Dtype = None) -> Tensor:
        """Gamma with scale 1 (G. Marsaglia and W. W. Tsang, ACM TOMS 26, 2000).

        Differentiable in the shape, to sixth order, by implicit reparametrisation (M. Figurnov, S.
        Mohamed and A. Mnih, 2018): the derivative at a fixed quantile of the distribution.

        >>> f = lambda a: pa.mean(pa.random.default_rng(0).standard_gamma(a, size=20000))
        >>> round(pa.func.grad(f)(pa.tensor(2.0)).item(), 1)  # the mean is the shape
        1.0
        """
        return self.gamma(shape, 1.0, size, dtype)

    def gamma(
        self, shape: Param, scale: Param = 1.0, size: Size = None, dtype: Dtype = None
    ) -> Tensor:
        """``scale * standard_gamma(shape)``, differentiable in both.

        >>> pa.random.default_rng(1).gamma(pa.tensor([0.5, 5.0])).shape
        (2,)
        """
        (shape, scale), dtype = parameters("gamma", dtype, shape, scale)
        check_values("gamma", "scale", scale)
        whole = common_shape("gamma", size, shape, scale)
        return cast(_times(scale, _core.exp(self._log_gamma("gamma", shape, whole))), dtype)

    def beta(self, a: Param, b: Param, size: Size = None, dtype: Dtype = None) -> Tensor:
        """Beta, as the share of one gamma variate in the sum of two; differentiable in both.

        >>> bool(pa.random.default_rng(1).beta(0.01, 0.01) <= 1)
        True
        """
        (a, b), dtype = parameters("beta", dtype, a, b)
        check_values("beta", "a", a, positive=True)
        check_values("beta", "b", b, positive=True)
        shape = common_shape("beta", size, a, b)
        difference = self._log_gamma("beta", a, shape) - self._log_gamma("beta", b, shape)
        return cast(_core.sigmoid(difference), dtype)

    def dirichlet(self, alpha: Param, size: Size = None, dtype: Dtype = None) -> Tensor:
        """Shares that sum to 1 along the last axis: gamma variates of shapes ``alpha`` over their
        sum. ``size`` is the shape without that axis; leading axes of ``alpha`` broadcast with it.
        Differentiable in ``alpha``.

        >>> pa.random.default_rng(1).dirichlet([1.0, 2.0, 3.0], size=4).shape
        (4, 3)
        """
        alpha, dtype = tensor_parameter("dirichlet", dtype, alpha)
        if alpha.ndim == 0:
            raise ValueError("[dirichlet] alpha must have at least one axis")
        check_values("dirichlet", "alpha", alpha, positive=True)
        shape = alpha.shape
        if size is not None:
            shape = (*fitting("dirichlet", size, shape[:-1]), shape[-1])
        return cast(_core.softmax(self._log_gamma("dirichlet", alpha, shape)), dtype)

    def chisquare(self, df: Param, size: Size = None, dtype: Dtype = None) -> Tensor:
        """Twice a gamma variate of shape ``df / 2``; differentiable in ``df``.

        >>> pa.random.default_rng(1).chisquare(3, size=2).shape
        (2,)
        """
        (df,), dtype = parameters("chisquare", dtype, df)
        check_values("chisquare", "df", df, positive=True)
        shape = common_shape("chisquare", size, df)
        return cast(2.0 * _core.exp(self._log_gamma("chisquare", df / 2.0, shape)), dtype)

    def f(self, dfnum: Param, dfden: Param, size: Size = None, dtype: Dtype = None) -> Tensor:
        """The ratio of two chi-square variates, each over its degrees of freedom; differentiable.

        >>> pa.random.default_rng(1).f(3, 5, size=2).shape
        (2,)
        """
        (n, d), dtype = parameters("f", dtype, dfnum, dfden)
        check_values("f", "dfnum", n, positive=True)
        check_values("f", "dfden", d, positive=True)
        shape = common_shape("f", size, n, d)
        above, below = self._log_gamma("f", n / 2.0, shape), self._log_gamma("f", d / 2.0, shape)
        return cast(_core.exp(above - below) * (d / n), dtype)

    def noncentral_chisquare(
        self, df: Param, nonc: Param, size: Size = None, dtype: Dtype = None
    ) -> Tensor:
        """A chi-square variate of ``df - 1`` degrees of freedom and the square of a normal variate
        with mean ``sqrt(nonc)``; differentiable in both. For ``df`` up to 1 it is a Poisson
        mixture, differentiable in ``df`` only.

        Raises:
            NotImplementedError: a derivative by ``nonc`` is wanted where ``df`` is at most 1.

        >>> pa.random.default_rng(1).noncentral_chisquare(3, 2.5, size=2).shape
        (2,)
        """
        op = "noncentral_chisquare"
        (df, nonc), dtype = parameters(op, dtype, df, nonc)
        check_values(op, "df", df, positive=True)
        check_values(op, "nonc", nonc)
        shape = common_shape(op, size, df, nonc)
        return cast(self._noncentral(op, df, nonc, shape), dtype)

    def noncentral_f(
        self, dfnum: Param, dfden: Param, nonc: Param, size: Size = None, dtype: Dtype = None
    ) -> Tensor:
        """The ratio of a non-central chi-square variate to a chi-square variate, each over its
        degrees of freedom; differentiable as ``noncentral_chisquare`` is.

        >>> pa.random.default_rng(1).noncentral_f(3, 5, 1.0, size=2).shape
        (2,)
        """
        (n, d, nonc), dtype = parameters("noncentral_f", dtype, dfnum, dfden, nonc)
        check_values("noncentral_f", "dfnum", n, positive=True)
        check_values("noncentral_f", "dfden", d, positive=True)
        check_values("noncentral_f", "nonc", nonc)
        shape = common_shape("noncentral_f", size, n, d, nonc)
        above = self._noncentral("noncentral_f", n, nonc, shape)
        below = 2.0 * _core.exp(self._log_gamma("noncentral_f", d / 2.0, shape))
        return cast(above / n / (below / d), dtype)

    def _noncentral(self, op: str, df: Value, nonc: Value, shape: tuple[int, ...]) -> Tensor:
        if surely(_core.less_equal(df, 1.0)):
            if isinstance(nonc, Tensor) and (nonc.requires_grad or _core.depth(nonc) > 0):
                raise NotImplementedError(
                    f"[{op}] has no derivative by nonc where df is at most 1: detach nonc"
                )
            counts = self._draw_with(op, "poisson", [nonc / 2.0], shape)
            return 2.0 * _core.exp(self._log_gamma(op, df / 2.0 + counts, shape))
        shifted = self._base(op, "normal", shape, np.float64, df, nonc) + nonc**0.5
        log_gamma = self._log_gamma(op, (df - 1.0) / 2.0, shape)
        return _core.square(shifted) + 2.0 * _core.exp(log_gamma)

    def standard_t(self, df: Param, size: Size = None, dtype: Dtype = None) -> Tensor:
        """Student's t: a standard normal over the root of a mean square; differentiable in ``df``.

        >>> pa.random.default_rng(1).standard_t(4, size=2).shape
        (2,)
        """
        (df,), dtype = parameters("standard_t", dtype, df)
        check_values("standard_t", "df", df, positive=True)
        shape = common_shape("standard_t", size, df)
        half = df / 2.0
        z = self._base("standard_t", "normal", shape, np.float64, df)
        log_gamma = self._log_gamma("standard_t", half, shape)
        return cast(z * _core.exp(-0.5 * log_gamma) * half**0.5, dtype)


def _times(scale: Value, x: Tensor) -> Tensor:
    return x if isinstance(scale, float) and scale == 1.0 else scale * x


def _plus(loc: Value, x: Tensor) -> Tensor:
    return x if isinstance(loc, float) and loc == 0.0 else loc + x


def _gumbel(e: Tensor) -> Tensor:
    return -_core.log(e)


def _logistic(e: Tensor) -> Tensor:
    # With e = -log(1 - u).
    return _core.log(_core.expm1(e))


def _laplace(e: Tensor) -> Tensor:
    below = math.log(2) + _core.log(-_core.expm1(-e))
    return _core.where(e < math.log(2), below, e - math.log(2))


def _rayleigh(e: Tensor) -> Tensor:
    return _core.sqrt(2.0 * e)


_OF_EXPONENTIAL = {
    "gumbel": _gumbel,
    "logistic": _logistic,
    "laplace": _laplace,
    "rayleigh": _rayleigh,
}
