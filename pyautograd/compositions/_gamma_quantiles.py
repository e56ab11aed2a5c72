"""Quantiles of the gamma distribution of many degrees of freedom.

Source: N. M. Temme, Asymptotic inversion of incomplete gamma functions, Math. Comp. 58 (1992); the
coefficients are Taylor's, in rational arithmetic, of the solution of equation 3.2 there.
"""

from __future__ import annotations

from .. import _core
from .._core import Tensor
from ._common import all_of

# From this shape on, and as far from the median in units of the shape, nothing is missing in double
# precision, in second derivatives neither.
LEAST = 100.0
_FARTHEST = 0.5
# mu / eta, where eta**2 / 2 = mu - log(1 + mu), less 1 and over eta
_PLACE = (
    0.3333333333333333,
    0.027777777777777776,
    -0.003703703703703704,
    0.0002314814814814815,
    5.878894767783657e-05,
    -2.553644914756026e-05,
    4.899078973153047e-06,
    -2.428276122977769e-07,
    -1.85406221071516e-07,
    7.542464855411896e-08,
    -1.47216272806884e-08,
    5.159887341078076e-10,
    7.32986413160022e-10,
    -2.921357345635569e-10,
    5.717312238897994e-11,
    -1.5008349408791911e-12,
    -3.239317851416903e-12,
    1.2822077905614429e-12,
    -2.513834640057088e-13,
)
# What is added to eta, in powers of 1 / a
_SHIFTS = (
    (
        -0.3333333333333333,
        0.027777777777777776,
        0.0006172839506172839,
        -0.0010802469135802468,
        0.0002755731922398589,
        -2.8741263309164543e-05,
        -6.185087203605722e-06,
        3.776373375138807e-06,
        -9.120511014991658e-07,
        7.735470535130866e-08,
        3.2400053233896885e-08,
        -1.685720940069024e-08,
        3.931682661516204e-09,
        -2.8134289510434744e-10,
        -1.6988818928842894e-10,
        8.292306612656927e-11,
        -1.8938909125596537e-11,
    ),
    (
        -0.01728395061728395,
        -0.002700617283950617,
        0.002611209092690574,
        -0.0007520766651425087,
        6.229995427526292e-05,
        4.055292003251537e-05,
        -2.1264630522937184e-05,
        4.963238978973187e-06,
        -1.762740701047537e-07,
        -3.458654060048345e-07,
        1.524261435838951e-07,
        -3.203809272306461e-08,
        1.6623076398775507e-10,
        2.5777683426580993e-09,
        -1.0435073378185946e-09,
        2.053658457394389e-10,
    ),
    (
        0.004399372917891437,
        -0.003007782731290962,
        0.0007956376423454613,
        6.554653913335898e-05,
        -0.00014083659963035565,
        5.835799802507499e-05,
        -1.0458719597698151e-05,
        -1.767264368629448e-06,
        1.9183236555833138e-06,
        -6.668385436179321e-07,
        9.792656534261617e-08,
        2.378280260904135e-08,
        -1.992062806370239e-08,
        6.298393690865939e-09,
    ),
    (
        0.0017364513249286911,
        -6.36443186258144e-05,
        -0.00045808052481112146,
        0.00029719735544227286,
        -8.702143139501812e-05,
        -6.062689845768047e-07,
        1.3182157101661426e-05,
        -6.632500497635966e-06,
        1.5800065030126537e-06,
        5.595475256604004e-08,
        -2.1646379636438505e-07,
        9.592365281492863e-08,
    ),
    (
        -0.0008240070220417051,
        0.0008212874677102286,
        -0.00034229782941925374,
        1.4501997684577718e-05,
        6.745262271876104e-05,
        -4.360705593959036e-05,
        1.3318400710709179e-05,
        -3.522967172109711e-07,
        -1.826543551480974e-06,
        1.011972084183368e-06,
    ),
    (
        -0.0006422136797865241,
        3.4207147448548305e-05,
        0.0002570019139209397,
        -0.00020643274407945573,
        7.62288235365189e-05,
        -3.069193902125162e-06,
        -1.3459186872901647e-05,
    ),
    (
        0.0005116722749483351,
        -0.0006015675990857899,
        0.00029137922032335947,
    ),
)


def _series(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    value = _core.full_like(x, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        value = value * x + c
    return value


def expands(z: Tensor, a: Tensor) -> Tensor:
    """Where the function below is exact."""
    return all_of(a >= LEAST, a < float("inf"), _core.absolute(z) < _FARTHEST * _core.sqrt(a))


def of_many(z: Tensor, a: Tensor) -> Tensor:
    """The gamma quantile of shape a, where z is that of the normal distribution.

    The shape itself is a term of its own: in derivatives by it, which are of order a**-1.5 and
    less, nothing cancels.
    """
    over, root = 1.0 / a, _core.sqrt(a)
    start = z / root
    shift = _series(_SHIFTS[-1], start)
    for coefficients in reversed(_SHIFTS[:-1]):
        shift = shift * over + _series(coefficients, start)
    moved = z * root + shift
    eta = moved * over
    return a + moved * (1.0 + eta * _series(_PLACE, eta))
