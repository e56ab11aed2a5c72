"""``out=`` of the library's own ops: one mechanism, so one property over all of them."""

from inspect import isbuiltin, signature

import numpy as np
import pytest
from records import RECORDS
from records.record import op_named

import pyautograd as pa
from pyautograd import compositions

PLAIN = [r for r in RECORDS if r.fn is op_named(r.name) and isbuiltin(r.fn)]
every_record = pytest.mark.parametrize("record", PLAIN, ids=lambda r: r.label)


def outputs(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


def called(record):
    """The first sample with elements: its arguments and the result."""
    for sample in record.calls():
        given = [pa.asarray(a) for a in sample.arrays]
        args = sample.with_arrays(given)
        result = record.fn(*args, **sample.kwargs)
        if all(isinstance(y, pa.Tensor) and y.size for y in outputs(result)):
            return args, sample.kwargs, result
    pytest.skip("the results are no tensors")


@every_record
def test_results_go_where_out_says(record):
    args, kwargs, result = called(record)
    places = [pa.zeros(y.shape, y.dtype) for y in outputs(result)]
    out = tuple(places) if isinstance(result, (tuple, list)) else places[0]
    got = record.fn(*args, **kwargs, out=out)
    assert type(got) is type(result)
    for y, place, want in zip(outputs(got), places, outputs(result), strict=True):
        assert y is place
        np.testing.assert_array_equal(place.numpy(), want.numpy())


def test_out_records():
    x = pa.tensor([1.0, 2.0, 3.0], requires_grad=True)
    point, z = x.detach(), pa.zeros(3)
    assert pa.multiply(x, x, out=z) is z
    pa.sum(z * z).backward()
    np.testing.assert_array_equal(x.grad.numpy(), 4 * np.array([1.0, 8.0, 27.0]))

    def f(x):
        z = pa.zeros(3)
        pa.exp(x, out=z)
        pa.multiply(z, x, out=z)
        return pa.sum(z)

    def g(x):
        return pa.sum(pa.exp(x) * x)

    np.testing.assert_allclose(pa.hessian(f, point).numpy(), pa.hessian(g, point).numpy())
    mapped = pa.func.vmap(pa.func.grad(f))(pa.ones((2, 3)))
    np.testing.assert_allclose(mapped.numpy(), pa.func.vmap(pa.func.grad(g))(pa.ones((2, 3))))


def test_out_of_methods_and_of_numpys_functions():
    x, z = pa.tensor([[1.0, 2.0], [3.0, 4.0]]), pa.zeros(2)
    assert x.sum(axis=0, out=z) is z and z.tolist() == [4, 6]
    assert np.add(x[0], 1.0, out=z) is z and z.tolist() == [2, 3]
    array = np.zeros(2)
    assert pa.add(x[0], 2.0, out=array) is array and array.tolist() == [3, 4]
    assert pa.add(x[0], 1.0, out=None).tolist() == [2, 3]
    assert pa.round(x[0] / 4, 1, out=z) is z and z.tolist() == [0.2, 0.5]


def test_several_results():
    x = pa.tensor([[2.0, 0.0], [0.0, 3.0]])
    places = pa.zeros(2), pa.zeros((2, 2))
    found = pa.linalg.eigh(x, out=places)
    assert found.eigenvalues is places[0] and places[0].tolist() == [2, 3]


def test_functions_around_ops():
    a = pa.tensor([[4.0, 2.0], [2.0, 3.0]])
    b, factor, z = pa.tensor([2.0, -1.0]), pa.zeros((2, 2)), pa.zeros(2)
    c, lower = pa.linalg.cho_factor(a, out=factor)
    assert c is factor and lower is False
    assert pa.linalg.cho_solve((c, lower), b, out=z) is z
    np.testing.assert_allclose(z.numpy(), [1.0, -1.0], rtol=1e-14)
    z = pa.zeros(2)
    assert pa.linalg.lu_solve(pa.linalg.lu_factor(a), b, out=z) is z
    np.testing.assert_allclose(z.numpy(), [1.0, -1.0], rtol=1e-14)
    for name in pa.linalg.__all__:
        function = getattr(pa.linalg, name)
        if callable(function) and not name.endswith("Result") and not isbuiltin(function):
            composed = name in compositions.functions_of("linalg")
            assert composed or "out" in signature(function).parameters


def test_casts_are_numpys():
    x, z = pa.tensor([1.5, 2.5]), pa.zeros(2, dtype=np.float32)
    assert pa.add(x, x, out=z).dtype == np.float32
    whole = pa.zeros(2, dtype=np.int64)
    with pytest.raises(TypeError, match=r"\[add\] out: cannot cast dtype float64 to int64"):
        pa.add(x, x, out=whole)
    assert pa.add(whole, 1, out=pa.zeros(2)).tolist() == [1, 1]


def test_wrong_places():
    x = pa.tensor([1.0, 2.0])
    with pytest.raises(ValueError, match=r"\[add\] out: the result has shape \(2,\)"):
        pa.add(x, x, out=pa.zeros(3))
    with pytest.raises(TypeError, match="must be a tensor or an array, not list"):
        pa.add(x, x, out=[0.0, 0.0])
    with pytest.raises(ValueError, match="the op has 2 results"):
        pa.linalg.eigh(pa.eye(2), out=pa.zeros(2))
    with pytest.raises(RuntimeError):
        pa.add(x, x, out=pa.tensor([0.0, 0.0], requires_grad=True))
    with pytest.raises(TypeError, match="record"):
        pa.add(pa.tensor([1.0, 2.0], requires_grad=True), x, out=np.zeros(2))
    with pytest.raises(TypeError, match=r"\[add\].*'into'"):
        pa.add(x, x, into=x)


def test_where_with_a_condition_alone_is_nonzero():
    x = pa.tensor([[0.0, 2.0], [3.0, 0.0]])
    found = pa.where(x > 0)
    assert isinstance(found, tuple)
    assert [i.tolist() for i in found] == [[0, 1], [1, 0]]
    assert [i.tolist() for i in pa.where([0, 5])] == [[1]]
    np.testing.assert_array_equal(x[pa.where(x > 0)].numpy(), [2, 3])
    with pytest.raises(TypeError, match="where"):
        pa.where(x > 0, x)
