"""pa.checkpoint and checkpoint_sequential: exact in every mode, small in memory, clear errors."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pytest

import pyautograd as pa
from pyautograd import _core
from pyautograd.checkpointing import _sequential

F = pa.func
x0 = pa.tensor([0.3, -0.7, 1.2])


def cube(x):
    return pa.sum(pa.tanh(x) * x**2)


def checkpointed(f, **options):
    return lambda *args: pa.checkpoint(f, *args, **options)


def close(got, want):
    got, want = pa.tree.flatten(got)[0], pa.tree.flatten(want)[0]
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        a, b = a.detach().numpy(), b.detach().numpy()
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


TRANSFORMS = {
    "grad": F.grad,
    "jvp": lambda f: lambda x: F.jvp(f, (x,), (x + 1.0,)),
    "hessian": F.hessian,
    "jacfwd of grad": lambda f: F.jacfwd(F.grad(f)),
    "jacrev of grad": lambda f: F.jacrev(F.grad(f)),
    "grad of jvp": lambda f: F.grad(lambda x: F.jvp(f, (x,), (x0,))[1]),
    "third order": lambda f: F.jacfwd(F.jacrev(F.jacrev(f))),
    "hvp": lambda f: lambda x: F.hvp(f)(x, x0),
    "linearize": lambda f: lambda x: F.linearize(f, x)[1](x0),
    "vmap of grad": lambda f: lambda x: F.vmap(F.grad(f))(pa.stack([x, 2.0 * x])),
    "vmap of hessian": lambda f: lambda x: F.vmap(F.hessian(f))(pa.stack([x, 2.0 * x])),
    "grad of vmap": lambda f: F.grad(lambda x: pa.sum(F.vmap(f)(pa.stack([x, x * x])))),
    "grad of vmap of grad": lambda f: F.grad(
        lambda x: pa.sum(F.vmap(F.grad(f))(pa.stack([x, x * x])))
    ),
    "jvp of vmap": lambda f: lambda x: F.jvp(F.vmap(f), (pa.stack([x, x]),), (pa.stack([x, x0]),)),
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize(
    "inside",
    [
        lambda f: checkpointed(f),
        lambda f: checkpointed(checkpointed(f)),
        lambda f: lambda x: pa.checkpoint(lambda: f(x)),
        lambda f: lambda x: pa.checkpoint(lambda y: f(y) + 0.0 * pa.checkpoint(lambda: f(x)), x),
        lambda f: checkpointed(f, policy=pa.policies.everything_saveable),
    ],
    ids=["argument", "nested", "captured", "nested and captured", "kept"],
)
def test_every_transform_is_that_of_the_plain_function(name, inside):
    transform = TRANSFORMS[name]
    close(transform(inside(cube))(x0), transform(cube)(x0))


def test_backward_reaches_arguments_and_captured_leaves():
    w = pa.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x = pa.tensor(x0.numpy(), requires_grad=True)
    hidden = w * w  # captured, and no leaf

    def f(x):
        return pa.sum(pa.sin(hidden * x) * w)

    want = pa.grad(f(x), [w, x], retain_graph=True)
    got = pa.grad(pa.checkpoint(f, x), [w, x], retain_graph=True)
    close(got, want)
    pa.checkpoint(f, x).backward(create_graph=True)
    w_grad, x_grad = w.grad, x.grad
    pa.sum(w_grad * x_grad).backward(inputs=[w], retain_graph=True)
    first = pa.grad(f(x), [w, x], create_graph=True)
    (second,) = pa.grad(pa.sum(first[0] * first[1]), [w])
    close(w.grad - want[0], second)


def test_a_tensor_captured_from_an_outer_transform():
    """Taken for a constant, it would give 3 instead of 6."""

    def f(w):
        return F.grad(lambda x: pa.checkpoint(lambda x: w * w * x, x))(pa.tensor(1.0))

    assert F.grad(f)(pa.tensor(3.0)).item() == 6.0

    def per_sample(x):
        return F.grad(lambda w: pa.checkpoint(lambda: pa.sum(w**3 * x)))(x)

    close(F.vmap(per_sample)(pa.stack([x0, 2 * x0])), 3 * pa.stack([x0, 2 * x0]) ** 3)


def test_a_graph_outlives_the_vmap_it_was_recorded_under():
    x = pa.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    pa.sum(F.vmap(lambda x: pa.checkpoint(lambda: pa.sum(x**3)))(x)).backward()
    close(x.grad, 3 * x.detach() ** 2)


class Pair(NamedTuple):
    first: pa.Tensor
    rest: dict


def test_trees_constants_and_several_outputs():
    def f(tree, power, label):
        assert label == "as it is"
        return Pair(tree["a"] ** power, {"b": (tree["b"] * tree["a"], 7, None)})

    tree = {"a": x0, "b": 2.0 * x0}
    out = pa.checkpoint(f, tree, 3, "as it is")
    assert type(out) is Pair and out.rest["b"][1:] == (7, None)

    def loss(run):
        return lambda t: pa.sum(run(t).first) + pa.sum(run(t).rest["b"][0] ** 2)

    plain = loss(lambda t: f(t, 3, "as it is"))
    again = loss(lambda t: pa.checkpoint(f, t, 3, "as it is"))
    close(F.grad(again)(tree), F.grad(plain)(tree))


def test_outputs_that_are_inputs_integers_or_independent():
    def f(x):
        return x, pa.argmax(x), pa.ones(2), x.detach()

    same, index, ones, constant = pa.checkpoint(f, pa.tensor([1.0, 3.0], requires_grad=True))
    assert index.item() == 1 and ones.tolist() == [1.0, 1.0] and constant.tolist() == [1.0, 3.0]
    assert pa.grad(pa.sum(same), [same])[0].tolist() == [1.0, 1.0]
    assert pa.checkpoint(lambda: "no tensor at all") == "no tensor at all"


def test_code_that_writes_in_place():
    def f(x):
        y = x * 2.0
        y[0] = 5.0 * x[1]
        y += x
        y *= y
        return pa.sum(y)

    for transform in ("grad", "hessian", "vmap of grad", "jacfwd of grad"):
        close(TRANSFORMS[transform](checkpointed(f))(x0), TRANSFORMS[transform](f)(x0))


def test_derivatives_inside_a_checkpoint():
    """One step of an inner optimisation, as in meta-learning."""

    def step(w):
        return w - 0.1 * F.grad(cube)(w)

    def loss(run):
        return lambda w: cube(run(step, run(step, w)))

    plain, again = loss(lambda f, w: f(w)), loss(pa.checkpoint)
    for name in ("grad", "hessian", "vmap of grad"):
        close(TRANSFORMS[name](again)(x0), TRANSFORMS[name](plain)(x0))


def test_draws_are_repeated():
    rng = pa.random.default_rng(3)

    def f(x):
        return pa.sum(x * rng.normal(size=3) * pa.random.uniform(size=3))

    state = rng.state
    pa.random.seed(1)
    want = F.value_and_grad(f)(x0)
    after = rng.state, pa.random.get_state()
    rng.state = state
    pa.random.seed(1)
    close(F.value_and_grad(checkpointed(f))(x0), want)
    assert (rng.state, pa.random.get_state()) == after
    drawn = F.grad(checkpointed(lambda x: pa.sum(x) + rng.normal(), preserve_rng=False))(x0)
    assert drawn.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("randomness", ["same", "different"])
def test_draws_under_vmap(randomness):
    def f(x):
        return pa.sum(pa.sin(x * pa.random.normal(size=3)))

    def derivative(g):
        pa.random.seed(5)
        xs = pa.stack([x0, x0])
        first = F.vmap(F.grad(g), randomness=randomness)(xs)
        return first, F.grad(lambda x: pa.sum(F.vmap(g, randomness=randomness)(x)))(xs)

    close(derivative(checkpointed(f)), derivative(f))

    def unmapped(x):
        return x * pa.checkpoint(lambda: pa.random.normal())

    def plain(x):
        return x * pa.random.normal()

    values = []
    for g in (unmapped, plain):
        pa.random.seed(5)
        values.append(F.vmap(g, randomness=randomness)(pa.ones(4)))
    close(*values)


def test_an_ambiguous_draw_under_vmap_stays_an_error():
    with pytest.raises(RuntimeError, match="ambiguous"):
        F.vmap(checkpointed(lambda x: x * pa.random.normal()))(pa.ones(2))


def test_complex_arguments():
    def f(z):
        return pa.real(pa.sum(pa.exp(z) * pa.conj(z)))

    z = pa.tensor([1.0 + 2.0j, -0.5 + 0.1j])
    close(F.grad(checkpointed(f))(z), F.grad(f)(z))
    close(F.hvp(checkpointed(f))(z, z * 1j), F.hvp(f)(z, z * 1j))


def test_custom_functions_inside():
    class Square(pa.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):
            return 2 * ctx.saved_tensors[0] * grad

    def f(x):
        return pa.sum(Square.apply(pa.sin(x)))

    def plain(x):
        return pa.sum(pa.sin(x) ** 2)

    close(F.hessian(checkpointed(f))(x0), F.hessian(plain)(x0))


def test_no_grad_around_and_inside():
    w = pa.tensor(2.0, requires_grad=True)
    with pa.no_grad():
        assert not pa.checkpoint(lambda x: w * x, x0).requires_grad

    def f(x):
        with pa.no_grad():
            factor = w * x
        return pa.sum(factor * x)

    close(F.grad(checkpointed(f))(x0), F.grad(f)(x0))


def test_edges_that_need_to_know_where_a_value_comes_from():
    squared_norm = lambda x: pa.linalg.norm(x) ** 2  # noqa: E731
    zero = pa.zeros(2)
    for name in ("hessian", "jacfwd of grad"):
        assert TRANSFORMS[name](checkpointed(squared_norm))(zero).tolist() == [[2, 0], [0, 2]]
    masked = lambda x: pa.sum(pa.where(x > 0, pa.sqrt(x), 0.0))  # noqa: E731
    assert F.grad(checkpointed(masked))(pa.tensor([0.0, 4.0])).tolist() == [0.0, 0.25]


def test_a_long_chain_of_checkpoints_and_threads():
    x = y = pa.tensor(1.0, requires_grad=True)
    for _ in range(5_000):
        y = pa.checkpoint(pa.sin, y)
    y.backward()
    assert 0.0 < x.grad.item() < 1.0
    del y

    def work(seed):
        x = pa.tensor(np.random.default_rng(seed).normal(size=3))
        return F.hessian(checkpointed(cube))(x).tolist(), F.hessian(cube)(x).tolist()

    with ThreadPoolExecutor(4) as pool:
        for got, want in pool.map(work, range(40)):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


# Memory


def peak_of(run):
    gc.collect()
    before = pa.memory.live().bytes
    pa.memory.reset_peak()
    run()
    return pa.memory.peak() - before


def deep(x, n=64):
    for _ in range(n):
        x = pa.tanh(x)
    return x


@pytest.mark.parametrize("order", [1, 2])
def test_memory_grows_with_the_root(order):
    x = pa.tensor(np.linspace(-1, 1, 4096))
    layers = [pa.tanh] * 64

    def run(chain):
        def f(x):
            return pa.sum(chain(x))

        return F.grad(f)(x) if order == 1 else F.grad(lambda x: pa.sum(F.grad(f)(x) ** 2))(x)

    plain = peak_of(lambda: run(deep))
    rows = peak_of(lambda: run(lambda x: pa.checkpoint_sequential(layers, x)))
    assert rows < (0.35 if order == 1 else 0.5) * plain
    close(run(deep), run(lambda x: pa.checkpoint_sequential(layers, x)))


@pytest.mark.usefixtures("no_leak")
def test_nothing_leaks():
    w = pa.tensor(x0.numpy(), requires_grad=True)
    x = pa.tensor(x0.numpy(), requires_grad=True)

    def f(x):
        return pa.sum(pa.checkpoint(lambda: pa.sin(w * x)) * w)

    for _ in range(3):
        pa.checkpoint(f, x).backward(create_graph=True)
        pa.sum(x.grad * w.grad).backward()
        x.grad = w.grad = None
    F.vmap(F.hessian(checkpointed(f)))(pa.stack([x0, x0]))
    del x


def test_the_function_is_let_go_with_the_graph():
    class Layer:
        def __call__(self, x):
            return pa.sin(x)

    layer = Layer()
    watched = weakref.ref(layer)
    x = pa.tensor(x0.numpy(), requires_grad=True)
    y = pa.checkpoint(layer, x)
    del layer
    gc.collect()
    assert watched() is not None
    del y
    gc.collect()
    assert watched() is None


# Policies


def is_kept(policy):
    """Whether a sum is: if so, its recomputation does not see that a summand has changed."""
    summand = pa.ones(3)

    def f(x):
        return pa.sin(pa.name(x + summand, "here")) ** 2

    x = pa.tensor(x0.numpy(), requires_grad=True)
    y = pa.checkpoint(f, x, policy=policy)
    (want,) = pa.grad(pa.sum(f(x)), [x])
    summand[0] = 5.0
    try:
        pa.sum(y).backward()
    except RuntimeError as error:
        assert "results have other values" in str(error)
        return False
    close(x.grad, want)
    return True


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        (None, False),
        (pa.policies.nothing_saveable, False),
        (pa.policies.everything_saveable, True),
        (pa.policies.save_ops("add"), True),
        (pa.policies.save_ops("cos"), False),
        (pa.policies.save_names("here"), True),
        (pa.policies.save_names("there"), False),
        (pa.policies.save_smaller_than(25), True),
        (pa.policies.save_smaller_than(24), False),
        (pa.policies.save_costly(0.125), True),
        (pa.policies.save_costly(0.126), False),
        (pa.policies.any_of(pa.policies.dots_saveable, pa.policies.save_ops("add")), True),
        (pa.policies.dots_saveable, False),
        (lambda operation: operation.name == "here", True),
    ],
)
def test_what_a_policy_keeps_is_not_computed_again(policy, kept):
    assert is_kept(policy) == kept


def test_kept_products_serve_higher_orders():
    w = pa.tensor(np.random.default_rng(0).normal(size=(3, 3)))

    def f(x):
        return pa.sum(pa.tanh(w @ pa.tanh(w @ x)))

    kept = checkpointed(f, policy=pa.policies.dots_saveable)
    for name in ("grad", "hessian", "third order", "vmap of grad", "vmap of hessian"):
        close(TRANSFORMS[name](kept)(x0), TRANSFORMS[name](f)(x0))


def test_name_is_the_value_itself():
    x = pa.tensor(1.0, requires_grad=True)
    assert pa.name(x, "x") is x and pa.name("text", "x") == "text"
    with pytest.raises(TypeError, match=r"\[name\]"):
        pa.name(x, 3)


# What a checkpointed function must not do


def levels_and_recording():
    return _core.innermost_depth(), _core.disabled_through(), pa.is_grad_enabled()


@pytest.fixture
def unharmed():
    """Whatever went wrong, levels and recording are as before and the next call works."""
    before = levels_and_recording()
    yield
    assert levels_and_recording() == before
    close(F.hessian(checkpointed(cube))(x0), F.hessian(cube)(x0))
    close(F.vmap(F.grad(checkpointed(cube)))(pa.stack([x0])), F.vmap(F.grad(cube))(pa.stack([x0])))


def assign_item(x):
    x[0] = 1.0


def add_in_place(x):
    x += 1.0


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("write", [assign_item, add_in_place])
@pytest.mark.parametrize("tracked", [False, True])
def test_writing_into_an_argument(write, tracked):
    x = pa.tensor(x0.numpy(), requires_grad=tracked)
    with pytest.raises(RuntimeError, match="must not write into its arguments"):
        pa.checkpoint(write, x)
    w = pa.tensor(x0.numpy(), requires_grad=True)
    with pytest.raises(RuntimeError, match="must not write into its arguments"):
        pa.checkpoint(lambda: write(w))
    close([x.detach(), w.detach()], [x0, x0])


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize(
    ("second", "message"),
    [
        (lambda x: pa.sum(pa.cos(x)), "operation 0 is cos giving float64 (3,), and was sin"),
        (lambda x: pa.sum(pa.sin(x[1:])), "operation 0 is getitem giving float64 (2,)"),
        (lambda x: pa.sum(pa.sin(x)) * 2.0, "goes on with multiply giving float64 () after the 2"),
        (lambda x: pa.sin(x), "ends after 1 operations, where sum giving float64 () came before"),
        (lambda x: (pa.sum(pa.sin(x)),), "returned the tree"),
    ],
)
def test_a_recomputation_that_diverges(second, message):
    runs = []

    def f(x):
        runs.append(1)
        return pa.sum(pa.sin(x)) if len(runs) == 1 else second(x)

    with pytest.raises(RuntimeError, match="did not do the same again") as error:
        F.grad(checkpointed(f))(x0)
    assert message in str(error.value)


@pytest.mark.usefixtures("unharmed")
def test_numpys_random_numbers_are_noticed():
    noise = np.random.default_rng(0)

    def f(x):
        return pa.sum(x * pa.asarray(noise.normal(size=3)))

    with pytest.raises(RuntimeError, match="results have other values.*pyautograd's"):
        F.grad(checkpointed(f))(x0)


@pytest.mark.usefixtures("unharmed")
def test_a_tensor_that_changed_between_the_runs():
    x = pa.tensor(x0.numpy(), requires_grad=True)
    buffer = pa.tensor(x0.numpy())
    y = pa.sum(pa.checkpoint(lambda x: x * buffer, x))
    buffer[0] = 9.0
    with pytest.raises(RuntimeError, match="results have other values"):
        y.backward()
    given = pa.tensor(x0.numpy())
    y = pa.sum(pa.checkpoint(lambda x, b: x * b, x, given))
    given[0] = 9.0
    with pytest.raises(RuntimeError, match="modified in place"):
        y.backward()


@pytest.mark.usefixtures("unharmed")
def test_a_captured_tensor_that_was_exchanged():
    weights = {"w": pa.tensor(2.0, requires_grad=True)}
    other = pa.tensor(2.0, requires_grad=True)
    x = pa.tensor(x0.numpy(), requires_grad=True)
    y = pa.sum(pa.checkpoint(lambda x: x * weights["w"], x))
    weights["w"] = other
    with pytest.raises(RuntimeError, match="a recorded float64 tensor of shape"):
        y.backward()


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, MemoryError])
@pytest.mark.parametrize("name", ["grad", "hessian", "vmap of grad", "jacfwd of grad"])
def test_an_error_in_any_run(error, name):
    for failing in (1, 2, 3):
        runs = []

        def f(x, runs=runs, failing=failing):
            runs.append(1)
            y = pa.sin(x)
            if len(runs) == failing:
                raise error("in the middle")
            return pa.sum(y)

        try:
            TRANSFORMS[name](checkpointed(f))(x0)
        except error as raised:
            assert "in the middle" in str(raised)
        assert len(runs) >= min(failing, 2)


def test_what_a_function_prints_is_printed_by_every_run(capsys):
    def f(x):
        print("running")
        return pa.sum(x**2)

    assert F.grad(checkpointed(f))(x0).tolist() == (2 * x0).tolist()
    assert capsys.readouterr().out == "running\n" * 2


def test_bad_arguments():
    with pytest.raises(TypeError, match=r"\[checkpoint\] expected a function"):
        pa.checkpoint(3, x0)
    with pytest.raises(TypeError, match=r"\[checkpoint\] policy must be a function"):
        pa.checkpoint(cube, x0, policy="dots")
    with pytest.raises(ZeroDivisionError):
        pa.checkpoint(cube, x0, policy=lambda operation: 1 // 0)


# Segments


def network(n, width=8):
    rng = np.random.default_rng(0)
    weights = [pa.tensor(rng.normal(size=(width, width)) / 3, requires_grad=True) for _ in range(n)]
    return weights, [lambda x, w=w: pa.tanh(x @ w) for w in weights]


@pytest.mark.parametrize(
    "options", [{}, {"segments": 1}, {"segments": 3}, {"segments": 20}, {"budget": 3000}]
)
def test_segments_give_the_bits_of_the_plain_chain(options):
    weights, layers = network(20)
    x = pa.ones((4, 8))
    y = x
    for layer in layers:
        y = layer(y)
    want = pa.grad(pa.sum(y), weights)
    got = pa.grad(pa.sum(pa.checkpoint_sequential(layers, x, **options)), weights)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("budget", [2600, 3000, 4000, 6000])
def test_a_budget_is_met(budget):
    _, layers = network(20)
    x = pa.ones((4, 8))
    costs = _sequential.measured(layers, x)
    placed = _sequential.plan(costs, budget)
    assert [s.start for s in placed] == [0, *[s.stop for s in placed[:-1]]]
    assert placed[-1].stop == 20
    in_use = 0
    for start, stop, kept in placed:
        recorded = sum(c.recorded for c in costs[start:stop])
        assert in_use + (recorded if kept else costs[start].entering + recorded) <= budget
        in_use += recorded if kept else costs[start].entering
    assert in_use <= budget
    if budget == 6000:
        assert all(s.kept for s in placed)


def test_the_plan_is_the_best_of_all():
    """Against every placement of a short chain of uneven layers."""
    rng = np.random.default_rng(1)
    costs = [
        _sequential.Cost(int(e), int(r), float(t))
        for e, r, t in zip(
            rng.integers(1, 20, 7) * 256,
            rng.integers(1, 60, 7) * 256,
            rng.uniform(1, 9, 7),
            strict=False,
        )
    ]

    def placements(start):
        if start == 7:
            yield []
        for stop in range(start + 1, 8):
            for rest in placements(stop):
                for kept in (True, False):
                    yield [_sequential.Segment(start, stop, kept), *rest]

    def evaluate(placed):
        in_use = peak = time = 0
        for start, stop, kept in placed:
            recorded = sum(c.recorded for c in costs[start:stop])
            left = recorded if kept else costs[start].entering
            peak = max(peak, in_use + (recorded if kept else left + recorded))
            in_use += left
            time += 0 if kept else sum(c.seconds for c in costs[start:stop])
        return max(peak, in_use), time

    for budget in (64 * 256, 100 * 256, 128 * 256, 256 * 256):
        least = min((t for p, t in map(evaluate, placements(0)) if p <= budget), default=None)
        if least is None:
            with pytest.raises(ValueError, match="no placement of checkpoints meets the budget"):
                _sequential.plan(costs, budget)
            continue
        peak, time = evaluate(_sequential.plan(costs, budget))
        assert peak <= budget
        assert time <= least * (1 + 1e-9) or budget % 256 != 0


def test_segments_measure_without_drawing():
    layers = [lambda x: x * pa.random.uniform(size=3)] * 4
    pa.random.seed(0)
    want = x0
    for layer in layers:
        want = layer(want)
    pa.random.seed(0)
    close(pa.checkpoint_sequential(layers, x0, budget=10**6), want)


def test_bad_segments():
    for options in ({"segments": 0}, {"segments": 5}, {"segments": "some"}, {"segments": 1.5}):
        with pytest.raises(ValueError, match=r"\[checkpoint_sequential\] segments must be"):
            pa.checkpoint_sequential([pa.sin] * 4, x0, **options)
    with pytest.raises(ValueError, match="there are no layers"):
        pa.checkpoint_sequential([], x0)
    with pytest.raises(ValueError, match="no placement"):
        pa.checkpoint_sequential([pa.sin] * 4, x0, budget=10)
