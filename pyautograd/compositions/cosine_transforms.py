"""Discrete cosine and sine transforms, under the names of :mod:`scipy.fft`.

All are parts of one sum, ``sum_n w[n] x[n] exp(-2 pi i (n + s) (k + r) / m)``, for shifts s and r
of 0, 1/2 or 1 and a length m of about twice that of x: a Fourier transform between two phases.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import _core
from .._core import Tensor
from ._common import normal_axes, normal_axis

if TYPE_CHECKING:
    from .._core import TensorLike

__all__: list[str] = []

_INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}
_INVERSE_NORMS = {None: "forward", "backward": "forward", "forward": None, "ortho": "ortho"}
_DOC = """

    Args:
        x: real or complex tensor; of integers, in float64.
        type: 1 to 4.
        {size}
        norm: ``"backward"`` (None), ``"ortho"`` or ``"forward"``, as in SciPy.
        orthogonalize: whether the ends are scaled so that the transform with ``norm="ortho"`` is
            orthogonal; by default with that norm only.

    Raises:
        ValueError: an unknown type or norm, no or, for a cosine transform of type 1, only one
            number along an axis.

    >>> {example}
"""


class _Kind(NamedTuple):
    """The sum that a transform of n numbers is, its real part or less its imaginary one."""

    sine: bool
    m: int
    s: float
    r: float
    single: tuple[int, ...]  # where the weight is 1 in the place of 2
    before: tuple[int, ...]  # which inputs are scaled up by orthogonalize,
    after: tuple[int, ...]  # and which outputs down

    @staticmethod
    def of(op: str, sine: bool, type: int, n: int) -> _Kind:
        if type not in _INVERSE:
            raise ValueError(f"[fft.{op}] type must be 1, 2, 3 or 4, got {type!r}")
        if n < (2 if type == 1 and not sine else 1):
            raise ValueError(f"[fft.{op}] there is no transform of type {type} of {n} numbers")
        end = n - 1 if sine else 0
        if type == 1:
            ends = () if sine else (0, n - 1)
            shift = float(sine)
            return _Kind(sine, 2 * (n + 1 if sine else n - 1), shift, shift, ends, ends, ends)
        if type == 2:
            return _Kind(sine, 2 * n, 0.5, float(sine), (), (), (end,))
        if type == 3:
            return _Kind(sine, 2 * n, float(sine), 0.5, (end,), (end,), ())
        return _Kind(sine, 2 * n, 0.5, 0.5, (), (), ())


def _phases(x: Tensor, angles: Any, weights: Any) -> Tensor:
    values = weights * np.exp(-2j * math.pi * angles)
    single = x.dtype.itemsize <= 4
    return _core.asarray(values.astype(np.complex64 if single else np.complex128), device=x.device)


def _scaled_ends(x: Tensor, places: tuple[int, ...], factor: float) -> Tensor:
    if not places:
        return x
    scales = np.ones(x.shape[-1])
    scales[list(places)] = factor
    return x * _core.asarray(scales.astype(x.dtype), device=x.device)


def _transform(
    op: str, sine: bool, x: Tensor, type: int, n: int | None, axis: int, norm: Any, orthogonal: Any
) -> Tensor:
    if norm not in _INVERSE_NORMS:
        raise ValueError(f"[fft.{op}] norm must be None, 'backward', 'ortho' or 'forward'")
    if x.dtype.kind == "c":
        parts = (
            _transform(op, sine, part, type, n, axis, norm, orthogonal)
            for part in (_core.real(x), _core.imag(x))
        )
        return _core.complex(*parts)
    if x.dtype.kind != "f":
        x = _core.astype(x, np.float64)
    place = normal_axis(f"fft.{op}", axis, x.ndim)
    lines = _core.moveaxis(x, place, -1)
    size = lines.shape[-1] if n is None else operator.index(n)
    kind = _Kind.of(op, sine, type, size)
    lines = lines[..., :size]
    orthogonal = norm == "ortho" if orthogonal is None else orthogonal
    if orthogonal:
        lines = _scaled_ends(_padded(lines, size), kind.before, math.sqrt(2.0))
    numbers = np.arange(lines.shape[-1])
    weights = np.where(np.isin(numbers, kind.single), 1.0, 2.0)
    waves = lines * _phases(x, numbers * kind.r / kind.m, weights)
    k = np.arange(size)
    turned = _core.fft_fft(waves, n=kind.m)[..., :size] * _phases(
        x, kind.s * (k + kind.r) / kind.m, 1.0
    )
    result = -_core.imag(turned) if sine else _core.real(turned)
    if orthogonal:
        result = _scaled_ends(result, kind.after, math.sqrt(0.5))
    if norm in ("ortho", "forward"):
        result = result * (1 / kind.m if norm == "forward" else math.sqrt(1 / kind.m))
    return _core.moveaxis(result, -1, place)


def _padded(lines: Tensor, size: int) -> Tensor:
    missing = size - lines.shape[-1]
    if missing <= 0:
        return lines
    zeros = _core.zeros((*lines.shape[:-1], missing), lines.dtype, device=lines.device)
    return _core.concat([lines, zeros], -1)


def _along_axis(name: str, sine: bool, inverse: bool) -> Callable[..., Tensor]:
    def transform(
        x: TensorLike,
        type: int = 2,
        n: int | None = None,
        axis: int = -1,
        norm: str | None = None,
        *,
        orthogonalize: bool | None = None,
    ) -> Tensor:
        own, scale = (_INVERSE.get(type, type), _INVERSE_NORMS.get(norm, norm)) if inverse else (
            type, norm
        )  # fmt: skip
        return _transform(name, sine, _core.asarray(x), own, n, axis, scale, orthogonalize)

    return transform


def _over_axes(name: str, sine: bool, inverse: bool) -> Callable[..., Tensor]:
    along = _along_axis(name, sine, inverse)

    def transform(
        x: TensorLike,
        type: int = 2,
        s: int | Sequence[int] | None = None,
        axes: int | Sequence[int] | None = None,
        norm: str | None = None,
        *,
        orthogonalize: bool | None = None,
    ) -> Tensor:
        result = _core.asarray(x)
        sizes: Sequence[int | None]
        sizes = [None] if s is None else [int(v) for v in np.atleast_1d(s)]
        if axes is None:
            count = result.ndim if s is None else len(sizes)
            places = list(range(result.ndim - count, result.ndim))
        else:
            places = list(normal_axes(f"fft.{name}", axes, result.ndim))
        sizes = [None] * len(places) if s is None else sizes
        if len(sizes) != len(places):
            raise ValueError(f"[fft.{name}] s has {len(sizes)} sizes for {len(places)} axes")
        for place, n in zip(places, sizes, strict=True):
            result = along(result, type, n, place, norm, orthogonalize=orthogonalize)
        return result

    return transform


def _made(name: str) -> Callable[..., Tensor]:
    several, sine, inverse = name.endswith("n"), "dst" in name, name.startswith("i")
    function = (_over_axes if several else _along_axis)(name, sine, inverse)
    what = f"{'inverse ' if inverse else ''}discrete {'sine' if sine else 'cosine'} transform"
    where = "over several axes" if several else "along an axis"
    size = (
        "s, axes: the sizes, cut off or filled up with zeros, and the axes, by default all."
        if several
        else "n, axis: the length, cut off or filled up with zeros, and the axis."
    )
    other = name.removeprefix("i") if inverse else f"i{name}"
    example = f"pa.fft.{name}(pa.fft.{other}([1.0, 2.0, 4.0])).numpy().round(12)"
    doc = f"The {what} {where}, as :func:`scipy.fft.{name}`." + _DOC
    function.__doc__ = doc.format(size=size, example=f"{example}\n    array([1., 2., 4.])")
    function.__name__ = function.__qualname__ = name
    return function


dct, idct, dst, idst = map(_made, ("dct", "idct", "dst", "idst"))
dctn, idctn, dstn, idstn = map(_made, ("dctn", "idctn", "dstn", "idstn"))
