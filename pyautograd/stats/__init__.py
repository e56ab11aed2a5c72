"""Densities and probabilities of distributions, under the names of :mod:`scipy.stats`.

Continuous families have ``logpdf``, ``pdf``, ``cdf``, ``sf``, ``logcdf``, ``logsf``, ``ppf`` and
``isf``, discrete ones ``logpmf`` and ``pmf`` in place of the first two. They are called as
SciPy's are: ``family.logpdf(x, *shapes, loc=0, scale=1)``, or with the parameters first,
``family(*shapes, loc=0, scale=1).logpdf(x)``. All arguments may be tensors, broadcast against each
other and are differentiable, to any order, in every mode; quantiles by the implicit function
theorem, also in the shapes; by the count of ``skellam`` the derivative is 0.
``multivariate_normal``, ``multivariate_t``, ``vonmises_fisher``, ``dirichlet``, ``multinomial`` and
``dirichlet_multinomial`` have the variables along the last axis, ``wishart``, ``invwishart`` and
``matrix_normal`` along the last two, and all of these densities only.

Probabilities of ``betabinom``, ``norminvgauss``, ``rice``, ``skellam`` and ``hypergeom`` are sums
over hundreds of nodes or terms, in memory and time; those of ``hypergeom`` are nan where 1024 terms
are not enough, which are for a standard deviation of 100.

Outside the support a density is 0 and its logarithm -inf, with derivative 0; with parameters that
are out of range everything is nan. At the edge of a support, derivatives are those from within;
quantiles of 0 and 1 do not depend on the probability.
Draws are in :mod:`pyautograd.random`.

>>> data = np.array([1.2, 0.7, 3.1, 2.2])
>>> likelihood = lambda a, scale: pa.sum(pa.stats.gamma.logpdf(data, a, scale=scale))
>>> [round(g.item(), 4) for g in pa.func.grad(likelihood, argnums=(0, 1))(2.0, 1.0)]
[0.0544, -0.8]
>>> pa.stats.norm(loc=0.0, scale=2.0).cdf(0.0).item()
0.5
>>> median = lambda a: pa.stats.gamma.ppf(0.5, a)
>>> round(median(2.0).item(), 4), round(pa.func.grad(median)(2.0).item(), 4)
(1.6783, 0.9933)
"""

from .._names import public_dir
from ._bessel import norminvgauss, rice
from ._circular import vonmises
from ._closed_forms import (
    arcsine,
    halflogistic,
    hypsecant,
    laplace_asymmetric,
    levy,
    loguniform,
    moyal,
    reciprocal,
    triang,
)
from ._continuous import (
    beta,
    cauchy,
    chi2,
    expon,
    gamma,
    gumbel_l,
    gumbel_r,
    halfcauchy,
    halfnorm,
    invgamma,
    laplace,
    logistic,
    lognorm,
    norm,
    pareto,
    powerlaw,
    t,
    uniform,
    weibull_min,
)
from ._counts import betabinom, hypergeom, randint, skellam, zipf
from ._discrete import bernoulli, binom, geom, nbinom, poisson
from ._extremes import genextreme, genpareto
from ._lifetimes import betaprime, f, fisk, gompertz, invweibull, lomax, maxwell, rayleigh
from ._powers import (
    burr12,
    chi,
    exponweib,
    gengamma,
    genlogistic,
    gennorm,
    loggamma,
    nakagami,
    weibull_max,
)
from ._several import (
    dirichlet,
    dirichlet_multinomial,
    invwishart,
    matrix_normal,
    multinomial,
    multivariate_normal,
    multivariate_t,
    vonmises_fisher,
    wishart,
)
from ._skewed import exponnorm, foldnorm, invgauss, johnsonsb, johnsonsu, skewnorm, wald
from ._truncated import truncnorm

__all__ = [
    "arcsine",
    "bernoulli",
    "beta",
    "betabinom",
    "betaprime",
    "binom",
    "burr12",
    "cauchy",
    "chi",
    "chi2",
    "dirichlet",
    "dirichlet_multinomial",
    "expon",
    "exponnorm",
    "exponweib",
    "f",
    "fisk",
    "foldnorm",
    "gamma",
    "genextreme",
    "gengamma",
    "genlogistic",
    "gennorm",
    "genpareto",
    "geom",
    "gompertz",
    "gumbel_l",
    "gumbel_r",
    "halfcauchy",
    "halflogistic",
    "halfnorm",
    "hypergeom",
    "hypsecant",
    "invgamma",
    "invgauss",
    "invweibull",
    "invwishart",
    "johnsonsb",
    "johnsonsu",
    "laplace",
    "laplace_asymmetric",
    "levy",
    "loggamma",
    "logistic",
    "lognorm",
    "loguniform",
    "lomax",
    "matrix_normal",
    "maxwell",
    "moyal",
    "multinomial",
    "multivariate_normal",
    "multivariate_t",
    "nakagami",
    "nbinom",
    "norm",
    "norminvgauss",
    "pareto",
    "poisson",
    "powerlaw",
    "randint",
    "rayleigh",
    "reciprocal",
    "rice",
    "skellam",
    "skewnorm",
    "t",
    "triang",
    "truncnorm",
    "uniform",
    "vonmises",
    "vonmises_fisher",
    "wald",
    "weibull_max",
    "weibull_min",
    "wishart",
    "zipf",
]

__dir__ = public_dir(__all__)
