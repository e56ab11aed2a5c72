"""float16 and bfloat16: stored in two bytes, computed with in float32, rounded once."""

import copy
import itertools
import pickle

import numpy as np
import pytest
from records import DIFFERENTIABLE, RECORDS
from support.properties import cast, options_on, raised_by

import pyautograd as pa

HALVES = ("float16", "bfloat16")
BITS = {"float16": 11, "bfloat16": 8}  # of the significand
SMALLEST = {"float16": 2.0**-24, "bfloat16": 2.0**-133}
# What they say of a number's neighbours depends on its dtype.
UNDEFINED = ("nextafter", "spacing")
# They round what functions of the caller's return, which are several ops.
OF_FUNCTIONS = ("piecewise", "apply_along_axis", "apply_over_axes")


def rounded(values, dtype):
    """To nearest, ties to even, computed in integers."""
    x = np.asarray(values, np.float64)
    exponent = np.frexp(x)[1]
    least = {"float16": -13, "bfloat16": -125}[dtype]
    unit = np.ldexp(1.0, np.maximum(exponent, least) - BITS[dtype])
    result = np.round(x / unit) * unit
    most = {"float16": 65504.0, "bfloat16": float.fromhex("0x1.fep127")}[dtype]
    with np.errstate(invalid="ignore"):
        result = np.where(np.abs(result) > most, np.copysign(np.inf, x), result)
        return np.where(np.isfinite(x), result, x)


def numbers(x):
    """In float64, which holds all there are."""
    wide = "complex128" if x.dtype.kind == "c" else "float64"
    return np.asarray(x.detach().to("cpu").astype(wide))


def made(arrays, dtype):
    return [pa.tensor(a, dtype=dtype if a.dtype == np.float64 else None) for a in arrays]


# Rounding.


EDGES = [
    *(0.0, -0.0, 1.0, 1 + 2.0**-11, 1 + 3 * 2.0**-11, 1 + 2.0**-8, 1 + 3 * 2.0**-8, 65504, 65519),
    *(65520, 65536, 1e5, 2.0**-14, 2.0**-24, 2.0**-25, 1.5 * 2.0**-24, 2.5 * 2.0**-24, 3e-8, 6e-5),
    *(3.3e38, 3.4e38, 1e39, 2.0**-133, 2.0**-134, 1.0000001 * 2.0**-134, 1e-45, 1e-300, np.inf),
]


@pytest.mark.parametrize("dtype", HALVES)
def test_conversion_rounds_once_from_every_float(dtype):
    rng = np.random.default_rng(0)
    wide = rng.standard_normal(5000) * 10.0 ** rng.uniform(-45, 39, 5000)
    near = rounded(rng.standard_normal(2000) * 10.0 ** rng.uniform(-8, 5, 2000), dtype)
    ties = near * (1 + 2.0 ** -BITS[dtype] * rng.integers(-1, 2, 2000))
    # float32 would round these to a tie.
    beside = ties * (1 + 2.0**-40 * rng.integers(-1, 2, 2000))
    values = np.concatenate([wide, ties, beside, EDGES, np.negative(EDGES), [np.nan]])
    for source in ("float64", "float32"):
        given = values.astype(source)
        for stride in (1, 2, -1):
            x = pa.tensor(given)[::stride]
            got = numbers(x.astype(dtype))
            np.testing.assert_array_equal(got, rounded(given[::stride], dtype))
            np.testing.assert_array_equal(np.signbit(got), np.signbit(given[::stride]))


@pytest.mark.parametrize("dtype", HALVES)
def test_every_number_survives_a_round_trip(dtype):
    bits = np.arange(2**16, dtype=np.uint16)
    if dtype == "float16":
        want = bits.view(np.float16).astype(np.float64)
    else:
        want = (bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    x = pa.tensor(want).astype(dtype)
    assert x.nbytes == 2 * x.size
    np.testing.assert_array_equal(numbers(x), want)
    for wide in ("float32", "float64"):
        np.testing.assert_array_equal(numbers(x.astype(wide).astype(dtype)), want)


@pytest.mark.parametrize("dtype", HALVES)
def test_conversions_with_the_other_dtypes(dtype):
    for other in ("bool", "int8", "int32", "int64", "uint8", "uint64", "complex64", "complex128"):
        x = pa.tensor(np.array([0, 1, 3, 100], other))
        half = pa.real(x).astype(dtype)
        assert half.tolist() == np.real(x.numpy()).astype(float).tolist()
        np.testing.assert_array_equal(half.astype(other).numpy(), x.numpy())
    assert pa.tensor([np.nan, 1e4, -1e4], dtype=dtype).astype("int8").tolist() == [0, 127, -128]


# What every op makes of them.


def outcomes(record, sample, dtype, device="cpu"):
    """Pairs of what the op returns for rounded samples, and the exact result."""
    low = [rounded(a, dtype) if a.dtype == np.float64 else a for a in sample.arrays]
    single = record.outcome(sample, [cast(a, "float32") for a in low])
    exact = record.outcome(sample, low)
    if isinstance(exact, Exception) or isinstance(single, Exception):
        return
    sample = sample._replace(kwargs=options_on(device, sample)) if device != "cpu" else sample
    got = record.call(sample, [x.to(device) for x in made(low, dtype)])
    for y, want, like in zip(got, exact, single, strict=True):
        if isinstance(y, pa.Tensor):
            yield y, np.asarray(want), like.dtype


def samples_of(record):
    return [s for s in record.calls() if any(a.dtype == np.float64 for a in s.arrays)]


def asks_for_a_dtype(sample):
    return "dtype" in sample.kwargs or any(isinstance(a, (type, np.dtype)) for a in sample.args)


REAL_RECORDS = [
    r for r in RECORDS if "float32" in r.dtypes and r.name not in (*UNDEFINED, *OF_FUNCTIONS)
]


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("record", REAL_RECORDS, ids=lambda r: r.label)
def test_every_op_rounds_its_float32_result(record, dtype):
    for sample in samples_of(record):
        for got, want, single in outcomes(record, sample, dtype):
            assert got.shape == want.shape
            if single == np.float32 and not asks_for_a_dtype(sample) and got.dtype != np.float32:
                assert got.dtype == dtype
            check_rounded(record, numbers(got), want, str(got.dtype))


def check_rounded(record, got, want, dtype):
    """Half a unit in the last place, and float32's error of the whole."""
    if dtype not in HALVES:
        eps = 2.0**-23 if want.dtype.kind in "fc" else 0
        scale = np.abs(want[np.isfinite(want)]).max(initial=0)
        np.testing.assert_allclose(got, want, rtol=32 * eps, atol=1024 * record.tol * eps * scale)
        return
    want = np.where(np.isinf(rounded(want, dtype)), np.inf * np.sign(want), want)
    scale = np.abs(want[np.isfinite(want)]).max(initial=0)
    slack = max(record.tol, 64) * 2.0**-23 * scale + SMALLEST[dtype]
    if record.name.startswith("linalg."):  # whose records make the matrix from the sample, rounding
        slack += 8 * 2.0 ** -BITS[dtype] * scale
    np.testing.assert_allclose(got, want, rtol=2.0 ** -BITS[dtype] * 1.001, atol=slack)


ONE_ROUNDING = ("add", "subtract", "multiply", "divide", "sqrt", "square", "negative", "absolute")


@pytest.mark.parametrize("name", ONE_ROUNDING)
@pytest.mark.parametrize("dtype", HALVES)
def test_arithmetic_is_exactly_rounded(name, dtype):
    rng = np.random.default_rng(1)
    x, y = (rounded(rng.uniform(0.01, 100, 3000), dtype) for _ in range(2))
    arrays = (x, y) if name in ONE_ROUNDING[:4] else (x,)
    got = getattr(pa, name)(*made(arrays, dtype))
    np.testing.assert_array_equal(numbers(got), rounded(getattr(np, name)(*arrays), dtype))


@pytest.mark.parametrize("dtype", HALVES)
def test_sums_and_products_are_accumulated_in_float32(dtype):
    x = pa.ones(5000, dtype=dtype)
    assert pa.sum(x).item() == rounded(5000, dtype)
    assert pa.mean(x * 60).item() == 60  # the sum is beyond float16
    assert pa.linalg.vector_norm(x[:8] * 100, ord=3).item() == rounded(200, dtype)
    assert pa.matmul(x, x).item() == rounded(5000, dtype)
    assert numbers(pa.cumsum(x))[-1] == rounded(5000, dtype)
    assert pa.average(x * 60).item() == 60


@pytest.mark.parametrize("dtype", HALVES)
def test_neighbours_are_not_those_of_float32(dtype):
    x = pa.ones(2, dtype=dtype)
    for call in (lambda: pa.nextafter(x, 2 * x), lambda: pa.spacing(x)):
        with pytest.raises(TypeError, match=rf"\[nextafter\] is not defined for dtypes {dtype}"):
            call()


@pytest.mark.parametrize("dtype", HALVES)
def test_infinities_become_the_largest_number(dtype):
    x = pa.tensor([np.inf, -np.inf, np.nan], dtype=dtype)
    most = pa.finfo(dtype).max
    assert pa.nan_to_num(x).tolist() == [most, -most, 0]


# Derivatives.


def gradients(record, sample, low, dtype):
    """Of the sum of everything the op returns, and what the leaves are."""
    chosen = record.differentiable(sample)
    xs = made(low, dtype)
    leaves = [xs[i].requires_grad_() for i in chosen if xs[i].dtype == dtype]
    outputs = [y for y in record.call(sample, xs) if isinstance(y, pa.Tensor) and y.requires_grad]
    if not leaves or not outputs:
        return None
    wide = [pa.sum(y.astype("complex128" if y.dtype.kind == "c" else "float64")) for y in outputs]
    total = pa.real(sum(wide[1:], wide[0]))
    return pa.grad(total, leaves, materialize_grads=True)


# Cancelling derivatives of rounded outputs, or quotients by differences, are tested by name below.
CANCELLING = ("softmax", "histogram", "special.polygamma", "random._gamma_shape_slope")


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize(
    "record",
    [
        r
        for r in DIFFERENTIABLE
        if "float32" in r.dtypes and r.name not in (*UNDEFINED, *CANCELLING)
    ],
    ids=lambda r: r.label,
)
def test_gradients_of_every_op_have_the_leafs_dtype_and_precision(record, dtype):
    for sample in samples_of(record):
        low = [rounded(a, dtype) if a.dtype == np.float64 else a for a in sample.arrays]
        if isinstance(record.outcome(sample, low), Exception):
            continue
        found = gradients(record, sample, low, dtype)
        if found is None:
            continue
        for got, want in zip(found, gradients(record, sample, low, "float32"), strict=True):
            assert got.dtype == dtype
            want = numbers(want)
            scale = np.abs(want[np.isfinite(want)]).max(initial=1e-2)
            eps = 2.0 ** (1 - BITS[dtype])
            np.testing.assert_allclose(numbers(got), want, rtol=4 * eps, atol=4 * eps * scale)


def test_softmax_is_differentiated_by_its_rounded_value():
    x = pa.tensor([0.5, -1.0, 2.0], dtype="float16", requires_grad=True)
    w = pa.tensor([1.0, 2.0, 3.0])
    (got,) = pa.grad(pa.sum(w * pa.softmax(x)), x)
    exact = x.detach().astype("float64").requires_grad_()
    (want,) = pa.grad(pa.sum(w * pa.softmax(exact)), exact)
    assert got.dtype == np.float16
    np.testing.assert_allclose(numbers(got), want.numpy(), atol=2e-3)


@pytest.mark.parametrize("dtype", HALVES)
def test_transforms_and_higher_orders(dtype):
    def f(x):
        return pa.sum(pa.sin(x) * pa.exp(x) + x**3)

    x = pa.tensor([0.5, -1.0, 0.25], dtype=dtype)
    v = pa.tensor([1.0, 0.5, -2.0], dtype=dtype)
    wide, slope = x.astype("float64"), v.astype("float64")
    tol = {"rtol": 2.0 ** (5 - BITS[dtype]), "atol": 2.0 ** (4 - BITS[dtype])}
    pairs = [
        (pa.func.grad(f)(x), pa.func.grad(f)(wide)),
        (pa.func.hessian(f)(x), pa.func.hessian(f)(wide)),
        (pa.hessian(f, x), pa.hessian(f, wide)),
        (pa.hvp(f, x, v), pa.hvp(f, wide, slope)),
        (pa.func.jvp(f, (x,), (v,))[1], pa.func.jvp(f, (wide,), (slope,))[1]),
        (pa.func.jacfwd(pa.tanh)(x), pa.func.jacfwd(pa.tanh)(wide)),
        (pa.func.jacrev(pa.tanh)(x), pa.func.jacrev(pa.tanh)(wide)),
        (pa.func.vmap(pa.func.grad(f))(pa.stack([x, v])), pa.stack([pa.func.grad(f)(wide),
                                                                   pa.func.grad(f)(slope)])),
        (pa.func.grad(lambda t: pa.sum(pa.func.vmap(pa.cos)(t) ** 2))(x), -pa.sin(2 * wide)),
        (pa.laplacian(f)(x), pa.laplacian(f)(wide)),
    ]  # fmt: skip
    for got, want in pairs:
        assert got.dtype == dtype
        np.testing.assert_allclose(numbers(got), want.numpy(), **tol)


def test_mapped_calls_are_those_of_a_loop():
    rng = np.random.default_rng(2)
    x = pa.tensor(rng.uniform(-2, 2, (4, 3, 3)), dtype="float16")
    for f in (pa.exp, pa.var, pa.linalg.inv, pa.cumsum, pa.sort, lambda t: t @ t, lambda t: t[1:]):
        axis = {"axis": 0} if f in (pa.cumsum,) else {}
        mapped = pa.func.vmap(lambda t, f=f, axis=axis: f(t, **axis))(x)
        looped = pa.stack([f(t, **axis) for t in x])
        assert mapped.dtype == np.float16
        np.testing.assert_allclose(numbers(mapped), numbers(looped), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", HALVES)
def test_saved_values_take_two_bytes(dtype, no_leak):
    n = 100_000
    x = pa.ones(n, dtype=dtype).requires_grad_()
    before = pa.memory.live().bytes
    y = pa.tanh(x * 2)
    assert pa.memory.live().bytes - before <= 2.1 * n  # of tanh the result
    assert pa.grad(pa.sum(y), x)[0].nbytes == 2 * n


@pytest.mark.parametrize("dtype", HALVES)
def test_what_moves_numbers_shares_their_memory(dtype):
    x = pa.arange(6, dtype=dtype)
    before = pa.memory.live().bytes
    views = [x[1:], x.reshape(2, 3).T, pa.flip(x), pa.broadcast_to(x, (3, 6)), *pa.split(x, 2)]
    assert pa.memory.live().bytes == before
    assert all(view.dtype == dtype for view in views)
    x[0] = 7
    assert x.reshape(2, 3).T.tolist() == [[7, 3], [1, 4], [2, 5]]
    x += 0.5
    x[1:3] = pa.tensor([1.25, 2.0])
    x[[3, 4]] = pa.tensor([1, 2])
    assert x.tolist() == [7.5, 1.25, 2, 1, 2, 5.5]
    assert pa.concat([x, x]).dtype == pa.where(x > 1, x, 0).dtype == x[pa.tensor([1, 1])].dtype
    assert pa.nonzero(x > 2)[0].tolist() == [0, 5] and pa.nonzero(x)[0].size == 6


# Dtypes.


def test_promotion():
    others = {
        "bool": "same",
        **dict.fromkeys(("int8", "int32", "int64", "uint8", "uint64"), "same"),
        **{name: name for name in ("float32", "float64", "complex64", "complex128")},
    }
    for half, (other, want) in itertools.product(HALVES, others.items()):
        x, y = pa.ones(2, dtype=half), pa.ones(2, dtype=other)
        want = half if want == "same" else want
        for made in (x + y, y * x, pa.concat([x, y]), pa.where(x > 0, y, x), x @ y, y / x):
            assert made.dtype == want
        assert pa.result_type(x, y) == pa.result_type(y, x.dtype) == want
    x, y = (pa.ones(2, dtype=half) for half in HALVES)
    assert (x + y).dtype == pa.maximum(y, x).dtype == pa.result_type(x, y) == np.float32


@pytest.mark.parametrize("dtype", HALVES)
def test_python_scalars_are_weak(dtype):
    x = pa.tensor([1.0, 2.0], dtype=dtype)
    for y in (x + 1, 2.5 * x, x**2, 1 / x, x - True, pa.maximum(x, 1.5), x // 1):
        assert y.dtype == pa.result_type(x, 1.5) == dtype
    assert (x * 1j).dtype == np.complex64
    for y in (x < 1.5, x == 1, pa.isnan(x), pa.any(x)):
        assert y.dtype == np.bool_
    assert pa.argmax(x).dtype == np.int64
    assert (1.1 * x).tolist() == rounded(rounded(1.1, dtype) * np.array([1.0, 2.0]), dtype).tolist()


@pytest.mark.parametrize("dtype", HALVES)
def test_names_of_the_dtype(dtype):
    named = getattr(pa, dtype)
    for name in (dtype, named):
        for x in (
            *(pa.zeros(2, dtype=name), pa.tensor([0, 0], dtype=name), pa.full(2, 0, dtype=name)),
            *(pa.asarray([0.0, 0], dtype=name), pa.zeros(2).astype(name), pa.zeros(2).to(name)),
            *(pa.arange(2, dtype=name) * 0, pa.linspace(0, 0, 2, dtype=name), pa.eye(2)[0] * 0),
        ):
            assert x.tolist() == [0, 0]
        assert pa.zeros(2, dtype=name).dtype == named
    assert named.name == str(named) == dtype and named.itemsize == 2 and named.kind == "f"
    assert copy.deepcopy(named) == pickle.loads(pickle.dumps(named)) == named != np.float32
    assert pa.isdtype(named, "real floating") and pa.isdtype(named, named)
    assert not pa.isdtype(named, (pa.float32, "integral"))


def test_limits():
    for dtype in HALVES:
        info = pa.finfo(dtype)
        assert (info.bits, info.eps) == (16, 2.0 ** (1 - BITS[dtype]))
        assert info.max == -info.min == numbers(pa.tensor(info.max, dtype=dtype))
        assert np.isinf(numbers(pa.tensor(info.max * (1 + info.eps), dtype=dtype)))
        assert pa.finfo(pa.ones(1, dtype=dtype)) == info
    assert pa.finfo("float16").smallest_normal == 2.0**-14
    assert pa.finfo("bfloat16").smallest_normal == 2.0**-126
    assert pa.can_cast("bfloat16", "float32") and not pa.can_cast("float32", "bfloat16")
    assert pa.can_cast("uint8", "bfloat16") and not pa.can_cast("float16", "bfloat16")


@pytest.mark.parametrize("dtype", HALVES)
def test_printing_and_pythons_numbers(dtype):
    x = pa.tensor([0.5, -3.0], dtype=dtype)
    assert repr(x) == f"tensor([ 0.5, -3. ], dtype={dtype})"
    assert (x.tolist(), x[0].item(), float(x[1]), int(x[1])) == ([0.5, -3.0], 0.5, -3.0, -3)
    assert bool(x[0]) and f"{x[0]:.2f}" == "0.50" and complex(x[0]) == 0.5


@pytest.mark.parametrize("dtype", HALVES)
def test_copies_pickles_and_files(dtype, tmp_path):
    x = pa.tensor([1.5, -2.0], dtype=dtype).requires_grad_()
    for y in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x)):
        assert (y.dtype, y.tolist(), y.requires_grad) == (dtype, [1.5, -2.0], True)
    pa.save(tmp_path / "x.npz", {"x": x})
    found = pa.load(tmp_path / "x.npz", like={"x": x})["x"]
    assert (found.dtype, found.tolist(), found.requires_grad) == (dtype, [1.5, -2.0], True)


# Other libraries.


def test_numpy_shares_float16():
    x = pa.arange(3, dtype="float16")
    array = x.numpy()
    assert array.dtype == np.float16 and array.tolist() == [0, 1, 2]
    shared = pa.from_numpy(array)
    assert shared.dtype == np.float16
    array[0] = 5
    assert x[0].item() == shared[0].item() == 5
    assert np.add(x, array).dtype == np.float16
    assert pa.tensor(np.float16(1.5)).dtype == np.float16


def test_numpy_and_bfloat16(monkeypatch):
    x = pa.tensor([1.5, -2.0], dtype="bfloat16")
    assert np.asarray(x, dtype=np.float32).tolist() == [1.5, -2.0]
    monkeypatch.setitem(__import__("sys").modules, "ml_dtypes", None)  # as if it were not there
    advice = r"use x\.astype\(pa\.float32\)"
    for call in (x.numpy, lambda: np.asarray(x)):
        with pytest.raises(TypeError, match=advice):
            call()

    class Refusing:
        @property
        def dtype(self):
            raise TypeError("as NumPy found it")

    passed_on = "as NumPy found it" in str(raised_by(lambda: np.dtype(Refusing())))
    with pytest.raises(TypeError, match=advice if passed_on else "bfloat16"):
        np.dtype(pa.bfloat16)


def test_bfloat16_of_ml_dtypes():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = pa.tensor([1.5, -2.0], dtype="bfloat16")
    array = x.numpy()
    assert array.dtype == ml_dtypes.bfloat16 == pa.bfloat16 and pa.bfloat16 == array.dtype
    array[0] = 5
    assert x.tolist() == [5, -2]
    assert pa.from_numpy(array).dtype == pa.bfloat16
    assert pa.zeros(2, dtype=ml_dtypes.bfloat16).dtype == pa.bfloat16


@pytest.mark.parametrize("dtype", HALVES)
def test_dlpack(dtype):
    x = pa.tensor([1.5, -2.0], dtype=dtype)
    y = pa.from_dlpack(x)
    assert (y.dtype, y.tolist()) == (dtype, [1.5, -2.0])
    x[0] = 4
    assert y[0].item() == 4
    if dtype == "float16":
        assert np.from_dlpack(x).dtype == np.float16


# Devices.


# A subset that reaches every kind of kernel; the others are float32's.
ON_DEVICE = (
    *("add", "exp", "less", "where", "sum", "max", "mean", "var", "argmax", "cumsum", "softmax"),
    *("logsumexp", "matmul", "einsum", "take", "take_along_axis", "concat", "pad", "roll", "tril"),
    *("sort", "astype", "zeros_like", "full", "clip", "flip", "broadcast_to", "put_along_axis"),
)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize(
    "record", [r for r in REAL_RECORDS if r.name in ON_DEVICE], ids=lambda r: r.label
)
def test_on_a_device(record, dtype, device):
    for sample in samples_of(record):
        for got, want, _ in outcomes(record, sample, dtype, device):
            assert got.device == device
            check_rounded(record, numbers(got), want, str(got.dtype))


@pytest.mark.parametrize("dtype", HALVES)
def test_a_devices_memory_and_products(dtype, device):
    values = rounded(np.random.default_rng(3).uniform(-2, 2, (3, 5, 4)), dtype)
    x = pa.tensor(values, dtype=dtype).to(device)
    assert x.dtype == dtype and x.nbytes == 2 * x.size
    np.testing.assert_array_equal(numbers(x.T[::-1]), values.T[::-1])
    for other in ("float32", "float64", "int32", "bool", "complex64"):
        np.testing.assert_array_equal(
            x.astype(other).to("cpu").numpy(), x.to("cpu").astype(other).numpy()
        )
        back = x.astype(other).astype(dtype)
        np.testing.assert_array_equal(
            numbers(back), numbers(x.to("cpu").astype(other).astype(dtype))
        )
    y = pa.permute_dims(x, (0, 2, 1))
    np.testing.assert_array_equal(
        numbers(x @ y), rounded(values @ np.swapaxes(values, 1, 2), dtype)
    )
    leaf = x.requires_grad_()
    (gradient,) = pa.grad(pa.sum((leaf @ pa.permute_dims(leaf, (0, 2, 1))) ** 2), leaf)
    assert (gradient.dtype, gradient.device) == (dtype, device)
    assert pa.arange(3, dtype=dtype, device=device).tolist() == [0, 1, 2]
    assert pa.full(2, 1.5, dtype=dtype, device=device).tolist() == [1.5, 1.5]
