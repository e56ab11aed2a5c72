"""Numbers of bytes, as people write them."""

from __future__ import annotations

import re

from ._whole import whole

_UNITS = {"": 1, "b": 1} | {
    f"{prefix}{ending}": base**power
    for power, prefix in enumerate("kmgt", 1)
    for ending, base in (("", 1000), ("b", 1000), ("ib", 1024))
}
_TEXT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-zA-Z]*)\s*")


def parse_bytes(op: str, name: str, amount: int | float | str) -> int:
    """Bytes from a whole number or from text such as ``"2GB"`` (10**9) or ``"1.5GiB"`` (2**30).

    >>> from pyautograd._bytes import parse_bytes
    >>> parse_bytes("hessian", "memory", "1.5 kB")
    1500
    """
    if isinstance(amount, str):
        match = _TEXT.fullmatch(amount)
        if match is None or match[2].lower() not in _UNITS:
            raise ValueError(
                f"[{op}] {name}={amount!r} is not a number of bytes: write an int, or a string "
                "like '256MB' or '1.5GiB'"
            )
        number = int(float(match[1]) * _UNITS[match[2].lower()])
    else:
        written = (
            int(amount) if isinstance(amount, float) and amount.is_integer() else whole(amount)
        )
        if written is None:
            raise TypeError(
                f"[{op}] {name} must be a number of bytes or a string like '256MB', got {amount!r}"
            )
        number = written
    if not 1 <= number < 2**63:
        raise ValueError(f"[{op}] {name} must be at least one byte, got {amount!r}")
    return number
