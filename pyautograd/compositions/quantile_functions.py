"""Student's distribution function, and inverses of distribution functions.

An inverse is solved for by Newton's method, in a variable in which the logarithms of both tails are
concave, and differentiated by the implicit function theorem: where ``F(x, shapes) = p`` and ``f``
is the density, ``dx = (dp - dF/dshapes dshapes) / f``. The rule is written with the public ops, so
there are derivatives of every order that ``F`` has.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _core, func
from .._core import Tensor
from ..function import Function
from . import _gamma_quantiles
from ._common import all_of, everywhere, in_double, looking, mapped_in_front, nowhere

if TYPE_CHECKING:
    from types import ModuleType

    from .._core import TensorLike

__all__: list[str] = []

# Bisection alone halves the widest bracket to one unit in the last place in as many steps.
_STEPS = 100
_WIDEST = 745.0
# Student's distribution near 0 by its series: with this many terms for t^2 (df + 1) / df below 0.2
_TERMS = 20
_NEAR = 0.2
_DEEP = 1e30
# A gamma quantile with a smaller logarithm is the first term of its series.
_VANISHING = -230.0
# Closer to 1 a quantile of the beta distribution is one less another one.
_BESIDE = 0.99
# From there on the normal distribution's has twelve digits.
_MANY = 500.0


def _accurate() -> ModuleType:
    """Imported late: ``pa.special`` imports this module."""
    from ..special import _accurate

    return _accurate


class Distribution(NamedTuple):
    """Both tails and the density at x with given shapes, and what solves for x."""

    lower: Callable[..., Tensor]
    upper: Callable[..., Tensor]
    density: Callable[..., Tensor]
    # Of the smaller tail's probability, whether it is the upper one, and the shapes
    solve: Callable[..., Tensor]
    ends: tuple[float, float]
    # Of shapes: where there is such a distribution, which is for positive and finite ones if None
    valid: Callable[..., Tensor] | None = None


def _positive(*shapes: Tensor) -> Tensor:
    return all_of(*[condition for s in shapes for condition in (s > 0.0, s < math.inf)])


class _Quantile(Function):
    """``apply(distribution, complement, p, *shapes)``, all of one shape and in float64."""

    elementwise = True

    @staticmethod
    def forward(distribution: Distribution, complement: bool, p: Tensor, *shapes: Tensor) -> Tensor:
        valid = (distribution.valid or _positive)(*shapes) if shapes else p == p
        inside = _core.logical_and(valid, _core.logical_and(p > 0.0, p < 1.0))
        safe = _core.where(inside, p, 0.5)
        far = safe > 0.5
        upper = _core.logical_not(far) if complement else far
        tail = _core.where(far, 1.0 - safe, safe)
        safe_shapes = [_core.where(inside, s, 1.0) for s in shapes]
        x = looking("quantile", distribution.solve, tail, upper, *safe_shapes)
        low, high = reversed(distribution.ends) if complement else distribution.ends
        ends = _core.where(p == 0.0, low, _core.where(p == 1.0, high, math.nan))
        return _core.where(inside, x, _core.where(valid, ends, math.nan))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.distribution, ctx.complement = inputs[:2]
        # The output is saved with its place in the graph: its derivatives are these rules again.
        ctx.save_for_backward(output, *inputs[2:])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        place, scaled, shapes = _Quantile._scaled(ctx, grad_outputs[0])
        pulled = func.vjp(place, *shapes)[1](-scaled)
        return (None, None, -scaled if ctx.complement else scaled, *pulled)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        place, _, shapes = _Quantile._scaled(ctx, None)
        _, p, *rest = ctx.saved_tensors
        moved = _core.zeros_like(p) if tangents[2] is None else tangents[2]
        moved = -moved if ctx.complement else moved
        known = tuple(
            _core.zeros_like(s) if t is None else t for s, t in zip(rest, tangents[3:], strict=True)
        )
        pushed = func.jvp(place, tuple(shapes), known)[1]
        return _Quantile._scaled(ctx, moved - pushed)[1]

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        distribution, complement, *given = args
        return _Quantile.apply(distribution, complement, *mapped_in_front(given, in_dims[2:])), 0

    @staticmethod
    def _scaled(ctx: Any, g: Tensor | None) -> tuple[Callable[..., Tensor], Any, list[Tensor]]:
        """The distribution function at the solution, g over the density, and safe shapes."""
        x, p, *shapes = ctx.saved_tensors
        distribution = ctx.distribution
        low, high = distribution.ends
        inside = _core.logical_and(x > low, x < high)
        # At the ends p decides nothing, and derivatives are zero.
        x = _core.where(inside, x, 0.5)
        shapes = [_core.where(inside, s, 1.0) for s in shapes]
        above = (p <= 0.5) if ctx.complement else (p > 0.5)

        def place(*shapes: Tensor) -> Tensor:
            lower, upper = distribution.lower(x, *shapes), distribution.upper(x, *shapes)
            return _core.where(inside, _core.where(above, -upper, lower), 0.0)

        if g is None:
            return place, None, shapes
        scaled = _core.where(inside, g, 0.0) / distribution.density(x, *shapes)
        return place, scaled, shapes


def _real(op: str, *values: Any) -> tuple[list[Tensor], Any]:
    for x in values:
        if (given := _core.asarray(x).dtype).kind == "c":
            raise TypeError(f"[{op}] takes real numbers, got dtype {given}")
    return in_double(op, *values)


def quantile(op: str, distribution: Distribution, complement: bool, p: Any, *shapes: Any) -> Tensor:
    """The inverse in the common dtype, computed in float64."""
    wide, dtype = _real(op, p, *shapes)
    return _core.astype(_Quantile.apply(distribution, complement, *wide), dtype)


def root(
    gap: Callable[[Tensor], tuple[Tensor, Tensor]], t: Tensor, widest: float = _WIDEST
) -> tuple[Tensor, Tensor]:
    """Where an increasing function is 0, and the last correction: Newton's method in a bracket."""
    low, high = _core.full_like(t, -widest), _core.full_like(t, widest)
    last = _core.full_like(t, math.inf)
    done = last < 0.0
    for _ in range(_STEPS):
        value, slope = gap(t)
        low, high = _core.where(value < 0.0, t, low), _core.where(value < 0.0, high, t)
        moved = t - value / slope
        # Where the tail underflows the step is nan.
        good = _core.logical_and(moved >= low, moved <= high)
        moved = _core.where(good, moved, 0.5 * (low + high))
        change = _core.absolute(moved - t)
        # Steps that are small and no longer shrink are rounding errors of the tails.
        small = change <= 1e-15 * _core.maximum(_core.absolute(t), 1.0)
        settled = _core.logical_or(small, _core.logical_and(change < 1e-6, change >= 0.5 * last))
        # What has settled stays: a captured call of a device takes all steps.
        t, last = _core.where(done, t, moved), change
        done = _core.logical_or(done, settled)
        if everywhere(done):
            break
    value, slope = gap(t)
    step = value / slope
    return t, _core.where(_core.isfinite(step), step, 0.0)


def _corrected(x: Tensor, step: Tensor) -> Tensor:
    """x less a part of it; where it underflows, a step may be longer than x."""
    return _core.maximum(x - x * step, 0.0)


def _gap(
    wanted: Tensor, upper: Tensor, tails: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """By how much the logarithm of the chosen tail is off, increasing in t, and its slope."""
    target, sign = _core.log(wanted), _core.where(upper, -1.0, 1.0)

    def gap(t: Tensor) -> tuple[Tensor, Tensor]:
        below, above, density = tails(t)
        tail = _core.where(upper, above, below)
        return sign * (_core.log(tail) - target), density / tail

    return gap


def _solve_gamma(wanted: Tensor, upper: Tensor, a: Tensor) -> Tensor:
    constant = _core.special_gammaln(a)

    def tails(t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = _core.exp(t)
        density = _core.exp(a * t - x - constant)
        return _core.special_gammainc(a, x), _core.special_gammaincc(a, x), density

    # E. B. Wilson and M. M. Hilferty (1931); where that fails, the first term of the series
    z = _core.where(upper, -1.0, 1.0) * _core.special_ndtri(wanted)
    cube = 1.0 - 1.0 / (9.0 * a) + z / (3.0 * _core.sqrt(a))
    first = (_core.log(_core.where(upper, 0.5, wanted)) + _core.special_gammaln(a + 1.0)) / a
    start = _core.log(a) + 3.0 * _core.log(_core.maximum(cube, 1e-3))
    start = _core.clip(_core.where(cube > 0.1, start, first), -_WIDEST, _WIDEST)
    t, step = root(_gap(wanted, upper, tails), start)
    return _corrected(_core.exp(t), step)


def _solve_beta(wanted: Tensor, upper: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return _solve_beta_both(wanted, upper, a, b)[0]


def _solve_beta_both(wanted: Tensor, upper: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The place and its distance from 1, each to all digits."""
    constant = _core.special_betaln(a, b)

    def tails(t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, rest = _core.sigmoid(t), _core.sigmoid(-t)
        log_x, log_rest = _core.special_log_expit(t), _core.special_log_expit(-t)
        density = _core.exp(a * log_x + b * log_rest - constant)
        # Of the two arguments the smaller is the exact one.
        near = t < 0.0
        below = _core.where(
            near, _core.special_betainc(a, b, x), _core.special_betaincc(b, a, rest)
        )
        above = _core.where(
            near, _core.special_betaincc(a, b, x), _core.special_betainc(b, a, rest)
        )
        return below, above, density

    t, step = root(_gap(wanted, upper, tails), _core.log(a) - _core.log(b))
    x, rest = _core.sigmoid(t), _core.sigmoid(-t)
    return _corrected(x, rest * step), _corrected(rest, -x * step)


def _solve_student(wanted: Tensor, upper: Tensor, df: Tensor) -> Tensor:
    # Between the quartiles 1 - 2 wanted is exact and not close to 1, beyond them 2 wanted is small.
    half, one = 0.5 * df, _core.full_like(df, 0.5)
    middle = wanted > 0.25
    first = _core.where(middle, one, half)
    second = _core.where(middle, half, one)
    share = _core.where(middle, 1.0 - 2.0 * wanted, 2.0 * wanted)
    far = share > 0.5
    centre = share == 0.0
    tail = _core.where(centre, 0.25, _core.where(far, 1.0 - share, share))
    y, rest = _solve_beta_both(tail, far, first, second)
    size = _core.sqrt(df) * _core.sqrt(_core.where(middle, y / rest, rest / y))
    return _core.where(centre, 0.0, _core.where(upper, size, -size))


def _student_density(x: Tensor, df: Tensor) -> Tensor:
    constant = -_core.special_betaln(_core.full_like(df, 0.5), 0.5 * df) - 0.5 * _core.log(df)
    return _core.exp(constant - 0.5 * (df + 1.0) * _core.log1p(_core.square(x) / df))


def _student_lower(x: Tensor, df: Tensor) -> Tensor:
    """Student's distribution function."""
    many = _core.logical_and(df > _MANY, _core.square(x) < _NEAR * df)
    few = _student_of_few(_core.where(many, 1.0, x), _core.where(many, 1.0, df))
    if nowhere(many):
        return few
    normal = _student_of_many(_core.where(many, x, 0.0), _core.where(many, df, _MANY))
    return _core.where(many, normal, few)


def _student_of_many(x: Tensor, df: Tensor) -> Tensor:
    """That of many degrees of freedom as the normal one of a point close to x: G. W. Hill,
    Algorithm 395 (1970). In the derivatives in df, which are small, nothing cancels."""
    ratio, square = _core.square(x) / df, _core.square(x)
    # log1p(ratio) / ratio
    mean = _core.zeros_like(ratio)
    for k in reversed(range(_TERMS)):
        mean = 1.0 / (k + 1.0) - mean * ratio
    slope = (1.0 - 0.5 / df) * mean
    over = 1.0 / (48.0 * _core.square(df - 0.5))
    w = square * slope
    first, second = w + 3.0, ((4.0 * w + 33.0) * w + 240.0) * w + 855.0
    return _core.special_ndtr(
        x * _core.sqrt(slope) * (1.0 + over * (first - over * (0.1 * second)))
    )


def _student_of_few(x: Tensor, df: Tensor) -> Tensor:
    """Near 0 by its series, elsewhere by the beta function's."""
    square = _core.square(x)
    near = square * (df + 1.0) < _NEAR * df
    inner, series = -_core.where(near, square, 0.0) / df, _core.ones_like(x * df)
    for k in reversed(range(1, _TERMS)):
        # The ratio of the terms of 2F1(1/2, (df + 1) / 2; 3/2; -x^2 / df)
        ratio = (k - 0.5) * (0.5 * (df + 1.0) + (k - 1.0)) / ((k + 0.5) * k)
        series = 1.0 + series * ratio * inner
    centre = 0.5 + _core.where(near, x, 0.0) * series * _student_density(_core.zeros_like(x), df)
    size = _core.absolute(_core.where(near, 1.0, x))
    deep = size > _DEEP * _core.maximum(_core.sqrt(df), 1.0)
    square = _core.square(_core.where(deep, 1.0, size))
    # Of the two arguments of the beta function the smaller is the exact one.
    far, half = square > df, _core.full_like(df, 0.5)
    share = _core.where(far, df, square) / (df + square)
    below = _core.special_betainc(0.5 * df, half, _core.where(far, share, 0.5))
    beside = _core.special_betaincc(half, 0.5 * df, _core.where(far, 0.5, share))
    # Where the square could overflow, the leading power
    power = 0.5 * _core.log(df) - _core.log(_core.where(deep, size, 1.0))
    power = 2.0 * _core.exp(df * power - _core.special_betaln(0.5 * df, half)) / df
    tail = 0.5 * _core.where(deep, power, _core.where(far, below, beside))
    return _core.where(near, centre, _core.where(x < 0.0, tail, 1.0 - tail))


def _gamma_density(x: Tensor, a: Tensor) -> Tensor:
    return _core.exp(_accurate().log_gamma(x, a))


def _beta_density(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return _core.exp(_accurate().log_beta(x, a, b))


_GAMMA = Distribution(
    lambda x, a: _core.special_gammainc(a, x),
    lambda x, a: _core.special_gammaincc(a, x),
    _gamma_density,
    _solve_gamma,
    (0.0, math.inf),
)
_BETA = Distribution(
    lambda x, a, b: _core.special_betainc(a, b, x),
    lambda x, a, b: _core.special_betaincc(a, b, x),
    _beta_density,
    _solve_beta,
    (0.0, 1.0),
)
_STUDENT = Distribution(
    _student_lower,
    lambda x, df: _student_lower(-x, df),
    _student_density,
    _solve_student,
    (-math.inf, math.inf),
)


def _gamma_quantile(op: str, complement: bool, p: Any, a: Any) -> Tensor:
    """Of a large shape by its expansion, and beside 0 by the first term of the series, DLMF 8.7.1:
    second derivatives by the implicit function theorem are small differences of large terms there,
    or underflow on the way."""
    (p, a), dtype = _real(op, p, a)
    inside = all_of(p > 0.0, p < 1.0, a > 0.0, a < math.inf)
    share, shape = _core.where(inside, p, 0.5), _core.where(inside, a, 1.0)
    log_share = _core.log1p(-share) if complement else _core.log(share)
    log_first = (log_share + _core.special_gammaln(shape + 1.0)) / shape
    tiny, large = log_first < _VANISHING, all_of(inside, a >= _gamma_quantiles.LEAST)
    value, rest = None, _core.logical_not(tiny)
    if not nowhere(tiny):
        value = _core.exp(_core.where(tiny, log_first, 0.0))
    if not nowhere(large):
        z = _core.special_ndtri(share)
        z = -z if complement else z
        many = all_of(large, _gamma_quantiles.expands(z, shape))
        known = [_core.where(many, v, s) for v, s in ((z, 0.0), (shape, _gamma_quantiles.LEAST))]
        expanded = _gamma_quantiles.of_many(*known)
        value = expanded if value is None else _core.where(tiny, value, expanded)
        rest = all_of(rest, _core.logical_not(many))
    if value is None:
        value = _Quantile.apply(_GAMMA, complement, p, a)
    elif not nowhere(rest):
        safe = [_core.where(rest, v, s) for v, s in ((p, 0.5), (a, 1.0))]
        value = _core.where(rest, _Quantile.apply(_GAMMA, complement, *safe), value)
    return _core.astype(value, dtype)


def gammaincinv(a: TensorLike, y: TensorLike, /) -> Tensor:
    """The x with ``gammainc(a, x) = y``, differentiable in both arguments.

    The arguments broadcast; nan where a is not positive and finite or y lies outside of [0, 1].
    Where y is 0 or 1 the value is 0 or infinite, with derivative 0. Source for large a:
    N. M. Temme, Asymptotic inversion of incomplete gamma functions (1992).

    >>> pa.special.gammaincinv(1.0, [0.0, 0.5]).numpy().round(6)
    array([0.      , 0.693147])
    >>> round(pa.func.grad(pa.special.gammaincinv)(2.0, 0.5).item(), 6)  # the median by the shape
    0.993295
    """
    return _gamma_quantile("special.gammaincinv", False, y, a)


def gammainccinv(a: TensorLike, y: TensorLike, /) -> Tensor:
    """The x with ``gammaincc(a, x) = y``, accurate where y is small; otherwise as
    :func:`gammaincinv`.

    >>> round(pa.special.gammainccinv(1.0, 1e-100).item(), 6)
    230.258509
    """
    return _gamma_quantile("special.gammainccinv", True, y, a)


def _beta_quantile(op: str, complement: bool, p: Any, a: Any, b: Any) -> Tensor:
    """Beside 1 by the distance from there, as slopes at a place rounded to 1 have lost digits."""
    (p, a, b), dtype = _real(op, p, a, b)
    known = a.detach(), b.detach(), _core.full_like(p, _BESIDE)
    if complement:
        beside = p < _core.special_betaincc(*known)
    else:
        beside = p > _core.special_betainc(*known)
    if nowhere(beside):
        return _core.astype(_Quantile.apply(_BETA, complement, p, a, b), dtype)
    safe = [_core.where(beside, s, v) for s, v in ((0.5, p), (1.0, a), (1.0, b))]
    turned = [_core.where(beside, v, s) for s, v in ((0.5, p), (1.0, b), (1.0, a))]
    rest = _Quantile.apply(_BETA, not complement, *turned)
    value = _core.where(beside, 1.0 - rest, _Quantile.apply(_BETA, complement, *safe))
    return _core.astype(value, dtype)


def betaincinv(a: TensorLike, b: TensorLike, y: TensorLike, /) -> Tensor:
    """The x with ``betainc(a, b, x) = y``, differentiable in all arguments.

    The arguments broadcast; nan where a or b is not positive and finite or y lies outside of
    [0, 1]. Where y is 0 or 1 the value is y, with derivative 0.

    >>> pa.special.betaincinv(1.0, 2.0, [0.0, 0.75]).numpy().round(12)
    array([0. , 0.5])
    """
    return _beta_quantile("special.betaincinv", False, y, a, b)


def betainccinv(a: TensorLike, b: TensorLike, y: TensorLike, /) -> Tensor:
    """The x with ``betaincc(a, b, x) = y``; otherwise as :func:`betaincinv`.

    >>> round(pa.special.betainccinv(2.0, 1.0, 0.75).item(), 12)
    0.5
    """
    return _beta_quantile("special.betainccinv", True, y, a, b)


def stdtr(df: TensorLike, t: TensorLike, /) -> Tensor:
    """Student's distribution function: the probability of at most t, with df degrees of freedom.

    The arguments broadcast; nan where df is not positive, the normal distribution where it is
    infinite. Source: Abramowitz and Stegun 26.7.1, and near t = 0, where that has no derivatives,
    the hypergeometric series; for many degrees of freedom G. W. Hill, Algorithm 395 (1970).

    >>> pa.special.stdtr(1.0, [0.0, 1.0]).tolist()
    [0.5, 0.75]
    """
    (df, t), dtype = in_double("special.stdtr", df, t)
    valid, normal, ends = df > 0.0, _core.isinf(df), _core.isinf(t)
    finite = _core.where(_core.logical_and(valid, _core.logical_not(normal)), df, 1.0)
    value = _student_lower(_core.where(ends, 0.0, t), finite)
    value = _core.where(normal, _core.special_ndtr(t), value)
    value = _core.where(ends, _core.where(t > 0.0, 1.0, 0.0), value)
    return _core.astype(_core.where(valid, value, math.nan), dtype)


def stdtrit(df: TensorLike, p: TensorLike, /) -> Tensor:
    """The quantile of Student's distribution: the t with ``stdtr(df, t) = p``.

    Differentiable in both arguments, which broadcast; nan where df is not positive or p lies
    outside of [0, 1], the normal distribution's where df is infinite.

    >>> pa.special.stdtrit(1.0, [0.5, 0.75]).numpy().round(12)
    array([0., 1.])
    """
    (df, p), dtype = in_double("special.stdtrit", df, p)
    normal = df == math.inf
    value = quantile("special.stdtrit", _STUDENT, False, p, _core.where(normal, 1.0, df))
    return _core.astype(_core.where(normal, _core.special_ndtri(p), value), dtype)
