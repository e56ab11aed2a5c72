"""Python programs in a process of their own."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pyautograd as pa

# Where the tested package lies. A program started elsewhere might find the source folder first.
SITE = Path(pa.__file__).resolve().parents[1]


def run_python(*arguments):
    """Run `python *arguments` and return the finished process with its output as text."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=SITE)


def run_code(code):
    """The same for a program given as text, indented or not."""
    return run_python("-c", textwrap.dedent(code))
