"""Writes ``_core.pyi`` and ``__init__.pyi``, or checks that they are current.

The ops come from the registry with the kinds of their parameters; the rest of the extension stands
in ``_core.pyi.in``, and a name that exists at run time but not in the stub is an error.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import pyautograd
from pyautograd import _arrays, _core
from pyautograd._bfloat16 import BFloat16
from pyautograd._names import ALIASES

PACKAGE = Path(__file__).parents[1]
# The stub itself hides these names from the type checker.
pa: Any = pyautograd

# Parameter kinds of the registry
KINDS = {
    "Tensor": "TensorLike",
    "TensorList": "Sequence[TensorLike] | Tensor",
    "Bool": "bool",
    "Int": "int",
    "Float": "float",
    "Dims": "int | Sequence[int]",
    "Axes": "int | Sequence[int]",
    "AxisPairs": "int | tuple[int | Sequence[int], int | Sequence[int]]",
    "DType": "npt.DTypeLike",
    "Device": "str",
    "String": "str",
    "NumberOrName": "float | str",
}
BINARY_OPERATORS = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split()
# Ops that return a single tensor for some values of a parameter: the parameter, its type where they
# return several, and where one.
SINGLE = {
    "linalg_qr": ("mode", 'Literal["reduced", "complete"]', 'Literal["r"]'),
    "linalg_svd": ("compute_uv", "Literal[True]", "Literal[False]"),
}
# Ops that mean another one with their first argument alone: what that returns.
ALONE = {"where": "tuple[Tensor, ...]"}
# Methods that also take the entries of their tuple one by one: x.reshape(2, 3)
SPREADING = {"reshape", "permute_dims", "transpose", "broadcast_to"}


def signatures() -> dict[str, tuple[list[str], str]]:
    """The annotated parameters and the result of every op."""
    found = {}
    for name, result, parameters in _core.op_table():
        parts: list[str] = []
        where = "positional"
        for parameter, kind, optional, place, default in parameters:
            if where == "positional" and place != "positional" and parts:
                parts.append("/")
            if place == "keyword" and where != "keyword":
                parts.append("*")
            where = place
            annotation = KINDS[kind] + (" | None" if optional else "")
            parts.append(f"{parameter}: {annotation}" + (f" = {default}" if default else ""))
        if where == "positional":
            parts.append("/")
        found[name.replace(".", "_")] = parts, result
    return found


def with_out(parts: list[str], result: str) -> list[str]:
    """The parameters and ``out``, which every op takes: of the form of the result."""
    out = "Tensor" if result == "Tensor" else "tuple[Tensor, ...]"
    if result.endswith("Result"):
        fields = getattr(importlib.import_module("pyautograd.linalg"), result)._fields
        out = f"tuple[{', '.join(['Tensor'] * len(fields))}]"
    return [*parts, *([] if "*" in parts else ["*"]), f"out: {out} | None = None"]


def function(name: str, parts: list[str], result: str) -> list[str]:
    """The definition of an op, or two overloads."""
    single_parts, parts = with_out(parts, "Tensor"), with_out(parts, result)
    if name in ALONE:
        return [
            f"@overload\ndef {name}({parts[0]}, /) -> {ALONE[name]}: ...",
            f"@overload\ndef {name}({', '.join(parts)}) -> {result}: ...",
        ]
    if name not in SINGLE:
        return [f"def {name}({', '.join(parts)}) -> {result}: ..."]
    parameter, several, single = SINGLE[name]
    at = next(i for i, part in enumerate(parts) if part.startswith(f"{parameter}:"))
    default = parts[at].partition(" = ")[2]
    by_keyword = ["*"] if any("=" in part for part in parts[:at]) else []
    first = [*parts[:at], f"{parameter}: {several} = {default}", *parts[at + 1 :]]
    rest = single_parts[at + 1 :]
    if by_keyword:
        rest = [part for part in rest if part != "*"]
    second = [*parts[:at], *by_keyword, f"{parameter}: {single}", *rest]
    return [
        f"@overload\ndef {name}({', '.join(first)}) -> {result}: ...",
        f"@overload\ndef {name}({', '.join(second)}) -> Tensor: ...",
    ]


def core_stub() -> str:
    ops = signatures()
    functions = [
        line for name, (parts, result) in ops.items() for line in function(name, parts, result)
    ]
    methods = []
    for name, method in sorted(vars(_core.Tensor).items()):
        if (
            inspect.isfunction(method)
            or (op := ALIASES.get(name, name)) not in ops
            or not callable(getattr(_core.Tensor, name, None))
        ):
            continue
        parts, result = ops[op]
        own = with_out([part for part in parts[1:] if part != "/"], result)
        parameters = ", ".join(["self", *own])
        if name in SPREADING:
            parameters = f"self, *{parts[-1].split(':')[0]}: int | Sequence[int]"
        methods.append(f"    def {name}({parameters}) -> {result}: ...")
    operators = [
        f"    def __{prefix}{name}__(self, other: TensorLike, /) -> Tensor: ..."
        for name in BINARY_OPERATORS
        for prefix in ("", "r", "i")
        if hasattr(_core.Tensor, f"__{prefix}{name}__")
    ]
    results = sorted(
        f"from .{name.split('.')[0]} import {result}"
        for name, result, _ in _core.op_table()
        if result.endswith("Result")
    )
    text = (Path(__file__).parent / "_core.pyi.in").read_text()
    for mark, lines in {
        "results": results,
        "methods": methods,
        "operators": operators,
        "functions": functions,
    }.items():
        text = text.replace(f"# {{{mark}}}", "\n".join(lines))
    return text


def package_stub() -> str:
    """Re-exports of what ``__init__.py`` imports and of every op under all its names."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    relative = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level == 1]
    imports = {alias.name: node.module or "" for node in relative for alias in node.names}
    imports |= dict.fromkeys(pa._MODULES, "") | pa._FUNCTIONS
    imports |= dict.fromkeys(pa._OPS.keys() - ALIASES, "_core")
    for name, home in _arrays.FUNCTIONS.items():
        imports[name] = home.__module__.removeprefix("pyautograd.")
    lines = [
        f"from .{imports[name]} import {name} as {name}"
        for name in sorted(imports)
        if name in pa.__all__
    ]
    lines += [f"{alias} = {name}" for alias, name in ALIASES.items()]
    lines += [f"{name}: {_dtype_type(dtype)}" for name, dtype in pa._DTYPES.items()]
    lines += [f"{name}: {type(value).__name__}" for name, value in pa._CONSTANTS.items()]
    header = "# Made by `python -m pyautograd._stubs --write`.\n\nimport numpy as np\n\n"
    header += "from ._bfloat16 import BFloat16\n"
    return header + "\n".join(lines).replace("NoneType", "None") + "\n"


def _dtype_type(dtype: Any) -> str:
    if isinstance(dtype, BFloat16):
        return BFloat16.__name__
    return f"np.dtype[np.{'bool_' if dtype.kind == 'b' else dtype.name}]"


def missing_names(stub: str) -> list[str]:
    """What exists at run time and is not in the stub."""
    names = [name for name in vars(_core) if not name.startswith("__")]
    members = [n for n in vars(_core.Tensor) if not n.startswith("__") and hasattr(_core.Tensor, n)]
    known = set(re.findall(r"^ *(?:def|class) (\w+)", stub, re.MULTILINE))
    known |= set(re.findall(r"^ *(\w+):", stub, re.MULTILINE))
    return sorted({name for name in names + members if name not in known})


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pyautograd._stubs", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write the stubs")
    action.add_argument("--check", action="store_true", help="exit with 1 if they are not current")
    options = parser.parse_args()
    stubs = {"_core.pyi": core_stub(), "__init__.pyi": package_stub()}
    if missing := missing_names(stubs["_core.pyi"]):
        print(f"not in _core.pyi.in: {', '.join(missing)}", file=sys.stderr)
        return 1
    status = 0
    for name, text in stubs.items():
        path = PACKAGE / name
        if options.write:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(
                f"{path} is not current: run python -m pyautograd._stubs --write", file=sys.stderr
            )
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
