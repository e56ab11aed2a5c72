"""What a checkpointed function must not do: clear errors, and nothing harmed."""

import numpy as np
import pytest
from support.checkpoint_functions import TRANSFORMS, F, checkpointed, close, cube, x0

import pyautograd as pa
from pyautograd import _core


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


@pytest.mark.usefixtures("no_leak")
@pytest.mark.parametrize(
    "ops",
    [
        (lambda x: pa.sin(x), lambda x: pa.cos(x)),
        (lambda x: x[0], lambda x: x[:1]),
        (lambda x: x + x, lambda x: x * x),
        (lambda x: -x, lambda x: abs(x)),
        (lambda x: pa.sum(x, axis=0), lambda x: pa.mean(x, axis=0)),
        (lambda x: pa.linalg.slogdet(pa.outer(x, x))[1], lambda x: pa.frexp(x)[0]),
    ],
)
def test_a_recomputation_that_diverges_leaves_nothing_behind(ops):
    runs = []

    def f(x):
        runs.append(1)
        return ops[len(runs) - 1](x)

    with pytest.raises(RuntimeError, match="did not do the same again"):
        F.grad(lambda x: pa.sum(pa.checkpoint(f, x * 2.0)))(x0)


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
