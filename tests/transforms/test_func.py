"""pyautograd.func: values, trees, argnums, aux, axes, and the errors for wrong use."""

import dataclasses
from collections import namedtuple

import numpy as np
import pytest
import scipy.optimize

import pyautograd as pa
from pyautograd import func

Pair = namedtuple("Pair", "first second")


@dataclasses.dataclass(frozen=True)
class Model:
    w: object
    b: object
    name: str = dataclasses.field(default="", metadata={"static": True})


A = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
V = np.array([0.5, -1.0])
U = np.array([1.0, -2.0, 0.5])


def affine(x):
    return pa.matmul(pa.asarray(A), x)


def cubes(x):
    return pa.sum(x**3)


def check(tensor, expected, **tolerance):
    assert isinstance(tensor, pa.Tensor)
    assert not tensor.requires_grad
    np.testing.assert_allclose(tensor.numpy(), expected, **tolerance)


# values


def test_grad_takes_floats_arrays_and_tensors():
    check(func.grad(cubes)(V), 3 * V**2)
    check(func.grad(cubes)(pa.tensor(V)), 3 * V**2)
    check(func.grad(lambda x: x**3)(2.0), 12.0)
    check(func.grad(cubes)(np.float32([1, 2])), [3, 12])
    assert func.grad(cubes)(np.float32([1, 2])).dtype == pa.float32


def test_grad_of_a_constant_is_zero():
    check(func.grad(lambda x: pa.tensor(1.0))(V), [0.0, 0.0])
    check(func.grad(lambda x: pa.sum(x.detach()))(V), [0.0, 0.0])


def test_value_and_grad():
    value, gradient = func.value_and_grad(cubes)(V)
    check(value, np.sum(V**3))
    check(gradient, 3 * V**2)


def test_vjp_and_its_pullback_can_be_reused():
    out, pullback = func.vjp(affine, V)
    check(out, A @ V)
    for _ in range(2):
        (got,) = pullback(U)
        check(got, A.T @ U)
    (rows,) = func.vmap(pullback)(np.eye(3))
    check(rows, A)


def test_jvp_materialises_zeros():
    out, tangent = func.jvp(affine, (V,), (np.ones(2),))
    check(out, A @ V)
    check(tangent, A @ np.ones(2))
    out, tangent = func.jvp(lambda x: pa.ones(3), (V,), (V,))
    check(tangent, np.zeros(3))


def test_linearize_evaluates_once():
    calls = []

    def f(x):
        calls.append(1)
        return affine(pa.sin(x))

    out, jvp_fn = func.linearize(f, V)
    check(out, A @ np.sin(V))
    for v in np.eye(2):
        check(jvp_fn(v), A @ (np.cos(V) * v))
    check(func.vmap(jvp_fn)(np.eye(2)), (A * np.cos(V)).T)
    assert len(calls) == 1


def test_linearize_is_differentiable_in_point_and_direction():
    def directional(x, v):
        return pa.sum(func.linearize(pa.sin, x)[1](v) ** 2)

    by_x, by_v = func.grad(directional, (0, 1))(V, np.ones(2))
    check(by_x, -2 * np.cos(V) * np.sin(V))
    check(by_v, 2 * np.cos(V) ** 2)


@pytest.mark.parametrize("jac", [func.jacrev, func.jacfwd])
@pytest.mark.parametrize("chunk_size", [None, 1, 2, 100])
def test_jacobians(jac, chunk_size):
    check(jac(affine, chunk_size=chunk_size)(V), A)
    check(jac(lambda x: pa.sin(x), chunk_size=chunk_size)(0.5), np.cos(0.5))
    outer = jac(lambda x: x[:, None] * x[None, :], chunk_size=chunk_size)(V)
    eye = np.eye(2)
    check(outer, np.einsum("ik,j->ijk", eye, V) + np.einsum("jk,i->ijk", eye, V))
    check(jac(lambda x: pa.ones(3))(V), np.zeros((3, 2)))
    assert jac(lambda x: x[:0])(V).shape == (0, 2)
    assert jac(lambda x: pa.sum(x) * pa.ones(3))(np.zeros((0, 2))).shape == (3, 0, 2)


@pytest.mark.parametrize("jac", [func.jacrev, func.jacfwd])
def test_jacobian_of_trees_is_a_tree_of_blocks(jac):
    def f(p, scale):
        return {"y": affine(p["x"]) * scale, "z": (p["x"] * p["s"], p["s"])}

    by_p, by_scale = jac(f, (0, 1))({"x": V, "s": 2.0}, 3.0)["y"]
    check(by_p["x"], 3 * A)
    check(by_p["s"], np.zeros(3))
    check(by_scale, A @ V)
    blocks = jac(f)({"x": V, "s": 2.0}, 3.0)
    check(blocks["z"][0]["x"], 2 * np.eye(2))
    check(blocks["z"][0]["s"], V)
    check(blocks["z"][1]["s"], 1.0)


def test_hessian_of_trees():
    def f(p):
        return pa.sum(p.first**2) * p.second

    blocks = func.hessian(f)(Pair(V, pa.tensor(3.0)))
    check(blocks.first.first, 6 * np.eye(2))
    check(blocks.first.second, 2 * V)
    check(blocks.second.first, 2 * V)
    check(blocks.second.second, 0.0)


def test_hessian_of_several_outputs():
    def f(x):
        return {"a": x**2, "b": cubes(x)}

    blocks = func.hessian(f)(V)
    check(blocks["b"], np.diag(6 * V))
    check(blocks["a"], 2 * np.einsum("ij,jk->ijk", np.eye(2), np.eye(2)))


def test_hvp():
    v = np.array([2.0, 0.5])
    check(func.hvp(cubes)(V, v), 6 * V * v)
    got = func.hvp(lambda p, c: c * pa.sum(p["x"] ** 3))({"x": V}, 2.0, {"x": v})
    check(got["x"], 12 * V * v)
    check(func.vmap(func.hvp(cubes), (None, 0))(V, np.eye(2)), np.diag(6 * V))


# argnums, aux, keywords, trees


def test_argnums():
    def f(a, b, c):
        return pa.sum(a * b) + c

    check(func.grad(f, 1)(V, 2 * V, 1.0), V)
    check(func.grad(f, -1)(V, V, 1.0), 1.0)
    one, three = func.grad(f, (1, 0))(V, 2 * V, 1.0)
    check(one, V)
    check(three, 2 * V)


def test_other_arguments_and_keywords_pass_unchanged():
    seen = []

    def f(x, power, *, label):
        seen.append((power, label))
        return pa.sum(x**power)

    check(func.grad(f)(V, 3, label="here"), 3 * V**2)
    assert seen == [(3, "here")]


@pytest.mark.parametrize("transform", [func.grad, func.jacrev, func.jacfwd, func.hessian])
def test_aux_comes_back_free_of_the_transform(transform):
    result, aux = transform(lambda x: (cubes(x), {"twice": 2 * x, "text": "t"}), has_aux=True)(V)
    assert isinstance(result, pa.Tensor)
    check(aux["twice"], 2 * V)
    assert aux["text"] == "t"


def test_aux_of_the_others():
    def f(x):
        return cubes(x), 2 * x

    (value, aux), gradient = func.value_and_grad(f, has_aux=True)(V)
    check(value, np.sum(V**3))
    check(aux, 2 * V)
    check(gradient, 3 * V**2)
    check(func.vjp(f, V, has_aux=True)[2], 2 * V)
    check(func.jvp(f, (V,), (V,), has_aux=True)[2], 2 * V)
    check(func.linearize(f, V, has_aux=True)[2], 2 * V)


def test_dataclasses_with_static_fields():
    def f(model, x):
        assert model.name == "line"
        return pa.sum((model.w * x + model.b) ** 2)

    gradient = func.grad(f)(Model(2.0, 1.0, "line"), V)
    assert gradient.name == "line"
    check(gradient.b, np.sum(2 * (2 * V + 1)))


def test_empty_trees():
    assert func.grad(lambda p: pa.tensor(1.0))({}) == {}
    assert func.jacrev(lambda x: ())(V) == ()
    assert func.jvp(lambda: pa.tensor(1.0), (), ())[1].item() == 0.0


# vmap


def test_vmap_axes():
    x = np.arange(24.0).reshape(2, 3, 4)
    for axis in (0, 1, 2, -1):
        got = func.vmap(lambda s: pa.sum(s, axis=0), in_axes=axis)(x)
        check(got, np.stack([s.sum(0) for s in np.moveaxis(x, axis, 0)]))
    for axis in (0, 1, -1):
        got = func.vmap(lambda s: 2 * s[0], out_axes=axis)(x)
        check(got, np.moveaxis(2 * x[:, 0], 0, axis))


def test_vmap_trees_of_axes():
    def f(p, c):
        return {"sum": p["a"] + p["b"], "c": c}, p["b"]

    a, b = np.arange(3.0), np.ones((2, 3))
    out, same = func.vmap(f, ({"a": 0, "b": 1}, None), ({"sum": 1, "c": 0}, 0))(
        {"a": a, "b": b}, pa.tensor(5.0)
    )
    check(out["sum"], (a[:, None] + b.T).T)
    check(out["c"], [5.0, 5.0, 5.0])
    check(same, b.T)


def test_vmap_out_axes_none_for_what_is_the_same_everywhere():
    out, constant = func.vmap(lambda x: (x, pa.ones(2)), out_axes=(0, None))(V)
    check(constant, np.ones(2))
    with pytest.raises(ValueError, match="out_axes=None for an output that differs"):
        func.vmap(lambda x: x, out_axes=None)(V)


@pytest.mark.parametrize("size", [0, 1, 5])
@pytest.mark.parametrize("chunk_size", [None, 2])
def test_vmap_sizes_and_chunks(size, chunk_size):
    x = np.arange(3.0 * size).reshape(3, size)
    f = func.vmap(lambda s: (pa.sum(s), s), in_axes=1, out_axes=(0, 1), chunk_size=chunk_size)
    total, same = f(x)
    check(total, x.sum(0))
    check(same, x)


# wrong use


@pytest.mark.parametrize(
    "transform",
    [func.grad, func.value_and_grad, func.jacrev, func.jacfwd, func.hessian],
    ids=lambda t: t.__name__,
)
def test_errors_of_inputs(transform):
    name = transform.__name__
    with pytest.raises(TypeError, match=rf"\[{name}\] argument 0 has dtype int64"):
        transform(cubes)(3)
    with pytest.raises(TypeError, match=rf"\[{name}\] argument 1\['k'\]\[1\] has dtype bool"):
        transform(lambda a, b: a, (0, 1))(1.0, {"k": [1.0, True]})
    with pytest.raises(TypeError, match=rf"\[{name}\] argument 0 is a str"):
        transform(cubes)("three")
    with pytest.raises(IndexError, match="argnums=2 is out of range: .* 1 positional"):
        transform(cubes, 2)(V)
    with pytest.raises(ValueError, match="names an argument twice"):
        transform(cubes, (0, -1))(V)
    with pytest.raises(TypeError, match="argnums must be an int or a tuple of ints, got '1'"):
        transform(cubes, "1")
    with pytest.raises(TypeError, match=rf"second call, {name}\(f\)\(x\)"):
        transform(cubes, V)
    with pytest.raises(TypeError, match="argnums must be"):
        transform(cubes, True)
    with pytest.raises(ValueError, match="argnums is empty"):
        transform(cubes, ())
    with pytest.raises(TypeError, match="expected a function, got a int"):
        transform(3)


@pytest.mark.parametrize(
    "transform",
    [func.grad, func.value_and_grad, func.jacrev, func.jacfwd, func.hessian],
    ids=lambda t: t.__name__,
)
def test_errors_of_outputs(transform):
    name = transform.__name__
    with pytest.raises(TypeError, match=rf"\[{name}\] the function returned a float"):
        transform(lambda x: 3.0)(V)
    with pytest.raises(TypeError, match=rf"\[{name}\] the function returned a ndarray at \['y'\]"):
        transform(lambda x: {"y": V})(V)
    with pytest.raises(TypeError, match=r"returned dtype int64: .*has_aux=True"):
        transform(lambda x: pa.argmax(x))(V)
    with pytest.raises(TypeError, match=r"a pair \(output, aux\), got a tuple of length 3"):
        transform(lambda x: (x, 1, 2), has_aux=True)(V)


def test_grad_of_what_is_not_a_scalar_names_the_right_function():
    with pytest.raises(ValueError, match=r"\[grad\] .* scalar, got shape \(2,\): .*jacrev"):
        func.grad(lambda x: x)(V)
    with pytest.raises(TypeError, match=r"\[grad\] .* got the tree \(\*, \*\); jacrev"):
        func.grad(lambda x: (cubes(x), cubes(x)))(V)
    with pytest.raises(TypeError, match=r"\[hvp\] .* returned None"):
        func.hvp(lambda x: None)(V, V)


def test_errors_of_tangents_and_cotangents():
    with pytest.raises(ValueError, match=r"\[jvp\] the tangent at \[0\] has shape \(3,\)"):
        func.jvp(affine, (V,), (U,))
    with pytest.raises(ValueError, match=r"\[jvp\] the tangent does not match.* 1 entries, got 2"):
        func.jvp(affine, (V,), (V, V))
    with pytest.raises(TypeError, match=r"\[jvp\] primals must be a tuple"):
        func.jvp(affine, pa.tensor(V), (V,))
    _, pullback = func.vjp(lambda x: {"y": x}, V)
    with pytest.raises(ValueError, match=r"the cotangent does not match: expected a dict, got a"):
        pullback(V)
    with pytest.raises(
        ValueError, match=r"the cotangent at \['y'\] has shape \(3,\), expected \(2,"
    ):
        pullback({"y": U})
    with pytest.raises(ValueError, match=r"expected the keys \['y'\], got \['z'\]"):
        pullback({"z": V})
    with pytest.raises(TypeError, match=r"\[hvp\] expected the arguments"):
        func.hvp(cubes)(V)


@pytest.mark.parametrize(
    "call, name",
    [
        *((lambda f=f: f(3), f.__name__) for f in (func.grad, func.value_and_grad, func.jacrev)),
        *((lambda f=f: f(3), f.__name__) for f in (func.jacfwd, func.hessian, func.hvp)),
        (lambda: func.vmap(3), "vmap"),
        (lambda: func.vjp(3, V), "vjp"),
        (lambda: func.jvp(3, (V,), (V,)), "jvp"),
        (lambda: func.linearize(3, V), "linearize"),
        (lambda: func.taylor(3, V, V, 2), "taylor"),
        (lambda: func.as_numpy(3), "as_numpy"),
        *((lambda f=f: f(3, V), f.__name__) for f in (pa.jacobian, pa.hessian, pa.explain)),
        (lambda: pa.hvp(3, V, V), "hvp"),
        (lambda: pa.divergence(3, V), "divergence"),
        (lambda: pa.checkpoint(3, V), "checkpoint"),
        (lambda: pa.scan(3, V, V), "scan"),
        (lambda: pa.sparse.plan(3, V), r"sparse\.plan"),
        (lambda: pa.linop.Hessian(3, V), r"linop\.Hessian"),
        (lambda: pa.linop.Jacobian(3, V), r"linop\.Jacobian"),
        (lambda: pa.optimize.minimize(3, V), r"optimize\.minimize"),
        (lambda: pa.implicit.argmin(3, V), r"implicit\.argmin"),
    ],
)
def test_what_takes_a_function_says_so(call, name):
    with pytest.raises(TypeError, match=rf"^\[{name}\] expected a function, got a? ?int"):
        call()


def test_errors_of_vmap():
    def add(x, y):
        return x + y

    with pytest.raises(ValueError, match=r"differ in size: 2 in argument 0 .* 3 in argument 1"):
        func.vmap(add)(V, U)
    with pytest.raises(ValueError, match="nothing to map over"):
        func.vmap(add, None)(V, V)
    with pytest.raises(ValueError, match=r"in_axes=1 is out of range for argument 0 of shape \(2,"):
        func.vmap(add, (1, 0))(V, V)
    with pytest.raises(ValueError, match=r"in_axes=0 is out of range for argument 1 of shape \(\)"):
        func.vmap(add)(V, 1.0)
    with pytest.raises(ValueError, match=r"argument 0\[0\] of shape \(\): numbers in a list are"):
        func.vmap(pa.sin)([1.0, 2.0])
    with pytest.raises(ValueError, match="in_axes has 3 entries"):
        func.vmap(add, (0, 0, 0))(V, V)
    with pytest.raises(ValueError, match=r"in_axes does not match at \[0\]: expected a tuple, got"):
        func.vmap(lambda p: p[0], (({"a": 0}),))((V, V))
    with pytest.raises(TypeError, match="in_axes must hold ints and None, got 1.5"):
        func.vmap(add, 1.5)(V, V)
    with pytest.raises(ValueError, match="out_axes=3 is out of range for a result with 1 axes"):
        func.vmap(add, out_axes=3)(V, V)
    with pytest.raises(ValueError, match="out_axes does not match"):
        func.vmap(add, out_axes=(0, 1))(V, V)
    with pytest.raises(TypeError, match=r"\[vmap\] the function returned a float"):
        func.vmap(lambda x: 1.0)(V)
    with pytest.raises(ValueError, match="chunk_size must be a positive int"):
        func.vmap(add, chunk_size=0)
    for transform in (func.jacrev, func.jacfwd):
        with pytest.raises(ValueError, match=rf"\[{transform.__name__}\] chunk_size must be"):
            transform(pa.sin, chunk_size=0)


def test_an_exception_in_the_middle_unwinds_every_level():
    def broken(x):
        if x.ndim == 0:
            raise KeyError("broken")
        return x

    nested = func.grad(lambda x: pa.sum(func.vmap(func.grad(broken))(x)))
    with pa.testing.assert_no_leak():
        for transform in (nested, func.jacfwd(nested), func.hessian(nested)):
            with pytest.raises(KeyError, match="broken"):
                transform(V)
        with pytest.raises(KeyError, match="broken"):
            func.vmap(nested)(A)
    check(func.vmap(func.grad(lambda x: x**2))(V), 2 * V)
    x = pa.tensor(1.0, requires_grad=True)
    assert (x * 2).requires_grad


def test_metadata_of_the_function_is_kept():
    assert func.grad(cubes).__name__ == "cubes"
    assert func.vmap(func.jacrev(cubes)).__wrapped__.__wrapped__ is cubes


# every derivative inside every transform


def wave(x):
    return pa.sum(pa.sin(x) * x**2 + x[0] * x[1] ** 3)


DERIVATIVES = {
    "grad": func.grad(wave),
    "value_and_grad": lambda x: func.value_and_grad(wave)(x)[0] * func.value_and_grad(wave)(x)[1],
    "vjp": lambda x: func.vjp(lambda z: pa.sin(z) * z, x)[1](x**2)[0],
    "jvp": lambda x: func.jvp(lambda z: pa.sin(z) * z, (x,), (x**2,))[1],
    "linearize": lambda x: func.linearize(lambda z: pa.sin(z) * z, x)[1](x**2),
    "jacrev": func.jacrev(lambda x: pa.sin(x) * x[0] ** 2),
    "jacrev in chunks": func.jacrev(lambda x: pa.sin(x) * x[0] ** 2, chunk_size=1),
    "jacfwd": func.jacfwd(lambda x: pa.sin(x) * x[0] ** 2),
    "hessian": func.hessian(wave),
    "hvp": lambda x: func.hvp(wave)(x, x**2),
    "jacobian of few inputs": lambda x: pa.jacobian(lambda z: pa.concat([z * z[0], z**3]), x),
    "vmap of grad": lambda x: func.vmap(func.grad(lambda s: pa.sin(s * x[0]) * s))(x),
    "grad of vmap": func.grad(lambda x: pa.sum(func.vmap(lambda s: pa.sin(s * x[0]))(x))),
    "vmap of hessian": lambda x: func.vmap(lambda s: func.hessian(lambda z: wave(z * s))(x))(x),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_inside_transforms(name):
    def scalar(x):
        y = DERIVATIVES[name](x)
        return pa.sum(y * pa.cos(pa.asarray(np.arange(float(y.size)).reshape(y.shape))))

    x, v, step = np.array([0.7, -0.4]), np.array([0.3, 1.1]), 1e-6
    want = (scalar(x + step * v).item() - scalar(x - step * v).item()) / (2 * step)
    reverse = func.grad(scalar)
    check(func.jvp(scalar, (x,), (v,))[1], want, rtol=1e-7, atol=1e-8)
    check(reverse(x) @ v, want, rtol=1e-7, atol=1e-8)
    leaf = pa.tensor(x, requires_grad=True)
    scalar(leaf).backward()
    check(leaf.grad, reverse(x).numpy(), rtol=1e-12)
    batch = np.stack([x, 2 * x])
    stacked = np.stack([reverse(row).numpy() for row in batch])
    check(func.vmap(reverse)(batch), stacked, rtol=1e-12)
    second = func.hessian(scalar)(x).numpy()
    np.testing.assert_allclose(func.jacfwd(reverse)(x).numpy(), second, rtol=1e-10, atol=1e-12)
    slope = func.jacrev(lambda x: func.jvp(scalar, (x,), (v,))[1])(x)
    check(slope, second @ v, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("method", ["L-BFGS-B", "SLSQP", "TNC", "BFGS"])
def test_as_numpy_serves_compiled_callers(method):
    def f(x):
        return pa.sum((x - 1.0) ** 2 * (1.0 + pa.arange(3.0)))

    slope = pa.func.as_numpy(pa.func.value_and_grad(f))
    found = scipy.optimize.minimize(slope, np.zeros(3), jac=True, method=method)
    np.testing.assert_allclose(found.x, 1.0, atol=1e-3)
    assert isinstance(found.jac, np.ndarray)


def test_as_numpy_keeps_what_holds_no_tensor():
    f = pa.func.as_numpy(lambda x, *, scale: {"value": pa.sum(x) * scale, "x": [x, None, "text"]})
    out = f(pa.ones(2), scale=3.0)
    assert isinstance(out["value"], np.float64) and out["value"] == 6.0
    assert isinstance(out["x"][0], np.ndarray) and out["x"][1:] == [None, "text"]
    with pytest.raises(RuntimeError, match="part of a recorded graph"):
        f(pa.ones(2, dtype=np.float64).requires_grad_(), scale=1.0)
    with pytest.raises(TypeError, match="expected a function"):
        pa.func.as_numpy(3)


def test_numpys_integers_serve_as_ints():
    x, three = pa.asarray(np.arange(6.0).reshape(3, 2)), np.int64(3)
    row_sums = func.vmap(pa.sum, in_axes=np.int64(1), chunk_size=np.int32(1))
    np.testing.assert_array_equal(row_sums(x), [6.0, 9.0])
    turned = func.vmap(lambda r: 2 * r, out_axes=np.int64(1))(x)
    np.testing.assert_array_equal(turned, 2 * x.T)
    cube = lambda x: pa.sum(x**3)  # noqa: E731
    np.testing.assert_array_equal(func.jacfwd(cube, chunk_size=three)(x), 3 * x**2)
    assert len(func.taylor(cube, x, x, three)) == 4
    assert pa.derivative(lambda x: x**3, three)(1.0).item() == 6.0
    assert pa.laplacian(lambda _, x: cube(x), argnums=np.int64(1))(0.0, x).item() == 90.0
    add = lambda c, v: (c + 1.0, c)  # noqa: E731
    start = pa.tensor(0.0)
    assert pa.scan(add, start, None, length=three, checkpoint=np.int64(2))[0].item() == 3.0
    layers = [pa.sin, pa.cos]
    np.testing.assert_array_equal(
        pa.checkpoint_sequential(layers, x, segments=np.int64(2)), pa.cos(pa.sin(x))
    )
    with pa.memory_budget(np.int64(10**9)):
        pass
    for wrong in (3.0, True, "3"):
        with pytest.raises(TypeError, match="in_axes must hold ints and None"):
            func.vmap(pa.sum, in_axes=wrong)(x)
        with pytest.raises(ValueError, match="length must be a number of steps"):
            pa.scan(add, 0.0, None, length=wrong)
