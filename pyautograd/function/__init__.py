"""Functions with derivative rules of their own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from ._context import FunctionContext, VmapInfo
from ._rules import Call

__all__ = ["Function", "FunctionContext", "VmapInfo", "once_differentiable"]

F = TypeVar("F", bound=Callable[..., Any])


class Function:
    """A function whose derivative you write yourself.

    Subclass it, write the static methods you need, and call ``MyFunction.apply(*args)``. Tensors
    among the positional arguments are differentiable; anything else is passed through unchanged.

    * ``forward(*args)`` computes a tensor or a tuple of tensors. It sees plain tensors: no
      transform is active and nothing is recorded, so NumPy and other libraries may be used inside.
      Tensors that it captures instead of taking them as arguments are constants.
    * ``setup_context(ctx, inputs, output)`` saves what the rules need, see
      :class:`FunctionContext`. Without it, ``forward`` takes ``ctx`` as its first argument and
      saves there; such a function runs its ``forward`` again, on the transform's tensors, when a
      graph is recorded inside ``vmap`` or ``jvp``.
    * ``backward(ctx, *grad_outputs)`` returns one gradient per argument of ``forward``, None for
      zero and for what is no tensor.
    * ``jvp(ctx, *tangents)`` returns one tangent per output, None for zero.
    * ``vmap(info, in_dims, *args)`` returns ``(output, out_dims)`` for arguments whose mapped
      dimension is ``in_dims[i]``, or None. With ``generate_vmap_rule = True`` the other methods are
      themselves mapped instead; with neither, the function runs once per entry, with a warning.

    With ``elementwise = True`` you say that each element of an output depends on the elements at
    its place alone, of arguments that broadcast to it, so that sparse derivatives stay sparse;
    nobody checks the numbers. With ``core_ndim = 2`` you say the same of matrices: so many axes at
    the end of each argument and output belong together, those in front are a batch.

    One derivative is enough. ``jvp`` is derived from ``backward`` and ``backward`` from ``jvp``, by
    transposition, and both can be differentiated to any order as long as they are written with
    pyautograd's functions. A ``backward`` that uses NumPy should be decorated with
    :func:`once_differentiable`: it then works under every transform, and a second derivative
    raises instead of being silently zero. A floating-point intermediate result that a
    ``forward(ctx, ...)`` keeps has its derivatives, too: where the rule is to be differentiated,
    ``forward`` runs again and records. If that is not possible, as where it uses NumPy, a second
    derivative raises.

    Raises:
        TypeError: ``forward`` returns something other than tensors, or a rule does.
        NotImplementedError: a derivative is asked for, and neither ``backward`` nor ``jvp`` is
            defined.
        RuntimeError: a rule returns the wrong number of gradients, or one of a wrong shape.

    >>> class Cube(pa.Function):
    ...     @staticmethod
    ...     def forward(x):
    ...         return x**3
    ...
    ...     @staticmethod
    ...     def setup_context(ctx, inputs, output):
    ...         ctx.save_for_backward(*inputs)
    ...
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         (x,) = ctx.saved_tensors
    ...         return grad * 3 * x**2
    >>> x = pa.tensor(2.0, requires_grad=True)
    >>> (slope,) = pa.grad(Cube.apply(x), x, create_graph=True)
    >>> slope.item(), pa.grad(slope, x)[0].item()
    (12.0, 12.0)
    >>> pa.func.jvp(Cube.apply, (pa.tensor(2.0),), (pa.tensor(1.0),))[1].item()
    12.0
    """

    generate_vmap_rule: bool = False
    elementwise: bool = False
    core_ndim: int | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in ("forward", *_RULES):
            rule = vars(cls).get(name)
            if inspect.isfunction(rule) and "self" in inspect.signature(rule).parameters:
                raise TypeError(
                    f"[{cls.__name__}] {name} must be a static method, without self: write "
                    "@staticmethod above it"
                )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the output from the arguments."""
        raise NotImplementedError("forward is not defined")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Save what the derivative rules need."""
        raise NotImplementedError("setup_context is not defined")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Return one gradient per argument."""
        raise NotImplementedError("backward is not defined")

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        """Return one tangent per output."""
        raise NotImplementedError("jvp is not defined")

    @staticmethod
    def vmap(info: VmapInfo, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        """Return the output for all mapped entries, and where its mapped dimension is."""
        raise NotImplementedError("vmap is not defined")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run the function and record it.

        Args:
            *args: the arguments of ``forward``, without ``ctx``.

        Returns:
            What ``forward`` returns: a tensor or a tuple of tensors.
        """
        if cls.forward is Function.forward:
            raise NotImplementedError(
                f"[{cls.__name__}] forward is not defined: write it as a static method"
            )
        defined = {name for name in _RULES if getattr(cls, name) is not getattr(Function, name)}
        return Call(cls, frozenset(defined), args).run()


_RULES = ("setup_context", "backward", "jvp", "vmap")


def once_differentiable(backward: F) -> F:
    """Declare that the result of a ``backward`` cannot be differentiated again.

    The decorated ``backward`` sees plain tensors, whatever transform runs it, so it may use NumPy;
    under ``vmap`` it runs once per entry. Differentiating its result raises RuntimeError.

    >>> class Square(pa.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return pa.asarray(np.square(x.numpy()))
    ...
    ...     @staticmethod
    ...     @pa.once_differentiable
    ...     def backward(ctx, grad):
    ...         (x,) = ctx.saved_tensors
    ...         return pa.asarray(2 * x.numpy() * grad.numpy())
    >>> pa.func.grad(Square.apply)(pa.tensor(3.0)).item()
    6.0
    """

    @functools.wraps(backward)
    def rule(ctx: Any, *grads: Any) -> Any:
        return backward(ctx, *grads)

    rule._once_differentiable = True  # type: ignore[attr-defined]
    return rule  # type: ignore[return-value]
