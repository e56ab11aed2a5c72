"""Draws go where their parameters lie, with the host's numbers."""

import numpy as np
import pytest

import pyautograd as pa

DRAWS = {
    "beta": (1.0, 2.0),
    "binomial": (5.0, 0.3),
    "chisquare": (3.0,),
    "dirichlet": ([1.0, 2.0],),
    "exponential": (2.0,),
    "f": (2.0, 3.0),
    "gamma": (2.0, 1.0),
    "geometric": (0.3,),
    "gumbel": (0.0, 1.0),
    "laplace": (0.0, 1.0),
    "logistic": (0.0, 1.0),
    "lognormal": (0.0, 1.0),
    "logseries": (0.3,),
    "multinomial": (5, [0.3, 0.7]),
    "negative_binomial": (3.0, 0.3),
    "noncentral_chisquare": (2.0, 1.0),
    "noncentral_f": (2.0, 3.0, 1.0),
    "normal": (1.0, 2.0),
    "pareto": (2.0,),
    "poisson": (3.0,),
    "power": (2.0,),
    "rayleigh": (2.0,),
    "standard_gamma": (2.0,),
    "standard_t": (3.0,),
    "triangular": (0.0, 1.0, 2.0),
    "uniform": (0.0, 2.0),
    "vonmises": (0.0, 1.0),
    "wald": (1.0, 2.0),
    "weibull": (2.0,),
    "zipf": (2.5,),
}


@pytest.mark.parametrize("name", DRAWS)
def test_draws_go_where_a_parameter_lies(device, name):
    def draw(where, place):
        given = [
            pa.tensor(v if isinstance(v, list) else [v, v], device=where) if k == place else v
            for k, v in enumerate(DRAWS[name])
        ]
        return getattr(pa.random.default_rng(3), name)(*given)

    for place in range(len(DRAWS[name])):
        got = draw(device, place)
        assert got.device == device
        np.testing.assert_allclose(got.to("cpu").numpy(), draw("cpu", place).numpy(), rtol=1e-12)
