# Made by `python -m pyautograd._stubs --write`.

import numpy as np

from ._bfloat16 import BFloat16
from ._core import EscapedTensorError as EscapedTensorError
from .function import Function as Function
from ._core import Tensor as Tensor
from .array_api import __array_api_version__ as __array_api_version__
from .array_api import __array_namespace_info__ as __array_namespace_info__
from ._version import __version__ as __version__
from ._core import absolute as absolute
from ._core import acos as acos
from ._core import acosh as acosh
from ._core import add as add
from ._core import all as all
from .compositions.comparison import allclose as allclose
from ._arrays.extended import angle as angle
from ._core import any as any
from .compositions.joining import append as append
from .compositions.transforms import apply_along_axis as apply_along_axis
from .compositions.transforms import apply_over_axes as apply_over_axes
from ._core import arange as arange
from ._core import argmax as argmax
from ._core import argmin as argmin
from ._core import argpartition as argpartition
from ._core import argsort as argsort
from ._core import argwhere as argwhere
from .compositions.comparison import array_equal as array_equal
from .compositions.comparison import array_equiv as array_equiv
from ._core import array_split as array_split
from ._core import asarray as asarray
from ._core import asin as asin
from ._core import asinh as asinh
from ._core import astype as astype
from ._core import atan as atan
from ._core import atan2 as atan2
from ._core import atanh as atanh
from ._core import atleast_1d as atleast_1d
from ._core import atleast_2d as atleast_2d
from ._core import atleast_3d as atleast_3d
from .compositions.statistics import average as average
from .autograd import backward as backward
from .compositions.windows import bartlett as bartlett
from ._core import bincount as bincount
from ._core import bitwise_and as bitwise_and
from ._core import bitwise_count as bitwise_count
from ._core import bitwise_invert as bitwise_invert
from ._core import bitwise_left_shift as bitwise_left_shift
from ._core import bitwise_or as bitwise_or
from ._core import bitwise_right_shift as bitwise_right_shift
from ._core import bitwise_xor as bitwise_xor
from .compositions.windows import blackman as blackman
from .compositions.joining import block as block
from ._arrays.variadic import broadcast_arrays as broadcast_arrays
from .array_api import broadcast_shapes as broadcast_shapes
from ._core import broadcast_to as broadcast_to
from .array_api import can_cast as can_cast
from ._captured import captured as captured
from ._core import cbrt as cbrt
from ._core import ceil as ceil
from .checkpointing import checkpoint as checkpoint
from .checkpointing._sequential import checkpoint_sequential as checkpoint_sequential
from .compositions.indexing import choose as choose
from ._core import clip as clip
from .compositions.joining import column_stack as column_stack
from ._arrays.inspection import common_type as common_type
from ._core import complex as complex
from .compositions.selection import compress as compress
from ._core import concat as concat
from ._core import conj as conj
from ._core import convolve as convolve
from ._core import copy as copy
from ._core import copysign as copysign
from .compositions.writing import copyto as copyto
from .compositions.statistics import corrcoef as corrcoef
from ._core import correlate as correlate
from ._core import cos as cos
from ._core import cosh as cosh
from ._core import count_nonzero as count_nonzero
from .compositions.statistics import cov as cov
from ._coverage import coverage as coverage
from .compositions.calculus import cross as cross
from . import cuda as cuda
from ._core import cummax as cummax
from ._core import cummin as cummin
from ._core import cumprod as cumprod
from ._core import cumsum as cumsum
from ._core import cumulative_prod as cumulative_prod
from ._core import cumulative_sum as cumulative_sum
from ._core import deg2rad as deg2rad
from .compositions.joining import delete as delete
from .differential import derivative as derivative
from .autograd import detect_anomaly as detect_anomaly
from ._core import device as device
from .compositions.joining import diag as diag
from .compositions.indexing import diag_indices as diag_indices
from .compositions.indexing import diag_indices_from as diag_indices_from
from .compositions.joining import diagflat as diagflat
from ._core import diagonal as diagonal
from .compositions.calculus import diff as diff
from ._core import digitize as digitize
from .differential import divergence as divergence
from ._core import divide as divide
from ._core import divmod as divmod
from ._core import dot as dot
from .compositions.joining import dsplit as dsplit
from .compositions.joining import dstack as dstack
from .compositions.calculus import ediff1d as ediff1d
from ._arrays.variadic import einsum as einsum
from ._arrays.inspection import einsum_path as einsum_path
from ._core import empty as empty
from ._core import empty_like as empty_like
from .grad_mode import enable_grad as enable_grad
from ._core import equal as equal
from ._core import erf as erf
from ._core import erfc as erfc
from ._core import exp as exp
from ._core import exp2 as exp2
from ._core import expand_dims as expand_dims
from .derivatives import explain as explain
from ._core import expm1 as expm1
from .compositions.selection import extract as extract
from ._core import eye as eye
from ._core import fabs as fabs
from . import fft as fft
from .compositions.writing import fill_diagonal as fill_diagonal
from .array_api import finfo as finfo
from ._core import flatnonzero as flatnonzero
from ._core import flip as flip
from .compositions.joining import fliplr as fliplr
from .compositions.joining import flipud as flipud
from ._core import float_power as float_power
from ._core import floor as floor
from ._core import floor_divide as floor_divide
from ._core import fmax as fmax
from ._core import fmin as fmin
from ._core import fmod as fmod
from ._core import frexp as frexp
from ._core import from_dlpack as from_dlpack
from ._core import from_numpy as from_numpy
from .compositions.creation import fromfunction as fromfunction
from ._core import full as full
from ._core import full_like as full_like
from . import func as func
from ._fused import fused as fused
from ._core import gcd as gcd
from .compositions.creation import geomspace as geomspace
from ._core import get_num_threads as get_num_threads
from .autograd import grad as grad
from .compositions.calculus import gradient as gradient
from ._core import greater as greater
from ._core import greater_equal as greater_equal
from .compositions.windows import hamming as hamming
from .compositions.windows import hanning as hanning
from ._core import heaviside as heaviside
from .derivatives import hessian as hessian
from .differential import hessian_diagonal as hessian_diagonal
from .compositions.histograms import histogram as histogram
from .compositions.histograms import histogram2d as histogram2d
from .compositions.histograms import histogram_bin_edges as histogram_bin_edges
from .compositions.histograms import histogramdd as histogramdd
from .compositions.joining import hsplit as hsplit
from ._core import hstack as hstack
from .derivatives import hvp as hvp
from ._core import hypot as hypot
from ._core import i0 as i0
from .compositions.creation import identity as identity
from .array_api import iinfo as iinfo
from ._core import imag as imag
from . import implicit as implicit
from .compositions.creation import indices as indices
from ._core import inner as inner
from .compositions.joining import insert as insert
from . import integrate as integrate
from .compositions.calculus import interp as interp
from . import interpolate as interpolate
from .compositions.sets import intersect1d as intersect1d
from .grad_mode import is_grad_enabled as is_grad_enabled
from .compositions.comparison import isclose as isclose
from .compositions.comparison import iscomplex as iscomplex
from ._arrays.dtypes import iscomplexobj as iscomplexobj
from .array_api import isdtype as isdtype
from ._core import isfinite as isfinite
from ._core import isin as isin
from ._core import isinf as isinf
from ._core import isnan as isnan
from ._core import isneginf as isneginf
from ._core import isposinf as isposinf
from .compositions.comparison import isreal as isreal
from ._arrays.dtypes import isrealobj as isrealobj
from .compositions.indexing import ix_ as ix_
from .derivatives import jacobian as jacobian
from .compositions.windows import kaiser as kaiser
from .compositions.products import kron as kron
from ._core import kthvalue as kthvalue
from .differential import laplacian as laplacian
from ._core import lcm as lcm
from ._core import ldexp as ldexp
from ._core import less as less
from ._core import less_equal as less_equal
from .compositions.selection import lexsort as lexsort
from . import linalg as linalg
from . import linop as linop
from ._core import linspace as linspace
from .serialization import load as load
from ._core import log as log
from ._core import log10 as log10
from ._core import log1p as log1p
from ._core import log2 as log2
from ._core import log_softmax as log_softmax
from ._core import logaddexp as logaddexp
from ._core import logaddexp2 as logaddexp2
from ._core import logcumsumexp as logcumsumexp
from ._core import logical_and as logical_and
from ._core import logical_not as logical_not
from ._core import logical_or as logical_or
from ._core import logical_xor as logical_xor
from .compositions.creation import logspace as logspace
from ._core import logsumexp as logsumexp
from .compositions.indexing import mask_indices as mask_indices
from ._core import matmul as matmul
from ._core import matrix_transpose as matrix_transpose
from ._core import matvec as matvec
from ._core import max as max
from ._core import maximum as maximum
from ._arrays.inspection import may_share_memory as may_share_memory
from ._core import mean as mean
from .compositions.quantiles import median as median
from . import memory as memory
from .memory import memory_budget as memory_budget
from ._arrays.variadic import meshgrid as meshgrid
from ._arrays.grids import mgrid as mgrid
from ._core import min as min
from ._arrays.inspection import min_scalar_type as min_scalar_type
from ._core import minimum as minimum
from ._core import modf as modf
from ._core import moveaxis as moveaxis
from ._core import multiply as multiply
from .checkpointing import name as name
from ._core import nan_to_num as nan_to_num
from .compositions.missing import nanargmax as nanargmax
from .compositions.missing import nanargmin as nanargmin
from .compositions.missing import nancumprod as nancumprod
from .compositions.missing import nancumsum as nancumsum
from .compositions.missing import nanmax as nanmax
from .compositions.missing import nanmean as nanmean
from .compositions.quantiles import nanmedian as nanmedian
from .compositions.missing import nanmin as nanmin
from .compositions.quantiles import nanpercentile as nanpercentile
from .compositions.missing import nanprod as nanprod
from .compositions.quantiles import nanquantile as nanquantile
from .compositions.missing import nanstd as nanstd
from .compositions.missing import nansum as nansum
from .compositions.missing import nanvar as nanvar
from ._arrays.inspection import ndim as ndim
from ._core import negative as negative
from ._core import nextafter as nextafter
from . import nn as nn
from .grad_mode import no_grad as no_grad
from ._core import nonzero as nonzero
from ._core import not_equal as not_equal
from ._arrays.grids import ogrid as ogrid
from .function import once_differentiable as once_differentiable
from ._core import ones as ones
from ._core import ones_like as ones_like
from . import optim as optim
from . import optimize as optimize
from ._core import outer as outer
from ._arrays.extended import pad as pad
from ._core import partition as partition
from .compositions.quantiles import percentile as percentile
from ._core import permute_dims as permute_dims
from .compositions.indexing import piecewise as piecewise
from .compositions.writing import place as place
from . import plot as plot
from . import policies as policies
from .compositions.polynomials import poly as poly
from .compositions.polynomials import polyadd as polyadd
from .compositions.polynomials import polyder as polyder
from .compositions.polynomials import polydiv as polydiv
from .compositions.polynomials import polyfit as polyfit
from .compositions.polynomials import polyint as polyint
from .compositions.polynomials import polymul as polymul
from .compositions.polynomials import polysub as polysub
from .compositions.polynomials import polyval as polyval
from ._core import positive as positive
from ._core import power as power
from ._core import prod as prod
from .compositions.statistics import ptp as ptp
from .compositions.writing import put as put
from .compositions.writing import put_along_axis as put_along_axis
from .compositions.writing import putmask as putmask
from .compositions.quantiles import quantile as quantile
from ._core import rad2deg as rad2deg
from . import random as random
from ._core import ravel as ravel
from .compositions.indexing import ravel_multi_index as ravel_multi_index
from ._core import real as real
from .compositions.comparison import real_if_close as real_if_close
from ._core import reciprocal as reciprocal
from ._core import relu as relu
from ._core import remainder as remainder
from ._core import repeat as repeat
from ._core import reshape as reshape
from .compositions.joining import resize as resize
from .array_api import result_type as result_type
from ._core import rint as rint
from ._core import roll as roll
from .compositions.joining import rollaxis as rollaxis
from .compositions.polynomials import roots as roots
from ._core import rot90 as rot90
from ._arrays.extended import round as round
from ._core import rsqrt as rsqrt
from .serialization import save as save
from .memory._hooks import saved_tensors_hooks as saved_tensors_hooks
from .checkpointing._scan import scan as scan
from ._core import searchsorted as searchsorted
from .compositions.indexing import select as select
from .autograd import set_detect_anomaly as set_detect_anomaly
from .grad_mode import set_grad_enabled as set_grad_enabled
from ._core import set_num_threads as set_num_threads
from .compositions.sets import setdiff1d as setdiff1d
from .compositions.sets import setxor1d as setxor1d
from ._arrays.inspection import shape as shape
from ._arrays.inspection import shares_memory as shares_memory
from ._core import sigmoid as sigmoid
from ._core import sign as sign
from ._core import signbit as signbit
from ._core import sin as sin
from ._core import sinc as sinc
from ._core import sinh as sinh
from ._arrays.inspection import size as size
from .compositions.transforms import sliding_window_view as sliding_window_view
from ._core import softmax as softmax
from ._core import softplus as softplus
from ._core import sort as sort
from .compositions.selection import sort_complex as sort_complex
from ._core import spacing as spacing
from . import sparse as sparse
from . import special as special
from ._core import split as split
from ._core import sqrt as sqrt
from ._core import square as square
from ._core import squeeze as squeeze
from ._core import stack as stack
from . import stats as stats
from ._core import std as std
from ._core import subtract as subtract
from ._core import sum as sum
from ._core import swapaxes as swapaxes
from ._core import take as take
from ._core import take_along_axis as take_along_axis
from ._core import tan as tan
from ._core import tanh as tanh
from ._core import tensor as tensor
from ._core import tensordot as tensordot
from . import testing as testing
from ._core import tile as tile
from ._core import topk as topk
from ._core import trace as trace
from ._core import transpose as transpose
from .compositions.calculus import trapezoid as trapezoid
from . import tree as tree
from .compositions.creation import tri as tri
from ._core import tril as tril
from .compositions.indexing import tril_indices as tril_indices
from .compositions.indexing import tril_indices_from as tril_indices_from
from .compositions.joining import trim_zeros as trim_zeros
from ._core import triu as triu
from .compositions.indexing import triu_indices as triu_indices
from .compositions.indexing import triu_indices_from as triu_indices_from
from ._core import trunc as trunc
from .compositions.sets import union1d as union1d
from ._arrays.sets import unique as unique
from ._arrays.sets import unique_all as unique_all
from ._arrays.sets import unique_counts as unique_counts
from ._arrays.sets import unique_inverse as unique_inverse
from ._core import unique_values as unique_values
from .compositions.indexing import unravel_index as unravel_index
from ._core import unstack as unstack
from .compositions.calculus import unwrap as unwrap
from .derivatives import value_grad_hessian as value_grad_hessian
from .compositions.creation import vander as vander
from ._core import var as var
from .compositions.products import vdot as vdot
from ._core import vecdot as vecdot
from ._core import vecmat as vecmat
from .compositions.joining import vsplit as vsplit
from ._core import vstack as vstack
from ._core import where as where
from ._core import xlogy as xlogy
from ._core import zeros as zeros
from ._core import zeros_like as zeros_like
abs = absolute
amax = max
amin = min
arccos = acos
arccosh = acosh
arcsin = asin
arcsinh = asinh
arctan = atan
arctan2 = atan2
arctanh = atanh
around = round
bitwise_not = bitwise_invert
concatenate = concat
conjugate = conj
degrees = rad2deg
fix = trunc
invert = bitwise_invert
left_shift = bitwise_left_shift
mod = remainder
pow = power
radians = deg2rad
right_shift = bitwise_right_shift
true_divide = divide
bool: np.dtype[np.bool_]
int8: np.dtype[np.int8]
int16: np.dtype[np.int16]
int32: np.dtype[np.int32]
int64: np.dtype[np.int64]
uint8: np.dtype[np.uint8]
uint16: np.dtype[np.uint16]
uint32: np.dtype[np.uint32]
uint64: np.dtype[np.uint64]
float16: np.dtype[np.float16]
float32: np.dtype[np.float32]
float64: np.dtype[np.float64]
complex64: np.dtype[np.complex64]
complex128: np.dtype[np.complex128]
bfloat16: BFloat16
pi: float
e: float
inf: float
nan: float
newaxis: None
