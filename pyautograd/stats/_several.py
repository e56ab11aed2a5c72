"""Families of several variables, which lie along the last axis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _core, special
from .._core import Tensor
from ..array_api import is_weak
from ..compositions._common import nowhere
from ..special._accurate import CLOSE, LARGE, log_gamma, log_over_gamma, log_poisson
from ._families import Frozen, cast, common_dtype

# From so far beyond its order on, a Bessel function neither under- nor overflows when scaled.
_NEAR = 30.0


class _Several:
    name: str

    def __call__(self, *args: Any, **named: Any) -> Frozen:
        """The distribution with these parameters, whose methods take the place alone."""
        return Frozen(self, args, named)


class MultivariateNormal(_Several):
    """The normal distribution of several variables."""

    name = "multivariate_normal"

    def logpdf(self, x: Any, mean: Any = 0.0, cov: Any = 1.0) -> Tensor:
        """The logarithm of the density.

        Args:
            x: shape ``(..., n)``.
            mean: shape ``(..., n)``, or a number.
            cov: a positive-definite matrix, shape ``(..., n, n)``, whose lower triangle is read; a
                number or a vector of variances stands for a diagonal one.

        Raises:
            ValueError: the shapes do not match.
            LinAlgError: the matrix is not positive definite.

        >>> pa.stats.multivariate_normal.logpdf([0.0, 0.0], cov=pa.eye(2)).item().__round__(6)
        -1.837877
        """
        n, squares, determinant = _distance(self.name, "cov", *_together(x, mean, cov))
        return -0.5 * squares - determinant - 0.5 * n * math.log(2.0 * math.pi)

    def pdf(self, x: Any, mean: Any = 0.0, cov: Any = 1.0) -> Tensor:
        """The density; see :meth:`logpdf`."""
        return _core.exp(self.logpdf(x, mean, cov))


class MultivariateT(_Several):
    """Student's t distribution of several variables."""

    name = "multivariate_t"

    def logpdf(self, x: Any, loc: Any = 0.0, shape: Any = 1.0, df: Any = 1.0) -> Tensor:
        """The logarithm of the density.

        Source: S. Kotz, S. Nadarajah, Multivariate t distributions and their applications (2004).

        Args:
            x: shape ``(..., n)``.
            loc: shape ``(..., n)``, or a number.
            shape: a positive-definite matrix, as ``cov`` of ``multivariate_normal``; the covariance
                is ``df / (df - 2)`` times it.
            df: degrees of freedom, positive; infinitely many make the normal distribution.

        Raises:
            ValueError: the shapes do not match.
            LinAlgError: the matrix is not positive definite.

        >>> pa.stats.multivariate_t.logpdf([0.0, 0.0], shape=pa.eye(2), df=4.0).item().__round__(6)
        -1.837877
        """
        x, loc, shape, df = _together(x, loc, shape, df)
        n, squares, determinant = _distance(self.name, "shape", x, loc, shape)
        freedom = _positive(df, 0.0)
        limit = _core.isinf(freedom)
        freedom = _core.where(limit, 1.0, freedom)
        # By a beta function, which does not cancel where there is much freedom
        constant = -special.betaln(_core.full_like(freedom, 0.5 * n), 0.5 * freedom)
        constant = constant - 0.5 * n * _core.log(freedom)
        constant = constant + (math.lgamma(0.5 * n) - 0.5 * n * math.log(math.pi))
        value = constant - 0.5 * (freedom + n) * _core.log1p(squares / freedom)
        normal = -0.5 * (squares + n * math.log(2.0 * math.pi))
        value = _core.where(limit, normal, value)
        large = freedom >= 2.0 * LARGE
        if nowhere(large):
            return value - determinant
        # Of much freedom as the normal density and what it lacks
        close = _core.absolute(squares - float(n)) < CLOSE * freedom
        many = _core.logical_and(large, close)
        half = 0.5 * _core.where(many, freedom, 2.0 * LARGE)
        away = 0.5 * (_core.where(many, squares, 0.0) - float(n))
        lacks = log_over_gamma(away, _core.full_like(half, 0.5 * n), half)
        return _core.where(many, normal + lacks, value) - determinant

    def pdf(self, x: Any, loc: Any = 0.0, shape: Any = 1.0, df: Any = 1.0) -> Tensor:
        """The density; see :meth:`logpdf`."""
        return _core.exp(self.logpdf(x, loc, shape, df))


class MatrixNormal(_Several):
    """The normal distribution of matrices whose rows and columns are correlated."""

    name = "matrix_normal"

    def logpdf(self, X: Any, mean: Any = 0.0, rowcov: Any = 1.0, colcov: Any = 1.0) -> Tensor:
        """The logarithm of the density.

        Source: A. K. Gupta, D. K. Nagar, Matrix variate distributions (1999).

        Args:
            X: shape ``(..., m, n)``.
            mean: shape ``(..., m, n)``, or a number.
            rowcov: the covariance among rows, as ``cov`` of ``multivariate_normal``: a
                positive-definite matrix, shape ``(..., m, m)``, a vector of variances or a number.
            colcov: that among columns, for n.

        Raises:
            ValueError: the shapes do not match.
            LinAlgError: a matrix is not positive definite.

        >>> pa.stats.matrix_normal.logpdf([[0.0, 0.0]], colcov=pa.eye(2)).item().__round__(6)
        -1.837877
        """
        X, mean, rowcov, colcov = _together(X, mean, rowcov, colcov)
        difference = X - mean
        if difference.ndim < 2:
            raise ValueError("[stats.matrix_normal.logpdf] X needs axes of rows and columns")
        m, n = difference.shape[-2:]
        turned = _core.swapaxes(difference, -1, -2)
        rows = _root(self.name, "rowcov", rowcov, turned)
        columns = _root(self.name, "colcov", colcov, difference)
        white = _core.linalg_solve_triangular(columns, turned, lower=True)
        white = _core.linalg_solve_triangular(rows, _core.swapaxes(white, -1, -2), lower=True)
        determinant = float(n) * _log_determinant(rows) + float(m) * _log_determinant(columns)
        constant: float = 0.5 * m * n * math.log(2.0 * math.pi)
        return -0.5 * _squares(white) - determinant - constant

    def pdf(self, X: Any, mean: Any = 0.0, rowcov: Any = 1.0, colcov: Any = 1.0) -> Tensor:
        """The density; see :meth:`logpdf`."""
        return _core.exp(self.logpdf(X, mean, rowcov, colcov))


class Wishart(_Several):
    """Sums of squares and products of normal variables: the conjugate of precision matrices."""

    name = "wishart"

    def logpdf(self, x: Any, df: Any, scale: Any) -> Tensor:
        """The logarithm of the density at positive-definite matrices.

        Args:
            x: shape ``(..., n, n)``, whose lower triangle is read.
            df: degrees of freedom, above ``n - 1``.
            scale: a positive-definite matrix, shape ``(..., n, n)``, likewise.

        Raises:
            ValueError: the shapes do not match.
            LinAlgError: a matrix is not positive definite.

        >>> pa.stats.wishart.logpdf([[1.0]], 3.0, [[1.0]]).item().__round__(6)
        -1.418939
        """
        x, df, scale = _together(x, df, scale)
        n, of_x, of_scale = _roots(self.name, x, scale)
        freedom = _positive(df, n - 1.0)
        ratio = _core.linalg_solve_triangular(of_scale, of_x, lower=True)
        return _bartlett(ratio, freedom, n) - (n + 1.0) * _log_determinant(of_x)

    def pdf(self, x: Any, df: Any, scale: Any) -> Tensor:
        """The density; see :meth:`logpdf`."""
        return _core.exp(self.logpdf(x, df, scale))


class InverseWishart(_Several):
    """Inverses of what is distributed as ``wishart``: the conjugate of covariance matrices."""

    name = "invwishart"

    def logpdf(self, x: Any, df: Any, scale: Any) -> Tensor:
        """The logarithm of the density at positive-definite matrices; see :meth:`Wishart.logpdf`.

        >>> pa.stats.invwishart.logpdf([[1.0]], 3.0, [[1.0]]).item().__round__(6)
        -1.418939
        """
        x, df, scale = _together(x, df, scale)
        n, of_x, of_scale = _roots(self.name, x, scale)
        freedom = _positive(df, n - 1.0)
        # The inverse of x has the density of wishart with the inverse of the scale.
        ratio = _core.linalg_solve_triangular(of_x, of_scale, lower=True)
        return _bartlett(ratio, freedom, n) - (n + 1.0) * _log_determinant(of_x)

    def pdf(self, x: Any, df: Any, scale: Any) -> Tensor:
        """The density; see :meth:`logpdf`."""
        return _core.exp(self.logpdf(x, df, scale))


class VonMisesFisher(_Several):
    """Directions around a mean: the normal distribution on the sphere."""

    name = "vonmises_fisher"

    def logpdf(self, x: Any, mu: Any, kappa: Any) -> Tensor:
        """The logarithm of the density on the sphere of unit vectors.

        Differentiable in all arguments, to every order, also at ``kappa = 0``, where all directions
        are alike. Source: K. V. Mardia, P. E. Jupp, Directional statistics (2000), equation 9.3.4;
        DLMF 10.39.9.

        Args:
            x: unit vectors, shape ``(..., n)``. That their length is one is not checked, since
                small moves of a derivative would leave the sphere.
            mu: the mean direction, shape ``(..., n)``, likewise.
            kappa: the concentration, not negative, shape ``(...)``; nan where it is.

        Raises:
            ValueError: x has no axis of variables.

        >>> pa.stats.vonmises_fisher.logpdf([0.0, 1.0], [0.0, 1.0], 0.0).item().__round__(6)
        -1.837877
        """
        x, mu, kappa = _together(x, mu, kappa)
        if not x.ndim:
            raise ValueError(f"[stats.{self.name}.logpdf] x needs an axis of variables")
        kappa = _core.where(kappa >= 0.0, kappa, np.nan)
        half: float = 0.5 * x.shape[-1]
        order = half - 1.0
        # kappa**order / I(kappa), which is smooth at 0, times exp(kappa)
        near = kappa < order + _NEAR
        small = _core.where(near, kappa, 0.0)
        series = special.hyp0f1(half, 0.25 * _core.square(small))
        left = small + math.lgamma(half) + order * math.log(2.0) - _core.log(series)
        large = _core.where(near, order + _NEAR, kappa)
        right = order * _core.log(large) - _core.log(special.ive(order, large))
        along: Tensor = kappa * (_core.sum(x * mu, axis=-1) - 1.0)
        return along + _core.where(near, left, right) - half * math.log(2.0 * math.pi)

    def pdf(self, x: Any, mu: Any, kappa: Any) -> Tensor:
        """The density; see :meth:`logpdf`."""
        return _core.exp(self.logpdf(x, mu, kappa))


class Dirichlet(_Several):
    """The Dirichlet distribution of probabilities that add up to one."""

    name = "dirichlet"

    def logpdf(self, x: Any, alpha: Any) -> Tensor:
        """The logarithm of the density.

        Args:
            x: probabilities, shape ``(..., n)``. That they add up to one is not checked, since
                small moves of a derivative would leave it. Where one is negative, the density is 0.
            alpha: positive, shape ``(..., n)``.

        >>> round(pa.stats.dirichlet.pdf([0.25, 0.75], [1.0, 2.0]).item(), 6)
        1.5
        """
        x, alpha = _together(x, alpha)
        alpha = _positive(alpha, 0.0)
        outside = x < 0.0
        total = _core.sum(alpha, axis=-1)
        # As gamma variables, of any scale, over their sum: large ones do not cancel.
        scale = total.detach()
        scaled = scale[..., None] * _core.where(outside, 1.0, x)
        value = _core.sum(log_gamma(scaled, alpha), axis=-1) - log_gamma(scale, total)
        value = value + scale * (_core.sum(x, axis=-1) - 1.0)
        value = value + (alpha.shape[-1] - 1.0) * _core.log(scale)
        nothing = _core.logical_and(_core.any(outside, axis=-1), _core.equal(value, value))
        return _core.where(nothing, -np.inf, value)

    def pdf(self, x: Any, alpha: Any) -> Tensor:
        """The density; see :meth:`logpdf`."""
        return _core.exp(self.logpdf(x, alpha))


class Multinomial(_Several):
    """Counts of outcomes in a number of draws."""

    name = "multinomial"

    def logpmf(self, x: Any, n: Any, p: Any) -> Tensor:
        """The logarithm of the probability of counts, -inf where they do not add up to n.

        Args:
            x: counts, shape ``(..., k)``.
            n: the number of draws.
            p: probabilities, shape ``(..., k)``. They are taken as they are.

        >>> round(pa.stats.multinomial.pmf([1, 1], 2, [0.5, 0.5]).item(), 6)
        0.5
        """
        x, n, p = _together(x, n, p)
        # As Poisson variables, of any scale, whose sum is known: large ones do not cancel.
        scale = _core.where(n > 0.0, n, 1.0).detach()
        value = _core.sum(log_poisson(x, scale[..., None] * p), axis=-1) - log_poisson(n, scale)
        value = value + scale * (_core.sum(p, axis=-1) - 1.0)
        value = value + (n - _core.sum(x, axis=-1)) * _core.log(scale)
        counts = _core.all(_core.logical_and(x >= 0.0, _core.equal(x, _core.floor(x))), axis=-1)
        matches = _core.logical_and(counts, _core.equal(_core.sum(x, axis=-1), n))
        return _core.where(matches, value, -np.inf)

    def pmf(self, x: Any, n: Any, p: Any) -> Tensor:
        """The probability of counts; see :meth:`logpmf`."""
        return _core.exp(self.logpmf(x, n, p))


class DirichletMultinomial(_Several):
    """Counts of outcomes whose probabilities have a Dirichlet distribution."""

    name = "dirichlet_multinomial"

    def logpmf(self, x: Any, alpha: Any, n: Any) -> Tensor:
        """The logarithm of the probability of counts, -inf where they do not add up to n.

        By beta functions, which do not cancel where the parameters are large.

        Args:
            x: counts, shape ``(..., k)``.
            alpha: positive, shape ``(..., k)``.
            n: the number of draws.

        >>> round(pa.stats.dirichlet_multinomial.pmf([1, 1], [1.0, 1.0], 2).item(), 6)
        0.333333
        """
        x, alpha, n = _together(x, alpha, n)
        alpha = _positive(alpha, 0.0)
        counts = _core.logical_and(x >= 0.0, _core.equal(x, _core.floor(x)))
        matches = _core.logical_and(
            _core.all(counts, axis=-1), _core.equal(_core.sum(x, axis=-1), n)
        )
        inside, total = _core.where(counts, x, 0.0), _core.sum(alpha, axis=-1)
        # gamma(x + alpha) / (gamma(x + 1) gamma(alpha))
        ratios = special.betaln(alpha, inside + 1.0) + _core.log(alpha + inside)
        drawn = _core.where(n >= 0.0, n, 0.0)
        value = special.betaln(total, drawn + 1.0) + _core.log(total + drawn)
        return _core.where(matches, value - _core.sum(ratios, axis=-1), -np.inf)

    def pmf(self, x: Any, alpha: Any, n: Any) -> Tensor:
        """The probability of counts; see :meth:`logpmf`."""
        return _core.exp(self.logpmf(x, alpha, n))


matrix_normal = MatrixNormal()
vonmises_fisher = VonMisesFisher()
dirichlet_multinomial = DirichletMultinomial()
multivariate_normal = MultivariateNormal()
multivariate_t = MultivariateT()
wishart = Wishart()
invwishart = InverseWishart()
dirichlet = Dirichlet()
multinomial = Multinomial()


def _together(*values: Any) -> list[Tensor]:
    """Tensors of one floating dtype, which numbers of Python's take on."""
    given = [_core.asarray(v) for v in values]
    if all(t.dtype == np.float64 for t in given):
        return given
    pairs = zip(given, values, strict=True)
    dtype = common_dtype([t.dtype for t, v in pairs if not is_weak(v)])
    return [cast(t, dtype) for t in given]


def _distance(
    name: str, label: str, x: Tensor, center: Tensor, matrix: Tensor
) -> tuple[int, Tensor, Tensor]:
    """The number of variables, squared distances, and the logarithm of the root's determinant."""
    difference = x - center
    if not difference.ndim:
        raise ValueError(f"[stats.{name}.logpdf] x needs an axis of variables")
    n = difference.shape[-1]
    root = _root(name, label, matrix, difference)
    # Infinitely far away also where variables of infinite differences are correlated
    infinite = _core.isinf(difference)
    near = nowhere(infinite)
    difference = difference if near else _core.where(infinite, 0.0, difference)
    white = _core.linalg_solve_triangular(root, difference[..., None], lower=True)[..., 0]
    squares = _core.sum(_core.square(white), axis=-1)
    if not near:
        far = _core.logical_and(_core.any(infinite, axis=-1), _core.equal(squares, squares))
        squares = _core.where(far, np.inf, squares)
    return n, squares, _log_determinant(root)


def _root(name: str, label: str, matrix: Tensor, x: Tensor) -> Tensor:
    """The Cholesky factor of the covariance matrix of x's last axis, which a vector or a number may
    stand for."""
    n = x.shape[-1]
    if matrix.ndim < 2:
        matrix = (
            _core.eye(n, dtype=x.dtype, device=matrix.device if matrix.ndim else x.device) * matrix
        )
    if matrix.shape[-2:] != (n, n):
        raise ValueError(
            f"[stats.{name}.logpdf] {label} of shape {matrix.shape} does not match {n} variables"
        )
    return _core.linalg_cholesky(matrix)


def _roots(name: str, x: Tensor, scale: Tensor) -> tuple[int, Tensor, Tensor]:
    """The size of matrices and their Cholesky factors."""
    n = x.shape[-1] if x.ndim else 0
    if x.shape[-2:] != (n, n) or scale.shape[-2:] != (n, n):
        raise ValueError(
            f"[stats.{name}.logpdf] x of shape {x.shape} and scale of shape {scale.shape} must be "
            "square matrices of one size"
        )
    return n, _core.linalg_cholesky(x), _core.linalg_cholesky(scale)


def _log_determinant(root: Tensor) -> Tensor:
    return _core.sum(_core.log(_core.diagonal(root, axis1=-2, axis2=-1)), axis=-1)


def _squares(x: Tensor) -> Tensor:
    return _core.sum(_core.square(x), axis=(-2, -1))


def _bartlett(ratio: Tensor, df: Tensor, n: int) -> Tensor:
    """The logarithm of the density of wishart times the power n + 1 of the determinant of x's root,
    where the ratio is that of the roots of x and of the scale: the squares on its diagonal are
    chi-square variables, whose densities do not cancel where df is large, others normal ones.

    Source: M. S. Bartlett, On the theory of statistical regression (1933).
    """
    diagonal = _core.diagonal(ratio, axis1=-2, axis2=-1)
    order = _core.arange(float(n), dtype=df.dtype, device=df.device)
    squares = log_gamma(0.5 * _core.square(diagonal), 0.5 * (df[..., None] - order))
    squares = squares + (order + 2.0) * _core.log(diagonal)
    others = 0.5 * (_squares(ratio) - _core.sum(_core.square(diagonal), axis=-1))
    constant = 0.25 * n * (n - 1) * math.log(math.pi) + 0.25 * n * (n + 3) * math.log(2.0)
    return _core.sum(squares, axis=-1) - others - constant


def _positive(x: Tensor, above: float) -> Tensor:
    """A parameter, nan where it is out of range."""
    return _core.where(x > above, x, np.nan)
