"""Records of the special functions."""

import numpy as np
import scipy.special as sc

from .record import ALL, REAL, SHAPES, binary, in_float, record, unary


def wofz(x):
    """SciPy's is complex128 for float32."""
    return sc.wofz(x.astype(np.result_type(x, np.complex64)))


def within(a, b):
    """Draws first arguments from one interval and second ones from another."""
    return lambda rng, shape1, shape2: (rng.uniform(*a, shape1), rng.uniform(*b, shape2))


def sinc(x):
    """NumPy's loses digits in pi * x."""
    if x.dtype.kind == "c":
        return np.sinc(x)
    z = np.abs(x)
    turns = z - 2 * np.round(z / 2)
    sine = np.where(turns == np.round(turns), 0, np.sin(np.pi * turns.astype(float)))
    return np.where(x == 0, 1, sine / np.where(x == 0, 1, np.pi * z)).astype(x.dtype)


def sinc_samples(rng):
    for shape in SHAPES:
        yield (rng.uniform(-3, 3, shape),)
    # Near zero, where the quotient of the definition says nothing
    yield (np.array([0.0, 0.05 + 0.02j, -0.2j, 0.3 - 0.05j]),)


def polygamma_samples(rng):
    for shape in SHAPES:
        for n in (0, 1, 3):
            yield n, rng.uniform(0.5, 4, shape)
            yield n, rng.uniform(-1.8, -1.2, shape)


def zeta_samples(rng):
    for shape in SHAPES:
        yield (rng.uniform(1.5, 4, shape),)
        yield (rng.uniform(-3.5, 0.9, shape),)
    for a, b in [((2, 3), (3,)), ((), (2,)), ((2, 1), (1, 2))]:
        yield rng.uniform(1.5, 4, a), rng.uniform(0.4, 3, b)


def multigammaln(a, d):
    """SciPy raises for small a."""
    terms = [sc.gammaln(a - j / 2) for j in range(d)]
    return np.asarray(sum(terms) + d * (d - 1) / 4 * np.log(np.pi)).astype(a.dtype)


def multigammaln_samples(rng):
    for shape in SHAPES:
        yield rng.uniform(2, 5, shape), 1 if shape == () else 3


def betainc_samples(rng):
    for a, b, c in [((3,), (3,), (3,)), ((2, 1), (3,), ()), ((), (), (2,)), ((0,), (), ())]:
        yield rng.uniform(0.5, 4, a), rng.uniform(0.5, 4, b), rng.uniform(0.1, 0.9, c)


def special(name, dtypes=REAL, **kwargs):
    return unary(f"special.{name}", getattr(sc, name), dtypes=dtypes, **kwargs)


def special2(name, draw, **kwargs):
    return binary(
        f"special.{name}", getattr(sc, name), draw=draw, floating=True, dtypes=REAL, **kwargs
    )


def nan_wins(ref):
    """SciPy's infinities at the poles win over nan."""

    def reference(a, b):
        return np.where(np.isnan(a) | np.isnan(b), np.nan, ref(a, b)).astype(a.dtype)

    return reference


def zeta(x, q=None):
    """SciPy has no limit at infinity."""
    if q is None:
        return sc.zeta(x).astype(x.dtype)
    limit = np.isposinf(x) & (q > 1) & (q < np.inf)
    return np.where(limit, 0, nan_wins(sc.zeta)(x, q)).astype(x.dtype)


def at_infinity(ref, limit):
    """SciPy has no limits there."""
    return lambda x: np.where(np.isinf(x), limit(x), ref(x))


def signed(ref):
    """SciPy forgets the sign of zero."""

    def reference(x):
        zero = x == 0 if x.dtype.kind == "f" else np.zeros(x.shape, bool)
        return np.where(zero, np.copysign(ref(x).real, x.real), ref(x))

    return reference


def both(ref, *wrap):
    """A reference with two results, each wrapped."""
    return lambda x: [f(lambda x, i=i: ref(x)[i])(x).astype(x.dtype) for i, f in enumerate(wrap)]


def no_wave(x):
    return np.where(x > 0, 0, np.nan).astype(x.dtype)


def exp1(x):
    """SciPy's of complex numbers has fewer digits, which shows on the real axis."""
    values = sc.exp1(x)
    if x.dtype.kind != "c":
        return values
    on_axis = (x.imag == 0) & (x.real > 0)
    return np.where(on_axis, sc.exp1(x.real), values).astype(x.dtype)


def expn_samples(rng):
    for shape in SHAPES:
        for n in (0, 1, 2, 5):
            yield n, rng.uniform(0.2, 3, shape)


def incomplete_beta(ref, before, beyond):
    """SciPy has no limits where a or b is 0 or infinite before 1.16."""

    def reference(a, b, x):
        inside = (a >= 0) & (b >= 0) & (x >= 0) & (x <= 1)
        below, above = (a == 0) | (b == np.inf), (b == 0) | (a == np.inf)
        values = np.where(below, np.where(x > 0, beyond, before), ref(a, b, x))
        values = np.where(above, np.where(x < 1, before, beyond), values)
        return np.where(inside & ~(below & above), values, np.nan).astype(np.result_type(a, b, x))

    return reference


def lambertw(z, k=0):
    """SciPy's is complex, and nan at the branch point."""
    values = sc.lambertw(z, k)
    if z.dtype.kind == "c":
        return values.astype(z.dtype)
    inside = (z >= -1 / np.e) & ((k == 0) | (z <= 0))
    signed = np.where((z == 0) & (k == 0), z, values.real)
    return np.where(inside, signed, np.nan).astype(z.dtype)


def lambertw_samples(rng):
    for shape in SHAPES:
        yield (rng.uniform(-0.3, 4, shape),)
        yield rng.uniform(-0.3, -0.05, shape), -1


def lambdas(low, high):
    """Second arguments that are zero, or near it, too."""

    def draw(rng, shape1, shape2):
        second = rng.uniform(-1, 1, shape2)
        second.flat[: second.size // 2] = 0 if second.ndim != 1 else 1e-9
        return rng.uniform(low, high, shape1), second

    return draw


POSITIVE = within((0.3, 4), (0.3, 4))

RECORDS = [
    special("gammaln", low=0.3, high=4, tol=64),
    # of complex numbers exact to 1e-14 absolutely, also near its zeros at 1 and 2
    special("loggamma", low=0.3, high=4, dtypes=ALL, tol=1024),
    special("gamma", low=0.3, high=4, dtypes=ALL, tol=64),
    special("digamma", low=0.3, high=4, dtypes=ALL, tol=64),
    record(
        "special.polygamma",
        lambda n, x: in_float(lambda x: sc.polygamma(n, x).astype(x.dtype))(x),
        polygamma_samples,
        diff=(1,),
        tol=64,
        dtypes=REAL,
    ),
    record("special.zeta", in_float(zeta), zeta_samples, diff=(0, 1), tol=64, dtypes=REAL),
    *[
        binary(
            f"special.{name}",
            nan_wins(getattr(sc, name)),
            draw=within((1.2, 4), (1.2, 4)),
            floating=True,
            tol=64,
            dtypes=REAL,
        )
        for name in ("beta", "betaln")
    ],
    record(
        "special.multigammaln", in_float(multigammaln), multigammaln_samples, tol=64, dtypes=REAL
    ),
    unary(
        "special.erfinv", lambda x: np.copysign(sc.erfinv(x), x), low=-0.9, high=0.9, dtypes=REAL
    ),
    unary("special.erfcinv", lambda x: sc.erfcinv(x) + 0, low=0.1, high=1.9, dtypes=REAL),
    unary("special.erfcx", sc.erfcx, low=-1.5, high=3),
    unary("special.wofz", wofz, low=-1.5, high=3),
    special("ndtr", dtypes=ALL),
    special("ndtri", low=0.1, high=0.9),
    special("log_ndtr", dtypes=ALL),
    special("logit", low=0.1, high=0.9),
    special("log_expit"),
    record("sinc", in_float(sinc), sinc_samples),
    unary("i0", at_infinity(sc.i0, np.abs), dtypes=REAL),
    unary("special.i1", at_infinity(sc.i1, np.positive), dtypes=REAL),
    special("i0e", kinks=(0,)),
    special("i1e", kinks=(0,)),
    unary("special.j0", at_infinity(sc.j0, np.zeros_like), tol=64, dtypes=REAL),
    unary("special.j1", at_infinity(sc.j1, np.reciprocal), tol=64, dtypes=REAL),
    unary("special.y0", at_infinity(sc.y0, no_wave), low=0.3, high=4, tol=64, dtypes=REAL),
    unary("special.y1", at_infinity(sc.y1, no_wave), low=0.3, high=4, tol=64, dtypes=REAL),
    *[special(name, low=0.2, high=4, tol=32) for name in ("k0", "k1", "k0e", "k1e")],
    unary("special.exp1", exp1, low=0.2, high=4, tol=32),
    unary(
        "special.expi",
        lambda x: np.where(x == np.inf, x, sc.expi(x)).astype(x.dtype),
        low=0.6,
        high=4,
        tol=32,
        dtypes=ALL,
    ),
    record(
        "special.expn",
        lambda n, x: in_float(lambda x: sc.expn(n, x).astype(x.dtype))(x),
        expn_samples,
        diff=(1,),
        tol=32,
        dtypes=REAL,
    ),
    special("exprel"),
    unary(
        "special.spence",
        lambda x: np.where(x == np.inf, -np.inf, sc.spence(x)),
        low=0.1,
        high=4,
        dtypes=ALL,
    ),
    unary(
        "special.sici",
        both(sc.sici, signed, lambda f: at_infinity(f, np.zeros_like)),
        low=0.3,
        high=4,
        tol=64,
        dtypes=ALL,
    ),
    unary("special.shichi", both(sc.shichi, signed, lambda f: f), tol=64, low=0.3, high=4),
    unary("special.fresnel", both(sc.fresnel, signed, signed), tol=64),
    special("dawsn", tol=64, dtypes=ALL),
    record("special.lambertw", in_float(lambertw), lambertw_samples, tol=64),
    special("ellipk", low=-2, high=0.9, tol=32),
    special("ellipe", low=-2, high=0.9, tol=32),
    special2("boxcox", lambdas(0.3, 4), tol=64),
    special2("boxcox1p", lambdas(-0.6, 3), tol=64),
    special2("inv_boxcox", lambdas(-0.8, 0.8), tol=64),
    special2("inv_boxcox1p", lambdas(-0.8, 0.8), tol=64),
    special2("huber", within((0.9, 1.1), (-0.7, 0.7))),
    binary(
        "special.pseudo_huber",
        nan_wins(sc.pseudo_huber),
        draw=within((0.4, 2), (-2, 2)),
        floating=True,
        tol=32,
        dtypes=REAL,
    ),
    special("entr", low=0.2),
    special2("rel_entr", POSITIVE),
    special2("kl_div", POSITIVE, tol=64),
    binary(
        "special.xlog1py", sc.xlog1py, draw=within((-2, 2), (-0.6, 2)), floating=True, dtypes=ALL
    ),
    *[
        binary(
            f"special.{name}",
            nan_wins(getattr(sc, name)),
            draw=POSITIVE,
            floating=True,
            tol=256,
            dtypes=REAL,
        )
        for name in ("gammainc", "gammaincc")
    ],
    record(
        "special.betainc",
        in_float(incomplete_beta(sc.betainc, 0, 1)),
        betainc_samples,
        diff=(0, 1, 2),
        tol=256,
        dtypes=REAL,
    ),
    record(
        "special.betaincc",
        in_float(incomplete_beta(sc.betaincc, 1, 0)),
        betainc_samples,
        diff=(0, 1, 2),
        tol=256,
        dtypes=REAL,
    ),
]
