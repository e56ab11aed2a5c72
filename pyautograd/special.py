"""Special functions, under the names of :mod:`scipy.special`."""

from ._core import erf, erfc, log_softmax, logsumexp, softmax, xlogy
from ._core import sigmoid as expit

__all__ = ["erf", "erfc", "expit", "log_softmax", "logsumexp", "softmax", "xlogy"]
