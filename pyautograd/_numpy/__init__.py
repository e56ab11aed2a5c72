"""NumPy's own functions and ufuncs on tensors: ``np.sin(t)``, ``np.sum(t, out=u)``, ``np.add.at``.

:mod:`protocol` finds what is to run; it imports the other modules when NumPy first calls.
"""

from . import protocol

__all__ = ["protocol"]
