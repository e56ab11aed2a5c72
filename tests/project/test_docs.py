"""The code in README.md, in docs/ and in the docstrings runs, and prints what the text says."""

import contextlib
import doctest
import importlib
import inspect
import io
import pkgutil
import re
from operator import attrgetter
from pathlib import Path

import api_reference
import numpy as np
import pytest

import pyautograd as pa

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def page_blocks(page):
    """Pairs of a python block and the text block that follows it directly (None without one)."""
    matches = list(BLOCK.finditer(page.read_text()))
    source = page.read_text()
    pairs = []
    for match, following in zip(matches, [*matches[1:], None], strict=False):
        if match[1] != "python":
            continue
        expected = None
        if following is not None and following[1] == "text":
            if not source[match.end() : following.start()].strip():
                expected = following[2]
        pairs.append((source.count("\n", 0, match.start()) + 2, match[2], expected))
    return pairs


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page):
    names = {}
    for line, code, expected in page_blocks(page):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * (line - 1) + code, str(page), "exec"), names)
        if expected is not None:
            assert printed.getvalue() == expected, f"{page.name}, line {line}"
    names.clear()  # its functions hold it; what a page says of memory counts what others left


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_on_a_page_exist(page):
    text = page.read_text()
    names = re.findall(r"\bpa((?:\.[A-Za-z_]\w*)+)", text)
    for module, members in re.findall(r"\bpa\.(\w+)\.\{([^}]*)\}", text):
        names += [f".{module}.{member.strip()}" for member in members.split(",")]
    for name in set(names):
        owner, _, member = f"pa{name}".rpartition(".")
        assert hasattr(attrgetter(owner[3:])(pa) if owner != "pa" else pa, member), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_on_a_page_lead_somewhere(page):
    text = re.sub(r"(?<!\[)`[^`\n]*`", "", page.read_text())  # layers[0](x) in code is no link
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        linked = page.parent / file if file else page
        assert linked.exists(), target
        headings = re.findall(r"^#+ (.*)$", linked.read_text(), re.MULTILINE) if anchor else []
        slugs = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
        assert not anchor or anchor in slugs, target


def test_the_reference_is_current():
    """If not: python tests/api_reference.py --write"""
    assert api_reference.PAGE.read_text() == api_reference.page()


def test_every_page_is_reached_from_the_readme():
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop().resolve()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = re.findall(r"\]\((?!https?:)([^)\s#]+)", page.read_text())
        ahead += [page.parent / link for link in links]
    assert {page.resolve() for page in PAGES} <= reached


def test_readme_has_the_example():
    assert any(expected for _, _, expected in page_blocks(ROOT / "README.md"))


def public_modules():
    yield pa
    for info in pkgutil.walk_packages(pa.__path__, "pyautograd."):
        if info.name.endswith("__main__"):
            continue
        yield importlib.import_module(info.name)


def documented_objects():
    """Every distinct docstring with an example: of modules, functions, classes and members."""
    found = {}

    def add(name, thing):
        text = getattr(thing, "__doc__", None)
        inherited = not inspect.isclass(thing) and text == type(thing).__doc__
        if isinstance(text, str) and ">>>" in text and not inherited:
            found.setdefault(text, name)

    for module in public_modules():
        add(module.__name__, module)
        for name, thing in vars(module).items():
            owner = getattr(thing, "__module__", None) or ""
            if inspect.ismodule(thing) or (owner and not owner.startswith("pyautograd")):
                continue
            add(f"{module.__name__}.{name}", thing)
            if inspect.isclass(thing):
                for member, value in vars(thing).items():
                    value = getattr(value, "__func__", value)
                    add(f"{module.__name__}.{name}.{member}", value)
    return [(name, text) for text, name in sorted(found.items(), key=lambda item: item[1])]


def public_functions():
    """By name, but those of pa.cuda, whose examples would need a device."""
    for module in public_modules():
        parts = module.__name__.split(".")[1:]
        if any(part.startswith("_") for part in parts) or parts[:1] == ["cuda"]:
            continue
        for name in getattr(module, "__all__", []):
            thing = getattr(module, name)
            if inspect.isroutine(thing):
                yield f"{module.__name__}.{name}", thing


def test_every_public_function_has_an_example():
    found = dict(public_functions())
    assert {"pyautograd.exp", "pyautograd.special.beta", "pyautograd.linalg.norm"} <= set(found)
    assert not [name for name, thing in found.items() if ">>>" not in (thing.__doc__ or "")]


@pytest.mark.parametrize(
    "name, text", [pytest.param(name, text, id=name) for name, text in documented_objects()]
)
def test_docstring(name, text):
    example = doctest.DocTestParser().get_doctest(text, {"np": np, "pa": pa}, name, None, 0)
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    runner.run(example, out=report.write)
    assert runner.summarize(verbose=False).failed == 0, report.getvalue()
