"""Densities and probabilities of distributions, under the names of :mod:`scipy.stats`.

Every family has ``logpdf``, ``pdf``, ``cdf``, ``sf``, ``logcdf`` and ``logsf`` (discrete ones
``logpmf`` and ``pmf``), called as SciPy's are: ``family.logpdf(x, *shapes, loc=0, scale=1)``. All
arguments may be tensors, broadcast against each other and are differentiable, to any order, in
every mode. ``t`` has densities only; ``multivariate_normal``, ``dirichlet`` and ``multinomial``
have the variables along the last axis.

Outside the support a density is 0 and its logarithm -inf, with derivative 0; with parameters that
are out of range everything is nan. At the edge of a support, derivatives are those from within.
Draws are in :mod:`pyautograd.random`.

>>> data = np.array([1.2, 0.7, 3.1, 2.2])
>>> likelihood = lambda a, scale: pa.sum(pa.stats.gamma.logpdf(data, a, scale=scale))
>>> [round(g.item(), 4) for g in pa.func.grad(likelihood, argnums=(0, 1))(2.0, 1.0)]
[0.0544, -0.8]
>>> pa.stats.norm.cdf(0.0, loc=0.0, scale=2.0).item()
0.5
"""

from .._names import public_dir
from ._continuous import (
    beta,
    cauchy,
    chi2,
    expon,
    gamma,
    gumbel_r,
    invgamma,
    laplace,
    logistic,
    lognorm,
    norm,
    pareto,
    t,
    uniform,
    weibull_min,
)
from ._discrete import bernoulli, binom, geom, nbinom, poisson
from ._several import dirichlet, multinomial, multivariate_normal

__all__ = [
    "bernoulli",
    "beta",
    "binom",
    "cauchy",
    "chi2",
    "dirichlet",
    "expon",
    "gamma",
    "geom",
    "gumbel_r",
    "invgamma",
    "laplace",
    "logistic",
    "lognorm",
    "multinomial",
    "multivariate_normal",
    "nbinom",
    "norm",
    "pareto",
    "poisson",
    "t",
    "uniform",
    "weibull_min",
]

__dir__ = public_dir(__all__)
