"""NumPy's functions beyond the ops, written as compositions of ops.

Each is a Python function over differentiable ops, so it has derivatives of every order and maps
under ``vmap`` without rules of its own. The table below is all there is to registering one: from it
``pyautograd`` exports the name, :mod:`pyautograd._numpy.protocol` finds the counterpart of NumPy's
function, the stubs are made, and the tests ask for a record. A module is imported when one of its
functions is first used.

A parameter has NumPy's name. It has NumPy's position, too, up to the first parameter of NumPy's
that is left out (``out``, ``overwrite_input``); those behind it are keyword-only.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from ._in_single import in_single

__all__: list[str] = []

_MODULES = {
    "calculus": "cross diff ediff1d gradient interp trapezoid unwrap",
    "comparison": "allclose array_equal array_equiv isclose iscomplex isreal real_if_close",
    "creation": "fromfunction geomspace identity indices logspace tri vander",
    "histograms": "histogram histogram2d histogram_bin_edges histogramdd",
    "indexing": (
        "choose diag_indices diag_indices_from ix_ mask_indices piecewise"
        " ravel_multi_index select tril_indices tril_indices_from triu_indices"
        " triu_indices_from unravel_index"
    ),
    "joining": (
        "append block column_stack delete diag diagflat dsplit dstack fliplr flipud hsplit insert"
        " resize rollaxis trim_zeros vsplit"
    ),
    "missing": (
        "nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmin nanprod nanstd nansum"
        " nanvar"
    ),
    "polynomials": (
        "poly polyadd polyder polydiv polyfit polyint polymul polysub polyval roots"
    ),
    "quantiles": "median nanmedian nanpercentile nanquantile percentile quantile",
    "products": "kron vdot",
    "selection": "compress extract lexsort sort_complex",
    "sets": "intersect1d setdiff1d setxor1d union1d",
    "statistics": "average corrcoef cov ptp",
    "transforms": "apply_along_axis apply_over_axes sliding_window_view",
    "windows": "bartlett blackman hamming hanning kaiser",
    "writing": "copyto fill_diagonal place put put_along_axis putmask",
}  # fmt: skip

# The same in the modules fft, linalg and special, which import them from here.
_BESIDE = {
    "fft": {"cosine_transforms": "dct dctn dst dstn idct idctn idst idstn"},
    "linalg": {
        "matrix_equations": "solve_continuous_lyapunov solve_discrete_lyapunov",
        "riccati": "solve_continuous_are solve_discrete_are",
        "matrix_functions": "cosm coshm fractional_matrix_power funm sinhm sinm tanhm tanm",
        "structured": "block_diag circulant hankel toeplitz",
    },
    "special": {
        "airy_functions": "airy airye",
        "bessel": "iv ive kv kve",
        "bessel_of_both": "hankel1 hankel1e hankel2 hankel2e kn yn",
        "bessel_oscillating": "jv yv",
        "distribution_functions": (
            "bdtr bdtrc bdtri chdtr chdtrc chdtri fdtr fdtrc fdtri gdtr gdtrc gdtrix nbdtr nbdtrc"
            " pdtr pdtrc pdtri"
        ),
        "elementary": "cosdg cosm1 cotdg exp10 powm1 radian sindg tandg",
        "elliptic": "elliprc elliprd elliprf elliprg elliprj",
        "elliptic_legendre": "ellipeinc ellipj ellipkinc ellipkm1",
        "error_functions": "erfi voigt_profile",
        "gamma_functions": "binom comb factorial gammasgn perm poch rgamma zetac",
        "hypergeometric": "hyp0f1 hyp1f1 hyp2f1 hyperu",
        "inverse_functions": "ndtri_exp wrightomega",
        "orthogonal": (
            "eval_chebyt eval_chebyu eval_hermite eval_hermitenorm eval_laguerre eval_legendre"
        ),
        "orthogonal_parametric": (
            "eval_chebyc eval_chebys eval_gegenbauer eval_genlaguerre eval_jacobi eval_sh_chebyt"
            " eval_sh_chebyu eval_sh_jacobi eval_sh_legendre"
        ),
        "owen": "owens_t",
        "quantile_functions": "betainccinv betaincinv gammainccinv gammaincinv stdtr stdtrit",
        "spherical": "sph_harm_y spherical_in spherical_jn spherical_kn spherical_yn",
    },
}
BESIDE = [
    f"{place}.{name}"
    for place, modules in _BESIDE.items()
    for names in modules.values()
    for name in names.split()
]


def functions_of(place: str) -> dict[str, Callable[..., Any]]:
    """The compositions that a module of pyautograd offers beside its ops, by name."""
    found: dict[str, Callable[..., Any]] = {}
    for home, names in _BESIDE[place].items():
        module = importlib.import_module(f".{home}", __name__)
        found |= {name: in_single(getattr(module, name)) for name in names.split()}
    return found


# What writes to its arguments, moves their elements, or hands them to a function of the user's,
# takes float16 and bfloat16 as they are; the others compute in float32 (_in_single.py).
_ANY_DTYPE = {"indexing", "joining", "transforms", "writing"}
# function: the module that defines it
HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}
_loaded: dict[str, Callable[..., Any]] = {}


def load(name: str) -> Callable[..., Any]:
    """The function of that name. Raises ``KeyError`` where there is none."""
    if name not in _loaded:
        module = importlib.import_module(f".{HOMES[name]}", __name__)
        function: Callable[..., Any] = getattr(module, name)
        if HOMES[name] not in _ANY_DTYPE:
            function = in_single(function)
            setattr(module, name, function)
        _loaded[name] = function
    return _loaded[name]
