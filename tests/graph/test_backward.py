"""backward and grad on recorded graphs: torch's semantics, and an error for every misuse."""

import numpy as np
import pytest

import pyautograd as pa


def leaf(values, dtype=None):
    return pa.tensor(values, dtype=dtype, requires_grad=True)


def values(x):
    return x.detach().numpy()


def test_the_classic_two_variable_example():
    x, y = leaf([3.0, 1.0]), leaf([1.0, 2.0])
    z = x * y
    w = pa.sum(z) ** 2
    w.backward(create_graph=True)
    assert values(x.grad).tolist() == [10, 20]
    assert values(y.grad).tolist() == [30, 10]
    assert z.grad is None
    first = x.grad[0]
    x.grad = y.grad = None
    first.backward()
    assert values(x.grad).tolist() == [2, 4]
    assert values(y.grad).tolist() == [16, 2]


def test_gradients_accumulate_until_they_are_cleared():
    x, y = leaf([3.0, 1.0]), leaf([1.0, 2.0])
    (pa.sum(x * y) ** 2).backward(create_graph=True)
    x.grad[0].backward()
    assert values(x.grad).tolist() == [12, 24]
    assert values(y.grad).tolist() == [46, 12]


def test_grad_returns_a_tuple_and_leaves_grad_alone():
    x, y = leaf(2.0), leaf(3.0)
    result = pa.grad(x * x * y, [x, y])
    assert isinstance(result, tuple)
    assert [g.item() for g in result] == [12.0, 4.0]
    assert x.grad is None and y.grad is None


def test_every_order_of_a_power():
    x = leaf(1.5)
    y, expected = x**5, 1.5**5
    for k in range(5):
        (y,) = pa.grad(y, x, create_graph=True)
        expected *= (5 - k) / 1.5
        assert y.item() == pytest.approx(expected)


def test_gradients_of_intermediate_results():
    x = leaf([1.0, 2.0])
    a = x * 3
    b = a * a
    (ga,) = pa.grad(pa.sum(b), a)
    assert values(ga).tolist() == [6.0, 12.0]


def test_an_input_that_is_the_output():
    x = leaf(2.0)
    y = x * x
    assert pa.grad(y, y)[0].item() == 1.0
    assert pa.grad(y, [y, x])[1].item() == 4.0


def test_the_same_input_twice():
    x = leaf(2.0)
    a, b = pa.grad(x * x, [x, x])
    assert a.item() == b.item() == 4.0


def test_several_outputs_share_one_sweep():
    x = leaf([1.0, 2.0])
    y = x * x
    pa.backward([y, pa.sum(y)], [pa.tensor([1.0, 10.0]), None])
    assert values(x.grad).tolist() == [4.0, 44.0]


def test_broadcast_cotangents_come_back_in_the_shape_of_the_leaf():
    x = leaf([[1.0], [2.0]])
    y = leaf(np.ones(3))
    pa.sum(x * y).backward()
    assert x.grad.shape == (2, 1) and y.grad.shape == (3,)
    assert values(x.grad).ravel().tolist() == [3.0, 3.0]


def test_the_gradient_has_the_dtype_of_the_leaf():
    x = leaf([1.0, 2.0], dtype=pa.float32)
    pa.sum(x * np.array([0.5, 0.25])).backward()
    assert x.grad.dtype == pa.float32


def test_gradient_in_another_dtype_is_cast():
    x = leaf([1.0, 2.0], dtype=pa.float32)
    (x * x).backward(pa.tensor([1.0, 1.0], dtype=pa.float64))
    assert x.grad.dtype == pa.float32


def test_backward_with_inputs_touches_nothing_else():
    x, y = leaf(2.0), leaf(3.0)
    z = x * y
    (z * z).backward(inputs=[x, z])
    assert x.grad.item() == 36.0 and z.grad.item() == 12.0
    assert y.grad is None


def test_an_input_of_backward_named_twice_gets_its_gradient_once():
    x = leaf(3.0)
    y = x * x
    y.backward(inputs=[x, y, x, y])
    assert x.grad.item() == 6.0 and y.grad.item() == 1.0


def test_unused_inputs():
    x, y = leaf(2.0), leaf([3.0, 4.0])
    z = x * x
    with pytest.raises(RuntimeError, match=r"\[grad\] .* input 1.*allow_unused"):
        pa.grad(z, [x, y], retain_graph=True)
    assert pa.grad(z, [x, y], allow_unused=True, retain_graph=True)[1] is None
    zeros = pa.grad(z, [x, y], materialize_grads=True)[1]
    assert values(zeros).tolist() == [0.0, 0.0]


def test_cotangents_may_be_arrays_and_numbers():
    x = leaf([1.0, 2.0])
    y = x * x
    y.backward(np.array([1, 2]), retain_graph=True)
    assert values(x.grad).tolist() == [2.0, 8.0]
    (found,) = pa.grad([y, pa.sum(y)], x, [np.ones(2), 2.0], retain_graph=True)
    assert values(found).tolist() == [6.0, 12.0]
    (rows,) = pa.grad(y, x, np.eye(2), is_grads_batched=True, retain_graph=True)
    assert values(rows).tolist() == [[2.0, 0.0], [0.0, 4.0]]
    with pytest.raises(TypeError, match="grad_outputs must be tensors, arrays, numbers or None"):
        pa.grad(y, x, "ones")
    with pytest.raises(ValueError, match="gradient 0 has shape"):
        pa.grad(y, x, np.ones(3))


def test_a_constant_of_a_transform_says_where_it_is_one():
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match="input 0 .* belong to the vmap, .* use pa.func.grad"):
        pa.func.vmap(lambda a: pa.grad(pa.sum(x * a), x)[0])(pa.ones(3))
    with pytest.raises(RuntimeError, match="output 0 .* inside the vmap .* use pa.func.grad"):
        pa.func.vmap(lambda a: pa.grad(pa.sum(a * a), x)[0])(pa.ones(3))
    with pytest.raises(RuntimeError, match="input 0 .* inside the jvp .* use pa.func.grad"):
        pa.func.jacfwd(lambda a: pa.grad(pa.sum(a * a), a)[0])(pa.ones(3))


def test_batched_cotangents():
    x = leaf([1.0, 2.0])
    y = x * x
    (rows,) = pa.grad(y, x, pa.eye(2), is_grads_batched=True)
    assert values(rows).tolist() == [[2.0, 0.0], [0.0, 4.0]]


def test_batched_cotangents_can_be_differentiated():
    x = leaf([1.0, 2.0])
    (rows,) = pa.grad(x**3, x, pa.eye(2), is_grads_batched=True, create_graph=True)
    assert values(pa.grad(pa.sum(rows), x)[0]).tolist() == [6.0, 12.0]


@pytest.mark.parametrize("cotangent", [None, 1.0])
def test_batched_cotangents_need_an_axis_in_front(cotangent):
    x = leaf(2.0)
    given = cotangent if cotangent is None else pa.tensor(cotangent)
    with pytest.raises(ValueError, match="needs grad_outputs with an axis in front"):
        pa.grad(x * x, x, given, is_grads_batched=True)


def test_batched_cotangents_of_no_entry():
    x = leaf([1.0, 2.0])
    (rows,) = pa.grad(x * x, x, pa.zeros((0, 2)), is_grads_batched=True)
    assert rows.shape == (0, 2)


def test_a_second_sweep_needs_retain_graph():
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 8.0
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()
    assert x.grad.item() == 8.0


def test_create_graph_retains():
    x = leaf(2.0)
    y = x**3
    assert pa.grad(y, x, create_graph=True)[0].item() == 12.0
    assert pa.grad(y, x)[0].item() == 12.0


def test_create_graph_records_even_under_no_grad():
    x = leaf(2.0)
    y = x**3
    with pa.no_grad():
        (g,) = pa.grad(y, x, create_graph=True)
    assert g.requires_grad
    assert pa.grad(g, x)[0].item() == 12.0


def test_without_create_graph_nothing_is_recorded():
    x = leaf(2.0)
    assert not pa.grad(x**3, x)[0].requires_grad


def test_a_tracked_cotangent_is_differentiable():
    x, u = leaf([1.0, 2.0]), leaf([3.0, 5.0])
    (g,) = pa.grad(x * x, x, u, create_graph=True)
    assert values(pa.grad(pa.sum(g), u)[0]).tolist() == [2.0, 4.0]


@pytest.mark.parametrize("call", [lambda y, x: y.backward(), lambda y, x: pa.grad(y, x)])
def test_non_scalar_without_gradient(call):
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match=r"\(2,\).*one element"):
        call(x * x, x)


@pytest.mark.parametrize("shape", [(), (3,), (2, 1), (1, 2)])
def test_gradient_of_another_shape(shape):
    x = leaf([1.0, 2.0])
    with pytest.raises(ValueError, match=r"shape .* \(2,\)"):
        (x * x).backward(pa.ones(shape))


def test_outputs_and_inputs_must_require_grad():
    x, constant = leaf(1.0), pa.tensor(1.0)
    with pytest.raises(RuntimeError, match="output 0 does not require grad"):
        constant.backward()
    with pytest.raises(RuntimeError, match="input 1 does not require grad"):
        pa.grad(x * 2, [x, constant])
    with pytest.raises(RuntimeError, match="output 0 does not require grad"):
        pa.grad(x.detach() * 2, x)
    (first,) = pa.grad(x**3, x)
    with pytest.raises(RuntimeError, match="gradient taken without create_graph=True"):
        pa.grad(first, x)


def test_grad_of_a_function_names_the_one_that_takes_functions():
    for arguments in ((pa.sin,), (pa.sin, leaf(1.0))):
        with pytest.raises(TypeError, match=r"got a function: pa\.func\.grad\(f\)"):
            pa.grad(*arguments)
    with pytest.raises(TypeError, match="inputs is empty"):
        pa.grad(leaf(1.0) * 2)


def test_integers_have_no_gradient():
    x = pa.tensor([1, 2])
    with pytest.raises(RuntimeError, match="int64.*floating-point"):
        pa.sum(x).backward()
    with pytest.raises((RuntimeError, TypeError), match="floating-point"):
        pa.tensor([1, 2], requires_grad=True)


@pytest.mark.parametrize(
    "arguments",
    [
        lambda x: (3.0,),
        lambda x: ([x, 3.0],),
        lambda x: (x * 2, "gradient"),
        lambda x: (x * 2, [[1.0]]),
    ],
)
def test_arguments_of_a_wrong_type(arguments):
    with pytest.raises(TypeError):
        pa.backward(*arguments(leaf(1.0)))


def test_counts_must_agree():
    x = leaf(1.0)
    with pytest.raises(ValueError, match="1 outputs need as many"):
        pa.grad(x * 2, x, [None, None])
    with pytest.raises(ValueError, match="nothing to differentiate"):
        pa.grad([], x)
    with pytest.raises(ValueError, match="inputs is empty"):
        (x * 2).backward(inputs=[])


def test_a_saved_value_that_was_overwritten():
    x = leaf([1.0, 2.0])
    c = pa.tensor([3.0, 4.0])
    y = x * c
    c += 1
    with pytest.raises(RuntimeError, match=r"\[multiply\].*version"):
        pa.sum(y).backward()


def test_gradients_are_the_leaf_s_own():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    pa.sum(x + y).backward()
    x.grad += 1
    assert values(y.grad).tolist() == [1.0, 1.0]


def test_a_gradient_passed_in_is_not_written():
    x = leaf([1.0, 2.0])
    u = pa.tensor([1.0, 1.0])
    for _ in range(3):
        (x * 1.0).backward(u)
        (x + 0.0).backward(u)
    assert values(u).tolist() == [1.0, 1.0]
    assert values(x.grad).tolist() == [6.0, 6.0]


def test_diamonds_and_fans_add_up():
    x = leaf(1.1)
    a = x * x
    b, c = a * 2, a * 3
    y = b * c + a + b
    assert pa.grad(y, x)[0].item() == pytest.approx(24 * 1.1**3 + 2 * 1.1 + 4 * 1.1)


def test_backward_inside_a_transform_leaves_outer_leaves_alone():
    x = leaf(2.0)
    with pytest.raises(RuntimeError, match=r"\[backward\]"):
        pa.func.vmap(lambda v: (x * v).backward() or v)(pa.tensor([1.0, 2.0]))
    assert x.grad is None


@pytest.mark.parametrize("options", [{}, {"allow_unused": True}, {"materialize_grads": True}])
def test_inputs_from_outside_of_a_transform_are_not_taken_for_unused(options):
    """Nothing at the level of the outputs leads to the leaf, yet they depend on it."""

    def product(v):
        inside = pa.tensor(2.0, requires_grad=True)
        return pa.grad(inside * v * v, inside, **options)[0]

    def unused(v):
        inside = pa.tensor(2.0, requires_grad=True)
        return pa.grad(v * v, inside, materialize_grads=True)[0]

    def twice(f):
        return pa.func.vmap(f)(pa.tensor([1.0, 3.0]))

    def along(f):
        return pa.func.jvp(f, (pa.tensor(3.0),), (pa.tensor(1.0),))

    def slopes(f):
        return pa.func.vmap(pa.func.grad(f))(pa.tensor([1.0, 3.0]))

    for transform in (twice, along, slopes):
        with pytest.raises(RuntimeError, match=r"\[grad\] input 0 does not belong to the vmap"):
            transform(product)
    assert slopes(unused).tolist() == [0.0, 0.0]


def test_grad_fn():
    x = leaf(2.0)
    y = x * x + 1
    assert repr(y.grad_fn) == "<AddBackward>"
    assert y.grad_fn.name() == "AddBackward"
    (inner, index), _ = y.grad_fn.next_functions
    assert repr(inner) == "<MultiplyBackward>" and index == 0
    assert inner.next_functions[0][0].name() == "AccumulateGrad"
    assert inner.next_functions[0] == inner.next_functions[1]
    assert y.grad_fn == y.grad_fn and hash(y.grad_fn) == hash(y.grad_fn)
    assert y.grad_fn != inner and y.grad_fn != 1
    assert y.grad_fn.sequence_number > inner.sequence_number
    assert x.grad_fn is None
