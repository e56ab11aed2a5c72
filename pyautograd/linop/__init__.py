"""Matrix-free curvature: Hessians and their relatives as SciPy linear operators.

An operator records its function once, at one point, and keeps that linearisation: a product costs
one sweep, and a product with many vectors one batched sweep. It is a
:class:`scipy.sparse.linalg.LinearOperator`, so ``eigsh``, ``svds``, ``cg`` and ``gmres`` take it as
it is. Needs SciPy (``pip install 'pyautograd[scipy]'``).

>>> from scipy.sparse.linalg import cg, eigsh
>>> H = pa.linop.Hessian(lambda x: pa.sum(x**4), pa.tensor([1.0, 2.0, 3.0]))
>>> H @ np.ones(3)
array([ 12.,  48., 108.])
>>> eigsh(H, k=1, return_eigenvectors=False).round(6)
array([108.])
>>> cg(H, np.ones(3))[0].round(6)
array([0.083333, 0.020833, 0.009259])
"""

from .._names import public_dir
from .._ported import lookup
from ._estimators import Estimate, diagonal, trace
from ._operators import Fisher, GaussNewton, Hessian, Jacobian
from ._spectrum import SpectralDensity, spectral_density

__all__ = [
    "Estimate",
    "Fisher",
    "GaussNewton",
    "Hessian",
    "Jacobian",
    "SpectralDensity",
    "diagonal",
    "spectral_density",
    "trace",
]

__dir__ = public_dir(__all__)
__getattr__ = lookup(__name__)
