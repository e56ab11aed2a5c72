"""docs/reference.md: every public name that is no op, with the first sentence of its docstring.

python tests/api_reference.py --write
"""

import argparse
import inspect
import re
from pathlib import Path

import pyautograd as pa
from pyautograd import _core, compositions
from pyautograd._names import ALIASES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference.md"
HEAD = """\
# Reference

Made by `python tests/api_reference.py --write`: what each function and class says of itself first.
`help(pa.hessian)` prints the rest: shapes, dtypes, errors and an example. NumPy's and SciPy's
functions, in `pa`, `pa.linalg`, `pa.fft` and `pa.special`, are listed with their derivatives in
[coverage.md](coverage.md).
"""
MODULES = (
    *("func", "implicit", "integrate", "interpolate", "linop", "optimize", "sparse", "stats"),
    *("random", "nn", "optim", "tree", "memory", "policies", "plot", "testing", "cuda"),
)


def first_sentence(described):
    """Without the references of reStructuredText, and in one line."""
    paragraphs = inspect.getdoc(described).split("\n\n")
    if re.match(r"\w+\(.*\)( -> .*)?$", paragraphs[0]):  # a signature
        del paragraphs[0]
    text = " ".join(paragraphs[0].split())
    text = re.sub(r":\w+:`(?:[^`<]*<)?~?([^`>]+)>?`", r"`\1`", text).replace("``", "`")
    sentence = re.match(r".*?(?<!\b[A-Z])\.(?= [A-Z`]|$)", text)
    return re.sub(r":+$", ".", sentence[0] if sentence else text).replace("|", "\\|")


def is_described(name, described):
    if inspect.ismodule(described) or not callable(described) or not inspect.getdoc(described):
        return False
    return not name.startswith("_")


def section(title, module):
    elsewhere = {*_core.ops, *compositions.HOMES, *ALIASES} if module is pa else ()
    names = [n for n in module.__all__ if n not in elsewhere]
    names = sorted(n for n in names if is_described(n, getattr(module, n)))
    rows = [f"| `{title}.{n}` | {first_sentence(getattr(module, n))} |" for n in names]
    return "\n".join([f"\n## {title}\n", "| name | what it is |", "|---|---|", *rows, ""])


def page():
    parts = [section("pa", pa), *[section(f"pa.{m}", getattr(pa, m)) for m in MODULES]]
    return HEAD + "".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/reference.md")
    if parser.parse_args().write:
        PAGE.write_text(page())
    else:
        print(page())


if __name__ == "__main__":
    main()
