"""Records of the spherical Bessel functions and harmonics."""

import numpy as np
import scipy.special as sc

from .record import PAIRS, REAL, SHAPES, in_float, record

KINDS = ("spherical_in", "spherical_jn", "spherical_kn", "spherical_yn")


def radial_samples(rng):
    for shape in SHAPES:
        for n in (0, 2, 5):
            yield n, rng.uniform(1, 5, shape)


def radial(name):
    """SciPy's loses the sign of 0."""
    function = getattr(sc, name)

    def reference(n, z):
        values = function(np.asarray(n), z)
        if name in ("spherical_in", "spherical_jn"):
            values = np.where(z == 0, z ** np.asarray(n), values)
        if name in ("spherical_jn", "spherical_yn"):
            values = np.where(np.isinf(z), 0.0, values)
        return values.astype(z.dtype)

    return record(
        f"special.{name}", in_float(reference), radial_samples, diff=(1,), dtypes=REAL, tol=512
    )


def angular_samples(rng):
    for a, b in PAIRS:
        for n, m in ((0, 0), (3, 2), (4, -1)):
            yield n, m, rng.uniform(0.2, 3.0, a), rng.uniform(-3.0, 3.0, b)


def harmonic(n, m, theta, phi):
    """By the function that older SciPy has, too: of the angles in the other order."""
    dtype = np.result_type(theta, phi, np.complex64)
    x = np.cos(theta.astype(float))
    sign = np.where((np.sin(theta) < 0) & (m % 2 == 1), -1, 1)
    size = np.sqrt((2 * n + 1) / (4 * np.pi) * sc.poch(n + abs(m) + 1, -2 * abs(m)))
    size = size * sign * sc.lpmv(abs(m), n, x) * ((-1) ** m if m < 0 else 1)
    return (size * np.exp(1j * m * phi.astype(float))).astype(dtype)


RECORDS = [
    *map(radial, KINDS),
    record(
        "special.sph_harm_y",
        in_float(harmonic),
        angular_samples,
        diff=(2, 3),
        dtypes=REAL,
        tol=512,
    ),
]
