"""no_grad, enable_grad, set_grad_enabled: per level, as context managers and as decorators."""

import pytest
from support.threads import run_in_threads

import pyautograd as pa


@pytest.fixture
def x():
    return pa.tensor(2.0, requires_grad=True)


def test_no_grad_records_nothing(x):
    with pa.no_grad():
        assert not pa.is_grad_enabled()
        y = x * x
    assert pa.is_grad_enabled()
    assert not y.requires_grad and y.grad_fn is None


def test_nesting_restores(x):
    with pa.no_grad():
        with pa.enable_grad():
            assert (x * x).requires_grad
            with pa.no_grad():
                assert not (x * x).requires_grad
            assert (x * x).requires_grad
        assert not (x * x).requires_grad
    assert (x * x).requires_grad


def test_an_instance_may_be_entered_again(x):
    switch = pa.no_grad()
    with switch, switch:
        assert not pa.is_grad_enabled()
    assert pa.is_grad_enabled()


def test_set_grad_enabled_may_be_entered_again(x):
    switch = pa.set_grad_enabled(False)
    for _ in range(2):
        with switch, switch:
            assert not pa.is_grad_enabled()
        assert pa.is_grad_enabled()
    assert not switch(lambda: (x * x).requires_grad)()
    assert pa.is_grad_enabled()


def test_exceptions_restore(x):
    with pytest.raises(KeyError), pa.no_grad():
        raise KeyError
    assert pa.is_grad_enabled()


def test_set_grad_enabled_acts_at_once(x):
    pa.set_grad_enabled(False)
    assert not pa.is_grad_enabled()
    pa.set_grad_enabled(True)
    with pa.set_grad_enabled(False):
        assert not (x * x).requires_grad
    assert pa.is_grad_enabled()


@pytest.mark.parametrize("switch", [pa.no_grad, lambda: pa.set_grad_enabled(False)])
def test_decorated_functions(x, switch):
    @switch()
    def double(t):
        """Twice."""
        return t * 2

    assert double.__doc__ == "Twice."
    assert pa.is_grad_enabled()
    assert not double(x).requires_grad
    assert (x * x).requires_grad


def test_decorated_generators_switch_only_while_they_run(x):
    @pa.no_grad()
    def steps():
        sent = yield (x * x).requires_grad
        try:
            yield sent, (x * x).requires_grad
        except KeyError:
            yield "caught", (x * x).requires_grad
        return "done"

    generator = steps()
    assert next(generator) is False
    assert pa.is_grad_enabled()
    assert generator.send("sent") == ("sent", False)
    assert pa.is_grad_enabled()
    assert generator.throw(KeyError()) == ("caught", False)
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "done"
    assert pa.is_grad_enabled()


def test_a_closed_generator_cleans_up(x):
    seen = []

    @pa.no_grad()
    def steps():
        try:
            yield 1
        finally:
            seen.append(pa.is_grad_enabled())

    generator = steps()
    next(generator)
    generator.close()
    assert seen == [False] and pa.is_grad_enabled()


def test_each_thread_has_its_own_mode(x):
    with pa.no_grad():
        assert run_in_threads(lambda _: (x * x).requires_grad, 1) == [True]


def test_no_grad_around_a_functional_gradient(x):
    with pa.no_grad():
        g = pa.func.grad(lambda t: t**3)(pa.tensor(2.0))
        assert g.item() == 12.0
        assert not pa.is_grad_enabled()


def test_no_grad_inside_a_gradient_cuts_it_there():
    f = pa.func.grad(lambda t: t * _constant(t * t))
    assert f(pa.tensor(3.0)).item() == 9.0


def _constant(t):
    with pa.no_grad():
        return t * 1.0


@pytest.mark.parametrize("outer", [pa.func.vmap, lambda f: f])
def test_no_grad_inside_a_gradient_at_its_level(outer):
    def f(t):
        with pa.no_grad():
            u = t * t
        return t * u

    result = outer(pa.func.grad(f))(pa.tensor([3.0]) if outer is pa.func.vmap else pa.tensor(3.0))
    assert result.item() == 9.0


def test_no_grad_between_two_gradients():
    """The outer derivative stops at no_grad; the inner one is computed."""

    def outer(t):
        with pa.no_grad():
            inner = pa.func.grad(lambda s: s**3)(t)
        return t * inner

    assert pa.func.grad(outer)(pa.tensor(2.0)).item() == 12.0


def test_decorating_without_parentheses(x):
    @pa.no_grad
    def double(t):
        return t * 2

    assert not double(x).requires_grad and double.__name__ == "double"
    assert pa.is_grad_enabled()


@pytest.mark.parametrize("switch", [pa.no_grad, pa.no_grad(), pa.fused])
def test_asynchronous_functions_are_refused(switch):
    async def waits():
        pass

    async def waits_between():
        yield

    for function in (waits, waits_between):
        with pytest.raises(TypeError, match="waits.*, which is asynchronous: other tasks would"):
            switch(function)


def test_a_decorated_class_is_refused():
    with pytest.raises(TypeError, match="no_grad"):
        pa.no_grad()(3)
    with pytest.raises(TypeError, match="no_grad"):
        pa.no_grad(3)
