"""What type checkers infer is what comes out: ``nox -s types`` checks the one, pytest the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import pyautograd as pa

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:

    def assert_type(value, annotation):
        """An instance of the type, which is a class or names containers of tensors."""
        if annotation is pa.Tensor:
            assert type(value) is pa.Tensor
        elif annotation is Tensors:
            assert type(value) is dict and all(type(x) is pa.Tensor for x in value.values())
        elif annotation is not Any:
            kinds = annotation.__args__
            assert len(value) == len(kinds)
            for entry, kind in zip(value, kinds, strict=True):
                assert_type(entry, kind)
        return value


Tensors = dict[str, pa.Tensor]
array: npt.NDArray[np.float64] = np.array([1.0, 2.0])
x = pa.tensor([1.0, 2.0], requires_grad=True)
params: Tensors = {"a": pa.ones(2), "b": pa.ones(2)}


def energy(x: pa.Tensor) -> pa.Tensor:
    return pa.sum(x**3)


def loss(p: Tensors, scale: float = 1.0) -> pa.Tensor:
    return scale * pa.sum(p["a"] ** 2 * p["b"])


def field(x: pa.Tensor) -> pa.Tensor:
    return pa.sin(x)


def test_operators_of_arrays_and_tensors() -> None:
    assert_type(array * x, pa.Tensor)
    assert_type(array @ x, pa.Tensor)
    assert_type(array - x, pa.Tensor)
    assert_type(array > x, pa.Tensor)
    assert_type(x / array, pa.Tensor)
    assert_type(2.0**x, pa.Tensor)


def test_functions_of_tensors() -> None:
    assert_type(pa.func.grad(energy)(array), pa.Tensor)
    assert_type(pa.func.value_and_grad(energy)(x), tuple[pa.Tensor, pa.Tensor])
    assert_type(pa.func.jacrev(field)(x), pa.Tensor)
    assert_type(pa.func.jacfwd(field)(x), pa.Tensor)
    assert_type(pa.func.hessian(energy)(x), pa.Tensor)
    assert_type(pa.func.hvp(energy)(x, x), pa.Tensor)
    assert_type(pa.func.vmap(field)(x), pa.Tensor)
    assert_type(pa.func.jvp(field, (x,), (x,)), tuple[pa.Tensor, pa.Tensor])
    assert_type(pa.func.vjp(field, x)[0], pa.Tensor)
    assert_type(pa.func.linearize(field, x)[1](x), pa.Tensor)


def test_functions_of_trees() -> None:
    assert_type(pa.func.grad(loss)(params), Tensors)
    assert_type(pa.func.value_and_grad(loss)(params, 2.0), tuple[pa.Tensor, Tensors])
    assert_type(pa.func.hvp(loss)(params, params), Tensors)
    assert_type(pa.func.vmap(lambda p: p)(params), Any)
    assert_type(pa.tree.ravel(params)[1](pa.ones(4)), Tensors)
    state = pa.optim.SGD(lr=0.1).init(params)
    assert_type(pa.optim.SGD(lr=0.1).update(params, params, state)[0], Tensors)


def test_derivatives_at_a_point() -> None:
    assert_type(pa.hessian(energy, array), pa.Tensor)
    assert_type(pa.jacobian(field, x), pa.Tensor)
    assert_type(pa.hvp(energy, x, array), pa.Tensor)
    assert_type(pa.hvp(loss, params, params), Tensors)
    assert_type(pa.value_grad_hessian(energy, x), tuple[pa.Tensor, pa.Tensor, pa.Tensor])
    assert_type(pa.hessian(loss, params), Any)
    assert_type(pa.hessian(loss, params, flatten=True), Any)


def test_programs_in_programs() -> None:
    def step(carry: pa.Tensor, x: pa.Tensor) -> tuple[pa.Tensor, None]:
        return carry * x, None

    @pa.no_grad()
    def constant(x: pa.Tensor) -> pa.Tensor:
        return 2.0 * x

    assert_type(pa.checkpoint(field, x), pa.Tensor)
    assert_type(pa.grad(energy(x), [x])[0], pa.Tensor)
    assert_type(pa.scan(step, 1.0, array)[0], pa.Tensor)
    assert_type(pa.implicit.argmin(lambda v, a: pa.sum((v - a) ** 2), array, x), pa.Tensor)
    assert_type(constant(x), pa.Tensor)
