"""Every public function of NumPy's on arrays has a counterpart here, or a reason to have none."""

import numpy as np
import pytest

import pyautograd as pa
from pyautograd._numpy import protocol

DATES = "busday_count busday_offset datetime_as_string is_busday isnat"
BITS = "packbits unpackbits"
# What NumPy can be asked to run on a tensor, and refuses.
REFUSED = {
    "in1d": "an old name of isin",
    **dict.fromkeys(DATES.split(), "there are no dates among the dtypes"),
    **dict.fromkeys(BITS.split(), "bits of bytes have no meaning as numbers"),
}

SETTINGS = """geterr seterr geterrcall seterrcall getbufsize setbufsize get_printoptions
    set_printoptions printoptions errstate show_config show_runtime get_include test info"""
TEXT = """array2string array_repr array_str base_repr binary_repr format_float_positional
    format_float_scientific typename"""
FILES = """fromfile fromregex fromstring fromiter frombuffer genfromtxt loadtxt savetxt savez
    savez_compressed"""
CONVERSIONS = """array asanyarray asarray_chkfinite ascontiguousarray asfortranarray require
    isfortran"""
CLASSES = "asmatrix bmat matrix memmap recarray nested_iters vectorize frompyfunc"
DTYPES = "issubdtype isdtype mintypecode promote_types datetime_data isscalar iterable"
# Names that NumPy has and the package has not.
ABSENT = {
    **REFUSED,
    **dict.fromkeys(SETTINGS.split(), "settings and descriptions of NumPy itself"),
    **dict.fromkeys(TEXT.split(), "repr and str show tensors; NumPy's take them, too"),
    **dict.fromkeys(FILES.split(), "pa.save and pa.load; asarray of what NumPy reads"),
    **dict.fromkeys(CONVERSIONS.split(), "pa.tensor and pa.asarray; memory order is hidden"),
    **dict.fromkeys(CLASSES.split(), "classes of NumPy's own; pa.func.vmap for vectorize"),
    **dict.fromkeys(DTYPES.split(), "dtypes are NumPy's, and so are questions about them"),
    "row_stack": "an old name of vstack",
    "trapz": "an old name of trapezoid",
}
MODULES = {"numpy": (np, pa), "linalg": (np.linalg, pa.linalg), "fft": (np.fft, pa.fft)}
UFUNCS = {name for name in dir(np) if isinstance(getattr(np, name), np.ufunc)}


def functions(module):
    for name in dir(module):
        thing = getattr(module, name)
        if not name.startswith("_") and callable(thing) and not isinstance(thing, type):
            yield name, thing


def dispatched():
    """The functions that NumPy hands to what is in their arguments."""
    for module, _ in MODULES.values():
        for name, function in functions(module):
            if hasattr(function, "_implementation"):
                yield f"{module.__name__}.{name}", function


@pytest.mark.parametrize("module", MODULES)
def test_every_function_is_here_or_has_a_reason_not_to_be(module):
    theirs, ours = MODULES[module]
    missing = {name for name, _ in functions(theirs) if not hasattr(ours, name)}
    assert missing - set(ABSENT) == set()


def test_reasons_are_given_only_for_what_is_absent():
    assert [name for name in ABSENT if hasattr(pa, name) and name != "isdtype"] == []


@pytest.mark.parametrize("name, function", dict(dispatched()).items())
def test_numpy_runs_every_function_on_tensors(name, function):
    short = name.rpartition(".")[2]
    if short in REFUSED:
        with pytest.raises(TypeError, match="has no pyautograd counterpart"):
            protocol._find(function)
    else:
        assert callable(protocol._find(function))


@pytest.mark.parametrize("name", sorted(UFUNCS - set(REFUSED)))
def test_numpy_runs_every_ufunc_on_tensors(name):
    ufunc = getattr(np, name)
    loop = next(t for char in "dl?" for t in ufunc.types if t[0] == char)
    arrays = [np.ones((2, 2), char) for char in loop[: ufunc.nin]]
    want, got = ufunc(*arrays), ufunc(*map(pa.tensor, arrays))
    pairs = zip(want, got, strict=True) if ufunc.nout > 1 else [(want, got)]
    for expected, found in pairs:
        assert isinstance(found, pa.Tensor)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14)
        assert found.dtype == expected.dtype


def test_the_names_are_the_functions_they_name():
    for name, _ in functions(np):
        ours = getattr(pa, name, None)
        if ours is not None:
            assert callable(ours), name


METHODS_ABSENT = {
    **dict.fromkeys("base ctypes data flags strides setflags byteswap view".split(), "memory"),
    **dict.fromkeys("dump dumps tofile getfield setfield".split(), "bytes"),
    "resize": "pa.resize; the size of a tensor is fixed",
}


def test_every_method_is_here_or_has_a_reason_not_to_be():
    theirs = {name for name in dir(np.ndarray) if not name.startswith("_") and hasattr(X, name)}
    theirs.discard("tostring")  # of NumPy before 2.3: an old name of tobytes
    assert theirs - set(dir(pa.ones(1))) == set(METHODS_ABSENT)


X = np.array([[3.0, 1.0, 2.0], [0.5, 4.0, 2.5]])
RETURNING = {
    "flatten": lambda x: x.flatten(),
    "flatten F": lambda x: x.flatten("F"),
    "transpose": lambda x: x.transpose(),
    "transpose axes": lambda x: x.transpose(1, 0),
    "transpose tuple": lambda x: x.transpose((1, 0)),
    "compress": lambda x: x.compress([True, False, True], axis=1),
    "argpartition": lambda x: x.argpartition(1, axis=0),
}
WRITING = {
    "fill": lambda x: x.fill(7.0),
    "sort": lambda x: x.sort(),
    "sort axis": lambda x: x.sort(0),
    "partition": lambda x: x.partition(1, 1),
    "put": lambda x: x.put([0, -1], [9.0, 8.0]),
}


@pytest.mark.parametrize("name", RETURNING)
def test_methods_return_what_numpys_return(name):
    got = RETURNING[name](pa.tensor(X, requires_grad=True))
    np.testing.assert_array_equal(got.detach().numpy(), RETURNING[name](X))
    assert got.requires_grad == (got.dtype.kind == "f")


@pytest.mark.parametrize("name", WRITING)
def test_methods_write_what_numpys_write(name):
    want, got = X.copy(), pa.tensor(X)
    view = got[1]
    assert WRITING[name](want) is None and WRITING[name](got) is None
    np.testing.assert_array_equal(got.numpy(), want)
    np.testing.assert_array_equal(view.numpy(), want[1])
    with pytest.raises(RuntimeError, match="leaf"):
        WRITING[name](pa.tensor(X, requires_grad=True))


def test_choose_is_a_method_and_flatten_copies():
    assert pa.tensor([1, 0]).choose([[1.0, 2.0], [3.0, 4.0]]).tolist() == [3.0, 2.0]
    x = pa.zeros(2)
    x.flatten()[0] = 1.0
    assert x.tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match=r"\[flatten\]"):
        x.flatten("K")


def test_flat_reads_and_writes_what_numpys_does():
    for array, tensor in ((X.copy(), pa.tensor(X)), (X.copy().T, pa.tensor(X).T)):
        for index in (0, -1, slice(1, None, 2), [3, 1], np.array([True, False] * (X.size // 2))):
            np.testing.assert_array_equal(tensor.flat[index], array.flat[index])
            for values in (7.0, [1.5, -2.0]):
                if np.ndim(index) or isinstance(index, slice) or np.ndim(values) == 0:
                    array.flat[index] = tensor.flat[index] = values
                    np.testing.assert_array_equal(tensor.numpy(), array)
        assert [x.item() for x in tensor.flat] == list(array.flat)
        assert len(tensor.flat) == array.size
        array.flat = tensor.flat = [1.0, 2.0, 3.0]
        np.testing.assert_array_equal(tensor.numpy(), array)
        np.testing.assert_array_equal(np.asarray(tensor.flat), array.ravel())
        copied = tensor.flat[:2]
        copied[0] = 100.0
        np.testing.assert_array_equal(tensor.numpy(), array)
    for index in (X.size, [0, X.size]):
        with pytest.raises(IndexError):
            tensor.flat[index]
        with pytest.raises(IndexError):
            tensor.flat[index] = 0.0


def test_flat_records():
    def f(x):
        y = x * 1.0
        y.flat[1:3] = [x.flat[0] ** 2, 3.0]
        return pa.sum(y.flat[:] * np.arange(4.0))

    x = pa.asarray([[2.0, 3.0], [4.0, 5.0]])
    assert pa.func.grad(f)(x).tolist() == [[4.0, 0.0], [0.0, 3.0]]
    assert pa.asarray(2.0) == pytest.approx(pa.asarray(2.0), rel=1e-12, abs=0)


def test_sorting_in_place_records():
    def f(x):
        y = x * 2.0
        y.sort()
        return y[..., 0].sum()

    assert pa.func.grad(f)(X).tolist() == [[0.0, 2.0, 0.0], [2.0, 0.0, 0.0]]
