"""Records of elliptic integrals and functions in ``pa.special``."""

import numpy as np
import scipy.special as sc

from .record import REAL, in_float, record

SHAPES = ([(3,)] * 4, [(2, 1), (3,), (), ()], [(), (), (2,), ()], [(0,), (), (), ()])


def positive(count):
    def samples(rng):
        for shapes in SHAPES:
            yield tuple(np.asarray(rng.uniform(0.3, 3, shape)) for shape in shapes[:count])
        yield tuple(np.full(2, 1.5) for _ in range(count))

    return samples


def within(name):
    """SciPy has not all limits, and principal values for negative p."""
    function = getattr(sc, name)

    def reference(*given):
        x = np.broadcast_arrays(*given)
        values = np.asarray(function(*given))
        signed = x[:1] if name == "elliprc" else x
        lost = np.any([~(v >= 0) for v in signed], axis=0) | np.any(np.isnan(x), axis=0)
        far = np.any(np.isinf(x), axis=0)
        values = np.where(far, np.inf if name == "elliprg" else 0.0, values)
        if name == "elliprc":
            values = np.where((x[1] == 0) & ~far, np.inf, values)
        elif name != "elliprg":
            # Those of which no two, and those of which none, may be 0
            pair, lone = {"elliprf": (3, 3), "elliprd": (2, 2), "elliprj": (3, 3)}[name]
            none = (np.sum(np.equal(x[:pair], 0), axis=0) > 1) | np.any(
                np.equal(x[lone:], 0), axis=0
            )
            values = np.where(none & ~far, np.inf, values)
        return np.where(lost, np.nan, values).astype(np.result_type(*given))

    return reference


def of_parameter(rng):
    """Angles of several turns beside parameters up to 1."""
    for a, b in (((3,), (3,)), ((2, 1), (3,)), ((), (2,)), ((0,), ())):
        yield rng.uniform(-5, 5, a), rng.uniform(-2, 0.9, b)
    yield np.array([-1.2, 0.0, 1.2]), np.array([0.8, 0.5, 0.0])


def incomplete(name):
    """SciPy takes the float64 pi/2 for the number, and has no negative infinities."""
    function = getattr(sc, name)

    def reference(phi, m):
        values = np.asarray(function(phi, m))
        if name == "ellipkinc":
            within = np.arcsinh(np.tan(np.where(abs(phi) <= np.pi / 2, phi, 0)))
            beyond = np.where(abs(phi) > np.pi / 2, np.copysign(np.inf, phi), within)
            return np.where((m == 1) & ~np.isnan(phi), beyond, values)
        return np.where((m == -np.inf) & ~np.isnan(phi), np.copysign(np.inf, phi), values)

    return reference


def jacobi(u, m):
    """Of negative parameters, which SciPy does not take, by DLMF 22.17.8."""
    below = np.where(m < 0, m, 0)
    stretch = np.sqrt(1 - below)
    sn, cn, dn, _ = sc.ellipj(u * stretch, np.where(m < 0, -below / (1 - below), m))
    quotient = np.where(m < 0, dn, 1)
    sn, cn = sn / quotient / stretch, cn / quotient
    turns = np.round(u / (2 * sc.ellipk(m)))
    sign = np.cos(np.pi * turns)
    ph = np.pi * turns + np.arctan2(sn * sign, cn * sign)
    return sn, cn, np.where(m < 0, 1 / dn, dn), ph


RECORDS = [
    record(
        f"special.{name}",
        in_float(within(name)),
        positive(count),
        diff=tuple(range(count)),
        dtypes=REAL,
        tol=256,
    )
    for name, count in (
        *(("elliprc", 2), ("elliprd", 3), ("elliprf", 3), ("elliprg", 3), ("elliprj", 4)),
    )
]
RECORDS += [
    record(
        f"special.{name}",
        in_float(incomplete(name)),
        of_parameter,
        diff=(0, 1),
        dtypes=REAL,
        tol=512,
    )
    for name in ("ellipkinc", "ellipeinc")
]
RECORDS += [
    record("special.ellipj", in_float(jacobi), of_parameter, diff=(0, 1), dtypes=REAL, tol=512),
    record("special.ellipkm1", in_float(sc.ellipkm1), positive(1), dtypes=REAL, tol=256),
]
