"""Transforms inside transforms inside transforms tell whose derivative they take.

`pytest --programs 2000 tests/transforms/test_random_nests.py` runs a thousand of them.
"""

from hypothesis import HealthCheck, given, settings
from support.random_nests import along, nested_derivatives, run, value

import pyautograd as pa
from pyautograd.func import grad, vmap

X = 0.7


def recorded(f, x):
    leaf = pa.tensor(x, requires_grad=True)
    y = f(leaf)
    return pa.grad(y, leaf, allow_unused=True, materialize_grads=True)[0]


def check(e, plain, derivative):
    def f(x):
        return run(e, {"x": x})

    wanted, slope = value(plain, {"x": X}), value(derivative, {"x": X})
    x = pa.tensor(X)
    found = {
        "value": (f(x), wanted),
        "mapped": (vmap(f)(pa.tensor([X, 0.2]))[0], wanted),
        "reverse": (grad(f)(x), slope),
        "forward": (along(f, x), slope),
        "mapped reverse": (vmap(grad(f))(pa.tensor([X, 0.2]))[0], slope),
        "captured": (pa.captured(f)(x), wanted),
        "captured reverse": (pa.captured(grad(f))(x), slope),
        "captured forward": (pa.captured(lambda x: along(f, x))(x), slope),
    }
    if f(pa.tensor(X, requires_grad=True)).requires_grad:
        found["recorded"] = (recorded(f, X), slope)
    for mode, (got, want) in found.items():
        assert abs(got.item() - want) <= 1e-10 * (1 + abs(want)), mode


def test_nested_derivatives(program_count):
    @settings(max_examples=program_count // 2, suppress_health_check=list(HealthCheck))
    @given(nested_derivatives())
    def run_all(functions):
        check(*functions)

    run_all()
