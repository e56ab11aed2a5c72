"""SciPy, an optional dependency: imported when first used, and missed with advice."""

from __future__ import annotations

import importlib
from typing import Any


def scipy_module(op: str, name: str) -> Any:
    """``scipy.name``, or an ImportError that says how to install it."""
    try:
        return importlib.import_module(f"scipy.{name}")
    except ImportError as error:
        raise ImportError(
            f"[{op}] needs SciPy: pip install 'pyautograd[scipy]' ({error})"
        ) from error
