"""Optimisers with two faces over one implementation, for real and complex parameters.

As a pure function, ``update(params, grads, state)`` returns new parameters and a new state. It
works on trees, inside every transform, and is differentiable in all its arguments and in the
learning rate, so learning *through* an optimiser needs nothing special:

>>> opt = pa.optim.SGD(lr=0.1)
>>> def after_one_step(w):
...     moved, _ = opt.update(w, pa.func.grad(lambda w: w**2)(w), opt.init(w))
...     return moved
>>> pa.func.grad(after_one_step)(3.0).item()
0.8

Given parameters, the same object moves them in place, by the gradients that ``backward`` left:

>>> w = pa.tensor([3.0], requires_grad=True)
>>> opt = pa.optim.SGD(w, lr=0.1)
>>> pa.sum(w**2).backward()
>>> opt.step()
>>> opt.zero_grad()
>>> w.tolist(), w.grad
([2.4], None)

:class:`HessianFree` has the two faces, too; it takes functions in place of gradients, as it asks
for their curvature, and is itself not differentiable.
"""

from .._names import public_dir
from ._clipping import clip_by_norm
from ._descent import SGD, Adam, AdamState, AdamW, SGDState
from ._hessian_free import HessianFree, HessianFreeState
from ._optimizer import Optimizer

__all__ = [
    "SGD",
    "Adam",
    "AdamState",
    "AdamW",
    "HessianFree",
    "HessianFreeState",
    "Optimizer",
    "SGDState",
    "clip_by_norm",
]

__dir__ = public_dir(__all__)
