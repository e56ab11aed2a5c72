"""Convolutions on a device: by cuDNN, where it is there, and as products of matrices."""

import os

import numpy as np
import pytest
from support.processes import run_code

import pyautograd as pa

# Size, channels in, out, settings, the shape of x.
LAYERS = [
    ((3,), 2, 3, {}, (2, 7, 2)),
    ((2,), 4, 6, {"groups": 2, "stride": 2, "padding": 1}, (3, 6, 4)),
    ((3, 2), 2, 3, {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)}, (2, 6, 5, 2)),
    ((2, 3), 6, 6, {"groups": 6, "padding": "same"}, (1, 4, 5, 6)),
    ((2, 2), 1, 2, {"padding": ((1, 0), (0, 1))}, (2, 3, 3, 1)),
    ((2, 1, 3), 2, 2, {"padding": (1, 0, 1), "stride": (1, 2, 1)}, (2, 3, 4, 5, 2)),
    ((1, 2, 1, 2), 2, 1, {}, (1, 2, 3, 2, 3, 2)),
]
TOLERANCE = {"float64": 1e-13, "float32": 3e-6, "float16": 4e-3, "bfloat16": 3e-2}


def rounded(rng, shape, dtype):
    return pa.asarray(rng.normal(size=shape)).astype(dtype)


def weight_shape(transposed, size, inputs, outputs, groups):
    return (*size, outputs // groups, inputs) if transposed else (*size, inputs // groups, outputs)


def convolution(transposed, settings):
    op = pa.nn.conv_transpose if transposed else pa.nn.conv
    return lambda weight, x: op({"weight": weight}, x, **settings)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("size, inputs, outputs, settings, shape", LAYERS)
def test_values_and_derivatives_are_the_hosts(
    device, size, inputs, outputs, settings, shape, transposed, dtype
):
    rng = np.random.default_rng(0)
    groups = settings.get("groups", 1)
    weight = rounded(rng, weight_shape(transposed, size, inputs, outputs, groups), dtype)
    x = rounded(rng, shape, dtype)
    f = convolution(transposed, settings)

    def results(place, dtype):
        w, a = (pa.asarray(v.astype(dtype)).to(place) for v in (weight, x))
        y, tangent = pa.func.jvp(f, (w, a), (w * 0.5, a * 0.25))
        slope = pa.func.grad(lambda w, a: pa.sum(pa.sin(f(w, a).astype("float64"))), argnums=(0, 1))
        return [v.to("cpu").astype("float64") for v in (y, tangent, *slope(w, a))]

    for got, want in zip(results(device, dtype), results("cpu", "float64"), strict=True):
        scale = float(pa.max(pa.abs(want)))
        np.testing.assert_allclose(
            got.numpy(), want.numpy(), rtol=0, atol=4 * scale * TOLERANCE[dtype]
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_second_derivatives_are_the_hosts(device, dtype):
    rng = np.random.default_rng(1)
    weight, x = rounded(rng, (2, 2, 2, 1), dtype), rounded(rng, (2, 3, 3, 2), dtype)

    def loss(weight, x):
        return pa.sum(pa.nn.conv({"weight": weight}, x, padding=1) ** 3)

    want = pa.func.hessian(loss, argnums=(0, 1))(weight, x)
    got = pa.func.hessian(loss, argnums=(0, 1))(weight.to(device), x.to(device))
    for row, row_there in zip(want, got, strict=True):
        for part, part_there in zip(row, row_there, strict=True):
            np.testing.assert_allclose(
                part_there.to("cpu").numpy(), part.numpy(), rtol=0, atol=2e3 * TOLERANCE[dtype]
            )


def test_one_array_may_be_both_factors(device):
    both = rounded(np.random.default_rng(2), (3, 3, 2, 2), "float32")
    want = pa.nn.conv({"weight": both}, both, padding=1)
    there = both.to(device)
    got = pa.nn.conv({"weight": there}, there, padding=1).to("cpu")
    np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=0, atol=3e-5)


def test_captured_calls_compute_what_calls_do(device):
    rng = np.random.default_rng(3)
    weight = rounded(rng, (2, 2, 1, 2), "float32").to(device)
    slope = pa.func.grad(lambda w, x: pa.sum(pa.nn.conv({"weight": w}, x) ** 2))
    for warmup in (0, 1):  # without one, the capture comes upon what was never computed before
        captured = pa.cuda.graph(slope, warmup=warmup)
        for _ in range(4):
            x = rounded(rng, (3, 4, 5 + warmup, 1), "float32").to(device)
            np.testing.assert_allclose(
                captured(weight, x).to("cpu").numpy(),
                slope(weight, x).to("cpu").numpy(),
                rtol=1e-4,
            )


def has_stand_ins():
    return bool(os.environ.get("PYAUTOGRAD_TEST_CUDA_LIBRARY"))


def test_factors_are_rounded_only_where_that_is_allowed(device):
    rng = np.random.default_rng(4)
    weight, x = rounded(rng, (3, 2, 1), "float32"), rounded(rng, (1, 8, 2), "float32")

    def computed(w, x):
        return pa.nn.conv({"weight": w.to(device)}, x.to(device)).to("cpu").numpy()

    def to_eleven_bits(v):
        mantissa, exponent = np.frexp(v.numpy())
        return pa.asarray(np.ldexp(np.rint(np.ldexp(mantissa, 11)), exponent - 11))

    want = pa.nn.conv({"weight": weight}, x).numpy()
    coarse = pa.nn.conv({"weight": to_eleven_bits(weight)}, to_eleven_bits(x)).numpy()
    exact = computed(weight, x)
    with pa.cuda.allow_tf32():
        allowed = computed(weight, x)
        with pa.cuda.allow_tf32():
            pass
        assert computed(weight, x).tolist() == allowed.tolist()
    assert computed(weight, x).tolist() == exact.tolist()
    np.testing.assert_allclose(exact, want, rtol=0, atol=2e-6)
    np.testing.assert_allclose(allowed, want, rtol=0, atol=2e-2)
    if has_stand_ins():  # which rounds as the real library may
        np.testing.assert_allclose(allowed, coarse, rtol=0, atol=2e-6)
        assert np.max(np.abs(coarse - want)) > 1e-4


def test_products_take_the_place_of_a_missing_library():
    if not has_stand_ins():
        pytest.skip("needs the emulated device")
    done = run_code(f"""
        import os
        os.environ["PYAUTOGRAD_EMULATION_LACKS"] = "cudnn"
        import pyautograd as pa
        pa._core.set_backend_library({os.environ["PYAUTOGRAD_TEST_CUDA_LIBRARY"]!r})
        x = pa.arange(8.0, dtype="float32", device="cuda").reshape(1, 4, 2)
        weight = pa.ones((2, 2, 1), dtype="float32", device="cuda")
        with pa.cuda.allow_tf32():
            print(pa.nn.conv({{"weight": weight}}, x).reshape(-1).tolist())
    """)
    assert done.stdout.strip() == "[6.0, 14.0, 22.0]", done.stderr
