"""Special functions, under the names of :mod:`scipy.special`."""

from . import _core
from ._core import erf, erfc, expm1, i0, log1p, log_softmax, logsumexp, softmax, xlogy
from ._core import sigmoid as expit
from ._extended import sinc
from ._names import public_dir

__all__ = [
    "beta",
    "betainc",
    "betaincc",
    "betaln",
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfinv",
    "expit",
    "expm1",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "j0",
    "j1",
    "kl_div",
    "log1p",
    "log_expit",
    "log_ndtr",
    "log_softmax",
    "loggamma",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "rel_entr",
    "sinc",
    "softmax",
    "wofz",
    "xlog1py",
    "xlogy",
    "zeta",
]

__dir__ = public_dir(__all__)

beta = _core.special_beta
betainc = _core.special_betainc
betaincc = _core.special_betaincc
betaln = _core.special_betaln
digamma = _core.special_digamma
entr = _core.special_entr
erfcinv = _core.special_erfcinv
erfcx = _core.special_erfcx
erfinv = _core.special_erfinv
gamma = _core.special_gamma
gammainc = _core.special_gammainc
gammaincc = _core.special_gammaincc
gammaln = _core.special_gammaln
i0e = _core.special_i0e
i1 = _core.special_i1
i1e = _core.special_i1e
j0 = _core.special_j0
j1 = _core.special_j1
kl_div = _core.special_kl_div
log_expit = _core.special_log_expit
log_ndtr = _core.special_log_ndtr
loggamma = _core.special_loggamma
logit = _core.special_logit
multigammaln = _core.special_multigammaln
ndtr = _core.special_ndtr
ndtri = _core.special_ndtri
polygamma = _core.special_polygamma
rel_entr = _core.special_rel_entr
wofz = _core.special_wofz
xlog1py = _core.special_xlog1py
zeta = _core.special_zeta
psi = digamma
