"""Loops over memory: every layout and size gives the numbers of the plain one."""

import itertools

import numpy as np
import pytest
from support.processes import run_code

import pyautograd as pa

LAYOUTS = ["plain", "transposed", "rows apart", "items apart"]


def laid_out(values, layout):
    """The same matrix, its items elsewhere."""
    rows, columns = values.shape
    if layout == "transposed":
        return pa.tensor(values.T.copy()).T
    if layout == "rows apart":
        wide = np.zeros((2 * rows, columns + 3), values.dtype)
        wide[::2, 1:-2] = values
        return pa.tensor(wide)[::2, 1:-2]
    if layout == "items apart":
        wide = np.zeros((rows, 2 * columns), values.dtype)
        wide[:, ::2] = values
        return pa.tensor(wide)[:, ::2]
    return pa.tensor(values)


def whole_numbers(rng, shape, dtype):
    """Sums of products of these are exact, in whatever order they are added."""
    return rng.integers(-8, 9, shape).astype(dtype)


# Moderate products are cut into blocks along every axis; small and large ones are not.
PRODUCTS = [
    (256, 64, 64),
    (64, 64, 300),
    (101, 103, 107),
    (1000, 10, 128),
    (3, 700, 500),
    (700, 3, 500),
    (500, 700, 3),
    (33, 350, 97),
    (257, 255, 129),
    (130, 90, 300),
    (201, 29, 520),
    (2, 2, 300_000),
    (1, 900, 1200),
    (900, 1, 1200),
    (290, 300, 310),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("m", "n", "k"), PRODUCTS)
def test_products_of_every_layout(m, n, k, dtype):
    rng = np.random.default_rng(m + n + k)
    a, b = whole_numbers(rng, (m, k), dtype), whole_numbers(rng, (k, n), dtype)
    want = a @ b
    for left in LAYOUTS if m * k < 10**5 else LAYOUTS[:2]:
        for right in LAYOUTS if n * k < 10**5 else LAYOUTS[:2]:
            got = laid_out(a, left) @ laid_out(b, right)
            np.testing.assert_array_equal(got.numpy(), want, err_msg=f"{left} @ {right}")


def test_products_without_blas():
    code = f"""
        import sys
        sys.modules["scipy_openblas32"] = None
        import numpy as np, pyautograd as pa
        rng = np.random.default_rng(0)
        for m, n, k in {PRODUCTS}:
            for dtype in (np.float32, np.float64):
                a, b = (rng.integers(-8, 9, s).astype(dtype) for s in ((m, k), (k, n)))
                pairs = (a, b), (a, b.T.copy().T), (a.T.copy().T, b)
                for x, y in [(pa.asarray(x), pa.asarray(y)) for x, y in pairs]:
                    np.testing.assert_array_equal((x @ y).numpy(), a @ b)
        print("done")
        """
    done = run_code(code)
    assert done.stdout == "done\n", done.stderr


def test_derivatives_of_products_of_transposed_views():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(4, 3)), rng.normal(size=(4, 5)), rng.normal(size=(3, 5))

    def products(a, b, c):
        first = pa.func.vjp(lambda a, b: a.T @ b, a, b)[1](c)
        return pa.sum(first[0] ** 2 * a) + pa.sum(first[1] ** 3)

    for order in (1, 2):
        got = products
        want = lambda a, b, c: pa.sum((b @ c.T) ** 2 * a) + pa.sum((a @ c) ** 3)  # noqa: E731
        for _ in range(order):
            got, want = (pa.func.jacrev(f, argnums=(0, 1, 2)) for f in (got, want))
        leaves = [pa.tree.flatten(f(*values))[0] for f in (got, want)]
        for x, y in zip(*leaves, strict=True):
            np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-10, atol=1e-10)


def test_threads_do_not_change_a_product():
    rng = np.random.default_rng(0)
    a, b = pa.tensor(rng.normal(size=(700, 200))), pa.tensor(rng.normal(size=(200, 90)))
    former = pa.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            pa.set_num_threads(threads)
            results.append(((a @ b).numpy(), (b.T @ a.T).numpy()))
    finally:
        pa.set_num_threads(former)
    for got in results[1:]:
        for mine, first in zip(got, results[0], strict=True):
            np.testing.assert_array_equal(mine, first)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int16", "bool", "complex128"])
@pytest.mark.parametrize("shape", [(1, 9), (8, 8), (33, 70), (64, 64), (129, 31), (300, 400)])
def test_transposed_copies(shape, dtype):
    values = np.arange(shape[0] * shape[1]).reshape(shape).astype(dtype)
    for layout in LAYOUTS:
        x = laid_out(values, layout)
        np.testing.assert_array_equal(x.T.copy().numpy(), values.T, err_msg=layout)
    stacked = np.stack([values, values[::-1], values[:, ::-1]])
    for axes in ((0, 2, 1), (2, 0, 1), (2, 1, 0), (1, 0, 2)):
        got = pa.permute_dims(pa.tensor(stacked), axes).copy()
        np.testing.assert_array_equal(got.numpy(), stacked.transpose(axes))


@pytest.mark.parametrize("columns", [1, 2, 7, 31, 32, 100, 127, 128, 129, 600])
@pytest.mark.parametrize("rows", [1, 3, 200, 3000])
def test_rows_and_columns_that_repeat(rows, columns):
    """Beyond 32,768 elements threads share the work, and begin anywhere in a row."""
    rng = np.random.default_rng(rows + columns)
    x = rng.normal(size=(rows, columns))
    parts = {
        "row": rng.normal(size=columns),
        "every other": rng.normal(size=2 * columns)[::2],
        "backwards": rng.normal(size=columns)[::-1],
        "column": rng.normal(size=(rows, 1)),
        "float32 row": rng.normal(size=columns).astype("float32"),
    }
    for name, part in parts.items():
        ours = pa.asarray(part)
        for layout in LAYOUTS:
            y = laid_out(x, layout)
            np.testing.assert_array_equal((y - ours).numpy(), x - part, err_msg=name)
            np.testing.assert_array_equal((ours - y).numpy(), part - x, err_msg=name)
        y += ours
        np.testing.assert_array_equal(y.numpy(), x + part, err_msg=name)
    row, column = pa.asarray(parts["row"]), pa.asarray(parts["column"])
    np.testing.assert_array_equal((row - column).numpy(), parts["row"] - parts["column"])
    np.testing.assert_array_equal(
        pa.where(row > 0, column, row).numpy(),
        np.where(parts["row"] > 0, parts["column"], parts["row"]),
    )


def test_a_bias_of_every_image():
    rng = np.random.default_rng(0)
    x, bias = rng.normal(size=(5, 3, 6, 7)), rng.normal(size=(3, 1, 1))
    plane, line = rng.normal(size=(6, 7)), rng.normal(size=(3, 1, 7))
    for part in (bias, plane, line, plane.T.copy().T):
        got = pa.tensor(x) * pa.asarray(part)
        np.testing.assert_array_equal(got.numpy(), x * part)


def in_memory(values, order):
    """The same array, its axes in this order in memory."""
    back = np.argsort(order)
    return np.ascontiguousarray(values.transpose(order)).transpose(back)


def strides(x):
    """Of axes that have more than one place."""
    array = np.asarray(x)
    return [s for s, n in zip(array.strides, array.shape, strict=True) if n > 1]


ORDERS = list(itertools.permutations(range(3)))


@pytest.mark.parametrize("second", ORDERS)
@pytest.mark.parametrize("first", ORDERS)
def test_elementwise_results_lie_as_their_operands(first, second):
    rng = np.random.default_rng(0)
    full = rng.standard_normal((4, 6, 8))
    for part in [
        np.s_[:],
        np.s_[::2, 1:, ::-1],
        np.s_[:1],
        np.s_[:, :, 2:3],
        np.s_[:, None, 0],
        np.s_[0, 0],
    ]:
        a, b = in_memory(full, first)[::2, ::-1], in_memory(full, second)[::2][part]
        if part == np.s_[::2, 1:, ::-1]:
            a = a[::2, 1:, ::-1]
        x, y = pa.asarray(a), pa.asarray(b)
        assert strides(pa.exp(y)) == strides(np.exp(b))
        assert strides(x * y) == strides(a * b)
        assert strides(y - x) == strides(b - a)
        assert strides(pa.astype(x, pa.float32)) == strides(a.astype(np.float32))
        # NumPy's where is row-major unless all agree; ours is an op as any other.
        assert strides(pa.where(x > 0, x, y)) == strides(a + b)
        assert strides(pa.special.gammainc(pa.abs(x) + 1, pa.abs(y))) == strides(a + b)


def test_layouts_are_the_same_in_every_way_to_evaluate():
    def f(x):
        y = pa.tanh(x.T) * 2 + x.T * x.T
        return pa.where(y > 0, y, pa.exp(y))

    plain = pa.tensor(np.random.default_rng(0).standard_normal((300, 200)))
    want = f(plain)
    assert strides(want) == [8, 1600]
    tracked = pa.tensor(plain.numpy(), requires_grad=True)
    recorded = f(tracked).detach()
    with pa.fused():
        fused = f(plain)
        inside = pa.sum(fused)
    checkpointed = pa.checkpoint(f, tracked).detach()
    mapped = pa.func.vmap(f)(pa.stack([plain, plain]))[1]
    dual, tangent = pa.func.jvp(f, (plain,), (pa.ones_like(plain),))
    with pa.memory_budget("20MB"):
        dropped = f(tracked).detach()
    for y in (recorded, fused, checkpointed, mapped, dual, tangent, dropped):
        assert strides(y) == strides(want)
    for y in (recorded, fused, checkpointed, mapped, dual, dropped):
        np.testing.assert_array_equal(y.numpy(), want.numpy())
    assert inside.item() == pa.sum(want).item()
    assert strides(f(pa.astype(plain, pa.float16))) == [2, 400]


def test_a_fused_chain_reads_arrays_of_several_layouts():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 150, 150))

    def f(x, y):
        a = x.T * 2  # in the order of x
        b = y + a  # row-major
        c = a + a.T.T * b.T  # both again
        return c.reshape(-1) + pa.sin(b).T.reshape(-1), c, b.T - 1

    with pa.fused():
        got = f(pa.tensor(x), pa.tensor(y))
    for ours, plain in zip(got, f(pa.tensor(x), pa.tensor(y)), strict=True):
        np.testing.assert_array_equal(ours.numpy(), plain.numpy())
        assert strides(ours) == strides(plain)
    a = x.T * 2
    b = y + a
    np.testing.assert_allclose(got[1].numpy(), a + a * b.T, rtol=1e-14)


def test_gradients_in_another_order_are_added():
    w = pa.tensor(np.ones((300, 200)), requires_grad=True)
    ends = [pa.tensor(np.full((200, 300), k)) for k in (1.0, 2.0, 3.0)]
    loss = sum(pa.sum(w.T * end) for end in ends)
    (gradient,) = pa.grad(loss, [w])
    np.testing.assert_array_equal(gradient.numpy(), np.full((300, 200), 6.0))


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 6, 7, 15, 16, 17, 513])
def test_short_rows_are_packed_for_the_loop(columns):
    """Ranges of threads and tiles of loops begin and end within rows."""
    rng = np.random.default_rng(columns)
    rows = 70_000 // columns
    wide = rng.integers(0, 100, (rows, 3, columns + 1))
    x = wide[:, ::2, 1:]
    y = rng.integers(0, 100, (rows, 1, columns))
    z = rng.integers(0, 100, (rows, 2, 1))
    wide, b, c = pa.tensor(wide), pa.tensor(y), pa.tensor(z)
    a = wide[:, ::2, 1:]
    np.testing.assert_array_equal((a + b).numpy(), x + y)
    np.testing.assert_array_equal((c - a).numpy(), z - x)
    with pa.fused():
        together = (a + b) * c - a
    np.testing.assert_array_equal(together.numpy(), (x + y) * z - x)
    out = pa.zeros((rows, 3, columns + 1), dtype=pa.int64)
    out[:, ::2, 1:] += a
    np.testing.assert_array_equal(out[:, ::2, 1:].numpy(), x)
    assert pa.sum(out).item() == x.sum()
