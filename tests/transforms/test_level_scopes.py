"""The scopes that transforms enter: misuse raises, and nothing stays entered."""

import pytest

import pyautograd as pa
from pyautograd import _core


@pytest.fixture(autouse=True)
def nothing_stays_entered():
    yield
    assert _core.innermost_depth() == 0


def test_a_level_ends_with_its_block():
    level = _core.Level("vmap", 3)
    assert not level.alive
    with level:
        assert level.alive and level.kind == "vmap" and level.size == 3
        assert _core.innermost_depth() == level.id > 0
        x = _core.make_batched(level, pa.ones((2, 3)), 1)
        assert _core.depth(x) == level.id and x.shape == (2,)
    assert not level.alive
    with pytest.raises(pa.EscapedTensorError, match="vmap that has already returned"):
        x + 1


def test_ids_are_never_reused():
    ids = []
    for _ in range(3):
        with _core.Level("jvp") as level:
            ids.append(level.id)
    assert ids == sorted(set(ids))


def test_exceptions_end_levels():
    with pytest.raises(KeyError), _core.Level("jvp") as outer, _core.Level("vmap", 2) as inner:
        raise KeyError
    assert not outer.alive and not inner.alive


def test_leaving_out_of_order():
    outer, inner = _core.Level("jvp"), _core.Level("jvp")
    outer.__enter__()
    inner.__enter__()
    with pytest.raises(RuntimeError, match="reverse order"):
        outer.__exit__(None, None, None)
    assert not outer.alive and inner.alive
    inner.__exit__(None, None, None)


def test_entering_twice():
    with _core.Level("jvp") as level, pytest.raises(RuntimeError, match="only once"):
        level.__enter__()
    with pytest.raises(RuntimeError, match="only once"):
        level.__enter__()


def test_arguments():
    with pytest.raises(ValueError, match="kind"):
        _core.Level("grad")
    with pytest.raises(ValueError, match="negative"):
        _core.Level("vmap", -1)


def test_parts_lie_below_their_level():
    with _core.Level("jvp") as outer, _core.Level("jvp") as inner:
        x = _core.make_dual(inner, pa.ones(2), None)
        for level in (outer, inner):
            with pytest.raises(ValueError, match="below its level"):
                _core.make_dual(level, x, None)
            with pytest.raises(ValueError, match="below its level"):
                _core.make_dual(level, pa.ones(2), x)


def test_tangents_and_mapped_dimensions_must_fit():
    with _core.Level("jvp") as level:
        with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
            _core.make_dual(level, pa.ones(2), pa.ones(3))
        with pytest.raises(TypeError, match="floating-point"):
            _core.make_dual(level, pa.tensor([1]), pa.ones(1))
    with pytest.raises(pa.EscapedTensorError):
        _core.make_dual(level, pa.ones(2), None)
    with _core.Level("vmap", 2) as level:
        with pytest.raises(IndexError, match="out of range"):
            _core.make_batched(level, pa.ones(2), 1)
        with pytest.raises(ValueError, match="another length"):
            _core.make_batched(level, pa.ones(3), 0)


def test_unwrapping_tells_what_is_not_at_the_level():
    with _core.Level("jvp") as level:
        x = pa.ones(2)
        primal, tangent = _core.unwrap_dual(level, x)
        assert primal.tolist() == [1.0, 1.0] and tangent is None
        primal, tangent = _core.unwrap_dual(level, _core.make_dual(level, x, x) * 2)
        assert tangent.tolist() == [2.0, 2.0]
    with _core.Level("vmap", 2) as level:
        assert _core.unwrap_batched(level, x)[1] is None
        assert _core.unwrap_batched(level, _core.make_batched(level, x, 0))[1] == 0
        assert _core.unwrap_batched(level, _core.make_batched(level, x, None))[1] is None


@pytest.mark.parametrize("kind", ["jvp", "taylor"])
def test_indices_and_comparisons_belong_to_no_level(kind):
    def f(x):
        for found in (x > 0.5, pa.argmax(x), x == x, pa.isfinite(x)):
            assert _core.depth(found) == 0
        chosen = pa.where(x > 0.5, pa.zeros(2), 1.0)
        assert _core.depth(chosen) == 0
        return x * chosen

    x, one = pa.tensor([0.2, 0.7]), pa.ones(2)
    slope = pa.func.jvp(f, (x,), (one,))[1] if kind == "jvp" else pa.func.taylor(f, x, one, 2)[1]
    assert slope.tolist() == [1.0, 0.0]
