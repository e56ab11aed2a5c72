"""Special functions, under the names of :mod:`scipy.special`."""

from typing import TYPE_CHECKING

from .. import _core, compositions
from .._core import (
    cbrt,
    erf,
    erfc,
    exp2,
    expm1,
    i0,
    log1p,
    log_softmax,
    logsumexp,
    sinc,
    softmax,
    softplus,
    xlogy,
)
from .._core import sigmoid as expit
from .._names import public_dir

if TYPE_CHECKING:
    from ..compositions.airy_functions import airy, airye
    from ..compositions.bessel import iv, ive, kv, kve
    from ..compositions.bessel_of_both import hankel1, hankel1e, hankel2, hankel2e, kn, yn
    from ..compositions.bessel_oscillating import jv, yv
    from ..compositions.distribution_functions import (
        bdtr,
        bdtrc,
        bdtri,
        chdtr,
        chdtrc,
        chdtri,
        fdtr,
        fdtrc,
        fdtri,
        gdtr,
        gdtrc,
        gdtrix,
        nbdtr,
        nbdtrc,
        pdtr,
        pdtrc,
        pdtri,
    )
    from ..compositions.elementary import cosdg, cosm1, cotdg, exp10, powm1, radian, sindg, tandg
    from ..compositions.elliptic import elliprc, elliprd, elliprf, elliprg, elliprj
    from ..compositions.elliptic_legendre import ellipeinc, ellipj, ellipkinc, ellipkm1
    from ..compositions.error_functions import erfi, voigt_profile
    from ..compositions.gamma_functions import (
        binom,
        comb,
        factorial,
        gammasgn,
        perm,
        poch,
        rgamma,
        zetac,
    )
    from ..compositions.hypergeometric import hyp0f1, hyp1f1, hyp2f1, hyperu
    from ..compositions.inverse_functions import ndtri_exp, wrightomega
    from ..compositions.orthogonal import (
        eval_chebyt,
        eval_chebyu,
        eval_hermite,
        eval_hermitenorm,
        eval_laguerre,
        eval_legendre,
    )
    from ..compositions.orthogonal_parametric import (
        eval_chebyc,
        eval_chebys,
        eval_gegenbauer,
        eval_genlaguerre,
        eval_jacobi,
        eval_sh_chebyt,
        eval_sh_chebyu,
        eval_sh_jacobi,
        eval_sh_legendre,
    )
    from ..compositions.owen import owens_t
    from ..compositions.quantile_functions import (
        betainccinv,
        betaincinv,
        gammainccinv,
        gammaincinv,
        stdtr,
        stdtrit,
    )
    from ..compositions.spherical import (
        sph_harm_y,
        spherical_in,
        spherical_jn,
        spherical_kn,
        spherical_yn,
    )

globals().update(compositions.functions_of("special"))

__all__ = [
    "airy",
    "airye",
    "bdtr",
    "bdtrc",
    "bdtri",
    "beta",
    "betainc",
    "betaincc",
    "betainccinv",
    "betaincinv",
    "betaln",
    "binom",
    "boxcox",
    "boxcox1p",
    "cbrt",
    "chdtr",
    "chdtrc",
    "chdtri",
    "comb",
    "cosdg",
    "cosm1",
    "cotdg",
    "dawsn",
    "digamma",
    "ellipe",
    "ellipeinc",
    "ellipj",
    "ellipk",
    "ellipkinc",
    "ellipkm1",
    "elliprc",
    "elliprd",
    "elliprf",
    "elliprg",
    "elliprj",
    "entr",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfi",
    "erfinv",
    "eval_chebyc",
    "eval_chebys",
    "eval_chebyt",
    "eval_chebyu",
    "eval_gegenbauer",
    "eval_genlaguerre",
    "eval_hermite",
    "eval_hermitenorm",
    "eval_jacobi",
    "eval_laguerre",
    "eval_legendre",
    "eval_sh_chebyt",
    "eval_sh_chebyu",
    "eval_sh_jacobi",
    "eval_sh_legendre",
    "exp1",
    "exp10",
    "exp2",
    "expi",
    "expit",
    "expm1",
    "expn",
    "exprel",
    "factorial",
    "fdtr",
    "fdtrc",
    "fdtri",
    "fresnel",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
    "gammaln",
    "gammasgn",
    "gdtr",
    "gdtrc",
    "gdtrix",
    "hankel1",
    "hankel1e",
    "hankel2",
    "hankel2e",
    "huber",
    "hyp0f1",
    "hyp1f1",
    "hyp2f1",
    "hyperu",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "inv_boxcox",
    "inv_boxcox1p",
    "iv",
    "ive",
    "j0",
    "j1",
    "jn",
    "jv",
    "k0",
    "k0e",
    "k1",
    "k1e",
    "kl_div",
    "kn",
    "kv",
    "kve",
    "lambertw",
    "log1p",
    "log_expit",
    "log_ndtr",
    "log_softmax",
    "loggamma",
    "logit",
    "logsumexp",
    "multigammaln",
    "nbdtr",
    "nbdtrc",
    "ndtr",
    "ndtri",
    "ndtri_exp",
    "owens_t",
    "pdtr",
    "pdtrc",
    "pdtri",
    "perm",
    "poch",
    "polygamma",
    "powm1",
    "pseudo_huber",
    "psi",
    "radian",
    "rel_entr",
    "rgamma",
    "shichi",
    "sici",
    "sinc",
    "sindg",
    "softmax",
    "softplus",
    "spence",
    "sph_harm_y",
    "spherical_in",
    "spherical_jn",
    "spherical_kn",
    "spherical_yn",
    "stdtr",
    "stdtrit",
    "tandg",
    "voigt_profile",
    "wofz",
    "wrightomega",
    "xlog1py",
    "xlogy",
    "y0",
    "y1",
    "yn",
    "yv",
    "zeta",
    "zetac",
]

__dir__ = public_dir(__all__)

beta = _core.special_beta
betainc = _core.special_betainc
betaincc = _core.special_betaincc
betaln = _core.special_betaln
boxcox = _core.special_boxcox
boxcox1p = _core.special_boxcox1p
dawsn = _core.special_dawsn
digamma = _core.special_digamma
ellipe = _core.special_ellipe
ellipk = _core.special_ellipk
entr = _core.special_entr
erfcinv = _core.special_erfcinv
erfcx = _core.special_erfcx
erfinv = _core.special_erfinv
exp1 = _core.special_exp1
expi = _core.special_expi
expn = _core.special_expn
exprel = _core.special_exprel
fresnel = _core.special_fresnel
gamma = _core.special_gamma
gammainc = _core.special_gammainc
gammaincc = _core.special_gammaincc
gammaln = _core.special_gammaln
huber = _core.special_huber
i0e = _core.special_i0e
i1 = _core.special_i1
i1e = _core.special_i1e
inv_boxcox = _core.special_inv_boxcox
inv_boxcox1p = _core.special_inv_boxcox1p
j0 = _core.special_j0
j1 = _core.special_j1
k0 = _core.special_k0
k0e = _core.special_k0e
k1 = _core.special_k1
k1e = _core.special_k1e
kl_div = _core.special_kl_div
lambertw = _core.special_lambertw
log_expit = _core.special_log_expit
log_ndtr = _core.special_log_ndtr
loggamma = _core.special_loggamma
logit = _core.special_logit
multigammaln = _core.special_multigammaln
ndtr = _core.special_ndtr
ndtri = _core.special_ndtri
polygamma = _core.special_polygamma
pseudo_huber = _core.special_pseudo_huber
rel_entr = _core.special_rel_entr
shichi = _core.special_shichi
sici = _core.special_sici
spence = _core.special_spence
wofz = _core.special_wofz
xlog1py = _core.special_xlog1py
y0 = _core.special_y0
y1 = _core.special_y1
zeta = _core.special_zeta
psi = digamma
jn = jv
