"""``python -m pyautograd`` prints what is installed, for a report of a fault."""

from __future__ import annotations

import importlib
import platform
import sys

import pyautograd as pa
from pyautograd import _core


def report() -> str:
    """Versions of the package and of what it uses."""
    lines = [f"pyautograd {pa.__version__}", f"Python {platform.python_version()}"]
    for name in ("numpy", "scipy", "matplotlib"):
        try:
            lines.append(f"{name} {importlib.import_module(name).__version__}")
        except ImportError:
            lines.append(f"{name} is not installed")
    lines.append(f"{platform.platform()}, {platform.machine()}")
    lines.append(f"kernels: {_core.instruction_set()}, {pa.get_num_threads()} threads")
    lines += [f"BLAS: {_core.blas_name()}", f"CUDA: {_cuda()}"]
    return "\n".join(lines)


def _cuda() -> str:
    try:
        return f"{pa.cuda.device_count()} devices" if pa.cuda.is_available() else "no device"
    except RuntimeError as error:
        return str(error)


if __name__ == "__main__":
    sys.stdout.write(report() + "\n")
