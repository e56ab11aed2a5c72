"""Trees of tensors in files: ``pa.save`` and ``pa.load``.

The file is an ordinary ``.npz`` archive without pickled objects. Every leaf is an array in it,
called by its path in the tree as :func:`pyautograd.tree.paths` writes it (``arr_0`` for a tree that
is a single leaf), so ``numpy.load`` can read it too.

>>> import tempfile
>>> params = {"w": pa.asarray([1.0, 2.0]), "steps": 3}
>>> with tempfile.TemporaryDirectory() as folder:
...     pa.save(f"{folder}/params.npz", params)
...     list(np.load(f"{folder}/params.npz")), pa.load(f"{folder}/params.npz", like=params)
(["['w']", "['steps']"], {'w': tensor([1., 2.]), 'steps': 3})
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import stat
import zipfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from . import _core
from ._bfloat16 import bfloat16
from ._core import Tensor
from .tree import flatten, paths, unflatten

__all__ = ["load", "save"]

_NUMBERS: dict[type, npt.DTypeLike] = {
    bool: np.bool_,
    int: np.int64,
    float: np.float64,
    complex: np.complex128,
}
_NUMERIC_KINDS = "biufc"
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # always this date: the same tree gives the same bytes
_LONGEST_NAME = 2**15  # bytes; a zip archive has 16 bits for it
_LONGEST_TEXT = 2**20  # characters
_LONGEST_HEADER = 4096  # bytes; 64 axes need fewer
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def save(path: str | os.PathLike[str], tree: Any) -> None:
    """Write a tree of tensors, arrays and numbers to an ``.npz`` file, all of it or nothing.

    The file is written under another name in the same folder, flushed to the disk and then renamed,
    so an interruption at any moment leaves either the old file or the new one.

    Args:
        path: the file. It is replaced if it exists; nothing is added to the name.
        tree: its leaves are tensors, NumPy arrays of numbers, or Python numbers and strings.
            ``None`` is kept, as part of the structure. bfloat16 is stored as float32.

    Raises:
        TypeError: a leaf is something else.
        ValueError: two leaves have the same path, or a leaf cannot be stored exactly.
        RuntimeError: a tensor belongs to a running ``vmap``.
        OSError: the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pa.save(f"{folder}/w.npz", pa.ones(3))
    ...     pa.load(f"{folder}/w.npz", like=pa.zeros(3))
    tensor([1., 1., 1.])
    """
    leaves, _ = flatten(tree)
    names = _names("save", tree)
    arrays = [_to_array(name, leaf) for name, leaf in zip(names, leaves, strict=True)]
    with _replacing(os.path.realpath(os.fsdecode(path))) as file:
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in zip(names, arrays, strict=True):
                entry = zipfile.ZipInfo(f"{name}.npy", _EARLIEST)
                with archive.open(entry, "w", force_zip64=True) as member:
                    npy.write_array(member, array, allow_pickle=False)


def load(path: str | os.PathLike[str], *, like: Any) -> Any:
    """Read a file that :func:`save` wrote, into the form of a tree that is already there.

    Everything is checked against ``like`` before anything is returned, names, dtypes, shapes and
    sizes, and nothing in the file can run code or make it read more than ``like`` takes. ``like``
    itself is left alone.

    Args:
        path: the file.
        like: a tree of the structure, shapes and dtypes that the file must have; the values do not
            matter.

    Returns:
        A new tree like ``like``. Its leaves have the same types; tensors are fresh leaves that
        require grad where those of ``like`` do, on their devices. Strings may have any length up to
        a million.

    Raises:
        ValueError: the file is damaged, truncated or no ``.npz`` file, or does not match ``like``;
            the first differing path is named.
        OSError: the file cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pa.save(f"{folder}/w.npz", {"w": pa.ones(3)})
    ...     pa.load(f"{folder}/w.npz", like={"w": pa.ones(2)})
    Traceback (most recent call last):
    ValueError: [load] ...w.npz does not match at ['w']: expected shape (2,), found (3,)
    """
    leaves, structure = flatten(like)
    names = _names("load", like)
    found = []
    with open(path, "rb") as file:
        source = _Source(os.fsdecode(path), file)
        source.check_names(names)
        for name, leaf in zip(names, leaves, strict=True):
            found.append(_like(leaf, source.array(name, *_expected("load", name, leaf))))
    return unflatten(structure, found)


class _Source:
    """The arrays of a file that is not trusted."""

    def __init__(self, path: str, file: IO[bytes]) -> None:
        self._path = path
        with self._parsing():
            self._archive = zipfile.ZipFile(file)
            listed = self._archive.infolist()
            self._entries = {entry.filename.removesuffix(".npy"): entry for entry in listed}
            if len(self._entries) != len(listed):
                raise ValueError("two entries have the same name")

    def check_names(self, names: list[str]) -> None:
        for name in names:
            if name not in self._entries:
                raise self._mismatch(name, "an entry", "none")
        wanted = set(names)
        for name in self._entries:
            if name not in wanted:
                raise self._mismatch(name, "no entry", "one")

    def array(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Any:
        """Read an array of this dtype and shape; memory is taken only when all else is right."""
        entry = self._entries[name]
        with self._parsing():
            if entry.compress_type not in _COMPRESSIONS:
                raise ValueError(f"compression method {entry.compress_type} at {name}")
            member = self._archive.open(entry)
            if (version := npy.read_magic(member)) != (1, 0):
                raise ValueError(f"version {version} of the .npy format at {name}")
            header = npy.read_array_header_1_0(member, max_header_size=_LONGEST_HEADER)
        found_shape, fortran_order, found = header
        text = dtype.kind == found.kind == "U"
        if text and found.itemsize > 4 * _LONGEST_TEXT:
            raise self._mismatch(name, f"at most {_LONGEST_TEXT} characters", "more")
        if not text and found.newbyteorder("=") != dtype.newbyteorder("="):
            raise self._mismatch(name, f"dtype {dtype}", str(found))
        if found_shape != shape:
            raise self._mismatch(name, f"shape {shape}", str(found_shape))
        with self._parsing():
            nbytes = math.prod(shape) * found.itemsize
            if entry.file_size != member.tell() + nbytes:
                raise ValueError(f"{entry.file_size} bytes at {name}")
            values = bytearray(member.read(nbytes))
            member.read(1)  # the end, where the checksum is compared
            order: Any = "F" if fortran_order else "C"
            array: Any = np.ndarray(shape, found, values, order=order)
            return array if text else array.astype(dtype, copy=False)

    @contextlib.contextmanager
    def _parsing(self) -> Iterator[None]:
        """Whatever a parser says about a damaged file becomes a ValueError."""
        try:
            yield
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise ValueError(
                f"[load] {self._path} is damaged, truncated or no .npz file: {reason}"
            ) from error

    def _mismatch(self, name: str, wanted: str, found: str) -> ValueError:
        return ValueError(
            f"[load] {self._path} does not match at {name}: expected {wanted}, found {found}"
        )


def _names(op: str, tree: Any) -> list[str]:
    """What the leaves are called in the file."""
    names = [path or "arr_0" for path in paths(flatten(tree)[1])]
    if len(set(names)) != len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise ValueError(f"[{op}] two leaves have the path {twice}: rename a key")
    for name in names:
        if "\0" in name or len(name.encode(errors="replace")) > _LONGEST_NAME:
            raise ValueError(f"[{op}] the path {name[:80]!r}... cannot be a name in a file")
    return names


def _to_array(name: str, leaf: Any) -> Any:
    if type(leaf) is Tensor:
        return np.asarray(leaf.detach().to("cpu"), _stored(leaf.dtype))
    dtype, _ = _expected("save", name, leaf)
    try:
        array = np.asarray(leaf, None if type(leaf) is str else dtype)
    except OverflowError:
        raise ValueError(f"[save] the number at {name} does not fit int64: {leaf}") from None
    if type(leaf) is str and (array.item() != leaf or len(leaf) > _LONGEST_TEXT):
        raise ValueError(f"[save] the string at {name} is too long or ends in a null character")
    return array


def _expected(op: str, name: str, leaf: Any) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The dtype and the shape that a leaf has in the file."""
    if type(leaf) is str:
        return np.dtype(np.str_), ()
    if type(leaf) in _NUMBERS:
        return np.dtype(_NUMBERS[type(leaf)]), ()
    if isinstance(leaf, (Tensor, np.ndarray, np.generic)) and leaf.dtype.kind in _NUMERIC_KINDS:
        return _stored(leaf.dtype), leaf.shape
    kind = type(leaf).__name__
    if isinstance(leaf, (np.ndarray, np.generic)):
        kind += f" of dtype {leaf.dtype}"
    raise TypeError(
        f"[{op}] the leaf at {name} is a {kind}: only tensors, arrays of numbers, Python numbers "
        "and strings are stored"
    )


def _stored(dtype: Any) -> np.dtype[Any]:
    """NumPy's files have no bfloat16: its numbers are stored as float32, which holds them."""
    return np.dtype(np.float32) if dtype == bfloat16 else dtype


def _like(leaf: Any, array: Any) -> Any:
    """The array as the kind of object that the leaf is."""
    if type(leaf) is Tensor:
        return _core.tensor(array, leaf.dtype, requires_grad=leaf.requires_grad, device=leaf.device)
    if isinstance(leaf, np.generic):
        return array[()]
    return array if isinstance(leaf, np.ndarray) else array.item()


@contextlib.contextmanager
def _replacing(path: str) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `path` once it is complete and on the disk."""
    folder = os.path.dirname(path)
    mode = None
    with contextlib.suppress(FileNotFoundError):
        mode = os.stat(path).st_mode
    if mode is not None and not stat.S_ISREG(mode):
        raise OSError(f"[save] {path} is there and is not a regular file")
    temporary = os.path.join(folder, f".pyautograd-{secrets.token_hex(8)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(descriptor, stat.S_IMODE(mode))
            yield file
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_folder(folder)


def _sync_folder(folder: str) -> None:
    """Bring the renaming itself to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
