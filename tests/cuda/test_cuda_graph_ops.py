"""What may be part of a captured call: derivatives, special functions and linear algebra.

Nothing of it may ask the host for a number, so these tests also say that nothing waits for it.
"""

import numpy as np
import pytest

import pyautograd as pa

RNG = np.random.default_rng(0)


def captured_like_here(f, arguments, device, *, tolerance=1e-11):
    """Compares the captured call and two replays with what the host makes of each argument."""
    call = pa.cuda.graph(f, warmup=0)
    for values in arguments:
        want = f(*(pa.tensor(x) for x in values))
        got = call(*(pa.tensor(x, device=device) for x in values))
        pairs = zip(got, want, strict=True) if isinstance(want, (list, tuple)) else [(got, want)]
        for there, here in pairs:
            scale = np.abs(here.numpy()).max(initial=1.0)
            np.testing.assert_allclose(
                there.to("cpu").numpy(), here.numpy(), rtol=tolerance, atol=tolerance * scale
            )


# Rules that are faster where no number is zero or infinite cannot know it here.

ELEMENTWISE = {
    "exp": lambda x: pa.log(pa.exp(x) + 1.0),
    "overflow": lambda x: pa.log(pa.exp(1000 * x)),
    "sigmoid": lambda x: pa.log(pa.sigmoid(-900 * x)),
    "sqrt": lambda x: pa.sqrt(x * x) ** 2,
    "norm": lambda x: pa.linalg.vector_norm(x, axis=-1) ** 2,
    "norm-cos": lambda x: pa.cos(pa.linalg.vector_norm(x, axis=-1)),
    "hypot": lambda x: pa.hypot(x, 2 * x) ** 2,
    "abs": lambda x: pa.abs(x) ** 2,
    "std": lambda x: pa.std(x, axis=-1) ** 2,
    "acos": lambda x: pa.acos(1 - x * x) ** 2,
    "ndtr": lambda x: pa.special.log_ndtr(x),
    "gamma": lambda x: pa.special.gamma(x + 1.0),
    "logsumexp": lambda x: pa.logsumexp(pa.where(x > 0.3, x, -np.inf), axis=-1),
}


@pytest.mark.parametrize("f", ELEMENTWISE.values(), ids=ELEMENTWISE)
def test_derivatives_of_what_has_exceptional_points(f, device):
    def total(x):
        return pa.sum(f(x))

    draws = RNG.random((2, 3, 2))
    arguments = [(x,) for x in (*draws, np.zeros((3, 2)), np.ones((3, 2)))]
    captured_like_here(pa.func.grad(total), arguments, device)
    captured_like_here(pa.func.hessian(total), arguments, device, tolerance=1e-9)


def complex_integrals(z):
    of = pa.special
    waves = of.sici(z)[1] * of.shichi(z)[0]
    return pa.real(of.exp1(z) + of.expi(z) * of.dawsn(z) + of.spence(z) + waves)


SPECIAL = {
    "erf": lambda x: pa.real(pa.erf(pa.complex(x - 1, 2 * x))),
    "erfc": lambda x: pa.imag(pa.erfc(pa.complex(3 * x, -x))),
    "wofz": lambda x: pa.real(pa.special.wofz(pa.complex(5 * x, x - 0.5))),
    "sici": lambda x: pa.special.sici(9 * x)[0] + pa.special.sici(5 * x)[1],
    "fresnel": lambda x: pa.special.fresnel(4 * x)[0] * pa.special.fresnel(x)[1],
    "expi": lambda x: pa.special.expi(3 * x) + pa.special.expn(3, x) + pa.special.exp1(4 * x),
    "complex": lambda x: complex_integrals(pa.complex(9 * x - 4, 2 * x - 1)),
    "lambertw": lambda x: pa.special.lambertw(x - 0.3) + pa.real(pa.special.lambertw(1j * x, 2)),
    "shichi": lambda x: pa.special.shichi(9 * x)[0] - pa.special.shichi(x)[1],
    "elliptic": lambda x: pa.special.ellipk(x) * pa.special.ellipe(-x),
    "bessel": lambda x: pa.special.k0(x) + pa.special.k1e(x) * pa.special.y0(x),
    "dawsn": lambda x: pa.special.dawsn(4 * x) + pa.special.spence(2 * x),
    "boxcox": lambda x: pa.special.boxcox(x, 0.5) + pa.special.pseudo_huber(1.0, x),
    "gammainc": lambda x: pa.special.gammainc(2 * x, x) + pa.special.gammaincc(x, 0.5),
    "betainc": lambda x: pa.special.betainc(2 * x, x, 0.5) - pa.special.betaincc(x, 2.0, x / 2),
    "zeta": lambda x: pa.special.zeta(2 + x, 1 + x),
}


@pytest.mark.parametrize("f", SPECIAL.values(), ids=SPECIAL)
def test_special_functions_and_second_derivatives_of_parameters(f, device):
    arguments = [(0.2 + 0.6 * RNG.random(5),) for _ in range(3)]
    captured_like_here(f, arguments, device)
    second = pa.func.grad(lambda x: pa.sum(pa.func.grad(lambda y: pa.sum(f(y)))(x)))
    captured_like_here(second, arguments, device, tolerance=1e-8)


def test_high_orders_of_one_parameter(device):
    def f(x):
        for _ in range(8):
            g = f.last

            def g_next(y, g=g):
                return pa.func.grad(lambda z: pa.sum(g(z)))(y)

            f.last = g_next
        return f.last(x)

    f.last = lambda a: pa.special.gammainc(a, 2.0)
    here = f(pa.tensor([1.5]))
    f.last = lambda a: pa.special.gammainc(a, 2.0)
    there = f(pa.tensor([1.5], device=device))
    np.testing.assert_allclose(there.to("cpu").numpy(), here.numpy(), rtol=1e-9)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: pa.nan_to_num(x / (x - x[:1])),
        lambda x: pa.sort(pa.complex(x, -x)),
        lambda x: pa.topk(pa.complex(x, x), 2)[0],
        lambda x: pa.var(x) + pa.std(x),
    ],
    ids="nan_to_num sort topk var".split(),
)
def test_values_that_nobody_looks_at(f, device):
    captured_like_here(f, [(RNG.random(6),) for _ in range(3)], device)


@pytest.mark.parametrize(
    "name, shape",
    [("gamma", 2.3), ("t", 4.0), ("vonmises", 2.0), ("skewnorm", 1.5), ("poisson", 3.0)],
)
def test_quantiles_that_are_searched_for(name, shape, device):
    arguments = [(RNG.random(4), np.asarray(shape)) for _ in range(2)]
    captured_like_here(getattr(pa.stats, name).ppf, arguments, device)


def test_slopes_of_quantiles_between_bounds(device):
    f = pa.func.grad(lambda q, a: pa.sum(pa.stats.truncnorm.ppf(q, a, 2.0)), argnums=(0, 1))
    captured_like_here(f, [(RNG.random(4), np.asarray(-1.0)) for _ in range(2)], device)


# Linear algebra, by cuBLAS alone.

FACTORED = {
    "cholesky": pa.linalg.cholesky,
    "cholesky-upper": lambda a: pa.linalg.cholesky(a, upper=True),
    "lu": pa.linalg.lu_factor,
    "solve": lambda a: pa.linalg.solve(a, a[..., :2] + 1.0),
    "inv": pa.linalg.inv,
    "det": pa.linalg.det,
    "slogdet": lambda a: pa.linalg.slogdet(a),
    "cho_solve": lambda a: pa.linalg.cho_solve((pa.linalg.cholesky(a), True), a[..., :1]),
    "triangular": lambda a: pa.linalg.solve_triangular(a, a[..., :1] * 2.0, lower=True, trans=1),
    "power": lambda a: pa.linalg.matrix_power(a, -2),
    "expm": lambda a: pa.linalg.expm(a * (40.0 / a.shape[-1])),
}


def positive(shape, dtype):
    x = RNG.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * RNG.standard_normal(shape)
    return ((x @ x.conj().mT) / shape[-1] + 2 * np.eye(shape[-1])).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("f", FACTORED.values(), ids=FACTORED)
def test_factorizations_are_captured(f, dtype, device):
    tolerance = 1e-11 if dtype in ("float64", "complex128") else 2e-3
    for shape in ((4, 4), (3, 5, 5), (2, 0, 4, 4)):
        arguments = [(positive(shape, dtype),) for _ in range(3)]
        captured_like_here(f, arguments, device, tolerance=tolerance)


def test_a_likelihood_and_its_gradient_are_captured(device):
    def loss(a, y):
        factor = pa.linalg.cholesky(a)
        white = pa.linalg.solve_triangular(factor, y[:, None], lower=True)
        logarithms = pa.sum(pa.log(pa.linalg.diagonal(factor))) + pa.linalg.slogdet(a)[1]
        return pa.sum(white**2) + logarithms + pa.sum(pa.linalg.solve(a, y) * y)

    for n in (6, 40):
        arguments = [(positive((n, n), float), RNG.random(n)) for _ in range(3)]
        captured_like_here(pa.func.value_and_grad(loss), arguments, device, tolerance=1e-9)


def test_matrices_at_fault_are_reported_after_a_replay(device):
    good, singular = np.diag([1.0, 2.0]), np.diag([1.0, 0.0])
    message = r"\[cuda.graph\] a matrix was singular, or not positive definite, in an earlier call"
    for f in (
        pa.linalg.inv,
        pa.linalg.cholesky,
        lambda a: pa.linalg.solve_triangular(a, a),
    ):
        call = pa.cuda.graph(f, warmup=0)
        want = f(pa.tensor(good)).numpy()

        def values(x, call=call):
            return call(pa.tensor(x, device=device)).to("cpu").numpy()

        np.testing.assert_allclose(values(good), want)
        call.check()
        assert not np.isfinite(values(singular)).all()
        # What comes later does not hide it.
        with pytest.raises(np.linalg.LinAlgError, match=message):
            values(good)
        call.check()
        np.testing.assert_allclose(values(good), want)
        values(np.stack([singular])[0])
        with pytest.raises(np.linalg.LinAlgError, match=message):
            call.check()
    del call, values  # what they hold is more than half of the emulated device's memory
    negative = np.stack([good, -good, good])
    factors = pa.cuda.graph(pa.linalg.cholesky, warmup=0)(pa.tensor(negative, device=device))
    np.testing.assert_array_equal(np.isnan(factors.to("cpu").numpy()).any((1, 2)), [0, 1, 0])
    # Singular is no error for these.
    for f in (pa.linalg.det, lambda a: pa.linalg.lu_factor(a)[0]):
        call = pa.cuda.graph(f, warmup=0)
        np.testing.assert_array_equal(
            call(pa.tensor(singular, device=device)).to("cpu").numpy(),
            f(pa.tensor(singular)).numpy(),
        )
        call.check()


@pytest.mark.parametrize(
    "f",
    [pa.linalg.qr, pa.linalg.svd, pa.linalg.eigh, lambda a: pa.linalg.lu_factor(a[:2])],
    ids="qr svd eigh lu".split(),
)
def test_what_needs_cusolver_is_refused(f, device):
    a = pa.tensor(positive((3, 3), float), device=device)
    with pytest.raises(RuntimeError, match="a captured call cannot use cuSOLVER"):
        pa.cuda.graph(f, warmup=0)(a)
    f(a)


def test_exponentials_of_matrices_that_are_too_large_to_capture(device):
    call = pa.cuda.graph(pa.linalg.expm, warmup=0)
    for scale in (1.0, 1.5e5, 1e7):
        a = np.diag([-1.0, -2.0]) * scale
        got = call(pa.tensor(a, device=device)).to("cpu").numpy()
        want = np.full((2, 2), np.nan) if scale > 1e6 else pa.linalg.expm(pa.tensor(a)).numpy()
        np.testing.assert_allclose(got, want, atol=1e-12)
