"""Functions of functions: derivatives and batching of any function of tensors, freely nested.

Arguments and results may be trees of tensors (:mod:`pyautograd.tree`); NumPy arrays and Python
floats are accepted where a tensor is expected. ``argnums`` chooses the arguments to differentiate
with respect to, an index or a tuple of them; all others, and every keyword argument, pass through
unchanged. With ``has_aux=True`` the function returns ``(output, anything else)``, and the second is
handed back unchanged beside the result.

>>> f = pa.func.grad(lambda x: pa.sum(x**3))
>>> f(pa.tensor([1.0, 2.0])).tolist()
[3.0, 12.0]
>>> pa.func.vmap(pa.func.grad(f_scalar := lambda x: x**3))(pa.tensor([1.0, 2.0])).tolist()
[3.0, 12.0]
"""

from .._names import public_dir
from .._ported import lookup
from ._forward import jvp, linearize
from ._jacobian import hessian, hvp, jacfwd, jacrev
from ._numpy import as_numpy
from ._reverse import grad, value_and_grad, vjp
from ._taylor import taylor
from ._vmap import vmap

__all__ = [
    "as_numpy",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "taylor",
    "value_and_grad",
    "vjp",
    "vmap",
]

__dir__ = public_dir(__all__)
__getattr__ = lookup(__name__)
