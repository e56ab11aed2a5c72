"""Records of linear algebra.

Matrices are made well-conditioned inside of the calls, so that any numbers will do as samples, and
what a factorization leaves open, signs and bases, is taken out of its result.
"""

import numpy as np
import scipy.linalg as sl

import pyautograd as pa

from .older import over_stacks
from .record import ALL, Sample, in_float, record

TOLERANCE = 4096


def graded(x):
    """Matrices near diag(2, 4, 6, ...): distinct eigenvalues and singular values far from zero."""
    if not isinstance(x, np.ndarray):
        x = pa.asarray(x)
    if x.ndim < 2:
        return x
    m, n = x.shape[-2:]
    dtype = x.dtype if x.dtype.kind in "fc" else np.float64
    return x * 0.2 + like(x, np.eye(m, n) * np.arange(2, 2 * n + 2, 2), dtype)


def like(x, values, dtype):
    if isinstance(x, np.ndarray):
        return values.astype(dtype)
    return pa.asarray(values, dtype=dtype, device=x.device)


def symmetric(x):
    x = graded(x)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        return x
    return (x + x.conj().mT) * 0.5


def even(x):
    """Symmetric matrices near four times the identity."""
    x = x if isinstance(x, np.ndarray) else pa.asarray(x)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        return x
    dtype = x.dtype if x.dtype.kind in "fc" else np.float64
    return (x + x.conj().mT) * 0.1 + like(x, 4 * np.eye(x.shape[-1]), dtype)


def plain(x):
    return x


def shapes(*cases):
    """Samples from (shapes, further arguments, keywords)."""

    def samples(rng):
        for several, *rest in cases:
            kwargs = rest.pop() if rest and isinstance(rest[-1], dict) else {}
            several = several if isinstance(several, list) else [several]
            yield Sample((*(rng.uniform(-2, 2, shape) for shape in several), *rest), kwargs)

    return samples


def invertible(x):
    """Far from singular, whichever axes are the rows."""
    if not isinstance(x, np.ndarray):
        x = pa.asarray(x)
    dtype = x.dtype if x.dtype.kind in "fc" else np.float64
    n = int(np.sqrt(x.size))
    if n * n != x.size:
        return x
    return x + like(x, 5 * np.eye(n).reshape(x.shape), dtype)


def linalg(name, ref, samples, *, make=plain, fn=None, open_to=None, diff=(0,), **options):
    """`make` is applied to the first argument, `open_to` to what is returned, on both sides."""
    function = fn or getattr(pa.linalg, name)

    def around(call):
        def wrapped(first, *rest, **kwargs):
            made = [make(x) for x in first] if isinstance(first, list) else make(first)
            out = call(made, *rest, **kwargs)
            return open_to(*out) if open_to else out

        return wrapped

    options = {"tol": TOLERANCE, "dtypes": ALL} | options
    return record(f"linalg.{name}", around(ref), samples, diff=diff, fn=around(function), **options)


SQUARE = shapes(((3, 3),), ((2, 2, 2),), ((0, 0),), ((2, 3),), ((3,),))
PENCILS = shapes(
    ((3, 3),),
    ((2, 2, 2),),
    ((0, 0),),
    ((2, 3),),
    ((3,),),
    ([(3, 3), (3, 3)],),
    ([(2, 2), (2, 2, 2)], {"UPLO": "U"}),
    ([(2, 2, 2), (2, 2)], {"type": 2}),
    ([(3, 3), (3, 3)], {"UPLO": "U", "type": 3}),
    ([(0, 0), (0, 0)], {"type": 2}),
    ([(2, 2), (2, 2)], {"type": 4}),
    ([(2, 2), (3, 3)],),
    ([(2, 2), (2,)],),
)
ANY = shapes(((3, 3),), ((3, 2),), ((2, 3),), ((2, 2, 2),), ((0, 0),), ((3,),))
SYSTEMS = shapes(
    ([(3, 3), (3,)],),
    ([(2, 2), (2, 1)],),
    ([(2, 1, 2, 2), (2, 2, 1)],),
    ([(0, 0), (0,)],),
    ([(2, 2), (3,)],),
    ([(2, 2), ()],),
)
WEIGHTS = np.array([1.0, -2.0, 3.0])


def spectral(w, v):
    """Eigenvectors up to their signs."""
    weights = like(w, WEIGHTS[: w.shape[-1]], w.dtype)
    return w, (v * weights) @ v.conj().mT


def of_pairs(plain, generalised):
    """Of a matrix, or of a pair, of which the second is made near a multiple of one: the values
    of the pair differ as those of the first do."""

    def call(a, b=None, **options):
        return plain(a, **options) if b is None else generalised(a, even(b), **options)

    return call


def spectra_of_pairs(only_values):
    """SciPy's for a pair, with NumPy's name of the triangle, and of numbers of one dtype: SciPy's
    is wrong for a real and a complex matrix."""

    def call(a, b, UPLO="L", type=1):
        common = np.result_type(a, b)
        options = {"lower": UPLO == "L", "eigvals_only": only_values, "type": type}
        solve = scipy_like(over_stacks(lambda a, b: sl.eigh(a, b, **options), 2, 2), 2, 2)
        return solve(a.astype(common), b.astype(common))

    return call


def recomposed(w, v):
    """Eigenvectors up to phase, and both up to order."""
    inverse = np.linalg.inv if isinstance(v, np.ndarray) else pa.linalg.inv
    powers = w * w
    return powers.sum(-1), (v * powers[..., None, :]) @ inverse(v)


def stable(solve_sylvester):
    return lambda a, b, q: solve_sylvester(graded(a), graded(b), q)


def symmetric_sums(w):
    return w.sum(-1), (w * w * w).sum(-1)


def in_complex(call):
    """On complex numbers; several outputs, even if there is one."""

    def wrapped(a):
        out = call(np.asarray(a, np.result_type(a, np.complex64)))
        return (out,) if isinstance(out, np.ndarray) else out

    return wrapped


def singular(u, s, vh):
    """Singular vectors up to common signs, and the span of those beyond."""
    k = s.shape[-1]
    weights = like(s, WEIGHTS[:k], s.dtype)
    return (
        (u[..., :k] * weights) @ vh[..., :k, :],
        s,
        u[..., k:] @ u[..., k:].conj().mT,
        vh[..., k:, :].conj().mT @ vh[..., k:, :],
    )


def orthogonal(q, r):
    """The first columns, and the span of those beyond."""
    k = min(q.shape[-2], r.shape[-1])
    return q[..., :k], r, q[..., k:] @ q[..., k:].conj().mT


def scipy_like(call, *ranks):
    """SciPy's function, with a ValueError for whatever it raises and for too few dimensions, and
    without its float32 results for narrow integers."""

    def checked(*args, **kwargs):
        for array, rank in zip(args, ranks, strict=False):
            if array.ndim < rank:
                raise ValueError("too few dimensions")
        try:
            return call(*args, **kwargs)
        except Exception as error:
            raise ValueError(str(error)) from error

    return in_float(checked)


def least_squares(a, b):
    """NumPy's function for every matrix of a batch."""
    sides = b[:, None] if b.ndim == 1 else b
    if a.ndim < 2 or b.ndim < 1:
        raise ValueError("too few dimensions")
    lead = np.broadcast_shapes(a.shape[:-2], sides.shape[:-2])
    matrices = np.broadcast_to(a, lead + a.shape[-2:])
    sides = np.broadcast_to(sides, lead + sides.shape[-2:])
    solved = [np.linalg.lstsq(matrices[i], sides[i]) for i in np.ndindex(lead)]
    stacked = [np.array([y[i] for y in solved]) for i in range(3)]
    x, residuals, rank = (y.reshape(lead + y.shape[1:]) for y in stacked)
    x = x[..., 0] if b.ndim == 1 else x
    return x, residuals, rank.astype(np.int64), np.linalg.svdvals(a)


def with_whole_axes(call):
    """NumPy takes the whole part of an axis; here that is a TypeError."""

    def checked(x, *args, axis=None, **kwargs):
        if isinstance(axis, float):
            raise TypeError("axis")
        return call(x, *args, axis=axis, **kwargs)

    return checked


def logarithm(a):
    return over_stacks(sl.logm, 2)(a).astype(a.dtype)


def square_root(a):
    """Older ones of SciPy's are complex with imaginary parts of zero."""
    root = over_stacks(sl.sqrtm, 2)(a)
    return root.real if a.dtype.kind != "c" and not np.any(root.imag) else root


def real_cond(*args):
    """NumPy's before 2.3 are complex for some orders, with imaginary parts of zero."""
    return np.real(np.linalg.cond(*args))


def with_int64(*outputs):
    """SciPy's indices are of dtype int32."""
    return [y.astype(np.int64) if y.dtype.kind == "i" else y for y in outputs]


def solved_by_cholesky(module):
    def call(c, b, lower):
        return module.cho_solve((c, lower), b)

    return call


def solved_banded(module):
    """With a main diagonal that outweighs the others."""

    def call(ab, b, l_and_u):
        return module.solve_banded(l_and_u, outweighed(ab, l_and_u[1]), b)

    return call


def solved_definite(module):
    def call(ab, b, lower=False):
        return module.solveh_banded(outweighed(ab, 0 if lower else -1), b, lower=lower)

    return call


def outweighed(ab, main):
    if not isinstance(ab, np.ndarray):
        ab = pa.asarray(ab)
    if ab.ndim < 2:
        return ab
    rows = ab.shape[-2]
    dtype = ab.dtype if ab.dtype.kind in "fc" else np.float64
    return ab * 0.2 + like(ab, 4.0 * (np.arange(rows) == main % rows)[:, None], dtype)


def solved_by_lu(module):
    def call(a, b, trans=0):
        return module.lu_solve(module.lu_factor(a), b, trans)

    return call


VECTOR_NORMS = shapes(
    ((3,),),
    ((2, 3), {"axis": -1, "ord": 1}),
    ((2, 3), {"axis": 0, "ord": 3.0, "keepdims": True}),
    ((2, 3), {"axis": (0, 1), "ord": np.inf}),
    ((2, 3), {"axis": 1, "ord": -np.inf}),
    ((3,), {"ord": 0}),
    ((3,), {"ord": -2}),
    ((0,),),
    ((2, 2, 2),),
)
MATRIX_NORMS = [
    ((2, 3), {"ord": ord}) for ord in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf, 3, "spectral")
]
NORMS = shapes(
    *MATRIX_NORMS,
    ((2, 2, 3),),
    ((3,), {"ord": 3}),
    ((3,), {"ord": "fro"}),
    ((2, 2, 3), {"ord": 1}),
    ((2, 3, 2), {"ord": 1, "axis": (0, 2)}),
    ((2, 3, 2), {"ord": np.inf, "axis": (2, 0), "keepdims": True}),
    ((2, 3), {"axis": 0}),
    ((2, 3), {"axis": (1, 0), "ord": 2}),
    ((), {}),
)

RECORDS = [
    linalg("solve", np.linalg.solve, SYSTEMS, make=graded, diff=(0, 1)),
    linalg("inv", np.linalg.inv, SQUARE, make=graded),
    linalg(
        "tensorinv",
        np.linalg.tensorinv,
        shapes(
            ((2, 2, 4),), ((4, 2, 2), 1), ((2, 3, 3, 2),), ((2, 2, 3),), ((4, 4), 0), ((2, 2), 1)
        ),
        make=invertible,
    ),
    linalg(
        "tensorsolve",
        np.linalg.tensorsolve,
        shapes(
            ([(2, 2, 4), (2, 2)],),
            ([(4, 2, 2), (4,)],),
            ([(2, 4, 2), (2, 2)], (1,)),
            ([(2, 2, 3), (2, 2)],),
            ([(2, 1, 2), (2, 1)],),
        ),
        make=invertible,
        diff=(0, 1),
    ),
    linalg("det", np.linalg.det, SQUARE),
    linalg("slogdet", np.linalg.slogdet, SQUARE, make=graded),
    linalg(
        "cholesky",
        np.linalg.cholesky,
        shapes(((3, 3),), ((2, 2, 2), {"upper": True}), ((0, 0),), ((2, 3),)),
        make=symmetric,
    ),
    linalg(
        "cho_solve",
        scipy_like(over_stacks(solved_by_cholesky(sl), 2, 2), 2, 1),
        shapes(([(2, 2), (2,)], True), ([(3, 3), (3, 2)], False)),
        make=graded,
        fn=solved_by_cholesky(pa.linalg),
        diff=(0, 1),
    ),
    linalg(
        "solve_triangular",
        scipy_like(over_stacks(sl.solve_triangular, 2, 2), 2, 1),
        shapes(
            ([(3, 3), (3,)],),
            ([(2, 2), (2, 2)], {"lower": True}),
            ([(2, 2), (2, 1)], {"trans": 1, "unit_diagonal": True}),
            ([(2, 2), (2,)], {"trans": "T", "lower": True}),
            ([(2, 2), (2,)], {"trans": "C"}),
        ),
        make=graded,
        diff=(0, 1),
    ),
    linalg(
        "lu_factor",
        scipy_like(over_stacks(sl.lu_factor, 2), 2),
        shapes(((3, 3),), ((3, 2),), ((2, 3),), ((2, 2, 2),)),
        make=graded,
    ),
    linalg(
        "lu",
        scipy_like(sl.lu, 2),
        shapes(
            ((3, 3),),
            ((3, 2),),
            ((2, 3),),
            ((2, 2, 2),),
            ((2, 2), {"permute_l": True}),
            ((3, 2), {"p_indices": True}),
        ),
        open_to=with_int64,
    ),
    linalg(
        "lu_solve",
        scipy_like(over_stacks(solved_by_lu(sl), 2, 2), 2, 1),
        shapes(([(3, 3), (3,)],), ([(2, 2), (2, 2)], 1), ([(2, 2), (2,)], 2)),
        make=graded,
        fn=solved_by_lu(pa.linalg),
        diff=(0, 1),
    ),
    linalg(
        "solve_banded",
        scipy_like(over_stacks(solved_banded(sl), 2, 2), 2, 1),
        shapes(
            ([(3, 3), (3,)], (1, 1)),
            ([(4, 4), (4, 2)], (2, 1)),
            ([(2, 2, 3), (3, 1)], (0, 1)),
            ([(3, 3), (3,)], (1, 2)),
            ([(3, 3), (2,)], (1, 1)),
            ([(3,), (3,)], (1, 1)),
        ),
        fn=solved_banded(pa.linalg),
        diff=(0, 1),
    ),
    linalg(
        "solveh_banded",
        scipy_like(over_stacks(solved_definite(sl), 2, 2), 2, 1),
        shapes(
            ([(2, 3), (3,)],),
            ([(3, 4), (4, 2)], {"lower": True}),
            ([(2, 2, 3), (3, 1)],),
            ([(2, 3), (2,)],),
        ),
        fn=solved_definite(pa.linalg),
        diff=(0, 1),
    ),
    linalg(
        "qr",
        np.linalg.qr,
        shapes(
            ((3, 3),),
            ((3, 2),),
            ((2, 3),),
            ((2, 2, 2),),
            ((0, 0),),
            ((3, 2), "complete"),
            ((2, 3), "complete"),
            ((3,),),
            ((2, 2), "wide"),
        ),
        make=graded,
        open_to=orthogonal,
    ),
    linalg(
        "eigh",
        of_pairs(np.linalg.eigh, spectra_of_pairs(False)),
        PENCILS,
        make=symmetric,
        fn=of_pairs(pa.linalg.eigh, pa.linalg.eigh),
        open_to=spectral,
        diff=(0, 1),
    ),
    linalg("eig", in_complex(np.linalg.eig), SQUARE, make=graded, open_to=recomposed),
    linalg(
        "eigvals",
        in_complex(np.linalg.eigvals),
        SQUARE,
        make=graded,
        fn=lambda a: (pa.linalg.eigvals(a),),
        open_to=symmetric_sums,
    ),
    linalg(
        "eigvalsh",
        of_pairs(np.linalg.eigvalsh, spectra_of_pairs(True)),
        PENCILS,
        make=symmetric,
        fn=of_pairs(pa.linalg.eigvalsh, pa.linalg.eigvalsh),
        diff=(0, 1),
    ),
    linalg(
        "svd",
        np.linalg.svd,
        shapes(((3, 2),), ((2, 3),), ((2, 2, 2),), ((3, 2), False), ((2, 3), False), ((0, 0),)),
        make=graded,
        open_to=singular,
    ),
    linalg("svdvals", np.linalg.svdvals, ANY, make=graded),
    linalg(
        "lstsq",
        least_squares,
        shapes(([(4, 2), (4,)],), ([(3, 2), (3, 2)],), ([(2, 3), (2,)],), ([(3, 2), (2,)],)),
        make=graded,
        diff=(0, 1),
    ),
    linalg("pinv", np.linalg.pinv, ANY, make=graded),
    linalg(
        "matrix_rank",
        np.linalg.matrix_rank,
        shapes(((3, 2),), ((2, 2, 3),), ((3,),), ((2, 2), {"tol": 4.0})),
        make=graded,
        diff=(),
    ),
    linalg(
        "matrix_power",
        np.linalg.matrix_power,
        shapes(((2, 2), 3), ((2, 2, 2), -2), ((2, 2), 0), ((2, 2), 1), ((2, 3), 2), ((0, 0), 2)),
        make=graded,
    ),
    linalg("expm", scipy_like(sl.expm, 2), SQUARE),
    linalg("logm", scipy_like(logarithm, 2), shapes(((3, 3),), ((2, 2, 2),)), make=graded),
    linalg("sqrtm", scipy_like(square_root, 2), shapes(((3, 3),), ((2, 2, 2),)), make=graded),
    linalg(
        "solve_sylvester",
        stable(scipy_like(over_stacks(sl.solve_sylvester, 2, 2, 2), 2, 2, 2)),
        shapes(
            ([(2, 2), (3, 3), (2, 3)],), ([(1, 1), (2, 2), (1, 2)],), ([(2, 2), (2, 2), (2, 3)],)
        ),
        fn=stable(pa.linalg.solve_sylvester),
        diff=(0, 1, 2),
    ),
    linalg("norm", with_whole_axes(np.linalg.norm), NORMS, make=graded),
    linalg("vector_norm", with_whole_axes(np.linalg.vector_norm), VECTOR_NORMS),
    linalg(
        "matrix_norm",
        np.linalg.matrix_norm,
        shapes(*MATRIX_NORMS, ((2, 2, 2), {"keepdims": True}), ((3,),)),
        make=graded,
    ),
    linalg(
        "cond",
        real_cond,
        shapes(
            ((3, 3),),
            ((3, 2),),
            ((2, 2, 2), 1),
            ((2, 2), -2),
            ((2, 2), "fro"),
            ((2, 2), np.inf),
            ((0, 0),),
            ((2, 3), 1),
        ),
        make=graded,
    ),
    linalg(
        "multi_dot",
        np.linalg.multi_dot,
        lambda rng: (
            ([rng.uniform(-2, 2, shape) for shape in several],)
            for several in (
                [(2, 3), (3, 1), (1, 2)],
                [(2,), (2, 3), (3,)],
                [(2, 2), (2, 2), (2,)],
                [(2, 2), (3, 2)],
                [(2,)],
            )
        ),
    ),
    linalg(
        "kron",
        np.kron,
        shapes(
            ([(2,), (3,)],), ([(2, 1), (1, 2)],), ([(2,), (2, 2)],), ([(), (2,)],), ([(0,), (2,)],)
        ),
        diff=(0, 1),
    ),
    linalg(
        "cross",
        np.linalg.cross,
        shapes(
            ([(3,), (3,)],), ([(2, 3), (3,)],), ([(3, 2), (3, 2)], {"axis": 0}), ([(2,), (2,)],)
        ),
        diff=(0, 1),
    ),
    linalg("diagonal", np.linalg.diagonal, shapes(((2, 3),), ((2, 3, 2), {"offset": 1}), ((3,),))),
    linalg("trace", np.linalg.trace, shapes(((2, 3),), ((2, 3, 2), {"offset": -1}), ((3,),))),
    linalg(
        "outer",
        np.linalg.outer,
        shapes(([(2,), (3,)],), ([(0,), (2,)],), ([(2, 2), (2,)],)),
        diff=(0, 1),
    ),
]
