"""Names of NumPy's: second names of ops, whichever of NumPy's and the array API's the registry has,
and names without a counterpart."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# alias: name in the registry
ALIASES: dict[str, str] = {
    "abs": "absolute",
    "amax": "max",
    "amin": "min",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "around": "round",
    "bitwise_not": "bitwise_invert",
    "concatenate": "concat",
    "conjugate": "conj",
    "degrees": "rad2deg",
    "fix": "trunc",
    "invert": "bitwise_invert",
    "left_shift": "bitwise_left_shift",
    "mod": "remainder",
    "pow": "power",
    "radians": "deg2rad",
    "right_shift": "bitwise_right_shift",
    "true_divide": "divide",
}


def no_counterpart(name: str) -> TypeError:
    return TypeError(
        f"{name} has no pyautograd counterpart: write it with other functions, or as a pa.Function "
        "with a derivative of its own; x.detach().numpy() has the numbers, as a constant"
    )


def public_dir(names: Sequence[str]) -> Callable[[], list[str]]:
    """A module's ``__dir__``, so that completion offers what is public and not what is imported."""
    return lambda: sorted(name for name in names if not name.startswith("_"))
