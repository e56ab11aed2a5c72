"""What the property tests compute with: conversions, comparisons and directions."""

import itertools

import numpy as np

import pyautograd as pa


def tensors(arrays):
    return [pa.tensor(a) for a in arrays]


def options_on(device, sample):
    """The keywords of a sample, with its arrays on a device."""
    return {
        name: pa.tensor(value).to(device) if isinstance(value, np.ndarray) else value
        for name, value in sample.kwargs.items()
    }


def assert_close(got, want, tol, *, relative_to=None, at_least=0, what=""):
    """Equal shapes and dtypes, and values within `tol` units in the last place of the largest one.

    With relative_to=0 every element must be as exact relative to itself, down to subnormal ones.
    `at_least` is the size of what a result is made of, all of which may have cancelled.
    """
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape, f"{what} shape {got.shape}, expected {want.shape}"
    assert got.dtype == want.dtype, f"{what} dtype {got.dtype}, expected {want.dtype}"
    if want.dtype.kind not in "fc":
        np.testing.assert_array_equal(got, want, err_msg=str(what))
        return
    eps = np.finfo(want.dtype).eps
    finite = np.abs(want[np.isfinite(want)])
    scale = finite.max(initial=at_least) if relative_to is None else relative_to
    slack = tol * eps * scale + 2 * np.finfo(want.dtype).smallest_subnormal
    assert_allclose(got, want, rtol=tol * eps, atol=slack, what=what)


def assert_allclose(got, want, *, rtol, atol, what=""):
    """NumPy's assertion, which takes ten times as long as the comparison; `what` is made a text if
    it fails only."""
    same_shape = np.shape(got) == np.shape(want)
    if not (same_shape and np.allclose(got, want, rtol=rtol, atol=atol, equal_nan=True)):
        np.testing.assert_allclose(got, want, rtol=rtol, atol=atol, err_msg=str(what))


def subsets(items, smallest=1):
    """All subsets with at least `smallest` items."""
    items = list(items)
    for size in range(smallest, len(items) + 1):
        yield from itertools.combinations(items, size)


def strided(array):
    """The same values in memory with gaps and with one axis backwards."""
    if array.ndim == 0:
        return array
    gaps = np.zeros([2 * n for n in array.shape], array.dtype)
    view = gaps[tuple(slice(None, None, 2) for _ in array.shape)][..., ::-1]
    view[...] = array
    return view


def cast(array, dtype):
    """A float64 sample as another dtype, unsigned ones by absolute value; others as they are."""
    if array.dtype != np.float64:
        return array
    dtype = np.dtype(dtype)
    if dtype.kind == "u":
        array = np.abs(array)
    return np.asarray(array > 0 if dtype.kind == "b" else array).astype(dtype)


def raised_by(call):
    """The exception that a call raises, or None."""
    try:
        call()
    except Exception as error:
        return error
    return None


def same_kind(error, reference):
    """NumPy's AxisError is a ValueError and an IndexError: either will do."""
    kinds = (TypeError, ValueError, IndexError, ArithmeticError, RuntimeError)
    return any(isinstance(error, kind) and isinstance(reference, kind) for kind in kinds)


class Scalar:
    """A call as a function of some of its arrays that returns one real number.

    The number is a fixed linear function of everything the op returns but counts and indices, real
    and imaginary parts, so its derivatives see all of that.
    """

    def __init__(self, record, sample, chosen=None):
        self.record, self.sample = record, sample
        self.arrays = sample.arrays
        self.chosen = record.differentiable(sample) if chosen is None else list(chosen)
        self.rng = np.random.default_rng(7)
        values = record.reference(sample, self.arrays)
        self.places = [i for i, y in enumerate(values) if y.dtype.kind in "fc"]
        self.weights = [drawn(self.rng, 0.5, 1.5, values[i]) for i in self.places]

    @property
    def point(self):
        return tuple(self.arrays[i] for i in self.chosen)

    def direction(self):
        return tuple(drawn(self.rng, -1, 1, x) for x in self.point)

    def outputs(self, *xs):
        arrays = list(self.arrays)
        for i, x in zip(self.chosen, xs, strict=True):
            arrays[i] = x
        given = [pa.tensor(a) if isinstance(a, np.ndarray) else a for a in arrays]
        outputs = self.record.call(self.sample, given)
        return [outputs[i] for i in self.places]

    def __call__(self, *xs):
        total = pa.tensor(0.0)
        for y, w in zip(self.outputs(*xs), self.weights, strict=True):
            total = total + pa.real(pa.sum(y * w))
        return total

    def reference(self, *xs):
        arrays = list(self.arrays)
        for i, x in zip(self.chosen, xs, strict=True):
            arrays[i] = x
        outputs = self.record.reference(self.sample, arrays)
        pairs = zip(self.places, self.weights, strict=True)
        return sum(np.sum(outputs[i] * w).real for i, w in pairs)


def scalars(record):
    """Every sample that can be differentiated: a mean over nothing, which is nan, cannot."""
    for sample in record.calls():
        outputs = [y for y in record.reference(sample, sample.arrays) if y.dtype.kind in "fc"]
        smooth = all(y.dtype in ("f8", "c16") and np.isfinite(y).all() for y in outputs)
        if outputs and smooth and record.differentiable(sample):
            yield Scalar(record, sample)


def drawn(rng, low, high, like):
    """Random numbers of the shape and kind of an array."""
    real = rng.uniform(low, high, like.shape)
    return real + 1j * rng.uniform(low, high, like.shape) if like.dtype.kind == "c" else real


def inner(xs, ys):
    """The real inner product, of complex numbers as pairs of real ones."""
    pairs = zip(xs, ys, strict=True)
    return sum(np.sum(np.conj(np.asarray(x)) * np.asarray(y)).real for x, y in pairs)


def shifted(xs, vs, step):
    return [x + step * v for x, v in zip(xs, vs, strict=True)]


def central_difference(f, xs, vs, step=3e-4):
    """Fourth order in the step: truncation and roundoff both stay near 1e-11."""
    near = f(*shifted(xs, vs, step)) - f(*shifted(xs, vs, -step))
    far = f(*shifted(xs, vs, 2 * step)) - f(*shifted(xs, vs, -2 * step))
    return (8 * near - far) / (12 * step)
