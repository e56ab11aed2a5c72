"""The ops that bench/ops.py times: one expression each, written once for every system.

In an expression `xp` is the system's array module, `linalg` and `special` its modules of those
names, `sp` is SciPy and `rng` a generator. Inputs are single letters, made by `INPUTS` for vectors
and by `MATRICES` for linear algebra. A system whose spelling differs has an expression of its own;
None leaves it out.
"""

from dataclasses import dataclass, field

import numpy as np

SIZES = {"small": 10, "middle": 10**4, "large": 10**7}
MATRIX_SIZES = {"small": 4, "middle": 64, "large": 1000}


def _square(rng, n):
    return rng.normal(size=(_root(n), _root(n)))


def _root(n):
    return max(2, round(n**0.5))


def _positive_definite(rng, n):
    a = rng.normal(size=(n, n))
    return a @ a.T / n + n**0.5 * np.eye(n)


def _complex(rng, n):
    return rng.uniform(0.2, 2, n) + 1j * rng.uniform(-2, 2, n)


INPUTS = {
    "x": lambda rng, n: rng.uniform(0.1, 0.9, n),
    "y": lambda rng, n: rng.uniform(1.1, 1.9, n),
    "z": lambda rng, n: rng.normal(0, 3, n),
    "f": lambda rng, n: rng.uniform(0.1, 0.9, n).astype("float32"),
    "i": lambda rng, n: rng.integers(-(10**6), 10**6, n),
    "k": lambda rng, n: rng.integers(0, max(2, n // 10), n),
    "j": lambda rng, n: rng.integers(0, n, n),
    "b": lambda rng, n: rng.random(n) < 0.5,
    "s": lambda rng, n: (rng.uniform(0.1, 0.9, n)).cumsum(),
    "c": _complex,
    "d": _complex,
    "m": _square,
    "h": lambda rng, n: rng.normal(size=(_root(n), 1)),
    "n": lambda rng, n: n,
    "p": lambda rng, n: (lambda w: w / w.sum())(rng.uniform(0.1, 0.9, n)),
}
MATRICES = {
    "a": lambda rng, n: rng.normal(size=(n, n)) / n**0.5 + 2 * np.eye(n),
    "b": lambda rng, n: rng.normal(size=(n, n)),
    "p": _positive_definite,
    "v": lambda rng, n: rng.normal(size=n),
    "f": lambda rng, n: rng.normal(size=(n, n)).astype("float32"),
    "t": lambda rng, n: rng.normal(size=(max(1, 2**18 // n**2 if n > 4 else 4), n, n)),
    "q": lambda rng, n: rng.normal(size=(n, n)) / n**0.5,
    "c": lambda rng, n: rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)),
    "n": lambda rng, n: n,
}


@dataclass(frozen=True)
class Case:
    """One op. `check` says what systems must agree on: "value" (and gradient), "abs" where signs
    are free, "no" for random draws."""

    family: str
    name: str
    inputs: str
    expression: str
    peers: dict = field(default_factory=dict)
    gradient: bool = True
    check: str = "value"
    matrix: bool = False
    large: int | None = None  # the large size, where a peer is hopeless at the common one

    def sizes(self):
        sizes = dict(MATRIX_SIZES if self.matrix else SIZES)
        if self.large:
            sizes["large"] = self.large
        return sizes

    def spelling(self, system):
        """The expression of a system; None if it has none."""
        if system in self.peers:
            return self.peers[system]
        if system in ("numpy", "scipy") and (system == "scipy") != ("special." in self.expression):
            return None
        return self.expression

    def make(self, rng, n):
        makers = MATRICES if self.matrix else INPUTS
        return {letter: makers[letter](rng, n) for letter in self.inputs}


def _case(family, expression, inputs, name=None, gradient=True, **options):
    check, large = options.pop("check", "value"), options.pop("large", None)
    matrix = options.pop("matrix", False)
    return Case(
        family, name or expression, inputs, expression, options, gradient, check, matrix, large
    )


def _each(family, names, inputs, gradient=True, **options):
    """A case for each function of these names that every array module has."""
    arguments = ", ".join(inputs)
    return [
        _case(family, f"xp.{name}({arguments})", inputs, name, gradient, **options)
        for name in names.split()
    ]


def _special(names, inputs, gradient=True, **options):
    arguments = ", ".join(inputs)
    return [
        _case("special", f"special.{name}({arguments})", inputs, name, gradient, **options)
        for name in names.split()
    ]


ELEMENTWISE = [
    *_each("elementwise", "add subtract multiply divide maximum hypot", "xy"),
    *_each("elementwise", "negative square sqrt reciprocal", "x"),
    *_each("elementwise", "abs", "z"),
    *_each("elementwise", "floor sign", "z", gradient=False),
    _case("elementwise", "x ** y", "xy"),
    _case("elementwise", "x ** 3", "x"),
    _case("elementwise", "x * 2.0", "x"),
    _case("elementwise", "f * f", "f", "multiply float32"),
    _case("elementwise", "i + k", "ik", "add int64", gradient=False),
    _case("elementwise", "m + h", "mh", "add (n, n) + (n, 1)"),
    _case("elementwise", "xp.remainder(z, y)", "zy", "remainder", gradient=False),
    _case(
        "elementwise",
        "xp.clip(z, -1.0, 1.0)",
        "z",
        "clip",
    ),
]

EXPLOG = [
    *_each("exp/log", "exp exp2 expm1", "z"),
    *_each("exp/log", "log log2 log10 log1p", "x"),
    *_each("exp/log", "logaddexp", "xy"),
    _case("exp/log", "xp.exp(f)", "f", "exp float32"),
    _case("exp/log", "xp.log(f)", "f", "log float32"),
]

TRIG = [
    *_each("trigonometric", "sin cos tan arctan sinh cosh tanh arcsinh", "z"),
    *_each("trigonometric", "arcsin arccos arctanh", "x"),
    *_each("trigonometric", "arccosh", "y"),
    *_each("trigonometric", "arctan2", "zy"),
    _case("trigonometric", "xp.sin(f)", "f", "sin float32"),
    _case("trigonometric", "xp.tanh(f)", "f", "tanh float32"),
]

SPECIAL = [
    *_special("erf erfc i1 i0e i1e", "z"),
    _case("special", "xp.i0(z)", "z", "i0", scipy="special.i0(z)", large=10**6),
    _case("special", "xp.sinc(z)", "z", "sinc"),
    *_special("erfinv logit", "x"),
    *_special("digamma", "y"),
    _case("special", "special.gammaln(y)", "y", "gammaln"),
    _case(
        "special", "xp.sigmoid(z)", "z", "expit", scipy="special.expit(z)", jax="special.expit(z)"
    ),
    _case("special", "special.ndtr(z)", "z", "ndtr"),
    _case(
        "special",
        "xp.xlogy(x, y)",
        "xy",
        "xlogy",
        scipy="special.xlogy(x, y)",
        jax="special.xlogy(x, y)",
    ),
    _case("special", "special.entr(x)", "x", "entr"),
    _case(
        "special",
        "special.gammainc(x, y)",
        "xy",
        "gammainc",
        gradient=False,
        large=10**6,
    ),
    _case("special", "special.zeta(y, x)", "xy", "zeta", gradient=False, large=10**6),
]

COMPARISON = [
    *_each("comparison/where", "less greater_equal", "xz", gradient=False),
    # torch.equal is another function: whether all are
    _case("comparison/where", "xp.equal(x, z)", "xz", "equal", False, torch="xp.eq(x, z)"),
    *_each("comparison/where", "isfinite isnan signbit", "z", gradient=False),
    _case("comparison/where", "xp.logical_and(b, ~b)", "b", "logical_and", gradient=False),
    _case("comparison/where", "xp.where(b, x, z)", "bxz", "where"),
    _case("comparison/where", "xp.where(x < 0.5, x, 0.0)", "x", "where(x < 0.5, x, 0)"),
    _case("comparison/where", "xp.nan_to_num(z)", "z", "nan_to_num"),
]

REDUCTIONS = [
    *_each("reductions", "sum mean prod", "x"),
    *_each("reductions", "max min", "z"),
    *_each("reductions", "argmax count_nonzero", "z", gradient=False),
    *_each("reductions", "any all", "b", gradient=False),
    _case("reductions", "xp.var(x)", "x", "var", torch="xp.var(x, correction=0)"),
    _case("reductions", "xp.std(x)", "x", "std", torch="xp.std(x, correction=0)"),
    *[
        _case("reductions", f"xp.{name}(m, {axis})", "m", f"{name} axis {axis}", torch=torch)
        for name, axis, torch in (
            ("sum", 0, "xp.sum(m, 0)"),
            ("sum", 1, "xp.sum(m, 1)"),
            ("mean", 0, "xp.mean(m, 0)"),
            ("max", 0, "xp.amax(m, 0)"),
            ("max", 1, "xp.amax(m, 1)"),
        )
    ],
    _case("reductions", "linalg.norm(x)", "x", "norm"),
    _case("reductions", "xp.median(z)", "z", "median", torch="xp.quantile(z, 0.5)", large=10**6),
]

SCANS = [
    _case("scans", "xp.cumsum(x, 0)", "x", "cumsum"),
    _case("scans", "xp.cumprod(y, 0)", "y", "cumprod", large=10**4),
    _case("scans", "xp.cumsum(m, 0)", "m", "cumsum axis 0"),
    _case("scans", "xp.cumsum(m, 1)", "m", "cumsum axis 1"),
    _case(
        "scans",
        "xp.cummax(z)",
        "z",
        "cummax",
        numpy="xp.maximum.accumulate(z)",
        torch="xp.cummax(z, 0).values",
        jax="lax.cummax(z)",
    ),
    _case(
        "scans",
        "xp.logcumsumexp(z)",
        "z",
        "logcumsumexp",
        numpy="xp.logaddexp.accumulate(z)",
        torch="xp.logcumsumexp(z, 0)",
        jax="lax.cumlogsumexp(z)",
    ),
    _case("scans", "xp.diff(x)", "x", "diff"),
    _case("scans", "xp.trapezoid(x)", "x", "trapezoid"),
]

SOFTMAX = [
    _case(
        "softmax",
        "xp.softmax(m, 1)",
        "m",
        "softmax",
        scipy="special.softmax(m, 1)",
        jax="nn.softmax(m, 1)",
    ),
    _case(
        "softmax",
        "xp.softmax(m, 0)",
        "m",
        "softmax axis 0",
        scipy="special.softmax(m, 0)",
        jax="nn.softmax(m, 0)",
    ),
    _case(
        "softmax",
        "xp.log_softmax(m, 1)",
        "m",
        "log_softmax",
        scipy="special.log_softmax(m, 1)",
        jax="nn.log_softmax(m, 1)",
    ),
    _case(
        "softmax",
        "xp.logsumexp(m, 1)",
        "m",
        "logsumexp",
        scipy="special.logsumexp(m, 1)",
        jax="nn.logsumexp(m, 1)",
    ),
    _case(
        "softmax",
        "xp.logsumexp(z)",
        "z",
        "logsumexp of a vector",
        scipy="special.logsumexp(z)",
        torch="xp.logsumexp(z, 0)",
        jax="nn.logsumexp(z)",
    ),
    _case("softmax", "xp.relu(z)", "z", "relu", numpy="xp.maximum(z, 0.0)", jax="nn.relu(z)"),
    _case(
        "softmax",
        "xp.softplus(z)",
        "z",
        "softplus",
        numpy="xp.logaddexp(z, 0.0)",
        torch="nn.softplus(z)",
        jax="nn.softplus(z)",
    ),
]

SHAPES = [
    _case("shape/index", "xp.concat([x, y])", "xy", "concat"),
    _case("shape/index", "xp.stack([x, y])", "xy", "stack"),
    _case(
        "shape/index",
        "m.T.copy()",
        "m",
        "transpose and copy",
        torch="m.T.clone(memory_format=xp.contiguous_format)",
    ),
    _case("shape/index", "x[2:] - x[:-2]", "x"),
    _case("shape/index", "m[0]", "m", "m[0]"),
    _case("shape/index", "x[3]", "x", "x[3]"),
    _case("shape/index", "xp.flip(x)", "x", "flip", torch="xp.flip(x, (0,))"),
    _case("shape/index", "xp.roll(x, 3)", "x", "roll"),
    _case("shape/index", "xp.tile(x, 2)", "x", "tile", torch="xp.tile(x, (2,))"),
    _case("shape/index", "xp.repeat(x, 2)", "x", "repeat", torch="xp.repeat_interleave(x, 2)"),
    _case("shape/index", "xp.pad(x, 2)", "x", "pad", torch="nn.pad(x, (2, 2))"),
    _case("shape/index", "xp.tril(m)", "m", "tril"),
    _case("shape/index", "xp.reshape(m, (-1,)) + 1.0", "m", "reshape + 1"),
    _case("shape/index", "x[j]", "xj", "gather x[j]"),
    _case("shape/index", "xp.take(x, j)", "xj", "take"),
    _case("shape/index", "x[b]", "xb", "mask x[b]"),
    _case(
        "shape/index",
        "xp.take_along_axis(x, j, 0)",
        "xj",
        "take_along_axis",
        torch="xp.take_along_dim(x, j, 0)",
    ),
    _case("shape/index", "m[:, 1:] * m[:, :-1]", "m", "m[:, 1:] * m[:, :-1]"),
    _case("shape/index", "xp.bincount(k)", "k", "bincount", gradient=False),
]

SORTS = [
    *[
        _case(
            "sorting/sets",
            f"xp.sort({letter})",
            letter,
            f"sort {dtype}",
            dtype != "int64",
            large=10**6,
            torch=f"xp.sort({letter}, stable=True).values",
        )
        for letter, dtype in (("z", "float64"), ("f", "float32"), ("i", "int64"))
    ],
    _case(
        "sorting/sets",
        "xp.sort(m, axis=0)",
        "m",
        "sort axis 0",
        torch="xp.sort(m, dim=0).values",
        large=10**6,
    ),
    _case(
        "sorting/sets",
        "xp.sort(m, axis=1)",
        "m",
        "sort axis 1",
        torch="xp.sort(m, dim=1).values",
        large=10**6,
    ),
    _case(
        "sorting/sets",
        "xp.argsort(z, stable=True)",
        "z",
        "argsort stable",
        False,
        large=10**6,
    ),
    _case(
        "sorting/sets",
        "xp.topk(z, 5)[0]",
        "z",
        "topk",
        numpy=None,
        jax="lax.top_k(z, 5)[0]",
        large=10**6,
    ),
    _case(
        "sorting/sets",
        "xp.unique_values(k)",
        "k",
        "unique int64",
        False,
        torch="xp.unique(k)",
        check="no",  # NumPy's are in no order
        large=10**6,
    ),
    _case("sorting/sets", "xp.searchsorted(s, z)", "sz", "searchsorted", False, large=10**6),
    _case(
        "sorting/sets",
        "xp.nonzero(b)[0]",
        "b",
        "nonzero",
        False,
        torch="xp.nonzero(b, as_tuple=True)[0]",
    ),
    _case("sorting/sets", "xp.isin(i, k)", "ik", "isin", False, large=10**5),
]

PRODUCTS = [
    _case("products", "a @ b", "ab", "matmul", matrix=True),
    _case("products", "f @ f", "f", "matmul float32", matrix=True),
    _case("products", "a @ v", "av", "matrix @ vector", matrix=True),
    _case("products", "v @ v", "v", "vector @ vector", matrix=True),
    _case("products", "t @ t", "t", "matmul of a batch", matrix=True, large=256),
    _case("products", "a.T @ b", "ab", "A.T @ B", matrix=True),
    _case("products", "xp.outer(v, v)", "v", "outer", matrix=True),
    _case("products", "xp.einsum('ij,jk->ik', a, b)", "ab", "einsum ij,jk->ik", matrix=True),
    _case(
        "products",
        "xp.einsum('bij,bjk->bik', t, t)",
        "t",
        "einsum bij,bjk->bik",
        matrix=True,
        large=256,
    ),
    _case("products", "xp.einsum('ij,ij->', a, b)", "ab", "einsum ij,ij->", matrix=True),
    _case("products", "xp.tensordot(a, b, 1)", "ab", "tensordot", matrix=True),
    _case("products", "xp.kron(v, b)", "vb", "kron", matrix=True, large=100),
    _case("products", "xp.trace(a)", "a", "trace", matrix=True),
    _case("products", "c @ c", "c", "matmul complex128", matrix=True, large=500),
]

LINALG = [
    _case(
        "linalg", "linalg.solve(a, b)", "ab", "solve", scipy="sp.linalg.solve(a, b)", matrix=True
    ),
    _case("linalg", "linalg.solve(a, v)", "av", "solve, one vector", matrix=True),
    _case("linalg", "linalg.inv(a)", "a", "inv", scipy="sp.linalg.inv(a)", matrix=True),
    _case("linalg", "linalg.det(a)", "a", "det", scipy="sp.linalg.det(a)", matrix=True, large=500),
    _case("linalg", "linalg.slogdet(a)[1]", "a", "slogdet", matrix=True),
    _case(
        "linalg",
        "linalg.cholesky(p)",
        "p",
        "cholesky",
        scipy="sp.linalg.cholesky(p, lower=True)",
        matrix=True,
    ),
    _case(
        "linalg",
        "linalg.solve_triangular(p, b, lower=True)",
        "pb",
        "solve_triangular",
        numpy=None,
        scipy="sp.linalg.solve_triangular(p, b, lower=True)",
        torch="linalg.solve_triangular(p, b, upper=False)",
        jax="jsp.linalg.solve_triangular(p, b, lower=True)",
        matrix=True,
    ),
    _case(
        "linalg",
        "linalg.qr(a)",
        "a",
        "qr",
        scipy="sp.linalg.qr(a, mode='economic')",
        matrix=True,
        check="abs",
        large=500,
    ),
    _case(
        "linalg",
        "linalg.svd(b, full_matrices=False)",
        "b",
        "svd",
        scipy="sp.linalg.svd(b, full_matrices=False)",
        matrix=True,
        check="abs",
        large=300,
    ),
    _case(
        "linalg",
        "linalg.svdvals(b)",
        "b",
        "svdvals",
        scipy="sp.linalg.svdvals(b)",
        matrix=True,
        large=300,
    ),
    _case(
        "linalg",
        "linalg.eigh(p)",
        "p",
        "eigh",
        scipy="sp.linalg.eigh(p)",
        matrix=True,
        check="abs",
        large=300,
    ),
    _case(
        "linalg",
        "linalg.eigvalsh(p)",
        "p",
        "eigvalsh",
        scipy="sp.linalg.eigvalsh(p)",
        matrix=True,
        large=300,
    ),
    _case(
        "linalg",
        "linalg.eigvals(b)",
        "b",
        "eigvals",
        gradient=False,
        scipy="sp.linalg.eigvals(b)",
        matrix=True,
        check="no",
        large=200,
    ),
    _case(
        "linalg", "linalg.pinv(a)", "a", "pinv", scipy="sp.linalg.pinv(a)", matrix=True, large=300
    ),
    _case(
        "linalg",
        "linalg.lstsq(a, b)[0]",
        "ab",
        "lstsq",
        numpy="linalg.lstsq(a, b, rcond=None)[0]",
        scipy="sp.linalg.lstsq(a, b)[0]",
        matrix=True,
        large=300,
    ),
    _case(
        "linalg",
        "linalg.expm(q)",
        "q",
        "expm",
        numpy=None,
        scipy="sp.linalg.expm(q)",
        torch="linalg.matrix_exp(q)",
        jax="jsp.linalg.expm(q)",
        matrix=True,
        large=300,
    ),
    _case("linalg", "linalg.matrix_power(q, 5)", "q", "matrix_power", matrix=True, large=500),
    _case("linalg", "linalg.norm(a)", "a", "norm", matrix=True),
    _case("linalg", "linalg.inv(t)", "t", "inv of a batch", matrix=True, large=128),
]


def _draw(name, expression, torch, jax, inputs="n", large=10**6):
    return _case(
        "random", expression, inputs, name, False, torch=torch, jax=jax, check="no", large=large
    )


RANDOM = [
    _draw("uniform", "rng.random(n)", "xp.rand(n)", "random.uniform(key, (n,))"),
    _draw("uniform(a, b)", "rng.uniform(-1.0, 1.0, n)", "xp.empty(n).uniform_(-1, 1)",
          "random.uniform(key, (n,), minval=-1.0)"),
    _draw("normal", "rng.standard_normal(n)", "xp.randn(n)", "random.normal(key, (n,))"),
    _draw("exponential", "rng.exponential(2.0, n)", "xp.empty(n).exponential_(0.5)",
          "random.exponential(key, (n,))"),
    _draw("integers", "rng.integers(0, 1000, n)", "xp.randint(0, 1000, (n,))",
          "random.randint(key, (n,), 0, 1000)"),
    _draw("gamma", "rng.gamma(2.5, 1.0, n)", None, "random.gamma(key, 2.5, (n,))", large=10**5),
    _draw("beta", "rng.beta(2.5, 1.5, n)", None, "random.beta(key, 2.5, 1.5, (n,))", large=10**5),
    _draw("poisson", "rng.poisson(3.0, n)", "xp.poisson(xp.full((n,), 3.0))",
          "random.poisson(key, 3.0, (n,))", large=10**5),
    _draw("binomial", "rng.binomial(20, 0.3, n)",
          "xp.binomial(xp.full((n,), 20.0), xp.full((n,), 0.3))", None, large=10**5),
    _draw("permutation", "rng.permutation(n)", "xp.randperm(n)", "random.permutation(key, n)"),
    _draw("choice with p", "rng.choice(n, n, p=p)", "xp.multinomial(p, n, replacement=True)",
          "random.choice(key, n, (n,), p=p)", "np", large=10**6),
    _draw("choice without replacement", "rng.choice(n, n // 2, replace=False)", None,
          "random.choice(key, n, (n // 2,), replace=False)"),
    _draw("choice with p, without replacement", "rng.choice(n, n // 2, replace=False, p=p)",
          "xp.multinomial(p, n // 2)", "random.choice(key, n, (n // 2,), replace=False, p=p)", "np",
          large=10**5),
]  # fmt: skip

COMPLEX = [
    *_each("complex", "add multiply divide", "cd", large=10**6),
    *_each("complex", "abs exp log sqrt sin tanh angle real", "c", large=10**6),
    _case("complex", "xp.conj(c)", "c", "conj", torch="xp.conj_physical(c)", large=10**6),
    _case("complex", "xp.sum(c)", "c", "sum", large=10**6),
    _case("complex", "xp.prod(c)", "c", "prod", False, large=10**3),
    _case("complex", "xp.cumsum(c, 0)", "c", "cumsum", large=10**6),
    _case("complex", "c ** 2", "c", "c ** 2", large=10**6),
]

CASES = [
    *ELEMENTWISE, *EXPLOG, *TRIG, *SPECIAL, *COMPARISON, *REDUCTIONS, *SCANS, *SOFTMAX, *SHAPES,
    *SORTS, *PRODUCTS, *LINALG, *RANDOM, *COMPLEX,
]  # fmt: skip
FAMILIES = list(dict.fromkeys(case.family for case in CASES))
