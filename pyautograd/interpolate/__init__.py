"""Functions through tables of values, differentiable in the points, the values and the sites.

The names are SciPy's, and so are the numbers. At a knot the derivative is that from the right.

>>> at = lambda h: pa.interpolate.CubicSpline([0.0, 1.0, 2.0], [0.0, h, 4.0])(1.5)
>>> at(1.0).item(), pa.func.grad(at)(1.0).item()
(2.25, 0.75)
"""

from .._names import public_dir
from .._ported import lookup
from ._bspline import BSpline
from ._cubic import Akima1DInterpolator, CubicHermiteSpline, CubicSpline, PchipInterpolator
from ._fit import make_interp_spline, make_lsq_spline
from ._grid import RegularGridInterpolator, interpn
from ._ppoly import PPoly
from ._rbf import RBFInterpolator
from ._smooth import make_smoothing_spline

__all__ = [
    "Akima1DInterpolator",
    "BSpline",
    "CubicHermiteSpline",
    "CubicSpline",
    "PPoly",
    "PchipInterpolator",
    "RBFInterpolator",
    "RegularGridInterpolator",
    "interpn",
    "make_interp_spline",
    "make_lsq_spline",
    "make_smoothing_spline",
]

__dir__ = public_dir(__all__)
__getattr__ = lookup(__name__)
