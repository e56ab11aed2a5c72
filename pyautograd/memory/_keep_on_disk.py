"""Values saved for backward, in files."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
import weakref
from typing import Any

import numpy as np

from .. import _core
from .._core import Tensor
from .._flat import Array
from ._keep import Keep, Layout

__all__ = ["keep_on_disk"]


class _Folder:
    """A directory of our own, which goes with its last user, or with the interpreter."""

    __slots__ = ("__weakref__", "_numbers", "path", "process")

    def __init__(self, parent: str) -> None:
        try:
            self.path = tempfile.mkdtemp(prefix="pyautograd-", dir=parent)
        except OSError as error:
            raise _failure(error, f"cannot make a directory in {parent!r}") from error
        self._numbers = itertools.count()
        self.process = os.getpid()
        weakref.finalize(self, _remove_tree, self.path, self.process)

    def write(self, numbers: Array) -> _File:
        """Through write(2) and not a mapping, where a full disk would be a signal."""
        path = os.path.join(self.path, f"{next(self._numbers)}.bin")
        try:
            with open(path, "xb", buffering=0) as file:
                rest = numbers.view(np.uint8).data
                while rest:
                    rest = rest[file.write(rest) :]
        except OSError as error:
            _remove(path, self.process)
            message = f"cannot write {numbers.nbytes} bytes to {self.path!r}"
            raise _failure(error, message) from error
        except BaseException:
            _remove(path, self.process)
            raise
        return _File(path, self, numbers.nbytes)


class _File:
    """Removed with the last value that needs it."""

    __slots__ = ("_bytes", "_folder", "_path")

    def __init__(self, path: str, folder: _Folder, size: int) -> None:
        self._path = path
        self._folder = folder
        self._bytes = size

    def __del__(self) -> None:
        _remove(self._path, self._folder.process)

    def map(self, dtype: np.dtype[Any]) -> Array:
        try:
            found = os.path.getsize(self._path)
            if found != self._bytes:
                raise OSError(f"it has {found} bytes instead of {self._bytes}")
            return np.memmap(self._path, dtype, mode="r")
        except OSError as error:
            raise _failure(error, f"cannot read {self._path!r} back") from error


def _remove(path: str, process: int) -> None:
    """Unless this is a fork of the process that wrote it, which still needs it."""
    if os.getpid() == process:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _remove_tree(path: str, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(path, ignore_errors=True)


def _failure(error: OSError, message: str) -> OSError:
    """The same kind of error, with words."""
    text = f"[keep_on_disk] {message}: {error.strerror or error}"
    return OSError(text) if error.errno is None else type(error)(error.errno, text)


class keep_on_disk(Keep):
    """Keep values saved for backward in files of a directory, mapped into memory when needed.

    The files lie in a new directory inside the given one. Each is removed when the graph no longer
    needs it, as backward proceeds, and the directory with the last of them, after an exception or
    at the end of the program, too; only a killed process leaves it behind. Leaves and constants are
    left alone. The results are bit for bit those without.

    Args:
        directory: an existing, writable directory on a disk with enough room.
        min_bytes: values whose memory is smaller stay where they are.

    Raises:
        OSError: on entering, the directory is missing or read-only; from an operation, the disk is
            full; from the backward pass, a file is gone or was cut. The operation did not
            take place and the graph is as it was; what it needs can be freed and the call repeated.

    >>> import os, tempfile
    >>> directory = tempfile.mkdtemp()
    >>> x = pa.tensor(np.linspace(0.0, 1.0, 10_000), requires_grad=True)
    >>> with pa.memory.keep_on_disk(directory):
    ...     y = pa.sum(pa.tanh(x))
    >>> len(os.listdir(directory))
    1
    >>> y.backward()
    >>> os.listdir(directory)
    []
    """

    __slots__ = ("_directory", "_folders")

    def __init__(self, directory: str | os.PathLike[str], *, min_bytes: int = 65536) -> None:
        super().__init__(self._write, self._read, min_bytes)
        self._directory = os.fspath(directory)
        self._folders: list[_Folder] = []

    def __enter__(self) -> None:
        self._folders.append(_Folder(self._directory))
        super().__enter__()

    def __exit__(self, *details: object) -> None:
        super().__exit__(*details)
        self._folders.pop()

    def _write(self, x: Tensor) -> tuple[_File, Layout]:
        numbers, layout = Layout.of(x)
        return self._folders[-1].write(numbers), layout

    @staticmethod
    def _read(kept: tuple[_File, Layout]) -> Tensor:
        file, layout = kept
        return layout.restore(_core.from_numpy(file.map(layout.dtype)))
