"""Custom functions that the tests differentiate, map and nest.

``Odd`` computes sin but claims the derivative 7: it shows whether its rule was used.
"""

import numpy as np

import pyautograd as pa


class Sine(pa.Function):
    """Written in full, with NumPy in forward."""

    @staticmethod
    def forward(x):
        return pa.asarray(np.sin(x.numpy()))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * pa.cos(x)

    @staticmethod
    def jvp(ctx, t):
        (x,) = ctx.saved_tensors
        return t * pa.cos(x)

    @staticmethod
    def vmap(info, in_dims, x):
        assert info.batch_size == x.shape[in_dims[0]]
        return Sine.apply(x), in_dims[0]


class SineBackward(pa.Function):
    """Only backward; everything else is derived."""

    forward = staticmethod(lambda x: pa.asarray(np.sin(x.numpy())))
    setup_context = staticmethod(lambda ctx, inputs, output: ctx.save_for_backward(*inputs))
    backward = staticmethod(lambda ctx, g: g * pa.cos(ctx.saved_tensors[0]))


class SineJvp(pa.Function):
    """Only jvp."""

    forward = staticmethod(lambda x: pa.asarray(np.sin(x.numpy())))
    setup_context = staticmethod(lambda ctx, inputs, output: ctx.save_for_forward(*inputs))
    jvp = staticmethod(lambda ctx, t: t * pa.cos(ctx.saved_tensors[0]))


class SineMapped(SineBackward):
    generate_vmap_rule = True
    forward = staticmethod(lambda x: pa.sin(x))


class SineMappedJvp(SineJvp):
    generate_vmap_rule = True
    forward = staticmethod(lambda x: pa.sin(x))


class SineOldStyle(pa.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return pa.sin(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * pa.cos(x)


class SineOldStyleMapped(SineOldStyle):
    generate_vmap_rule = True


SINES = [
    Sine,
    SineBackward,
    SineJvp,
    SineMapped,
    SineMappedJvp,
    SineOldStyle,
    SineOldStyleMapped,
]


def dfdx(f):
    def derivative(x):
        return pa.func.jvp(f, (x,), (pa.ones_like(x),))[1]

    return derivative


MODES = {"R": pa.func.grad, "F": dfdx}


def nth(f, modes):
    for mode in reversed(modes):
        f = MODES[mode](f)
    return f


class Odd(pa.Function):
    """Claims a derivative that forward does not have: shows whose rule was used."""

    forward = staticmethod(lambda x: pa.sin(x))
    setup_context = staticmethod(lambda ctx, inputs, output: None)
    backward = staticmethod(lambda ctx, g: g * 7.0)


class Affine(pa.Function):
    """Several arguments, one of them no tensor, and two outputs."""

    @staticmethod
    def forward(x, w, scale, shift=None):
        return x * w * scale, x + w

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, w, scale, *_ = inputs
        ctx.scale = scale
        ctx.save_for_backward(x, w)

    @staticmethod
    def backward(ctx, g, h):
        x, w = ctx.saved_tensors
        gx = g * w * ctx.scale + h if ctx.needs_input_grad[0] else None
        gw = g * x * ctx.scale + h if ctx.needs_input_grad[1] else None
        return (gx, gw, *[None] * (len(ctx.needs_input_grad) - 2))
