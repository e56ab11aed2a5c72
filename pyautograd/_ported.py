"""What functions of PyTorch, JAX, NumPy and HIPS autograd are called here, for error messages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

__all__ = ["IN_MODULES", "PORTED", "advice_on", "lookup"]

# A name that users look for in pyautograd itself: what to write in its place.
PORTED = {
    "Generator": "pa.random.default_rng",
    "array": "pa.tensor",
    "as_tensor": "pa.asarray",
    "bmm": "pa.matmul",
    "cat": "pa.concat",
    "chunk": "pa.array_split",
    "clamp": "pa.clip",
    "clone": "pa.copy",
    "custom_gradient": "pa.Function",
    "custom_jvp": "pa.Function",
    "custom_vjp": "pa.Function",
    "elementwise_grad": "pa.func.vmap(pa.func.grad(f))",
    "gammaln": "pa.special.gammaln",
    "gather": "pa.take_along_axis",
    "hessian_vector_product": "pa.hvp",
    "index_add": "np.add.at(x, i, v), or pa.bincount(i, v, n)",
    "index_select": "pa.take",
    "lgamma": "pa.special.gammaln",
    "manual_seed": "pa.random.seed",
    "masked_fill": "pa.where",
    "mm": "pa.matmul",
    "ndarray": "pa.Tensor",
    "norm": "pa.linalg.norm",
    "permute": "pa.permute_dims",
    "primitive": "pa.Function",
    "rand": "pa.random.random",
    "randint": "pa.random.integers",
    "randn": "pa.random.standard_normal",
    "remat": "pa.checkpoint",
    "scatter": "pa.put_along_axis",
    "scatter_add": "np.add.at(x, i, v), or pa.bincount(i, v, n)",
    "segment_sum": "np.add.at(pa.zeros(n), i, v), or pa.bincount(i, v, n)",
    "stop_gradient": "x.detach()",
    "tree_map": "pa.tree.map",
    "tree_util": "pa.tree",
    "unsqueeze": "pa.expand_dims",
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
# The same in modules
IN_MODULES = {
    "optimize": {
        "approx_fprime": "pa.func.grad",
        "check_grad": "pa.testing.gradcheck",
        "minimize_scalar": "pa.optimize.minimize, with a number for x0",
        "newton": "pa.optimize.root, with a number for x0",
        "root_scalar": "pa.optimize.root, with a number for x0",
    },
    "random": {
        "Philox": "pa.random.default_rng",
        "RandomState": "pa.random.default_rng",
        "key": "pa.random.default_rng",
        "manual_seed": "pa.random.seed",
        "rand": "pa.random.random",
        "randint": "pa.random.integers",
        "randn": "pa.random.standard_normal",
    },
}
PORTED |= {"Adam": "pa.optim.Adam", "SGD": "pa.optim.SGD", "fft2": "pa.fft.fft2"}
# Nothing takes the place of these, for a reason.
_NEEDLESS = {
    "jit": "functions run as they are, without being compiled",
    "fori_loop": "write a Python loop, or pa.scan",
    "while_loop": "write a Python loop, or pa.scan",
}


def lookup(module: str) -> Callable[[str], Any]:
    """A module's ``__getattr__``, for names that it has under others."""

    def missing(name: str) -> Any:
        advice = IN_MODULES[module.rpartition(".")[2]].get(name)
        raise AttributeError(
            f"module {module!r} has no attribute {name!r}" + (f": use {advice}" if advice else ""),
            name=name,
            obj=sys.modules[module],
        )

    return missing


def advice_on(name: str) -> str:
    """What to add to the message that pyautograd has no such name; often nothing."""
    if name in PORTED:
        return f": use {PORTED[name]}"
    return f": {_NEEDLESS[name]}" if name in _NEEDLESS else ""
