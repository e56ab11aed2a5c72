"""Every op computes what its reference computes, and raises where it raises."""

import itertools

import numpy as np
import pytest
from records import ALL, CASES, ELEMENTWISE, FFT, LINALG, RECORDS
from support.properties import assert_close, cast, raised_by, same_kind, strided, tensors

import pyautograd as pa

every_op = pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.name)
every_case = pytest.mark.parametrize("record", CASES, ids=lambda r: r.label)

# Sums of these are exact in any order.
SPECIAL = np.array([np.inf, -np.inf, np.nan, -0.0, 0.0, 1.0, -1.0, 0.5, -3.0, 2.0])
EXTREME = np.array([1e-310, 1e-30, 1e30, 1e300, -1e-310, -1e300, 709.5, -745.0, 5e15, 0.1, -0.0])


def check(record, sample, arrays, given, **options):
    """The op on `given` against the reference on `arrays`: values, or the kind of the error."""
    expected = record.outcome(sample, arrays)
    where = record.name, sample
    if isinstance(expected, Exception):
        error = raised_by(lambda: record.call(sample, given))
        assert same_kind(error, expected), f"{where}: {error!r} instead of {expected!r}"
        assert str(error).startswith("["), f"{where}: {error!r} does not say which op"
        return
    got = record.call(sample, given)
    assert len(got) == len(expected), where
    for y, want in zip(got, expected, strict=True):
        assert isinstance(y, pa.Tensor)
        assert_close(y.numpy(), want, record.tol, what=where, **options)


@every_case
def test_forward(record):
    for sample in record.all_calls():
        check(record, sample, sample.arrays, tensors(sample.arrays))


@every_case
def test_forward_of_strided_arguments(record):
    for sample in record.all_calls():
        views = [pa.from_numpy(strided(a)) for a in sample.arrays]
        check(record, sample, sample.arrays, views)


@every_case
def test_forward_of_transposed_arguments(record):
    for sample in record.all_calls():
        turned = [pa.tensor(a.T.copy()).T for a in sample.arrays]
        check(record, sample, sample.arrays, turned)


@every_case
def test_results_show_arguments_only_where_the_references_do(record):
    for sample in record.calls():
        given = tensors(sample.arrays)
        wanted = record.reference(sample, sample.arrays)
        for y, want in zip(record.call(sample, given), wanted, strict=True):
            if record.name == "flip" and not y.ndim:  # NumPy returns a number
                continue
            for x, a in zip(given, sample.arrays, strict=True):
                shared = np.shares_memory(y.numpy(), x.numpy())
                assert not shared or np.shares_memory(want, a), (record.name, sample)


def test_what_changes_nothing_is_a_copy():
    x = pa.tensor([1.0, 2.0])
    for y in (pa.conj(x), np.conj(x), pa.clip(x, None, None), np.clip(x, None, None)):
        y += 1.0
    for y in (pa.logsumexp(x, axis=()), pa.special.eval_legendre(1, x)):
        y += 1.0
    assert x.tolist() == [1.0, 2.0]


@every_op
@pytest.mark.parametrize("dtype", ALL)
def test_dtypes(record, dtype):
    for sample in record.all_calls():
        arrays = [cast(a, dtype) for a in sample.arrays]
        if dtype in record.dtypes:
            check(record, sample, arrays, tensors(arrays))
        elif any(a.dtype == np.float64 for a in sample.arrays):
            with pytest.raises(TypeError, match=rf"\[{record.name}\]"):
                record.call(sample, tensors(arrays))


@pytest.mark.parametrize(
    "record",
    # nextafter is not defined for halves
    [
        r
        for r in RECORDS
        if (r in ELEMENTWISE and r.name != "nextafter") or r.name.startswith("special.")
    ],
    ids=lambda r: r.name,
)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_numbers_take_on_the_dtype_beside_them(record, dtype):
    for sample in record.calls() if "float32" in record.dtypes else []:
        wide = [i for i, a in enumerate(sample.arrays) if a.dtype == np.float64]
        narrow = [
            pa.asarray(a, dtype=dtype if i in wide else None) for i, a in enumerate(sample.arrays)
        ]
        for i in wide if len(wide) > 1 else []:
            if sample.arrays[i].ndim == 0:
                beside = [*narrow[:i], sample.arrays[i].item(), *narrow[i + 1 :]]
                got, want = (record.call(sample, given) for given in (beside, narrow))
                assert [y.dtype for y in got] == [y.dtype for y in want], sample


def check_signs_of_zero(record, sample, arrays):
    expected = record.outcome(sample, arrays)
    if isinstance(expected, Exception):
        return
    for y, want in zip(record.call(sample, tensors(arrays)), expected, strict=True):
        if want.dtype.kind == "f":
            signs = np.signbit(y.numpy()), np.signbit(want)
            ours, theirs = (s & (want == 0) for s in signs)
            assert np.array_equal(ours, theirs), (record.name, arrays)


def filled(arrays, values, rng):
    return [rng.choice(values, a.shape) if a.dtype == np.float64 else a for a in arrays]


@pytest.mark.parametrize(
    "record", [r for r in RECORDS if r not in LINALG + FFT], ids=lambda r: r.name
)
def test_special_values(record):
    rng = np.random.default_rng(3)
    for sample in record.calls() if "float64" in record.dtypes else []:
        for arrays in (filled(sample.arrays, SPECIAL, rng) for _ in range(6)):
            check(record, sample, arrays, tensors(arrays), relative_to=0)
            check_signs_of_zero(record, sample, arrays)


@pytest.mark.parametrize("record", ELEMENTWISE, ids=lambda r: r.name)
def test_all_pairs_of_special_and_extreme_values(record):
    sample = record.calls()[-1]
    values = np.concatenate([SPECIAL, EXTREME])
    grid = np.meshgrid(*[values] * len(sample.arrays))
    if "float64" in record.dtypes and all(a.dtype == np.float64 for a in sample.arrays):
        check(record, sample, grid, tensors(grid), relative_to=0)
        check_signs_of_zero(record, sample, grid)


def wrong_shapes(arrays):
    """One axis of one array longer, missing, or added."""
    for i, a in enumerate(arrays):
        for axis in range(a.ndim):
            longer = np.concatenate([a, np.take(a, [0], axis)], axis) if a.size else None
            for b in (longer, np.take(a, 0, axis) if a.shape[axis] else None, a[None]):
                if b is not None:
                    yield [*arrays[:i], b, *arrays[i + 1 :]]


@every_case
def test_raises_where_the_reference_raises(record):
    for sample in record.calls():
        for arrays in wrong_shapes(sample.arrays):
            largest = max(np.abs(a[np.isfinite(a)]).max(initial=0) for a in arrays)
            check(record, sample, arrays, tensors(arrays), at_least=largest)


@every_op
def test_axes_out_of_range(record):
    for sample in record.calls():
        several = isinstance(sample.kwargs.get("axis"), tuple)
        for axis in (7, -7, 1.5, "a", *([(0, 7), (0, 0)] if several else [])):
            if "axis" in sample.kwargs:
                wrong = sample._replace(kwargs={**sample.kwargs, "axis": axis})
                check(record, wrong, wrong.arrays, tensors(wrong.arrays))


@every_op
def test_arguments_that_are_no_arrays(record):
    sample = record.calls()[-1]
    given = [pa.tensor(a) if isinstance(a, np.ndarray) else a for a in sample.args]
    for i, arg in enumerate(sample.args):
        for wrong in ("text", object(), {}, [None]) if isinstance(arg, np.ndarray) else ():
            with pytest.raises((TypeError, ValueError)):
                record.fn(*given[:i], wrong, *given[i + 1 :], **sample.kwargs)


@every_case
def test_same_bits_twice(record):
    for sample in record.calls():
        first, second = (record.call(sample, tensors(sample.arrays)) for _ in range(2))
        for a, b in zip(first, second, strict=True):
            assert a.numpy().tobytes() == b.numpy().tobytes()


def test_large_arrays_agree_with_small_ones():
    """Vector loops, tails and threads give each element the value it has alone."""
    x = np.random.default_rng(0).uniform(0.1, 0.9, 100_003)
    for name, dtype in itertools.product(
        ("exp", "log", "sin", "tanh", "erf", "sigmoid", "sqrt"), ("float32", "float64")
    ):
        whole = getattr(pa, name)(pa.tensor(x.astype(dtype))).numpy()
        for i in (0, 1, 7, 4096, 50_001, 100_002):
            alone = getattr(pa, name)(pa.tensor(x[i : i + 1].astype(dtype))).numpy()
            assert whole[i] == alone[0], (name, dtype, i)
