"""Records of the Fourier transforms."""

import numpy as np
import scipy.fft

from .record import ALL, REAL, Sample, in_float, record


def lines(rng):
    """Even, odd and prime lengths; shorter and longer than the input; the norms."""
    for shape, kwargs in [
        ((4,), {}),
        ((5,), {"norm": "ortho"}),
        ((1,), {}),
        ((2, 6), {"n": 4, "norm": "forward"}),
        ((3, 2), {"n": 7, "axis": 0, "norm": None}),
        ((2, 3), {"axis": -2, "n": 6}),
        ((0, 3), {}),
        ((2, 0), {}),
        ((), {}),
        ((3,), {"axis": 1}),
        ((3,), {"n": 0}),
        ((3,), {"n": -2}),
        ((3,), {"norm": "backwards"}),
    ]:
        yield Sample((rng.uniform(-2, 2, shape),), kwargs)


def grids(rng):
    for shape, kwargs in [
        ((2, 3), {}),
        ((3, 4), {"norm": "ortho"}),
        ((2, 3, 2), {"s": (3, 2), "axes": (0, 1), "norm": "forward"}),
        ((2, 2, 3), {"axes": (2, 0)}),
        ((3, 5), {"s": (-1, 4), "axes": (0, 1)}),
        ((2, 3), {"s": (4, 3), "axes": (1, 1)}),
        ((0, 2, 2), {"axes": (1, 2)}),
        ((2, 0), {}),
        ((2, 3), {"axes": (0, 2)}),
        ((2, 3), {"s": (2,), "axes": (0, 1)}),
        ((2, 3), {"s": (2, 0), "axes": (0, 1)}),
        ((2, 3), {"norm": ""}),
    ]:
        yield Sample((rng.uniform(-2, 2, shape),), kwargs)


def shifts(rng):
    for shape, kwargs in [
        ((5,), {}),
        ((4, 3), {}),
        ((4, 3), {"axes": 1}),
        ((2, 3, 5), {"axes": (0, -1)}),
        ((0, 2), {}),
        ((), {}),
        ((2,), {"axes": 1}),
    ]:
        yield Sample((rng.uniform(-2, 2, shape),), kwargs)


def real_lines(rng):
    """Every type, shorter and longer than the input; the norms."""
    for shape, kwargs in [
        ((4,), {}),
        ((5,), {"type": 1, "norm": "ortho"}),
        ((2, 6), {"type": 3, "n": 4, "norm": "forward"}),
        ((3, 2), {"type": 4, "n": 7, "axis": 0, "norm": "backward"}),
        ((2, 5), {"norm": "ortho"}),
        ((1,), {"type": 3}),
        ((3,), {"axis": 1}),
        ((3,), {"n": 0}),
        ((3,), {"type": 5}),
        ((3,), {"norm": "backwards"}),
    ]:
        yield Sample((rng.uniform(-2, 2, shape),), kwargs)


def real_grids(rng):
    for shape, kwargs in [
        ((2, 3), {}),
        ((3, 4), {"type": 1, "norm": "ortho"}),
        ((2, 3, 2), {"type": 3, "s": (3, 2), "axes": (0, 1), "norm": "forward"}),
        ((2, 2, 3), {"type": 4, "axes": (2, 0)}),
        ((2, 4), {"s": (3,)}),
        ((2, 3), {"s": (2,), "axes": (0, 1)}),
    ]:
        yield Sample((rng.uniform(-2, 2, shape),), kwargs)


def points(rng):
    for n in (1, 2, 5, 8):
        yield Sample((n,))
        yield Sample((n, 0.25))


def transform(name, samples, dtypes=ALL):
    return record(f"fft.{name}", in_float(getattr(np.fft, name)), samples, dtypes=dtypes, tol=64)


def real_transform(name, samples):
    function = getattr(scipy.fft, name)

    def reference(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except RuntimeError as error:  # too few numbers
            raise ValueError(str(error)) from None

    return record(f"fft.{name}", in_float(reference), samples, dtypes=ALL, tol=64)


def shifting(function):
    """NumPy's fails on 0-d arrays, for lack of an axis to roll."""
    return lambda x, axes=None: function(x, axes) if x.ndim or axes is not None else x


RECORDS = [
    transform("fft", lines),
    transform("ifft", lines),
    transform("rfft", lines, REAL),
    transform("irfft", lines),
    transform("hfft", lines),
    transform("ihfft", lines, REAL),
    transform("fftn", grids),
    transform("ifftn", grids),
    transform("rfftn", grids, REAL),
    transform("irfftn", grids),
    transform("fft2", grids),
    transform("ifft2", grids),
    transform("rfft2", grids, REAL),
    transform("irfft2", grids),
    *(real_transform(name, real_lines) for name in ("dct", "dst", "idct", "idst")),
    *(real_transform(name, real_grids) for name in ("dctn", "dstn", "idctn", "idstn")),
    record("fft.fftfreq", np.fft.fftfreq, points, diff=()),
    record("fft.rfftfreq", np.fft.rfftfreq, points, diff=()),
    record("fft.fftshift", shifting(np.fft.fftshift), shifts),
    record("fft.ifftshift", shifting(np.fft.ifftshift), shifts),
]
