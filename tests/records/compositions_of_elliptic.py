"""Records of Carlson's elliptic integrals in ``pa.special``."""

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
