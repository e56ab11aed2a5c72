"""The package's face: names, aliases, dtypes, lazy modules, stubs, counters."""

import ast
import inspect
import operator
import re
import typing
from pathlib import Path

import numpy as np
import pytest
from support.processes import run_code, run_python

import pyautograd as pa
from pyautograd._names import ALIASES
from pyautograd._ported import IN_MODULES, OF_TENSORS, PORTED

PACKAGE = Path(pa.__file__).parent


def test_every_public_name_exists_once():
    assert len(pa.__all__) == len(set(pa.__all__))
    for name in pa.__all__:
        assert hasattr(pa, name), name
        assert name in dir(pa)
    for name in pa._core.ops:
        module, _, short = name.rpartition(".")
        assert short in (getattr(pa, module) if module else pa).__all__


@pytest.mark.parametrize(
    "name",
    [
        *("fft", "func", "implicit", "linalg", "linop", "memory", "nn", "optim", "optimize"),
        *("plot", "policies", "random", "special", "testing", "tree"),
    ],
)
def test_completion_offers_what_is_public(name):
    module = getattr(pa, name)
    assert dir(module) == sorted(n for n in module.__all__ if not n.startswith("_"))
    found = [getattr(module, n) for n in dir(module)]
    # Python 3.10 takes aliases such as Callable[...] for classes.
    found = [x for x in found if typing.get_origin(x) is None]
    assert all(x.__doc__ for x in found if inspect.isroutine(x) or inspect.isclass(x))


def test_aliases_are_the_same_function():
    for alias, name in ALIASES.items():
        assert getattr(pa, alias) is getattr(pa, name)
        assert alias not in pa._core.ops


@pytest.mark.parametrize("name", [*ALIASES, *(name for name in pa._core.ops if "." not in name)])
def test_a_name_that_numpy_has_means_the_same(name):
    if not hasattr(np, name) or name in ("round", "meshgrid"):
        return
    reference = getattr(np, name)
    assert callable(reference)
    if isinstance(reference, np.ufunc) and reference.nin == reference.nout == 1:
        x = np.array([0, 1]) if name.startswith(("bitwise", "invert")) else np.array([0.25, 0.75])
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(getattr(pa, name)(x).numpy(), reference(x), rtol=1e-14)


def test_dtypes_and_constants():
    assert pa.float64 == np.float64
    assert pa.zeros(2, dtype=pa.int32).dtype == pa.int32
    assert pa.ones(2, dtype=pa.bool).dtype == bool
    assert (pa.pi, pa.e, pa.inf) == (np.pi, np.e, np.inf)
    assert np.isnan(pa.nan)
    assert pa.ones(2)[pa.newaxis].shape == (1, 2)


def test_variadic_ops_take_tensors_one_by_one_or_in_a_list():
    x, y = pa.ones((2, 3)), pa.ones((3, 2))
    assert pa.einsum("ij,jk->ik", x, y).tolist() == pa.einsum("ij,jk->ik", [x, y]).tolist()
    assert [g.shape for g in pa.meshgrid(pa.ones(2), pa.ones(3))] == [(3, 2), (3, 2)]
    assert [g.shape for g in pa.meshgrid(pa.ones(2), pa.ones(3), indexing="ij")] == [(2, 3)] * 2
    assert [g.shape for g in pa.broadcast_arrays(pa.ones(3), pa.ones((2, 1)))] == [(2, 3)] * 2
    assert pa.special.expit is pa.sigmoid
    assert pa.linalg.matmul is pa.matmul


def test_a_missing_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'pyautograd' has no attribute 'sine'"):
        pa.sine  # noqa: B018


def check_advice(owner, name, ours):
    assert not hasattr(owner, name), name
    with pytest.raises(AttributeError, match=re.escape(f"{name!r}: use {ours}")):
        getattr(owner, name)
    for path in re.findall(r"\b(?:pa|x|np|scipy)(?:\.\w+)+", ours):
        system, _, attribute = path.partition(".")
        if system != "scipy":
            operator.attrgetter(attribute)({"pa": pa, "np": np, "x": pa.ones(2)}[system])


def test_names_of_other_systems_are_told_what_to_write():
    for name, ours in PORTED.items():
        check_advice(pa, name, ours)
    for module, names in IN_MODULES.items():
        for name, ours in names.items():
            check_advice(getattr(pa, module), name, ours)
    for place in (pa, pa.func):
        with pytest.raises(AttributeError, match="without being compiled"):
            place.jit  # noqa: B018


def test_tensors_are_told_what_methods_of_others_are_called():
    x = pa.ones(3)
    for name, ours in OF_TENSORS.items():
        check_advice(x, name, ours)
        assert not hasattr(pa.Tensor, name)
        assert name not in dir(x)
    assert {"reshape", "T", "backward"} <= set(dir(x))
    with pytest.raises(
        AttributeError, match="has no attribute 'contiguous': ops take every layout"
    ):
        x.contiguous()
    with pytest.raises(AttributeError, match="object has no attribute 'nothing'$"):
        x.nothing  # noqa: B018


def test_python_suggests_names_that_look_similar():
    done = run_code("import pyautograd as pa; pa.arcsinn")
    assert re.search(r"Did you mean:? '\.?arcsin'", done.stderr)


def test_the_source_folder_says_that_it_is_not_the_package(tmp_path):
    (tmp_path / "pyautograd").mkdir()
    (tmp_path / "pyautograd" / "__init__.py").write_text((PACKAGE / "__init__.py").read_text())
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import pyautograd"
    done = run_code(code)
    assert "holds the sources, without the compiled core" in done.stderr


def test_misspelt_keywords_are_answered_with_the_signature():
    for call, text in (
        (lambda: pa.sum(pa.ones(2), keepdim=True), "'keepdim': sum(x, /, axis=None"),
        (lambda: pa.roll(pa.ones(2), 1, dim=0), "'dim': roll(x, /, shift, axis=None); write axis="),
        (lambda: pa.eye(3, requires_grad=True), "'requires_grad': eye("),
        (lambda: pa.tensor([1.0], require_grad=True), "'require_grad': tensor(data, dtype=None"),
        (lambda: pa.asarray([1.0], requires_grad=True), "'requires_grad': asarray(obj, dtype="),
    ):
        with pytest.raises(TypeError, match=re.escape(f"unexpected keyword argument {text}")):
            call()


def test_modules_of_few_programs_are_imported_when_used():
    code = (
        "import sys, pyautograd as pa; "
        "assert 'pyautograd.testing' not in sys.modules; pa.testing.gradcheck; "
        "from pyautograd import memory; assert memory is pa.memory; "
        "assert 'pyautograd.serialization' not in sys.modules; "
        "from pyautograd import save; assert save is pa.save is pa.serialization.save"
    )
    done = run_code(code)
    assert done.returncode == 0, done.stderr


def test_stubs_are_current():
    done = run_python("-m", "pyautograd._stubs", "--check")
    assert done.returncode == 0, done.stderr


def test_stubs_name_everything_public():
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text())
    named = {alias.asname for node in tree.body if isinstance(node, ast.ImportFrom)
             for alias in node.names}  # fmt: skip
    named |= {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)}
    named |= {node.targets[0].id for node in tree.body if isinstance(node, ast.Assign)}
    assert set(pa.__all__) <= named


def test_live_counters_and_cache():
    before = pa.memory.live()
    x = pa.tensor(np.ones(1000), requires_grad=True)
    y = x * 2.0
    now = pa.memory.live()
    assert now.storages - before.storages >= 2
    assert now.bytes - before.bytes >= 16000
    assert now.nodes - before.nodes == 2
    del x, y
    assert pa.memory.live() == before
    assert pa.memory.release_cached() >= 0
    assert pa.memory.release_cached() == 0


def test_the_module_reports_what_is_installed():
    lines = run_python("-m", "pyautograd").stdout.splitlines()
    assert lines[0] == f"pyautograd {pa.__version__}"
    assert f"numpy {np.__version__}" in lines
    assert [line.split(":")[0] for line in lines[-3:]] == ["kernels", "BLAS", "CUDA"]
