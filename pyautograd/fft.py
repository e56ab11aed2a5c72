"""Discrete Fourier transforms, under the names of :mod:`numpy.fft` and the array API; cosine and
sine transforms, under those of :mod:`scipy.fft`.

Lengths of any kind are taken, primes too. float32 and complex64 are transformed in single
precision, integers in double. The transforms are linear, so their derivatives of every order and
in every mode are transforms again; the gradient with respect to real numbers is real.

>>> signal = pa.tensor([1.0, 2.0, 0.0, 0.0], requires_grad=True)
>>> kernel = pa.fft.rfft(pa.tensor([1.0, 1.0]), n=4)
>>> smooth = pa.fft.irfft(pa.fft.rfft(signal) * kernel, n=4)  # a circular convolution
>>> smooth.tolist()
[1.0, 3.0, 2.0, 0.0]
>>> smooth[1].backward()
>>> signal.grad.tolist()
[1.0, 1.0, 0.0, 0.0]
"""

from typing import TYPE_CHECKING

from . import compositions
from ._core import fft_fft as fft
from ._core import fft_fft2 as fft2
from ._core import fft_fftfreq as fftfreq
from ._core import fft_fftn as fftn
from ._core import fft_fftshift as fftshift
from ._core import fft_hfft as hfft
from ._core import fft_ifft as ifft
from ._core import fft_ifft2 as ifft2
from ._core import fft_ifftn as ifftn
from ._core import fft_ifftshift as ifftshift
from ._core import fft_ihfft as ihfft
from ._core import fft_irfft as irfft
from ._core import fft_irfft2 as irfft2
from ._core import fft_irfftn as irfftn
from ._core import fft_rfft as rfft
from ._core import fft_rfft2 as rfft2
from ._core import fft_rfftfreq as rfftfreq
from ._core import fft_rfftn as rfftn
from ._names import public_dir

if TYPE_CHECKING:
    from .compositions.cosine_transforms import dct, dctn, dst, dstn, idct, idctn, idst, idstn

globals().update(compositions.functions_of("fft"))

__all__ = [
    "dct",
    "dctn",
    "dst",
    "dstn",
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "idct",
    "idctn",
    "idst",
    "idstn",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]

__dir__ = public_dir(__all__)
