"""The libraries that run random programs, under the names that the programs use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class Library:
    """One array library under the names that programs use: its own, or those given."""

    def __init__(self, module: Any, **other: Callable[..., Any]) -> None:
        self._module = module
        self.__dict__.update(other)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _numpy() -> Library:
    import scipy.linalg
    import scipy.special as special

    def scatter(x: Any, places: Any) -> Any:
        out = np.zeros(5)
        np.add.at(out, places, x)
        return out

    def with_row(x: Any, values: Any, row: int) -> Any:
        out = np.array(x)
        out[row] = values
        return out

    return Library(
        np,
        complex=lambda x, y: x + 1j * y,
        expm=scipy.linalg.expm,
        lstsq=lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0],
        norm=lambda x, p: np.linalg.norm(np.ravel(x), p),
        cummax=np.maximum.accumulate,
        logcumsumexp=np.logaddexp.accumulate,
        trapezoid=lambda x, axis: np.trapezoid(x, axis=axis),
        padded=np.pad,
        along=np.take_along_axis,
        scatter=scatter,
        with_row=with_row,
        erfc=special.erfc,
        ndtr=special.ndtr,
        log_ndtr=special.log_ndtr,
        xlogy=special.xlogy,
        erf=special.erf,
        relu=lambda x: np.maximum(x, 0),
        sigmoid=special.expit,
        softplus=lambda x: np.logaddexp(x, 0),
        logsumexp=special.logsumexp,
        softmax=special.softmax,
        log_softmax=special.log_softmax,
        permute=np.permute_dims,
        sliced=lambda x, index: x[index],
        constant=np.asarray,
    )


NUMPY = _numpy()


def our_library() -> Library:
    import pyautograd as pa

    def scatter(x: Any, places: Any) -> Any:
        out = pa.zeros(5) * 1.0
        np.add.at(out, places, x)
        return out

    def with_row(x: Any, values: Any, row: int) -> Any:
        out = x * 1.0
        out[row] = values
        return out

    return Library(
        pa,
        count=lambda x: x.size,
        expm=pa.linalg.expm,
        lstsq=lambda a, b: pa.linalg.lstsq(a, b)[0],
        norm=lambda x, p: pa.linalg.vector_norm(x, ord=p),
        trapezoid=lambda x, axis: pa.trapezoid(x, axis=axis),
        padded=pa.pad,
        along=pa.take_along_axis,
        scatter=scatter,
        with_row=with_row,
        erfc=pa.special.erfc,
        ndtr=pa.special.ndtr,
        log_ndtr=pa.special.log_ndtr,
        xlogy=pa.special.xlogy,
        permute=pa.permute_dims,
        ravel=lambda x: pa.reshape(x, (-1,)),
        sliced=lambda x, index: x[index],
        constant=np.asarray,
    )


def torch_library() -> Library:
    import torch

    def sliced(x: Any, index: tuple[slice, ...]) -> Any:
        """PyTorch has no negative steps."""
        for axis, part in enumerate(index):
            positions = list(range(x.shape[axis]))[part]
            x = torch.index_select(x, axis, torch.tensor(positions))
        return x

    def reduction(function: Callable[..., Any]) -> Callable[..., Any]:
        def reduce(x: Any, axis: int | None, keepdims: bool) -> Any:
            axes = tuple(range(x.ndim)) if axis is None else (axis,)
            return function(x, axes, keepdims) if axes else function(x[None], (0,), False)

        return reduce

    def total(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        return torch.sum(x, axis, keepdims) if x.ndim else x

    def padded(x: Any, widths: Any) -> Any:
        return torch.nn.functional.pad(x, [n for pair in reversed(widths) for n in pair])

    def convolve(x: Any, y: Any) -> Any:
        kernel = torch.flip(y, (0,))[None, None]
        return torch.nn.functional.conv1d(x[None, None], kernel, padding=len(y) - 1)[0, 0]

    def kron(x: Any, y: Any) -> Any:
        """Its own has a derivative that fails for transposed matrices."""
        rows, columns = x.shape[0] * y.shape[0], x.shape[1] * y.shape[1]
        return torch.einsum("ij,kl->ikjl", x, y).reshape(rows, columns)

    def scatter(x: Any, places: Any) -> Any:
        return torch.zeros(5, dtype=x.dtype).index_add(0, torch.as_tensor(places), x)

    def with_row(x: Any, values: Any, row: int) -> Any:
        out = x.clone()
        out[row] = values
        return out

    return Library(
        torch,
        count=lambda x: x.numel(),
        expm=torch.linalg.matrix_exp,
        lstsq=lambda a, b: torch.linalg.lstsq(a, b if b.ndim == 2 else b[:, None]).solution.reshape(
            a.shape[1], *b.shape[1:]
        ),
        norm=torch.linalg.vector_norm,
        convolve=convolve,
        kron=kron,
        cummax=lambda x, axis: torch.cummax(x, axis)[0],
        sort=lambda x, axis: torch.sort(x, axis)[0],
        std=lambda x, axis: torch.std(x, axis, correction=0),
        trapezoid=lambda x, axis: torch.trapezoid(x, dim=axis),
        repeat=torch.repeat_interleave,
        padded=padded,
        along=torch.take_along_dim,
        scatter=scatter,
        with_row=with_row,
        erfc=torch.special.erfc,
        ndtr=torch.special.ndtr,
        log_ndtr=torch.special.log_ndtr,
        xlogy=torch.special.xlogy,
        sum=total,
        mean=reduction(torch.mean),
        var=reduction(lambda x, a, k: torch.var(x, a, correction=0, keepdim=k)),
        max=reduction(torch.amax),
        min=reduction(torch.amin),
        prod=lambda x, axis: torch.prod(x, axis),
        erf=torch.special.erf,
        softplus=torch.nn.functional.softplus,
        softmax=lambda x, axis: torch.softmax(x, axis),
        log_softmax=lambda x, axis: torch.log_softmax(x, axis),
        logsumexp=lambda x, axis: torch.logsumexp(x, axis),
        cumsum=lambda x, axis: torch.cumsum(x, axis),
        flip=lambda x, axis: torch.flip(x, (axis,)),
        sliced=sliced,
        constant=torch.as_tensor,
    )


def jax_library() -> Library:
    import jax
    import jax.numpy as jnp

    return Library(
        jnp,
        count=lambda x: x.size,
        complex=jax.lax.complex,
        expm=jax.scipy.linalg.expm,
        lstsq=lambda a, b: jnp.linalg.lstsq(a, b)[0],
        norm=lambda x, p: jnp.linalg.norm(jnp.ravel(x), p),
        cummax=lambda x, axis: jax.lax.cummax(x, axis % x.ndim),
        logcumsumexp=lambda x, axis: jax.lax.cumlogsumexp(x, axis % x.ndim),
        trapezoid=lambda x, axis: jnp.trapezoid(x, axis=axis),
        padded=jnp.pad,
        along=jnp.take_along_axis,
        scatter=lambda x, places: jnp.zeros(5).at[places].add(x),
        with_row=lambda x, values, row: x.at[row].set(values),
        erfc=jax.scipy.special.erfc,
        ndtr=jax.scipy.special.ndtr,
        log_ndtr=jax.scipy.special.log_ndtr,
        xlogy=jax.scipy.special.xlogy,
        erf=jax.scipy.special.erf,
        relu=jax.nn.relu,
        sigmoid=jax.nn.sigmoid,
        softplus=jax.nn.softplus,
        logsumexp=jax.scipy.special.logsumexp,
        softmax=jax.nn.softmax,
        log_softmax=jax.nn.log_softmax,
        permute=jnp.permute_dims,
        sliced=lambda x, index: x[index],
        constant=np.asarray,
    )
