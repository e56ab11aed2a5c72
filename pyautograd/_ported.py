"""What functions of PyTorch, JAX, NumPy and HIPS autograd are called here, for error messages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from . import _core
from ._core import Tensor

__all__ = ["IN_MODULES", "OF_TENSORS", "PORTED", "advice_on", "lookup"]

# A name that users look for in pyautograd itself: what to write in its place.
PORTED = {
    "Generator": "pa.random.default_rng",
    "array": "pa.tensor",
    "as_tensor": "pa.asarray",
    "bmm": "pa.matmul",
    "associative_scan": "pa.scan, or pa.cumsum, pa.cumprod and np.ufunc.accumulate",
    "cat": "pa.concat",
    "cdist": "pa.linalg.norm(x[:, None] - y, axis=-1)",
    "chunk": "pa.array_split",
    "clamp": "pa.clip",
    "clone": "pa.copy",
    "custom_gradient": "pa.Function",
    "custom_jvp": "pa.Function",
    "custom_vjp": "pa.Function",
    "double": "pa.float64",
    "elementwise_grad": "pa.func.grad(lambda x: pa.sum(f(x)))",
    "float": "pa.float64",
    "gammaln": "pa.special.gammaln",
    "gather": "pa.take_along_axis",
    "grad_and_value": "pa.func.value_and_grad",
    "half": "pa.float16",
    "hessian_vector_product": "pa.hvp",
    "index_add": "np.add.at(x, i, v), or pa.bincount(i, v, n)",
    "index_select": "pa.take",
    "interp1d": "pa.interp, or pa.interpolate",
    "lax": "pa.scan, pa.where, and Python's loops and branches",
    "lgamma": "pa.special.gammaln",
    "long": "pa.int64",
    "make_jvp": "pa.func.jvp",
    "make_vjp": "pa.func.vjp",
    "manual_seed": "pa.random.seed",
    "map": "pa.func.vmap",
    "masked_fill": "pa.where",
    "mm": "pa.matmul",
    "ndarray": "pa.Tensor",
    "norm": "pa.linalg.norm",
    "one_hot": "pa.eye(n)[labels]",
    "permute": "pa.permute_dims",
    "primitive": "pa.Function",
    "rand": "pa.random.random",
    "randint": "pa.random.integers",
    "randn": "pa.random.standard_normal",
    "remat": "pa.checkpoint",
    "scatter": "pa.put_along_axis",
    "scatter_add": "np.add.at(x, i, v), or pa.bincount(i, v, n)",
    "scatter_reduce": "np.maximum.at(x, i, v) and its like",
    "segment_max": "np.maximum.at(pa.full(n, -np.inf), i, v)",
    "segment_min": "np.minimum.at(pa.full(n, np.inf), i, v)",
    "segment_sum": "np.add.at(pa.zeros(n), i, v), or pa.bincount(i, v, n)",
    "stop_gradient": "x.detach()",
    "tree_map": "pa.tree.map",
    "tree_util": "pa.tree",
    "unsqueeze": "pa.expand_dims",
    "vectorize": "pa.func.vmap",
    "view": "pa.reshape",
}
PORTED |= {
    name: f"pa.func.{name}"
    for name in ("jacfwd", "jacrev", "jvp", "linearize", "taylor", "value_and_grad", "vjp", "vmap")
}
PORTED |= {
    name: f"pa.linalg.{name}"
    for name in (
        *("cholesky", "cond", "det", "eig", "eigh", "eigvals", "eigvalsh", "expm", "inv", "lstsq"),
        *("matrix_power", "pinv", "qr", "slogdet", "solve", "svd"),
    )
}
PORTED |= {
    name: f"pa.optimize.{name}" for name in ("least_squares", "minimize", "root", "curve_fit")
}
PORTED |= {"odeint": "pa.integrate.solve_ivp", "solve_ivp": "pa.integrate.solve_ivp"}
PORTED["quad"] = "pa.integrate.quad"
PORTED |= {name: f"pa.interpolate.{name}" for name in ("CubicSpline", "interpn")}
PORTED |= {"Adam": "pa.optim.Adam", "SGD": "pa.optim.SGD", "fft2": "pa.fft.fft2"}
PORTED["cond"] += ", or Python's if and pa.where in place of branches"
# The same in modules
IN_MODULES = {
    "autograd": {
        "Function": "pa.Function",
        "functional": "pa.hessian, pa.jacobian and pa.hvp",
        "hessian": "pa.hessian",
        "jacobian": "pa.jacobian",
    },
    "func": {
        "checkpoint": "pa.checkpoint",
        "grad_and_value": "pa.func.value_and_grad",
        "jacobian": "pa.func.jacrev or pa.func.jacfwd",
        "laplacian": "pa.laplacian",
        "linear_transpose": "pa.func.vjp",
        "scan": "pa.scan",
        "stop_gradient": "x.detach()",
    },
    "integrate": {
        "RK45": "pa.integrate.solve_ivp",
        "nquad": "pa.integrate.quad within pa.integrate.quad",
        "dblquad": "pa.integrate.quad within pa.integrate.quad",
        "quad_vec": "pa.integrate.quad, whose function may return an array",
        "ode": "pa.integrate.solve_ivp",
        "odeint": "pa.integrate.solve_ivp, whose function takes (t, y)",
        "trapezoid": "pa.trapezoid",
    },
    "interpolate": {
        "InterpolatedUnivariateSpline": "pa.interpolate.CubicSpline",
        "interp1d": "pa.interp, or pa.interpolate.CubicSpline",
        "RectBivariateSpline": 'pa.interpolate.RegularGridInterpolator, with method="cubic"',
        "Rbf": "pa.interpolate.RBFInterpolator",
        "griddata": "pa.interpolate.RBFInterpolator",
        "interp2d": "pa.interpolate.RegularGridInterpolator",
        "splev": "pa.interpolate.BSpline",
        "splrep": "pa.interpolate.make_interp_spline and make_lsq_spline",
        "pchip": "pa.interpolate.PchipInterpolator",
        "pchip_interpolate": "pa.interpolate.PchipInterpolator",
    },
    "linop": {
        "GGN": "pa.linop.GaussNewton",
        "eigsh": "scipy.sparse.linalg.eigsh",
        "identity": "scipy.sparse.linalg.aslinearoperator(scipy.sparse.eye_array(n))",
    },
    "nn": {
        "AvgPool2d": "pa.nn.avg_pool, with channels on the last axis",
        "Conv1d": "pa.nn.init_conv and pa.nn.conv, with channels on the last axis",
        "Conv2d": "pa.nn.init_conv and pa.nn.conv, with channels on the last axis",
        "ConvTranspose2d": "pa.nn.conv_transpose, with channels on the last axis",
        "CrossEntropyLoss": "pa.nn.cross_entropy",
        "Embedding": "table[indices]",
        "LayerNorm": "pa.nn.layer_norm",
        "Linear": "pa.nn.init_linear and pa.nn.linear",
        "MSELoss": "pa.nn.mean_squared_error",
        "MaxPool2d": "pa.nn.max_pool, with channels on the last axis",
        "Module": "a function of a tree of parameters, such as pa.nn.mlp",
        "Parameter": "pa.tensor(x, requires_grad=True)",
        "Sequential": "a function of a tree of parameters, such as pa.nn.mlp",
        "functional": "pa.nn and pa: layers and losses are functions",
        "mse_loss": "pa.nn.mean_squared_error",
        "one_hot": "pa.eye(n)[labels]",
        "avg_pool2d": "pa.nn.avg_pool, with channels on the last axis",
        "conv1d": "pa.nn.conv, with channels on the last axis",
        "conv2d": "pa.nn.conv, with channels on the last axis",
        "conv_transpose2d": "pa.nn.conv_transpose, with channels on the last axis",
        "embedding": "table[indices]",
        "logsumexp": "pa.logsumexp",
        "max_pool2d": "pa.nn.max_pool, with channels on the last axis",
        "utils": "pa.optim.clip_by_norm",
    }
    | {f: f"pa.{f}" for f in ("log_softmax", "relu", "sigmoid", "softmax", "softplus", "tanh")},
    "optimize": {
        "approx_fprime": "pa.func.grad",
        "brentq": "pa.optimize.root, with a number for x0",
        "check_grad": "pa.testing.gradcheck",
        "fsolve": "pa.optimize.root",
        "minimize_scalar": "pa.optimize.minimize, with a number for x0",
        "newton": "pa.optimize.root, with a number for x0",
        "root_scalar": "pa.optimize.root, with a number for x0",
    },
    "random": {
        "PRNGKey": "pa.random.default_rng",
        "Philox": "pa.random.default_rng",
        "RandomState": "pa.random.default_rng",
        "bernoulli": "pa.random.binomial(1, p)",
        "categorical": "pa.random.choice(n, p=probabilities)",
        "key": "pa.random.default_rng",
        "manual_seed": "pa.random.seed",
        "rand": "pa.random.random",
        "randint": "pa.random.integers",
        "randn": "pa.random.standard_normal",
        "random_sample": "pa.random.random",
    },
    "tree": {
        "reduce": "functools.reduce on pa.tree.leaves(tree)",
        "register_pytree_node": "pa.tree.register_node",
        "structure": "pa.tree.flatten(tree)[1]",
        "tree_flatten": "pa.tree.flatten",
        "tree_leaves": "pa.tree.leaves",
        "tree_map": "pa.tree.map",
        "tree_unflatten": "pa.tree.unflatten",
    },
}
# Methods and attributes that tensors, or arrays, of others have.
OF_TENSORS = {
    "add_": "x += y",
    "at": "x[i] = v",
    "bmm": "x @ y",
    "chunk": "pa.array_split(x, n)",
    "clamp": "x.clip(min, max)",
    "clone": "x.copy()",
    "cpu": 'x.to("cpu")',
    "cuda": 'x.to("cuda")',
    "data": "x.detach()",
    "det": "pa.linalg.det(x)",
    "dim": "x.ndim",
    "double": "x.astype(pa.float64)",
    "expand": "x.broadcast_to(shape)",
    "fill_": "x[...] = value",
    "flags": "x.numpy().flags",
    "float": "x.astype(pa.float32)",
    "gather": "pa.take_along_axis(x, i, axis)",
    "half": "x.astype(pa.float16)",
    "index_add_": "np.add.at(x, i, v)",
    "index_select": "pa.take(x, i, axis)",
    "inverse": "pa.linalg.inv(x)",
    "long": "x.astype(pa.int64)",
    "masked_fill": "pa.where(mask, value, x)",
    "mm": "x @ y",
    "mul": "x * y",
    "mul_": "x *= y",
    "mv": "x @ y",
    "narrow": "x[i:j]",
    "nelement": "x.size",
    "new_zeros": "pa.zeros(shape, dtype=x.dtype)",
    "norm": "pa.linalg.norm(x)",
    "numel": "x.size",
    "permute": "x.permute_dims(axes)",
    "pow": "x**y",
    "scatter_add_": "np.add.at(x, i, v)",
    "scatter_reduce_": "np.maximum.at(x, i, v) and its like",
    "split": "pa.array_split(x, n)",
    "stride": "x.numpy().strides",
    "strides": "x.numpy().strides",
    "t": "x.T",
    "tofile": "x.numpy().tofile(file)",
    "type": "x.astype(dtype)",
    "unbind": "pa.unstack(x)",
    "unfold": "pa.sliding_window_view(x, shape)",
    "unsqueeze": "x.expand_dims(axis)",
    "view": "x.reshape(shape)",
    "zero_": "x[...] = 0",
}
# Nothing takes the place of these, for a reason.
_NEEDLESS = {
    "block_until_ready": "results are there when an op returns",
    "contiguous": "ops take every layout, and np.ascontiguousarray(x.numpy()) makes one",
    "fori_loop": "write a Python loop, or pa.scan",
    "functional_call": "a model is a function of its parameters already",
    "functionalize": "functions that write into tensors are transformed as they are",
    "jit": "functions run as they are, without being compiled, and pa.captured(f) repeats calls",
    "numpy": "import numpy itself, whose functions take tensors",
    "register_dataclass": "dataclasses are trees as they are",
    "scipy": "import scipy itself, whose ufuncs take tensors, or see pa.special and pa.stats",
    "set_default_dtype": "say dtype= where the data begins, and results follow",
    "while_loop": "write a Python loop, or pa.scan",
}


def lookup(module: str) -> Callable[[str], Any]:
    """A module's ``__getattr__``, for names that it has under others."""

    def missing(name: str) -> Any:
        advice = advice_on(name, IN_MODULES[module.rpartition(".")[2]])
        raise AttributeError(
            f"module {module!r} has no attribute {name!r}{advice}",
            name=name,
            obj=sys.modules[module],
        )

    return missing


def advice_on(name: str, ported: dict[str, str] = PORTED) -> str:
    """What to add to the message that there is no such name; often nothing."""
    if name in ported:
        return f": use {ported[name]}"
    return f": {_NEEDLESS[name]}" if name in _NEEDLESS else ""


class _Signpost:
    """An attribute that is not there, and says where it is."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, tensor: Tensor | None, owner: type) -> Any:
        raise AttributeError(
            f"'pyautograd.Tensor' object has no attribute {self._name!r}"
            f"{advice_on(self._name, OF_TENSORS)}",
            name=self._name,
            obj=owner if tensor is None else tensor,
        )


_SIGNPOSTS = frozenset({*OF_TENSORS, "block_until_ready", "contiguous"})


def _dir(self: Tensor) -> list[str]:
    """What a tensor has; completion does not offer the signposts."""
    return [name for name in object.__dir__(self) if name not in _SIGNPOSTS]


for _name in _SIGNPOSTS:
    _core._set_type_attribute(_name, _Signpost(_name))
_core._set_type_attribute("__dir__", _dir)
