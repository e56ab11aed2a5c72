"""What the NumPy and the SciPy of Python 3.10, for which there are no newer ones, do not do yet."""

import functools
import warnings

import numpy as np
import scipy

SCIPY = tuple(map(int, scipy.__version__.split(".")[:2]))
SCIPY_TAKES_STACKS = SCIPY >= (1, 17)


def over_stacks(function, *ranks):
    """A function of SciPy's for matrices, of stacks of them: of the last `ranks` axes of its first
    arguments. A vector where there may be a matrix is one for all."""
    if SCIPY_TAKES_STACKS:
        return function

    @functools.wraps(function)
    def mapped(*args, **kwargs):
        arrays, rest = args[: len(ranks)], args[len(ranks) :]
        cores = [min(a.ndim, rank) for a, rank in zip(arrays, ranks, strict=False)]
        splits = [a.ndim - core for a, core in zip(arrays, cores, strict=True)]
        pairs = list(zip(arrays, splits, strict=True))
        lead = np.broadcast_shapes(*(a.shape[:split] for a, split in pairs))
        if lead == ():
            return function(*args, **kwargs)
        wide = [np.broadcast_to(a, lead + a.shape[split:]) for a, split in pairs]
        found = [function(*(a[i] for a in wide), *rest, **kwargs) for i in np.ndindex(lead)]
        if not isinstance(found[0], tuple):
            return np.reshape(found, lead + found[0].shape)
        parts = [np.stack(part) for part in zip(*found, strict=True)]
        return tuple(part.reshape(lead + part.shape[1:]) for part in parts)

    return mapped


def without_deprecated(call):
    """NumPy's function, with a ValueError where it warns that it is going to raise one."""

    def strict(*args, **kwargs):
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            try:
                return call(*args, **kwargs)
            except DeprecationWarning as warning:
                raise ValueError(str(warning)) from warning

    return strict
