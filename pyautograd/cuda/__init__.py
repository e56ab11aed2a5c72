"""Tensors on a CUDA device: which there are, what they hold, and in which order they work.

A tensor is on one device. ``x.to("cuda")`` copies it there, ``device="cuda"`` makes it there, and
ops run where their tensors are; 0-d tensors of the host go along with any. The kernels lie in a
library of their own that is opened when a device is first asked for (docs/cuda.md).

>>> from pyautograd import cuda
>>> cuda.device_count() if cuda.is_available() else 0  # doctest: +SKIP
1
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .. import _core
from .._core import Tensor
from .._switches import PlainSwitch
from ._captured import Graph

__all__ = [
    "Event",
    "Graph",
    "Stream",
    "allow_tf32",
    "current_stream",
    "default_stream",
    "device_count",
    "graph",
    "is_available",
    "libraries",
    "memory",
    "name",
    "pin_memory",
    "release_cached",
    "reset_peak",
    "stream",
    "stream_handle",
    "synchronize",
]


def is_available() -> bool:
    """Whether a tensor can be made on ``"cuda"``: the library, a driver and a device are there.

    >>> pa.cuda.is_available() in (True, False)
    True
    """
    try:
        return _core.device_count() > 0
    except RuntimeError:
        return False


def device_count() -> int:
    """How many CUDA devices there are.

    Raises ``RuntimeError`` that says what is missing where there can be none: the library of this
    build or the driver.
    """
    return _core.device_count()


def name(device: str = "cuda:0") -> str:
    """What the device calls itself, such as ``'NVIDIA H100 80GB HBM3'``."""
    return _core.device_name(device)


def libraries() -> dict[str, str | None]:
    """Where NVIDIA's libraries lie: for products, linear algebra, transforms and convolutions.

    They are opened when first needed: those that this process has loaded already, else those of
    NVIDIA's packages (``pip install nvidia-cublas nvidia-cusolver nvidia-cufft
    nvidia-cudnn-cu13``) in a folder that was on ``sys.path`` when a device was first asked for,
    else what the loader finds, as ``LD_LIBRARY_PATH`` says, else those of the toolkit in
    ``CUDA_HOME``, ``CUDA_PATH`` or ``/usr/local/cuda``.

    Returns a dictionary from ``'cuBLAS'``, ``'cuSOLVER'``, ``'cuFFT'`` and ``'cuDNN'`` to paths;
    ``None`` stands for one that is not there. Raises ``RuntimeError`` where this build has no CUDA
    library; it needs neither a driver nor a device.

    On a machine with a device::

        print(pa.cuda.libraries()["cuFFT"])  # .../site-packages/nvidia/cu13/lib/libcufft.so.12
    """
    return {
        name: place if found else None for name, (found, place) in _core.device_libraries().items()
    }


def memory(device: str = "cuda:0") -> dict[str, int]:
    """Bytes on a device: ``live``, ``peak``, ``cached``, ``captured``, ``free`` and ``total``.

    ``live`` is what tensors hold and ``peak`` the most they held, ``cached`` what the allocator
    keeps for the next tensors, ``captured`` what graphs keep besides (:func:`graph`). ``free`` and
    ``total`` are the device's own numbers, which count other programs, too.
    """
    return _core.device_memory(device)


def reset_peak(device: str = "cuda:0") -> None:
    """Start ``memory()["peak"]`` again from what is alive."""
    _core.device_reset_peak(device)


def release_cached(device: str = "cuda:0") -> int:
    """Give cached memory back to the device; returns the number of bytes.

    Waits for the device. Pinned memory that no tensor has goes back to the system.
    """
    return _core.device_release_cached(device)


def synchronize(device: str = "cuda:0") -> None:
    """Wait until everything asked of the device is done. Errors of earlier ops are raised here."""
    _core.device_synchronize(device)


class allow_tf32(PlainSwitch):
    """Let devices round factors to TensorFloat-32: ``with pa.cuda.allow_tf32():`` or a decorator.

    Products of matrices and convolutions of float32, and products of complex64, may use tensor
    cores so, with factors of 11 significant bits in place of 24 and sums in float32. It holds in
    this thread for what is computed inside, by derivatives too if ``backward`` or ``pa.grad`` is
    called inside; a captured call keeps what it was captured with. Other dtypes are computed as
    ever, and so is everything on the host.

    >>> x = pa.ones((2, 3), dtype="float32")
    >>> with pa.cuda.allow_tf32():
    ...     y = x @ x.T
    >>> y.tolist()
    [[3.0, 3.0], [3.0, 3.0]]
    """

    __slots__ = ()

    def _switch(self) -> int:
        return int(_core.allow_tf32(True))

    def _back(self, former: int) -> None:
        _core.allow_tf32(bool(former))


class Stream:
    """A line of work on a device: what is asked of one stream is done in the order of the calls.

    Work of different streams may overlap. Every thread has a stream of its own from the start, and
    :func:`stream` has a block of code use another one. Nobody needs to wait for anything in order
    to be right: an op waits, on the device, for the ops of other streams that made its inputs or
    that still use the memory it writes or is given.

    Args:
        device: ``"cuda"`` or such as ``"cuda:1"``.
        priority: streams with a lower number go first where the device has a choice; 0 or negative.

    Raises:
        RuntimeError: there is no such device.
        ValueError: ``device`` is no CUDA device.

    >>> pa.cuda.Stream("cpu")
    Traceback (most recent call last):
    ValueError: [cuda.Stream] expected a cuda device, got 'cpu'
    """

    __slots__ = ("_stream",)

    def __init__(self, device: str = "cuda", priority: int = 0) -> None:
        self._stream = _core.DeviceStream(device, priority)

    @classmethod
    def _of(cls, stream: _core.DeviceStream) -> Stream:
        made = object.__new__(cls)
        made._stream = stream
        return made

    @property
    def device(self) -> str:
        """The full name of the stream's device."""
        return self._stream.device

    @property
    def handle(self) -> int:
        """The ``cudaStream_t``, for other libraries."""
        return self._stream.handle

    def query(self) -> bool:
        """Whether everything asked of the stream is done."""
        return self._stream.idle()

    def synchronize(self) -> None:
        """Wait until it is."""
        self._stream.wait()

    def wait_stream(self, stream: Stream) -> None:
        """Later work of this stream comes after what was asked of the other one so far."""
        self._stream.follow(stream._stream)

    def wait_event(self, event: Event) -> None:
        """Later work of this stream comes after the event, as it was last recorded."""
        event._event.follow(self._stream)

    def record_event(self, event: Event | None = None) -> Event:
        """Record an event, by default a new one, after what was asked of this stream so far."""
        event = event or Event(device=self.device)
        event.record(self)
        return event

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stream):
            return NotImplemented
        return (self.device, self._stream.number) == (other.device, other._stream.number)

    def __hash__(self) -> int:
        return hash((self.device, self._stream.number))

    def __repr__(self) -> str:
        return f"Stream(device={self.device!r}, number={self._stream.number})"


class Event:
    """A point in the work of a stream: to wait for, and to take the time.

    Args:
        enable_timing: whether :meth:`elapsed_time` may be asked.
        device: ``"cuda"`` or such as ``"cuda:1"``.

    On a machine with a device::

        start, end = pa.cuda.Event(enable_timing=True), pa.cuda.Event(enable_timing=True)
        start.record()
        y = x @ x
        end.record()
        print(start.elapsed_time(end), "ms")
    """

    __slots__ = ("_device", "_event")

    def __init__(self, enable_timing: bool = False, *, device: str = "cuda") -> None:
        self._event = _core.DeviceEvent(device, enable_timing)
        self._device = device

    def record(self, stream: Stream | None = None) -> None:
        """Stand behind what was asked of a stream so far, by default the current one."""
        self._event.record((stream or current_stream(self._device))._stream)

    def wait(self, stream: Stream | None = None) -> None:
        """Later work of a stream, by default the current one, comes after the event."""
        self._event.follow((stream or current_stream(self._device))._stream)

    def query(self) -> bool:
        """Whether the work before the event is done; True where it was never recorded."""
        return self._event.reached()

    def synchronize(self) -> None:
        """Wait until it is."""
        self._event.wait()

    def elapsed_time(self, end: Event) -> float:
        """Milliseconds from this event to a later one, for which this waits.

        Raises ``RuntimeError`` where one of them was made without ``enable_timing`` or was never
        recorded.
        """
        return self._event.milliseconds(end._event)


def current_stream(device: str = "cuda") -> Stream:
    """The stream that this thread's work on the device goes to."""
    return Stream._of(_core.device_current_stream(device))


def default_stream(device: str = "cuda") -> Stream:
    """The stream that this thread had from the start."""
    return Stream._of(_core.device_own_stream(device))


@contextmanager
def stream(stream: Stream) -> Iterator[Stream]:
    """Have this thread's work on the stream's device go to the stream for a while::

    side = pa.cuda.Stream()
    with pa.cuda.stream(side):
        y = f(x)  # after what made x
    z = g(y)  # after y
    """
    if not isinstance(stream, Stream):
        raise TypeError(f"[cuda.stream] expected a cuda.Stream, got a {type(stream).__name__}")
    former = _core.device_current_stream(stream.device)
    stream._stream.make_current()
    try:
        yield stream
    finally:
        former.make_current()


def stream_handle(device: str = "cuda:0") -> int:
    """The ``cudaStream_t`` that this thread's work goes to, for libraries that order theirs by it.

    PyTorch takes it as ``torch.cuda.ExternalStream(handle)``, CuPy as ``cupy.cuda.ExternalStream``.
    It does not wait for the default stream.
    """
    return current_stream(device).handle


def pin_memory(x: Tensor) -> Tensor:
    """A copy of a tensor of the host in memory that devices can read on their own.

    ``x.to("cuda", non_blocking=True)`` of such a tensor returns at once. Its numbers must stay as
    they are until the copy is done (``Event.synchronize``); the tensor itself may be freed at any
    time. Pinned memory is kept and given out again; ask for as much as is copied often, as the
    system can move no page of it elsewhere.

    Returns ``x`` itself if it is pinned. Also as a method, ``x.pin_memory()``, beside
    ``x.is_pinned()``.

    Raises:
        RuntimeError: there is no device, or the tensor is recorded or inside a transform.
        ValueError: the tensor lies on a device.
        MemoryError: the system has no memory to pin.

    >>> pa.ones(3).is_pinned()
    False
    """
    return _core.pin_memory(x)


def graph(f: Callable[..., Any], *, warmup: int = 1, device: str | None = None) -> Graph:
    """A function that is written down once as a graph of kernels and then replayed as a whole.

    A replay asks the device for everything at once: small steps stop paying for Python and for
    launches. The first ``warmup`` calls run ``f`` as it is; the next one runs it without doing the
    work, to write that down; that call and all later ones copy their tensors into those of the
    captured call and replay it. Functions may contain gradients, ``pa.func.grad(f)`` and
    ``backward`` of their own, and change tensors in place: a whole training step may be captured.

    Whatever is no work of the device is not repeated: what Python computes, prints, counts or
    decides keeps its value of the captured call. So do tensors of the host. But what ``f`` draws on
    the device, from generators made outside, is what it would draw in each call. What ``f`` writes
    into its arguments, the caller does not see; what it writes into other tensors is seen.

    Args:
        f: takes and returns trees of tensors (:mod:`pyautograd.tree`) and other values.
        warmup: how many calls to run before capturing. What is made once, such as the state of an
            optimiser, must be made in one of them.
        device: where ``f`` runs, if it takes no tensor.

    Returns:
        A :class:`Graph`, to be called like ``f``. Tensors that it returns are copies without a
        graph of derivatives.

    Raises (when it is called):
        ValueError: shapes, dtypes, devices, structure or other values differ from those of the
            captured call; both are named. Or an argument lies on the host.
        RuntimeError: ``f`` reads numbers on the host (``float(x)``, ``print(x)``, ``if x > 0``,
            boolean masks), waits, changes the stream, or draws on the host, as permutations are
            (:mod:`pyautograd.random`); or an argument is recorded or inside a transform.
        IndexError: an index tensor of an *earlier* call was out of range (:meth:`Graph.check`).
        LinAlgError: a matrix of an *earlier* call was singular, or not positive definite.
        ValueError: an op of an *earlier* call was given a value that it refuses, such as a
            parameter of a distribution that is out of range.

    On a machine with a device::

        step = pa.cuda.graph(lambda w, x: w - 0.1 * pa.func.grad(loss)(w, x))
        for x in batches:
            w = step(w, x)
    """
    return Graph(f, warmup=warmup, device=device)
