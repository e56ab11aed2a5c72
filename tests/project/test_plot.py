"""pa.plot: the graph drawn is the one recorded, boxes do not overlap; Hessians by matplotlib."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from scipy.sparse import csr_array
from support.processes import run_code

import pyautograd as pa
from pyautograd.plot._layout import layered

SVG = "{http://www.w3.org/2000/svg}"


def boxes(svg):
    """Per box: its class and its lines; boxes in the order of drawing."""
    root = ElementTree.fromstring(svg)
    found = []
    for group in root.iter(f"{SVG}g"):
        if "class" in group.attrib:
            found.append((group.get("class"), [t.text for t in group.findall(f"{SVG}text")]))
    return found


def test_a_product_by_hand():
    x = pa.tensor([3.0, 1.0], requires_grad=True)
    y = pa.tensor([1.0, 2.0], requires_grad=True)
    svg = pa.plot.graph(pa.sum(x * y), names={"x": x, "y": y})
    assert sorted(kind for kind, _ in boxes(svg)) == ["leaf", "leaf", "op", "output"]
    lines = {text[0]: text[1:] for _, text in boxes(svg)}
    assert lines["x"] == ["(2,)"] and lines["y"] == ["(2,)"]
    assert lines["multiply"] == ["(2,)", "saves 32 B"]
    assert "4 nodes, 32 B saved" in svg
    assert svg.count("marker-end") == 3


def test_shared_memory_is_counted_once():
    def f(x):
        y = pa.exp(x)
        return pa.sin(y) + pa.cos(y)

    svg = pa.plot.graph(f, np.ones(1000, np.float32))
    lines = [text for _, text in boxes(svg)]
    assert sum("4.0 KB shared" in text for text in lines) == 3
    assert "4.0 KB saved" in svg and "(1000,) float32" in lines[0]


def test_nodes_of_the_second_derivative():
    plain = pa.plot.graph(lambda x: pa.sum(pa.sin(x) ** 2), np.ones(3))
    second = pa.plot.graph(lambda x: pa.sum(pa.sin(x) ** 2), np.ones(3), gradient=True)
    assert not [b for b in boxes(plain) if b[0] == "backward"]
    added = [text[0] for kind, text in boxes(second) if kind == "backward"]
    assert "cos" in added and len(boxes(second)) == len(boxes(plain)) + len(added) + 1
    assert len([b for b in boxes(second) if b[0] == "output"]) == 2


def test_arguments_of_a_function_are_named():
    svg = pa.plot.graph(lambda p, x: p["w"] * x + p["b"], {"w": 2.0, "b": 1.0}, 3.0)
    names = [text[0] for kind, text in boxes(svg) if kind == "leaf"]
    assert names == ["argument 0['w']", "argument 0['b']", "argument 1"]
    assert "&lt;" not in svg.split("argument 0")[0]


def test_text_is_escaped_and_saved(tmp_path):
    x = pa.tensor(1.0, requires_grad=True)
    svg = pa.plot.graph(pa.sin(x), names={"<x & y>": x})
    assert boxes(svg)[0][1][0] == "<x & y>"
    svg.save(tmp_path / "graph.svg")
    assert (tmp_path / "graph.svg").read_text() == svg == svg._repr_svg_()


def test_released_and_overwritten_values_are_drawn_without_bytes():
    x = pa.tensor([1.0, 2.0], requires_grad=True)
    z = pa.sum(x * pa.tensor([1.0, 2.0]))
    assert "saves" in pa.plot.graph(z)
    z.backward()
    assert "saves" not in pa.plot.graph(z)
    y = pa.tensor([1.0, 2.0])
    z = pa.sum(x * y)
    y[0] = 5.0
    assert "leaf" in pa.plot.graph(z)


@pytest.mark.parametrize("seed", range(5))
def test_layout_keeps_boxes_apart_and_edges_downwards(seed):
    rng = np.random.default_rng(seed)
    n = 40
    sizes = [(float(w), float(h)) for w, h in rng.integers(20, 120, (n, 2))]
    edges = [(int(rng.integers(0, end)), end) for end in range(1, n) for _ in range(2)]
    layout = layered(sizes, edges)
    corners = [
        (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        for (w, h), (x, y) in zip(sizes, layout.centres, strict=True)
    ]
    for i, a in enumerate(corners):
        assert a[0] >= -1e-6 and a[1] >= -1e-6
        assert a[2] <= layout.width + 1e-6 and a[3] <= layout.height + 1e-6
        for b in corners[:i]:
            apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
            assert apart
    for points, (start, end) in zip(layout.edges, edges, strict=True):
        assert all(lower[1] > upper[1] - 1e-9 for upper, lower in zip(points, points[1:],
                                                                      strict=False))  # fmt: skip
        assert points[0][1] == pytest.approx(corners[start][3])
        assert points[-1][1] == pytest.approx(corners[end][1])


def test_a_chain_is_straight():
    svg = pa.plot.graph(lambda x: pa.sin(pa.cos(pa.exp(x))), 1.0)
    paths = re.findall(r'<path d="(M[^"]*)" fill="none"', svg)
    assert len(paths) == 3 and all("C" not in path for path in paths)


BAD = [
    (lambda: pa.plot.graph(pa.ones(2)), ValueError, "nothing was recorded"),
    (lambda: pa.plot.graph(3), TypeError, "expected tensors or a function, got a int"),
    (lambda: pa.plot.graph(pa.sin), TypeError, "is drawn with its arguments"),
    (lambda: pa.plot.graph(pa.ones(2), 1), TypeError, "arguments go with a function"),
    (lambda: pa.plot.graph(pa.sin, 1.0, names={"x": pa.ones(2)}), TypeError, "that require grad"),
    (lambda: pa.plot.graph(lambda x: pa.sum(x**2) * 2, 1.0, max_nodes=2), ValueError, "more than"),
    (lambda: pa.plot.hessian(np.ones((2, 3))), ValueError, "do not make a square"),
    (lambda: pa.plot.hessian(np.ones((0, 0))), ValueError, "expected a square matrix"),
    (lambda: pa.plot.hessian([np.ones((2, 2))] * 2), ValueError, "2 blocks do not make a square"),
]


@pytest.mark.parametrize("call, error, message", BAD)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def quadratic(p):
    return pa.sum(p["w"] ** 2) * p["b"][0] - p["b"][1] ** 2


POINT = {"w": np.ones((2, 3)), "b": (2.0, 1.0)}
HESSIANS = {
    "tree": lambda: pa.hessian(quadratic, POINT),
    "operator": lambda: pa.linop.Hessian(quadratic, POINT),
    "sparse": lambda: csr_array(np.eye(4)),
    "tensor": lambda: pa.hessian(lambda x: pa.sum(x**3), np.ones((2, 2))),
    "nan": lambda: np.full((2, 2), np.nan),
    "scalar": lambda: pa.hessian(lambda x: x**3, 1.0),
}


@pytest.mark.parametrize("kind", HESSIANS)
def test_hessian_figures(kind, tmp_path):
    figure = pa.plot.hessian(HESSIANS[kind](), title=kind)
    figure.savefig(tmp_path / "hessian.png")
    assert (tmp_path / "hessian.png").stat().st_size > 5000
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[0] == "entries" and titles[1].startswith("pattern")
    if kind == "tree":
        labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
        assert labels == ["['w']", "['b'][0]", "['b'][1]"]
        assert titles[1] == "pattern: 29.7% nonzero"
        low, high = np.linalg.eigvalsh(pa.linop.Hessian(quadratic, POINT) @ np.eye(8))[[0, -1]]
        assert titles[2] == f"spectrum: {low:.3g} to {high:.3g}"


def test_without_matplotlib_the_error_says_so():
    code = (
        "import sys; sys.modules['matplotlib'] = None; import pyautograd as pa; "
        "pa.plot.graph(pa.sin, 1.0); pa.plot.hessian(pa.eye(2))"
    )
    done = run_code(code)
    assert done.returncode == 1 and "pip install matplotlib" in done.stderr
