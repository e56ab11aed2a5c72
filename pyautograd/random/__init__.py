"""Random numbers, under the names of :mod:`numpy.random`.

A :class:`Generator` draws from the counter-based stream Philox4x64-10 (J. K. Salmon and others,
Parallel random numbers: as easy as 1, 2, 3, 2011), keyed by a seed as NumPy does it: ``random``
gives the numbers of ``np.random.Generator(np.random.Philox(seed))``. Every element of a draw
depends on the seed, on how many blocks were drawn before and on its own index only, never on
threads, and the stream is the same on every device. Each draw begins at a fresh block of four
words; distributions made of two, like beta, take one after the other.

Samples are differentiable in parameters that move them continuously: location and scale by
reparametrisation, the shapes of gamma, beta, Dirichlet, chi-square, F and t, the parameters of wald
and vonmises by implicit reparametrisation, up to sixth order. Integers have no derivative: they are
constants of a graph.

Under :func:`pyautograd.func.vmap` a draw is an error unless ``randomness`` says what it means. In a
function of :func:`pyautograd.captured` it is made anew by each call.

>>> rng = pa.random.default_rng(7)
>>> rng.normal(size=(2, 3)).shape
(2, 3)
>>> state = rng.state
>>> first = rng.random(3).tolist()
>>> rng.state = state
>>> rng.random(3).tolist() == first
True
>>> noisy = lambda x: x + rng.normal()
>>> pa.func.vmap(noisy, randomness="different")(pa.zeros(3)).shape
(3,)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core import random__gamma_shape_slope as _gamma_shape_slope
from .._core import random__log_gamma_slope as _log_gamma_slope
from .._names import public_dir
from .._ported import lookup
from ._continuous import Continuous
from ._discrete import Discrete
from ._implicit import Implicit
from ._several import Several
from ._stream import BIT_GENERATOR, Seed
from ._urns import Urns

__all__ = [
    "Generator",
    "_gamma_shape_slope",
    "_log_gamma_slope",
    "beta",
    "binomial",
    "chisquare",
    "choice",
    "default_rng",
    "dirichlet",
    "exponential",
    "f",
    "gamma",
    "geometric",
    "get_state",
    "gumbel",
    "hypergeometric",
    "integers",
    "laplace",
    "logistic",
    "lognormal",
    "logseries",
    "multinomial",
    "multivariate_hypergeometric",
    "multivariate_normal",
    "negative_binomial",
    "noncentral_chisquare",
    "noncentral_f",
    "normal",
    "pareto",
    "permutation",
    "permuted",
    "poisson",
    "power",
    "random",
    "rayleigh",
    "seed",
    "set_state",
    "shuffle",
    "standard_cauchy",
    "standard_exponential",
    "standard_gamma",
    "standard_normal",
    "standard_t",
    "triangular",
    "uniform",
    "vonmises",
    "wald",
    "weibull",
    "zipf",
]

__dir__ = public_dir(__all__)
__getattr__ = lookup(__name__)


class Generator(Continuous, Implicit, Discrete, Several, Urns):
    """Random draws from one stream.

    Parameters of distributions may be numbers, arrays or tensors and broadcast against each other
    and with ``size``, the shape of the result (by default that of the parameters together). The
    dtype of continuous draws is that of the parameters if one of them is an array or tensor of
    floats, otherwise float64, unless ``dtype`` says otherwise. A parameter out of its domain raises
    ``ValueError``, a dtype that is not floating ``TypeError``. Values are checked where they are
    known, which inside ``vmap`` they may not be.

    Args:
        seed: an int, a sequence of ints or a ``numpy.random.SeedSequence``; None for entropy of the
            operating system.
        device: where draws are made. The stream is the same everywhere: base draws (uniform,
            normal, exponential, words) have the same bits.

    >>> pa.random.Generator(0).random(2).tolist() == pa.random.Generator(0).random(2).tolist()
    True
    """

    def spawn(self, n_children: int) -> list[Generator]:
        """New generators with independent streams, as ``numpy.random.Generator.spawn``.

        >>> [child.random() == 0 for child in pa.random.Generator(0).spawn(2)]
        [tensor(False), tensor(False)]
        """
        self._require_own("spawn from")
        return [Generator(seeds, device=self.device) for seeds in self._seeds.spawn(n_children)]

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._seeds, self.state, self.device)

    def __repr__(self) -> str:
        return f"Generator({BIT_GENERATOR}, counter={self._position})"


def default_rng(seed: Seed | Generator = None, *, device: str = "cpu") -> Generator:
    """A generator with that seed on that device; a generator is returned as it is.

    >>> pa.random.default_rng(5).state["counter"]
    0
    """
    return seed if isinstance(seed, Generator) else Generator(seed, device=device)


def _rebuild(
    seeds: np.random.SeedSequence, state: dict[str, Any], device: str = "cpu"
) -> Generator:
    generator = Generator(seeds, device=device)
    generator.state = state
    return generator


_default = Generator()

beta = _default.beta
binomial = _default.binomial
chisquare = _default.chisquare
choice = _default.choice
dirichlet = _default.dirichlet
exponential = _default.exponential
f = _default.f
gamma = _default.gamma
geometric = _default.geometric
gumbel = _default.gumbel
hypergeometric = _default.hypergeometric
integers = _default.integers
laplace = _default.laplace
logistic = _default.logistic
lognormal = _default.lognormal
logseries = _default.logseries
multinomial = _default.multinomial
multivariate_hypergeometric = _default.multivariate_hypergeometric
multivariate_normal = _default.multivariate_normal
negative_binomial = _default.negative_binomial
noncentral_chisquare = _default.noncentral_chisquare
noncentral_f = _default.noncentral_f
normal = _default.normal
pareto = _default.pareto
permutation = _default.permutation
permuted = _default.permuted
poisson = _default.poisson
power = _default.power
random = _default.random
rayleigh = _default.rayleigh
shuffle = _default.shuffle
standard_cauchy = _default.standard_cauchy
standard_exponential = _default.standard_exponential
standard_gamma = _default.standard_gamma
standard_normal = _default.standard_normal
standard_t = _default.standard_t
triangular = _default.triangular
uniform = _default.uniform
vonmises = _default.vonmises
wald = _default.wald
weibull = _default.weibull
zipf = _default.zipf


def seed(seed: Seed = None) -> None:
    """Seeds the generator behind the functions of this module.

    >>> pa.random.seed(3)
    >>> first = pa.random.normal(size=2).tolist()
    >>> pa.random.seed(3)
    >>> pa.random.normal(size=2).tolist() == first
    True
    """
    _default._reset(seed)


def get_state() -> dict[str, Any]:
    """The state of the generator behind the functions of this module.

    >>> pa.random.seed(3)
    >>> pa.random.get_state()["counter"]
    0
    """
    return _default.state


def set_state(state: dict[str, Any]) -> None:
    """Puts the generator behind the functions of this module into a state.

    >>> state = pa.random.get_state()
    >>> first = pa.random.random(2).tolist()
    >>> pa.random.set_state(state)
    >>> pa.random.random(2).tolist() == first
    True
    """
    _default.state = state
