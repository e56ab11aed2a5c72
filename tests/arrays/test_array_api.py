"""The Python array API standard 2024.12, with array_api_strict as the reference.

What is not there yet stands in NOT_YET and nowhere else: the tests enumerate the standard, so a
name that is missing, or that exists and is still listed, fails.
"""

import ast
import inspect
import itertools
from pathlib import Path

import array_api_strict as xp
import numpy as np
import pytest
from support.processes import run_code

import pyautograd as pa

xp.set_array_api_strict_flags(api_version="2024.12")

NOT_YET: set[str] = set()
# The reference's own, and what is newer than the version tested
NOT_STANDARD = {
    *("ArrayAPIStrictFlags", "Device", "__version__", "get_array_api_strict_flags", "isin"),
    *("linalg.eig", "linalg.eigvals", "reset_array_api_strict_flags"),
    "set_array_api_strict_flags",
}


def standard_names():
    for name in xp.__all__:
        if name in NOT_STANDARD:
            continue
        yield name
        module = getattr(xp, name)
        if inspect.ismodule(module):
            inner = (f"{name}.{n}" for n in module.__all__)
            yield from (n for n in inner if n not in NOT_STANDARD)


def lookup(module, name):
    for part in name.split("."):
        module = getattr(module, part, None)
    return module


NAMES = sorted(standard_names())
PRESENT = [n for n in NAMES if n not in NOT_YET and n.split(".")[0] not in NOT_YET]
FUNCTIONS = [n for n in PRESENT if inspect.isroutine(lookup(xp, n))]


def test_every_name_is_there_or_not_yet():
    """Names in a module that is missing as a whole need not be listed."""
    assert len(NAMES) > 150
    missing = {n for n in NAMES if lookup(pa, n) is None and n != "newaxis"}
    assert {n for n in missing if n == n.split(".")[0] or n.split(".")[0] not in missing} == NOT_YET


def stub_signature(name):
    """Functions bound without one have their signature in the stub."""
    source = (Path(pa.__file__).parent / "_core.pyi").read_text()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            arguments = node.args
            for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                argument.annotation = None
            return inspect.signature(eval(f"lambda {ast.unparse(arguments)}: None"))
    raise AssertionError(f"no signature of {name}")


def signature(function, name):
    try:
        return inspect.signature(function)
    except ValueError:
        return stub_signature(name)


def check_signature(ours, theirs):
    """Every call that the standard's signature accepts is accepted, and means the same."""
    positional = [
        p for p in ours.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    for i, (name, p) in enumerate(theirs.items()):
        if p.kind is p.VAR_POSITIONAL:
            assert any(q.kind is q.VAR_POSITIONAL for q in ours.values())
            continue
        q = positional[i] if p.kind is p.POSITIONAL_ONLY else ours[name]
        if p.kind is p.POSITIONAL_OR_KEYWORD:
            assert positional[i].name == name
        if p.kind is not p.POSITIONAL_ONLY:
            assert q.kind is not q.POSITIONAL_ONLY, name
        if p.default is not p.empty:
            default = None if type(p.default).__name__ == "Undef" else p.default
            assert q.default == default, name
    known = len([p for p in theirs.values() if p.kind is p.POSITIONAL_ONLY])
    names = set(theirs) | {p.name for p in positional[:known]}
    variadic = {p.name for p in ours.values() if p.kind is p.VAR_POSITIONAL}
    assert not [q for q in ours.values() if q.default is q.empty and q.name not in names | variadic]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signature(name):
    ours = signature(lookup(pa, name), name).parameters
    check_signature(ours, inspect.signature(lookup(xp, name)).parameters)


MEMBERS = [
    name
    for name, member in vars(type(xp.ones(1))).items()
    if (callable(member) or isinstance(member, property)) and name not in dir(object)
    and (name == "to_device" or name.startswith("__") or isinstance(member, property))
]  # fmt: skip


def test_the_members_of_an_array():
    assert {"T", "mT", "device", "__dlpack__", "__setitem__", "__array_namespace__"} <= set(MEMBERS)
    own = {"__buffer__", "__release_buffer__"}  # the reference's own
    assert not [n for n in MEMBERS if n not in own and not hasattr(pa.Tensor, n)]


DTYPES = [name for name in xp.__array_namespace_info__().dtypes() if name not in NOT_YET]
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -3.0, 2.0, np.inf, -np.inf, np.nan]
SAMPLES = {
    "b": ([True, False, True], [True, True, False]),
    "i": ([0, 1, -3, 7, 5], [1, 2, 3, 1, 2]),
    "u": ([0, 1, 3, 7, 5], [1, 2, 3, 1, 2]),
    "f": tuple(zip(*itertools.product(SPECIAL, SPECIAL), strict=True)),
    "c": ([1 + 2j, -0.5 + 0.25j, 3 - 1j, 2, 0.5j], [2 - 1j, 1.5j, 1, -1 - 1j, 0.5]),
}
NOT_ELEMENTWISE = {"matmul", "matrix_transpose", "nonzero"} | {
    f"unique_{part}" for part in ("all", "counts", "inverse", "values")
}


def arity(name):
    parameters = inspect.signature(getattr(xp, name)).parameters
    return {("x",): 1, ("x1", "x2"): 2}.get(tuple(parameters), 0)


ELEMENTWISE = [n for n in FUNCTIONS if "." not in n and arity(n) and n not in NOT_ELEMENTWISE]


def sample(dtype, which=0):
    return np.array(SAMPLES[np.dtype(dtype).kind][which], dtype)


def as_numpy(result):
    if isinstance(result, (tuple, list)):
        return [as_numpy(r) for r in result]
    if isinstance(result, pa.Tensor):
        return result.numpy()
    return np.asarray(result._array) if isinstance(result, type(xp.ones(1))) else result


def check_same(ours, theirs, what):
    kinds = (tuple, list, bool, int, float, complex)
    assert all(isinstance(ours, k) == isinstance(theirs, k) for k in kinds), what
    assert getattr(ours, "_fields", None) == getattr(theirs, "_fields", None), what
    ours, theirs = as_numpy(ours), as_numpy(theirs)
    if isinstance(theirs, list):
        assert len(ours) == len(theirs), what
        for a, b in zip(ours, theirs, strict=True):
            check_same(a, b, what)
        return
    assert np.shape(ours) == np.shape(theirs), what
    if not isinstance(theirs, np.ndarray):
        assert ours == theirs, what
        return
    assert ours.dtype == theirs.dtype, what
    if theirs.dtype.kind not in "fc":
        np.testing.assert_array_equal(ours, theirs, err_msg=what)
        return
    eps = np.finfo(theirs.dtype).eps
    np.testing.assert_allclose(ours, theirs, rtol=16 * eps, atol=4 * eps, err_msg=what)
    zero = (theirs == 0) & (theirs.dtype.kind == "f")
    signs = [np.signbit(np.real(x))[zero] for x in (ours, theirs)]
    np.testing.assert_array_equal(*signs, err_msg=what)


def compare(call, arrays, what):
    """Nothing to compare where the standard leaves a combination of dtypes undefined."""
    try:
        theirs = call(xp, *map(xp.asarray, arrays))
    except (TypeError, ValueError):
        return False
    check_same(call(pa, *map(pa.asarray, arrays)), theirs, what)
    return True


def test_every_elementwise_function_is_found():
    assert len(ELEMENTWISE) >= 60


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name):
    def call(namespace, *arrays):
        return getattr(namespace, name)(*arrays)

    count = arity(name)
    compared = 0
    for dtypes in itertools.product(DTYPES, repeat=count):
        arrays = [sample(d, i) for i, d in enumerate(dtypes)]
        if len({a.shape for a in arrays}) == 1:
            compared += compare(call, arrays, f"{name} of {dtypes}")
    assert compared


OPERATORS = "add sub mul truediv floordiv mod pow and or xor lshift rshift".split()
COMPARISONS = "eq ne lt le gt ge".split()
NUMBERS = {
    "b": [True],
    "i": [True, 3],
    "u": [True, 3],
    "f": [True, 3, 2.5, np.nan],
    "c": [3, 2.5, 1j],
}


@pytest.mark.parametrize("dtype", DTYPES)
def test_operators(dtype):
    """With arrays of the same dtype and with Python's numbers, on both sides and in place."""
    pair = [sample(dtype, i) for i in (0, 1)]
    for name in (*OPERATORS, *(f"i{n}" for n in OPERATORS), *COMPARISONS):
        method = f"__{name}__"
        if compare(lambda _, x, y, m=method: getattr(x, m)(y), pair, f"{method} {dtype}"):
            for number in NUMBERS[np.dtype(dtype).kind]:
                for m in {method, method.replace("__", "__r", 1) if name in OPERATORS else method}:
                    compare(lambda _, x, m=m, v=number: getattr(x, m)(v), pair[1:], f"{m} {number}")
    for name in ("neg", "pos", "abs", "invert"):
        compare(lambda _, x, n=name: getattr(x, f"__{n}__")(), pair[:1], name)


MATRIX = np.array([[3.0, -1.0, 2.0], [0.0, 4.0, 1.0]])
CALLS = {
    "all": lambda xp, x: xp.all(x, axis=0),
    "any": lambda xp, x: xp.any(x, axis=(0, 1), keepdims=True),
    "arange": lambda xp, x: xp.arange(2, 9, 3),
    "arange of floats": lambda xp, x: xp.arange(0.0, 1.0, 0.25),
    "arange of a dtype": lambda xp, x: xp.arange(3, dtype=x.dtype),
    "argmax": lambda xp, x: xp.argmax(x, axis=1),
    "argmin": lambda xp, x: xp.argmin(x),
    "argsort": lambda xp, x: [xp.argsort(x), xp.argsort(x, axis=0, descending=True)],
    "asarray": lambda xp, x: [xp.asarray(x), xp.asarray([[1, 2]]), xp.asarray(1.5)],
    "asarray copied": lambda xp, x: xp.asarray(x, copy=True, dtype=x.dtype),
    "astype": lambda xp, x: [xp.astype(x, d) for d in (xp.int32, xp.float32, xp.bool)],
    "astype without a copy": lambda xp, x: xp.astype(x, x.dtype, copy=False),
    "broadcast_arrays": lambda xp, x: xp.broadcast_arrays(x, x[:1, :]),
    "broadcast_to": lambda xp, x: xp.broadcast_to(x, (2, 2, 3)),
    "clip": lambda xp, x: [xp.clip(x), xp.clip(x, 0, 2), xp.clip(x, max=1)],
    "concat": lambda xp, x: [xp.concat([x, x], axis=1), xp.concat((x, x), axis=None)],
    "count_nonzero": lambda xp, x: [xp.count_nonzero(x), xp.count_nonzero(x, axis=1)],
    "cumulative_prod": lambda xp, x: xp.cumulative_prod(x, axis=1, include_initial=True),
    "cumulative_sum": lambda xp, x: xp.cumulative_sum(x, axis=0),
    "cumulative_sum of a vector": lambda xp, x: xp.cumulative_sum(x[0, :], include_initial=True),
    "cumulative_sum in a dtype": lambda xp, x: xp.cumulative_sum(x, axis=1, dtype=xp.float32),
    "diff": lambda xp, x: [xp.diff(x), xp.diff(x, axis=0, prepend=x[:1, :]), xp.diff(x, n=2)],
    "empty": lambda xp, x: xp.zeros_like(xp.empty((2, 1), dtype=x.dtype)),
    "empty_like": lambda xp, x: xp.zeros_like(xp.empty_like(x)),
    "expand_dims": lambda xp, x: xp.expand_dims(x, axis=1),
    "eye": lambda xp, x: [xp.eye(2, 3, k=1), xp.eye(2, dtype=x.dtype)],
    "flip": lambda xp, x: [xp.flip(x), xp.flip(x, axis=1)],
    "from_dlpack": lambda xp, x: [xp.from_dlpack(x), xp.from_dlpack(x, copy=True)],
    "full": lambda xp, x: [xp.full((2,), v) for v in (1, 1.5, True)],
    "full in a dtype": lambda xp, x: [xp.full(2, 1, dtype=x.dtype), xp.full_like(x, 1)],
    "linspace": lambda xp, x: [xp.linspace(0, 1, 3), xp.linspace(0.0, 1, 4, endpoint=False)],
    "matmul": lambda xp, x: [xp.matmul(x, x.T), x.mT @ x, xp.matmul(x, x[0, :])],
    "matrix_transpose": lambda xp, x: xp.matrix_transpose(x),
    "max": lambda xp, x: xp.max(x, axis=1, keepdims=True),
    "mean": lambda xp, x: xp.mean(x, axis=0),
    "meshgrid": lambda xp, x: xp.meshgrid(x[0, :], x[:, 0], indexing="ij"),
    "min": lambda xp, x: xp.min(x),
    "moveaxis": lambda xp, x: xp.moveaxis(x, 0, 1),
    "nonzero": lambda xp, x: xp.nonzero(x),
    "ones": lambda xp, x: [xp.ones(3), xp.ones((2, 1), dtype=x.dtype), xp.ones_like(x)],
    "permute_dims": lambda xp, x: xp.permute_dims(x, (1, 0)),
    "prod": lambda xp, x: [xp.prod(x), xp.prod(x, axis=0, keepdims=True)],
    "prod in a dtype": lambda xp, x: xp.prod(x, dtype=xp.float64),
    "repeat": lambda xp, x: [xp.repeat(x, 2), xp.repeat(x, 2, axis=0)],
    "reshape": lambda xp, x: [xp.reshape(x, (3, -1)), xp.reshape(x, (6,), copy=True)],
    "roll": lambda xp, x: [xp.roll(x, 1), xp.roll(x, (1, 2), axis=(0, 1))],
    "searchsorted": lambda xp, x: xp.searchsorted(xp.sort(x[0, :]), x[1, :], side="right"),
    "sort": lambda xp, x: [xp.sort(x), xp.sort(x, axis=0, descending=True)],
    "squeeze": lambda xp, x: xp.squeeze(xp.expand_dims(x, axis=0), 0),
    "stack": lambda xp, x: xp.stack([x, x], axis=-1),
    "std": lambda xp, x: [xp.std(x), xp.std(x, axis=1, correction=1.0)],
    "sum": lambda xp, x: [xp.sum(x), xp.sum(x, axis=(0,)), xp.sum(x, dtype=xp.int32)],
    "take": lambda xp, x: xp.take(x, xp.asarray([1, 0]), axis=0),
    "take_along_axis": lambda xp, x: xp.take_along_axis(x, xp.asarray([[1], [0]]), axis=1),
    "tensordot": lambda xp, x: [xp.tensordot(x, x), xp.tensordot(x, x, axes=((1,), (1,)))],
    "tile": lambda xp, x: xp.tile(x, (2, 1)),
    "tril": lambda xp, x: [xp.tril(x), xp.triu(x, k=1)],
    "unique_all": lambda xp, x: xp.unique_all(x),
    "unique_counts": lambda xp, x: xp.unique_counts(x),
    "unique_inverse": lambda xp, x: xp.unique_inverse(x),
    "unique_values": lambda xp, x: xp.unique_values(x),
    "unstack": lambda xp, x: xp.unstack(x, axis=1),
    "var": lambda xp, x: xp.var(x, axis=0, keepdims=True),
    "vecdot": lambda xp, x: xp.vecdot(x, x, axis=-2),
    "where": lambda xp, x: xp.where(x == x, x, x),
    "where with a number": lambda xp, x: xp.where(x != x, x, 1),
    "zeros": lambda xp, x: [xp.zeros((0, 2)), xp.zeros(2, dtype=x.dtype), xp.zeros_like(x)],
    "device": lambda xp, x: xp.sum(xp.ones_like(x, device=x.device).to_device(x.device)),
    "mask": lambda xp, x: x[x == x],
    "index": lambda xp, x: [x[1, ...], x[:, 1:], x[..., None], x[-1, ::-1]],
    "__complex__": lambda xp, x: complex(x[0, 0]),
    "__float__": lambda xp, x: float(x[0, 0]),
    "__int__": lambda xp, x: int(x[0, 0]),
    "__bool__": lambda xp, x: bool(x[0, 0]),
    "__index__": lambda xp, x: [10, 20, 30, 40][x[0, 0]],
    "T": lambda xp, x: [x.T, x.mT],
    "size": lambda xp, x: [x.size, x.ndim, x.shape],
}


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    compared = 0
    for dtype in DTYPES:
        array = np.abs(MATRIX) if dtype.startswith("u") else MATRIX
        compared += compare(CALLS[name], [array.astype(dtype)], f"{name} of {dtype}")
    assert compared


FFT_CALLS = {
    **{
        name: lambda f, x: [f(x), f(x, n=5, axis=0), f(x, norm="ortho")]
        for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
    },
    **{
        name: lambda f, x: [f(x), f(x, s=(3, 4), axes=(0, 1)), f(x, axes=(1,), norm="forward")]
        for name in ("fftn", "ifftn", "rfftn", "irfftn")
    },
    **dict.fromkeys(("fftshift", "ifftshift"), lambda f, x: [f(x), f(x, axes=1)]),
    **dict.fromkeys(("fftfreq", "rfftfreq"), lambda f, x: [f(5), f(4, d=0.5)]),
}


@pytest.mark.parametrize("name", xp.fft.__all__)
def test_fft(name):
    compared = 0
    for dtype in ("float32", "float64", "complex64", "complex128"):
        array = MATRIX.astype(dtype)
        compared += compare(
            lambda namespace, x: FFT_CALLS[name](getattr(namespace.fft, name), x),
            [array],
            f"{name} of {dtype}",
        )
    assert compared


def test_every_function_is_called():
    called = {name.split()[0] for name in CALLS} | set(ELEMENTWISE)
    called |= {"empty_like", "full_like", "ones_like", "zeros_like", "triu"}
    inspected = {"__array_namespace_info__", "can_cast", "finfo", "iinfo", "isdtype", "result_type"}
    inspected |= {"broadcast_shapes"}
    assert {n for n in FUNCTIONS if "." not in n} <= called | inspected


def test_writing():
    for dtype, index, value in itertools.product(
        DTYPES,
        ((0, ...), (slice(None), 1), (..., -1), (slice(None, None, 2), 0)),
        (1, MATRIX[0, 0]),
    ):
        array = np.abs(MATRIX).astype(dtype)

        def write(namespace, x, i=index, v=value):
            x = namespace.asarray(x, copy=True)
            x[i] = namespace.asarray(v, dtype=x.dtype)
            return x

        assert compare(write, [array], f"{dtype} {index}")
    x = pa.asarray(MATRIX.copy())
    x[x < 0] = 9.0
    assert x.tolist() == [[3.0, 9.0, 2.0], [0.0, 4.0, 1.0]]


def test_namespace():
    x = pa.ones(2)
    assert x.__array_namespace__() is pa
    for version in ("2021.12", "2022.12", "2023.12", "2024.12"):
        assert x.__array_namespace__(api_version=version) is pa
    with pytest.raises(ValueError, match="2031.12"):
        x.__array_namespace__(api_version="2031.12")
    assert pa.__array_api_version__ == "2024.12"


def dtype_names(table):
    return {name for name in table if name not in NOT_YET}


def test_namespace_info():
    ours, theirs = pa.__array_namespace_info__(), xp.__array_namespace_info__()
    assert ours.capabilities().keys() == theirs.capabilities().keys()
    assert ours.default_device() == pa.ones(1).device == "cpu"
    assert ours.devices()[0] == "cpu"
    assert set(dtype_names(ours.dtypes())) == set(dtype_names(theirs.dtypes()))
    kinds = ("bool", "signed integer", "unsigned integer", "integral", "real floating")
    for kind in (*kinds, "complex floating", "numeric", kinds[:2]):
        assert set(ours.dtypes(kind=kind)) == dtype_names(theirs.dtypes(kind=kind))
        assert all(getattr(pa, n) == d for n, d in ours.dtypes(kind=kind, device="cpu").items())
    for kind, dtype in ours.default_dtypes().items():
        assert dtype.name == str(theirs.default_dtypes()[kind]).split(".")[-1]
    for call in (ours.dtypes, ours.default_dtypes):
        with pytest.raises(ValueError, match="unknown device 'gpu'"):
            call(device="gpu")


def test_isdtype():
    kinds = ["bool", "signed integer", "unsigned integer", "integral", "real floating"]
    kinds += ["complex floating", "numeric"]
    for name, kind in itertools.product(DTYPES, [*kinds, tuple(kinds[:2]), ("bool", "numeric")]):
        assert pa.isdtype(getattr(pa, name), kind) is xp.isdtype(getattr(xp, name), kind)
    for a, b in itertools.product(DTYPES, repeat=2):
        assert pa.isdtype(getattr(pa, a), getattr(pa, b)) is (a == b)
        assert pa.isdtype(getattr(pa, a), ("bool", getattr(pa, b))) is (a == b or a == "bool")
    with pytest.raises(ValueError, match="unknown kind 'float'"):
        pa.isdtype(pa.float64, "float")
    for wrong in ((1.5, "bool"), (pa.float64, 3)):
        with pytest.raises(TypeError, match=r"\[isdtype\]"):
            pa.isdtype(*wrong)


def test_limits():
    for name in DTYPES:
        ours, theirs = getattr(pa, name), getattr(xp, name)
        for kind, fields in (("fc", "bits eps max min smallest_normal"), ("iu", "bits max min")):
            function = "finfo" if kind == "fc" else "iinfo"
            for mine, their in ((ours, theirs), (pa.ones(1, dtype=ours), xp.ones(1, dtype=theirs))):
                if ours.kind not in kind:
                    with pytest.raises(ValueError, match=rf"\[{function}\]"):
                        getattr(pa, function)(mine)
                    continue
                got, want = getattr(pa, function)(mine), getattr(xp, function)(their)
                for field in fields.split():
                    assert getattr(got, field) == getattr(want, field)
                    assert type(getattr(got, field)) is type(getattr(want, field))
                assert got.dtype == ours or ours.kind == "c"
    with pytest.raises(TypeError, match=r"\[finfo\] expected a tensor or a dtype"):
        pa.finfo("no dtype")


def test_result_type_and_can_cast():
    for a, b in itertools.product(DTYPES, repeat=2):
        mine, theirs = [getattr(m, d) for m in (pa, xp) for d in (a, b)], None
        try:
            theirs = xp.result_type(*mine[2:])
        except TypeError:  # the standard leaves it undefined
            pass
        else:
            assert pa.result_type(*mine[:2]).name == str(theirs).split(".")[-1]
            assert pa.can_cast(*mine[:2]) is xp.can_cast(*mine[2:])
        # What the ops do
        assert (
            pa.result_type(*mine[:2])
            == pa.where(True, *(pa.ones(1, dtype=d) for d in mine[:2])).dtype
        )
        for number in (True, 3, 2.5):
            x = pa.ones(1, dtype=mine[0])
            assert pa.result_type(x, number) == pa.where(True, x, number).dtype
            assert pa.result_type(number, mine[0], mine[1]) == np.result_type(number, *mine[:2])
    assert pa.result_type(True, 2) == np.int64
    assert pa.result_type(pa.float32, 1j) == np.complex64
    assert pa.can_cast(pa.ones(1, dtype=pa.int8), pa.int16) is True
    with pytest.raises(ValueError, match=r"\[result_type\] at least one"):
        pa.result_type()


def test_broadcast_shapes():
    for shapes in ([(2, 1), (3,)], [()], [(0, 1), (1, 4)], [(1,), (0,)], [(3, 1, 2), (1, 2)], []):
        assert pa.broadcast_shapes(*shapes) == np.broadcast_shapes(*shapes)
    for shapes in ([(2,), (3,)], [(2, 1), (3, 1)], [(0,), (2,)]):
        with pytest.raises(ValueError, match=r"\[broadcast_shapes\] shapes .* do not broadcast"):
            pa.broadcast_shapes(*shapes)


CREATORS = [
    lambda **k: pa.zeros(2, **k),
    lambda **k: pa.ones(2, **k),
    lambda **k: pa.empty(2, **k),
    lambda **k: pa.full(2, 1.0, **k),
    lambda **k: pa.zeros_like(pa.ones(2), **k),
    lambda **k: pa.ones_like(pa.ones(2), **k),
    lambda **k: pa.empty_like(pa.ones(2), **k),
    lambda **k: pa.full_like(pa.ones(2), 1.0, **k),
    lambda **k: pa.arange(2, **k),
    lambda **k: pa.linspace(0, 1, 2, **k),
    lambda **k: pa.eye(2, **k),
    lambda **k: pa.asarray([1.0], **k),
    lambda **k: pa.tensor([1.0], **k),
    lambda **k: pa.from_dlpack(np.ones(2), **k),
    lambda **k: pa.astype(pa.ones(2), pa.float32, **k),
    lambda **k: pa.ones(2).to_device(*k.values()),
]


@pytest.mark.parametrize("create", CREATORS)
def test_devices(create):
    assert create(device="cpu").device == "cpu"
    with pytest.raises(RuntimeError, match="device 'cuda.*' (is not available|does not exist)"):
        create(device="cuda:99")
    with pytest.raises(ValueError, match="unknown device 'disk': use 'cpu'"):
        create(device="disk")
    with pytest.raises(TypeError, match="expected a device such as 'cpu', not int"):
        create(device=3)


def test_streams():
    with pytest.raises(ValueError, match=r"\[to_device\] .* pass stream=None"):
        pa.ones(2).to_device("cpu", stream=1)


def test_copies():
    array = np.arange(6.0)
    x = pa.from_numpy(array)
    shared = [pa.asarray(array, copy=False), pa.from_dlpack(array), pa.from_dlpack(x, copy=False)]
    shared += [pa.reshape(x, (2, 3)), pa.reshape(x, (2, 3), copy=False), pa.asarray(x)]
    copies = [
        pa.asarray(array, copy=True),
        pa.from_dlpack(array, copy=True),
        pa.asarray(x, copy=True),
    ]
    copies += [pa.reshape(x, (2, 3), copy=True), pa.reshape(x, (6,), copy=True)]
    copies += [pa.astype(x, x.dtype), pa.reshape(pa.reshape(x, (2, 3)).T, (6,), copy=True)]
    array[0] = 9.0
    assert [y.ravel()[0].item() for y in shared] == [9.0] * len(shared)
    assert [y.ravel()[0].item() for y in copies] == [0.0] * len(copies)
    with pytest.raises(ValueError, match=r"\[reshape\] shape \(6,\) needs a copy"):
        pa.reshape(pa.reshape(x, (2, 3)).T, (6,), copy=False)
    assert (
        pa.func.grad(lambda y: pa.sum(pa.reshape(y, (2, 3), copy=True)[0]))(x).tolist()
        == [1.0] * 3 + [0.0] * 3
    )


SCIPY = """
import numpy as np, scipy.special, scipy.stats, pyautograd as pa
x = np.array([[1.0, 2.0, 4.0], [3.0, 1.0, 2.5]])
functions = [
    scipy.special.logsumexp, scipy.special.softmax, scipy.stats.zscore, scipy.stats.gmean,
    scipy.stats.hmean, scipy.stats.skew, scipy.stats.kurtosis, scipy.stats.variation,
    scipy.stats.entropy, lambda x: scipy.stats.moment(x, 3),
    lambda x: scipy.stats.ttest_1samp(x, 1.0, axis=None).statistic,
]
for f in functions:
    got = f(pa.tensor(x))
    assert isinstance(got, pa.Tensor), f
    np.testing.assert_allclose(got.numpy(), f(x), rtol=1e-13)
for f in (scipy.special.logsumexp, scipy.stats.gmean, lambda x: scipy.stats.skew(x, axis=1)):
    gradient = pa.func.grad(lambda x: pa.sum(f(x)))(x).numpy()
    step = np.zeros_like(x)
    step[0, 1] = 1e-6
    difference = (np.sum(f(x + step)) - np.sum(f(x - step))) / 2e-6
    np.testing.assert_allclose(gradient[0, 1], difference, rtol=1e-7)
"""


def test_scipy_takes_tensors(monkeypatch):
    pytest.importorskip("scipy", minversion="1.17")  # earlier ones know fewer namespaces
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    done = run_code(SCIPY)
    assert done.returncode == 0, done.stderr
