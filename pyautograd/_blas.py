"""Where the BLAS is: the library inside the scipy-openblas32 package, if that is installed."""

from __future__ import annotations

import importlib.util
import os

from . import _core


def choose() -> None:
    """Tell the core which library to open when a matrix product first needs one.

    The package itself is not imported: that would take longer than all of ours.
    """
    spec = importlib.util.find_spec("scipy_openblas32")
    for package in (spec.submodule_search_locations if spec else None) or ():
        folder = os.path.join(package, "lib")
        for name in sorted(os.listdir(folder) if os.path.isdir(folder) else ()):
            if name.startswith("libscipy_openblas") and name.endswith((".so", ".dylib", ".dll")):
                _core.set_blas_library(os.path.join(folder, name))
                return
