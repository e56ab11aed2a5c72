"""Layers that look at windows of their input: convolutions and pooling, over any number of axes.

Channels lie on the last axis, as in NumPy's images: ``(..., *spatial, channels)``.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import _core
from .._core import Tensor
from .._core import nn__conv as _conv
from .._core import nn__conv_transpose as _conv_transpose
from .._whole import one_or_each, whole

if TYPE_CHECKING:
    from .._core import TensorLike

__all__ = ["avg_pool", "conv", "conv_transpose", "max_pool"]


def conv(
    params: dict[str, Tensor],
    x: TensorLike,
    *,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[Any] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """A convolution: :func:`linear` of every window, all of whose elements are its inputs.

    As everywhere in machine learning it is a cross-correlation: the weight is not reversed. Windows
    are copied side by side, a megabyte at a time, for products of matrices; nothing of this is
    kept, and derivatives are made in the same way.

    Args:
        params: ``{"weight": (*size, inputs / groups, outputs), "bias": (outputs,)}``; the bias may
            be absent. As many axes as ``size`` has are spatial ones.
        x: shape ``(..., *spatial, inputs)``. Of PyTorch's arrays, with channels in front of the
            spatial axes, ``pa.moveaxis(x, 1, -1)``.
        stride: steps from one window to the next, one for all axes or one for each.
        padding: zeros before and after each axis: a number, one for each axis, a pair for each
            axis, or ``"same"``: so many that there are ``ceil(size of x / stride)`` windows.
        dilation: steps between the elements of a window, likewise.
        groups: channels in as many groups that do not see each other, with as many outputs each.

    Returns:
        Shape ``(..., *windows, outputs)``.

    Raises:
        ValueError: shapes or groups do not fit, or a window is larger than the padded input.

    >>> edges = {"weight": pa.asarray([-1.0, 1.0]).reshape(2, 1, 1)}
    >>> pa.nn.conv(edges, pa.asarray([[1.0], [4.0], [2.0]])).tolist()
    [[3.0], [-2.0]]
    """
    given, weight = _core.asarray(x), _core.asarray(params["weight"])
    *size, seen, outputs = _weight_shape("conv", weight, groups)
    inputs = seen * groups
    steps, apart, pads = _placed("conv", given, size, stride, padding, dilation)
    _check_channels("conv", given, inputs)
    ahead, spatial = given.shape[: -len(size) - 1], given.shape[-len(size) - 1 : -1]
    made = _conv(
        given.reshape(math.prod(ahead), *spatial, groups, inputs // groups),
        weight.reshape(*weight.shape[:-1], groups, outputs // groups),
        steps,
        apart,
        [before for before, _ in pads],
        [after for _, after in pads],
    )
    made = made.reshape(*ahead, *made.shape[1:-2], outputs)
    return made + params["bias"] if "bias" in params else made


def conv_transpose(
    params: dict[str, Tensor],
    x: TensorLike,
    *,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[Any] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    extra: int | Sequence[int] = 0,
) -> Tensor:
    """The transpose of :func:`conv`, which makes ``stride`` times as many elements of an axis.

    Each element of ``x`` adds a window, the weight times the element, to the output: what
    :func:`conv`, from ``outputs`` to ``inputs`` channels, has for its derivative.

    Args:
        params: ``{"weight": (*size, outputs / groups, inputs), "bias": (outputs,)}``; the bias may
            be absent.
        x: shape ``(..., *spatial, inputs)``.
        stride, dilation, groups: those of the transposed convolution.
        padding: likewise: elements that are dropped before and after each axis. ``"same"``: so
            many that ``stride`` times as many elements as ``x`` has remain.
        extra: elements more at the end of each axis, fewer than its stride: those that ``stride``
            steps over. One for all axes or one for each; none with ``"same"``.

    Returns:
        Shape ``(..., *lengths, outputs)``, where a length is ``(n - 1) * stride + dilation * (size
        - 1) + 1 + extra``, less what is dropped, or ``n * stride``.

    Raises:
        ValueError: shapes or groups do not fit, or nothing remains.

    >>> step = {"weight": pa.asarray([-1.0, 1.0]).reshape(2, 1, 1)}
    >>> pa.nn.conv_transpose(step, pa.asarray([[3.0], [-2.0]])).tolist()
    [[-3.0], [5.0], [-2.0]]
    """
    given, weight = _core.asarray(x), _core.asarray(params["weight"])
    *size, made_of_each, inputs = _weight_shape("conv_transpose", weight, groups)
    steps, apart, spans = _windows("conv_transpose", given, size, stride, dilation)
    _check_channels("conv_transpose", given, inputs)
    ahead, counts = given.shape[: -len(size) - 1], given.shape[-len(size) - 1 : -1]
    added = _per_axis("conv_transpose", "extra", extra, len(size), least=0)
    lengths = [n * step for n, step in zip(counts, steps, strict=True)]
    pads = _pads("conv_transpose", padding, lengths, spans, steps)
    if _same(padding):
        if any(added):
            raise ValueError(
                f"[nn.conv_transpose] extra={extra} has no place where padding='same' says how "
                "many elements remain"
            )
    else:
        lengths = [
            (n - 1) * step + span + more - before - after
            for n, step, span, more, (before, after) in zip(
                counts, steps, spans, added, pads, strict=True
            )
        ]
    if any(more >= step for more, step in zip(added, steps, strict=True)) or min(lengths) < 1:
        raise ValueError(
            f"[nn.conv_transpose] stride={steps}, padding={padding!r} and extra={added} leave axes "
            f"of {lengths}: expected extra < stride, and something to remain"
        )
    made = _conv_transpose(
        given.reshape(math.prod(ahead), *counts, groups, inputs // groups),
        weight.reshape(*weight.shape[:-1], groups, inputs // groups),
        lengths,
        steps,
        apart,
        [before for before, _ in pads],
        [after for _, after in pads],
    )
    made = made.reshape(*ahead, *lengths, made_of_each * groups)
    return made + params["bias"] if "bias" in params else made


def max_pool(
    x: TensorLike,
    size: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: int | str | Sequence[Any] = 0,
) -> Tensor:
    """The largest element of every window, channel by channel.

    Args:
        x: shape ``(..., *spatial, channels)``, of a real floating dtype.
        size: of a window along each spatial axis.
        stride: as for :func:`conv`; by default ``size``, so that windows do not overlap.
        padding: as for :func:`conv`, with elements that are never the largest.

    Returns:
        Shape ``(..., *windows, channels)``. Where several elements are the largest, the derivative
        is shared among them.

    Raises:
        ValueError: a window is larger than the padded input.

    >>> pa.nn.max_pool(pa.asarray([[1.0], [4.0], [2.0], [3.0]]), (2,)).tolist()
    [[4.0], [3.0]]
    """
    parts = _taps("max_pool", _core.asarray(x), size, stride, padding, fill=-math.inf)
    return _core.max(_core.stack(parts, axis=0), axis=0)


def avg_pool(
    x: TensorLike,
    size: Sequence[int],
    *,
    stride: int | Sequence[int] | None = None,
    padding: int | str | Sequence[Any] = 0,
) -> Tensor:
    """The mean of every window, channel by channel.

    Args:
        x, size, stride: as for :func:`max_pool`.
        padding: as for :func:`conv`, with zeros, which count.

    Returns:
        Shape ``(..., *windows, channels)``.

    Raises:
        ValueError: a window is larger than the padded input.

    >>> pa.nn.avg_pool(pa.asarray([[1.0], [4.0], [2.0], [3.0]]), (2,), stride=1).tolist()
    [[2.5], [3.0], [2.5]]
    """
    parts = _taps("avg_pool", _core.asarray(x), size, stride, padding)
    return functools.reduce(operator.add, parts) / len(parts)


def _weight_shape(op: str, weight: Tensor, groups: int) -> tuple[int, ...]:
    """Of a weight with spatial axes, whose last one the groups divide."""
    if weight.ndim < 3:
        raise ValueError(
            f"[nn.{op}] weight of shape {weight.shape}: expected axes for the elements of a window "
            "and two of channels"
        )
    if (whole(groups) or 0) < 1 or weight.shape[-1] % groups:
        raise ValueError(f"[nn.{op}] {weight.shape[-1]} channels do not make groups={groups}")
    return weight.shape


def _check_channels(op: str, x: Tensor, channels: int) -> None:
    if x.shape[-1] != channels:
        raise ValueError(
            f"[nn.{op}] the last axis of x has {x.shape[-1]} channels, and the weight is for "
            f"{channels}"
        )


def _taps(
    op: str,
    x: Tensor,
    size: Sequence[int],
    stride: int | Sequence[int] | None,
    padding: int | str | Sequence[Any],
    dilation: int | Sequence[int] = 1,
    fill: float = 0.0,
) -> list[Tensor]:
    """Of every window its first element, its second one, ...: each an array of all windows."""
    if whole(size) is not None:
        raise ValueError(f"[nn.{op}] size={size}: give one number for each spatial axis, ({size},)")
    size = _per_axis(op, "size", size, len(size))
    steps, apart, pads = _placed(op, x, size, stride, padding, dilation)
    axes = len(size)
    if any(map(any, pads)):
        around = [(0, 0)] * (x.ndim - axes - 1) + pads + [(0, 0)]
        x = _core.pad(x, around, constant_values=fill)
    spans = [a * (k - 1) + 1 for k, a in zip(size, apart, strict=True)]
    lengths = x.shape[-axes - 1 : -1]
    counts = [(n - span) // step + 1 for n, span, step in zip(lengths, spans, steps, strict=True)]
    parts = []
    for tap in itertools.product(*map(range, size)):
        window = [
            slice(t * a, t * a + (count - 1) * step + 1, step)
            for t, a, count, step in zip(tap, apart, counts, steps, strict=True)
        ]
        index = (..., *window, slice(None))
        parts.append(x[index])
    return parts


def _windows(
    op: str,
    x: Tensor,
    size: Sequence[int],
    stride: int | Sequence[int] | None,
    dilation: int | Sequence[int],
) -> tuple[list[int], list[int], list[int]]:
    """The strides, dilations and widths of windows along each axis."""
    axes = len(size)
    if x.ndim < axes + 1:
        raise ValueError(
            f"[nn.{op}] x of shape {x.shape} has no {axes} spatial axes in front of its channels"
        )
    steps = _per_axis(op, "stride", size if stride is None else stride, axes)
    apart = _per_axis(op, "dilation", dilation, axes)
    return steps, apart, [a * (k - 1) + 1 for k, a in zip(size, apart, strict=True)]


def _placed(
    op: str,
    x: Tensor,
    size: Sequence[int],
    stride: int | Sequence[int] | None,
    padding: int | str | Sequence[Any],
    dilation: int | Sequence[int],
) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    """The strides, dilations and paddings of the axes, which fit x."""
    steps, apart, spans = _windows(op, x, size, stride, dilation)
    lengths = x.shape[-len(size) - 1 : -1]
    pads = _pads(op, padding, lengths, spans, steps)
    for n, (before, after), span in zip(lengths, pads, spans, strict=True):
        if n + before + after < span:
            raise ValueError(
                f"[nn.{op}] a window of {span} elements does not fit into an axis of {n}, padded "
                f"to {n + before + after}"
            )
    return steps, apart, pads


def _per_axis(
    op: str, name: str, given: int | Sequence[int], axes: int, *, least: int = 1
) -> list[int]:
    try:
        numbers = list(one_or_each(given)) * (1 if whole(given) is None else axes)
        fits = len(numbers) == axes and all(v >= least for v in numbers)
    except TypeError:
        fits = False
    if not fits:
        kind = "positive number" if least else "number, not negative"
        raise ValueError(f"[nn.{op}] {name}={given}: expected one {kind}, or {axes}")
    return numbers


def _pads(
    op: str,
    padding: int | str | Sequence[Any],
    lengths: Sequence[int],
    spans: Sequence[int],
    steps: Sequence[int],
) -> list[tuple[int, int]]:
    """Before and after each axis."""
    if _same(padding):
        missing = [
            max((-(-n // step) - 1) * step + span - n, 0)
            for n, span, step in zip(lengths, spans, steps, strict=True)
        ]
        return [(m // 2, m - m // 2) for m in missing]
    try:
        each: Any = padding if whole(padding) is None else [padding] * len(lengths)
        pads = [_pair(v) for v in each]
        fits = len(pads) == len(lengths) and min(map(min, pads)) >= 0
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            f"[nn.{op}] padding={padding!r}: expected 'same', a number, or one or a pair for each "
            f"of {len(lengths)} axes, none of them negative"
        )
    return pads


def _same(padding: Any) -> bool:
    return isinstance(padding, str) and padding == "same"


def _pair(pad: Any) -> tuple[int, int]:
    one = whole(pad)
    before, after = pad if one is None else (one, one)
    return operator.index(before), operator.index(after)
