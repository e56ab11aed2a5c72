"""Pictures: recorded graphs as SVG, made without any other package, and Hessians with matplotlib.

>>> svg = pa.plot.graph(lambda x: pa.sum(pa.sin(x) * x), pa.ones(3))
>>> svg.startswith("<svg"), "sin" in svg
(True, True)
"""

from .._names import public_dir
from ._graph import SVG, graph
from ._hessian import hessian

__all__ = ["SVG", "graph", "hessian"]

__dir__ = public_dir(__all__)
