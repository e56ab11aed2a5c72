"""How one call of a custom function answers the engine's questions, at every level.

The engine applies a custom function as a primitive. At level 0 it asks for ``forward``; a node that
is recorded, at whatever level, asks ``record`` for its context and later ``backward``; a level of a
jvp asks ``jvp`` and a level of a vmap ``batch``. What a user did not define is derived here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _core
from .._core import Tensor
from .._replay import Tape
from .._whole import whole
from ._context import FunctionContext, Signature, VmapInfo
from ._derived import Mapped, Maybe, Record, Refusal, sum_to, transposed


class Call:
    """One call of a ``Function``: its arguments, tensors left out, and the rules for them."""

    __slots__ = (
        "_arguments",
        "_defined",
        "_function",
        "_needs",
        "_non_differentiable",
        "_places",
        "_single",
        "_stash",
        "_tape",
        "_tensors",
        "name",
    )

    def __init__(self, function: Any, defined: frozenset[str], args: tuple[Any, ...]) -> None:
        self.name: str = function.__name__
        self._function = function
        self._defined = defined
        self._places = [i for i, x in enumerate(args) if type(x) is Tensor]
        self._tensors: list[Tensor] = [args[i] for i in self._places]
        self._arguments = tuple([None if type(x) is Tensor else x for x in args])
        self._needs = [x.requires_grad or _core.depth(x) > 0 for x in self._tensors]
        self._single = False
        self._non_differentiable: list[int] = []
        # A forward(ctx, ...) that just ran at level 0, with the tensors it saw and returned.
        self._stash: tuple[FunctionContext, list[Tensor], list[Tensor]] | None = None
        # What forward drew: running it again, for another entry of a vmap or to record, is to see
        # the same.
        self._tape: Tape | None = None

    def run(self) -> Any:
        inputs, self._tensors = self._tensors, []
        core_ndim = 0 if self._function.elementwise else self._function.core_ndim
        outputs = _core.apply_custom(self.name, self, inputs, core_ndim)
        self._stash = None
        for i in self._non_differentiable:
            outputs[i] = _core.without_edge(outputs[i])
        return outputs[0] if self._single else tuple(outputs)

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        if "setup_context" in self._defined:
            return self._run_forward(inputs)
        ctx = FunctionContext(self.name, self._spread_flags(self._needs))
        outputs = self._run_with_context(ctx, inputs)
        self._stash = ctx, inputs, outputs
        return outputs

    def record(self, inputs: list[Tensor], outputs: list[Tensor]) -> Record:
        ctx = self._context(inputs, outputs, [x.requires_grad for x in inputs])
        ctx.signature = [(x.shape, x.dtype, x.device) for x in inputs]
        reads, outs = ctx.masks("backward" not in self._defined)
        if ctx.intermediate:
            reads = (1 << min(len(inputs), 32)) - 1  # to run forward again
        return Record(ctx, reads, outs, ctx.materialize)

    def backward(
        self,
        ctx: FunctionContext,
        cotangents: list[Maybe],
        inputs: list[Maybe],
        outputs: list[Maybe],
        wants: list[bool],
        differentiable: bool,
    ) -> list[Maybe]:
        forward_mode, needs = "backward" not in self._defined, self._spread_flags(wants)
        view = ctx.view(inputs, outputs, needs, forward_mode)
        if differentiable and ctx.intermediate and any(_tracked(inputs)):
            again = self._again(view, inputs, needs, forward_mode, ctx.exact)
            if again is None:
                grads = self._pulled(view, ctx.signature, cotangents, wants, differentiable)
                return self._constant_in("backward", grads, inputs)
            view = again
        return self._pulled(view, ctx.signature, cotangents, wants, differentiable)

    def _pulled(
        self,
        view: FunctionContext,
        signature: Signature,
        cotangents: list[Maybe],
        wants: list[bool],
        differentiable: bool,
    ) -> list[Maybe]:
        cotangents = self._without_constants(cotangents, view.materialize)
        if "backward" not in self._defined:
            return self._backward_from_jvp(view, signature, cotangents, wants)
        rule = self._function.backward
        if getattr(rule, "_once_differentiable", False):
            return OnceBackward(self, view, cotangents, signature).run()
        exits = _core.graph_exits()
        grads = self.gradients(rule(view, *cotangents), signature)
        if differentiable and _core.graph_exits() != exits:
            grads = self._guarded("backward", grads, [*cotangents, *view.tensors()])
        return [g if wanted else None for g, wanted in zip(grads, wants, strict=True)]

    def jvp(
        self, primals: list[Tensor], tangents: list[Maybe], outputs: list[Tensor]
    ) -> list[Maybe]:
        moving = [t is not None for t in tangents]
        ctx = self._context(primals, outputs, moving)
        ctx.signature = [(x.shape, x.dtype, x.device) for x in primals]
        needs, constant = self._spread_flags(moving), False
        view = ctx.view(primals, outputs, needs, forward_mode=True)
        if ctx.intermediate and any(_tracked(primals)):
            again = self._again(view, primals, needs, True, ctx.exact)
            view, constant = again or view, again is None
        if "jvp" not in self._defined:
            derived = self._jvp_from_backward(ctx, primals, tangents, outputs)
            return self._constant_in("backward", derived, primals) if constant else derived
        if view.materialize:
            tangents = [
                _core.zeros_like(x) if t is None else t
                for x, t in zip(primals, tangents, strict=True)
            ]
        exits = _core.graph_exits()
        found = self._tangents(view, tangents, [y.shape for y in outputs])
        if _core.graph_exits() != exits:
            found = self._guarded("jvp", found, [*primals, *tangents])
        if constant:
            found = self._constant_in("jvp", found, primals)
        return self._without_constants(found, False)

    def batch(
        self, size: int, values: list[Tensor], dims: list[int | None], randomness: str
    ) -> tuple[list[Tensor], list[int | None]] | None:
        if "vmap" in self._defined:
            return self._batch_by_rule(size, values, dims, randomness)
        if self._function.generate_vmap_rule:
            return Mapped(self, size, dims).apply(values)
        return None

    def _jvp_from_backward(
        self,
        ctx: FunctionContext,
        primals: list[Tensor],
        tangents: list[Maybe],
        outputs: list[Tensor],
    ) -> list[Maybe]:
        """J t is the derivative of <backward(u), t> by u: backward is linear in u."""
        self._require_rule("backward")
        seeds: list[Maybe] = [_core.ones_like(y) if y.dtype.kind in "fc" else None for y in outputs]
        moving = [t is not None for t in tangents]

        def pull(cotangents: list[Maybe]) -> list[Maybe]:
            if ctx.materialize:
                cotangents = [
                    _core.zeros_like(y) if u is None else u
                    for y, u in zip(outputs, cotangents, strict=True)
                ]
            return self.backward(ctx, cotangents, list(primals), list(outputs), moving, True)

        return transposed(pull, self._without_constants(seeds, False), tangents)

    def _backward_from_jvp(
        self,
        view: FunctionContext,
        signature: Signature,
        cotangents: list[Maybe],
        wants: list[bool],
    ) -> list[Maybe]:
        """The pullback of g is the derivative of <jvp(t), g> by t: jvp is linear in t."""
        self._require_rule("jvp")
        seeds = [
            _core.ones(shape, dtype=dtype, device=device) if wanted else None
            for (shape, dtype, device), wanted in zip(signature, wants, strict=True)
        ]

        def push(tangents: list[Maybe]) -> list[Maybe]:
            if view.materialize:
                tangents = [
                    _core.zeros(shape, dtype=dtype, device=device) if t is None else t
                    for (shape, dtype, device), t in zip(signature, tangents, strict=True)
                ]
            exits = _core.graph_exits()
            found = self._tangents(view, tangents, [None] * len(cotangents))
            if _core.graph_exits() != exits:
                found = self._guarded("jvp", found, [*tangents])
            return found

        return transposed(push, seeds, cotangents)

    def _batch_by_rule(
        self, size: int, values: list[Tensor], dims: list[int | None], randomness: str
    ) -> tuple[list[Tensor], list[int | None]]:
        in_dims: list[int | None] = [None] * len(self._arguments)
        for i, dim in zip(self._places, dims, strict=True):
            in_dims[i] = dim
        info = VmapInfo(size, randomness)
        result = self._function.vmap(info, tuple(in_dims), *self._spread(values))
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"[{self.name}] vmap must return a pair (output, out_dims)")
        outputs = self._outputs("vmap", result[0], values)
        out_dims = list(result[1]) if isinstance(result[1], (tuple, list)) else [result[1]]
        if len(out_dims) == 1:
            out_dims *= len(outputs)
        if len(out_dims) != len(outputs):
            raise ValueError(
                f"[{self.name}] vmap returned {len(outputs)} outputs and {len(out_dims)} out_dims"
            )
        return outputs, [
            self._out_dim(y, dim, size) for y, dim in zip(outputs, out_dims, strict=True)
        ]

    def _context(
        self, inputs: list[Tensor], outputs: list[Tensor], needs: list[bool]
    ) -> FunctionContext:
        """A context filled by the user, for tensors of any level, with their edges."""
        if "setup_context" in self._defined:
            ctx = FunctionContext(self.name, self._spread_flags(needs))
            output = outputs[0] if self._single else tuple(outputs)
            self._function.setup_context(ctx, self._spread(inputs), output)
        elif self._stash is not None and all(_core.depth(y) == 0 for y in outputs):
            ctx, inputs, outputs = self._stash
            if not getattr(self._function.backward, "_once_differentiable", False):
                ctx.intermediate |= ctx.keeps_others([*inputs, *outputs, *self._arguments])
        else:
            ctx = FunctionContext(self.name, self._spread_flags(needs))
            outputs = self._run_with_context(ctx, inputs)
        ctx.settle(inputs, outputs)
        self._non_differentiable = ctx.constant_outputs
        return ctx

    def _again(
        self,
        before: FunctionContext,
        inputs: Sequence[Maybe],
        needs: tuple[bool, ...],
        forward_mode: bool,
        exact: bool,
    ) -> FunctionContext | None:
        """A view whose intermediate results are functions of the inputs, as those of a forward at
        another level are; None if forward leaves the graph, as NumPy does, or does not do the same
        as before."""
        given = [x for x in inputs if x is not None]
        ctx, exits = FunctionContext(self.name, needs), _core.graph_exits()
        try:
            outputs = self._run_with_context(ctx, given)
        except RuntimeError:
            return None
        if _core.graph_exits() != exits:
            return None
        ctx.settle(given, outputs)
        view = ctx.view(given, outputs, needs, forward_mode)
        known = exact and not _core.capturing()
        return view if not known or view.keeps_the_same(before) else None

    def _constant_in(self, rule: str, results: list[Maybe], inputs: Sequence[Maybe]) -> list[Maybe]:
        """Results that cannot be differentiated by the inputs."""
        refusal = Refusal(
            f"{self.name}_{rule}",
            f"[{self.name}] {rule} reads a result of forward that is no output and was computed "
            "outside of the graph (by NumPy, detach or item), or drawn by others than pa.random, "
            "so that its derivative is not known: compute it with pyautograd's functions, return "
            "it as another output, or decorate backward with once_differentiable",
        )
        tracked = [x for x in inputs if x is not None and x.requires_grad]
        return [
            None if y is None else y + refusal.wrap(_core.zeros_like(y), tracked) for y in results
        ]

    def _run_with_context(self, ctx: FunctionContext, inputs: list[Tensor]) -> list[Tensor]:
        return self._run_forward(inputs, ctx)

    def _run_forward(self, inputs: list[Tensor], *ctx: FunctionContext) -> list[Tensor]:
        again = self._tape
        self._tape = again or Tape()
        with again.replay() if again else self._tape.record():
            result = self._function.forward(*ctx, *self._spread(inputs))
        return self._outputs("forward", result, inputs)

    def _outputs(self, rule: str, result: Any, inputs: Sequence[Tensor]) -> list[Tensor]:
        self._single = type(result) is Tensor
        outputs = [result] if self._single else result
        if not isinstance(outputs, (tuple, list)) or not outputs:
            raise TypeError(
                f"[{self.name}] {rule} must return a tensor or a tuple of tensors, "
                f"not {type(result).__name__}"
            )
        highest = max([_core.depth(x) for x in inputs], default=0)
        for y in outputs:
            if type(y) is not Tensor:
                raise TypeError(
                    f"[{self.name}] {rule} must return tensors, not {type(y).__name__}: "
                    "convert arrays with pyautograd.asarray"
                )
            if _core.depth(y) > highest:
                raise RuntimeError(
                    f"[{self.name}] {rule} used a tensor of a running transform that is not among "
                    "its arguments, or a random draw under vmap: pass it as one"
                )
        return list(outputs)

    def gradients(self, result: Any, signature: Signature) -> list[Maybe]:
        """What a backward returned, one entry per tensor argument, in its shape."""
        grads = list(result) if isinstance(result, (tuple, list)) else [result]
        count = len(self._arguments)
        if len(grads) < count or any(g is not None for g in grads[count:]):
            raise RuntimeError(
                f"[{self.name}] backward returned {len(grads)} gradients, expected {count}: "
                "one per argument of forward, None where there is none"
            )
        places = set(self._places)
        for i, g in enumerate(grads[:count]):
            if g is not None and i not in places:
                raise RuntimeError(
                    f"[{self.name}] backward returned a gradient for argument {i}, which is no "
                    "tensor"
                )
        return [
            None if grads[i] is None else self._fitted(grads[i], shape, i)
            for i, (shape, *_) in zip(self._places, signature, strict=True)
        ]

    def _fitted(self, g: Any, shape: tuple[int, ...], argument: int) -> Tensor:
        if type(g) is not Tensor:
            raise TypeError(
                f"[{self.name}] backward must return tensors or None, not {type(g).__name__}"
            )
        if g.shape == shape:
            return g
        lead = g.ndim - len(shape)
        if lead < 0 or any(n not in (1, m) for n, m in zip(shape, g.shape[lead:], strict=True)):
            raise RuntimeError(
                f"[{self.name}] backward returned a gradient of shape {g.shape} for argument "
                f"{argument} of shape {shape}"
            )
        return sum_to(g, shape)

    def _tangents(
        self,
        view: FunctionContext,
        tangents: list[Maybe],
        shapes: Sequence[tuple[int, ...] | None],
    ) -> list[Maybe]:
        result = self._function.jvp(view, *self._spread(tangents))
        found = list(result) if isinstance(result, (tuple, list)) else [result]
        if len(found) != len(shapes):
            raise RuntimeError(
                f"[{self.name}] jvp returned {len(found)} tangents, expected {len(shapes)}: "
                "one per output, None where it is zero"
            )
        for i, (t, shape) in enumerate(zip(found, shapes, strict=True)):
            if t is not None and type(t) is not Tensor:
                raise TypeError(
                    f"[{self.name}] jvp must return tensors or None, not {type(t).__name__}"
                )
            if t is not None and shape is not None and t.shape != shape:
                raise RuntimeError(
                    f"[{self.name}] jvp returned a tangent of shape {t.shape} for output {i} of "
                    f"shape {shape}"
                )
        return found

    def _guarded(self, rule: str, results: list[Maybe], sources: list[Maybe]) -> list[Maybe]:
        """Results that lost their graph on the way refuse to be differentiated."""
        tracked = [x for x in sources if x is not None and x.requires_grad]
        if not tracked:
            return results
        depth = max(_core.depth(x) for x in tracked)
        return [
            y
            if y is None or _core.depth(y) > depth or (_core.depth(y) == depth and y.requires_grad)
            else Refusal(
                f"{self.name}_{rule}",
                f"[{self.name}] {rule} left the graph (by detach, numpy, item or no_grad), so its "
                "result cannot be differentiated: write it with pyautograd's functions on the "
                "tensors it is given"
                + (", or decorate it with once_differentiable" if rule == "backward" else ""),
            ).wrap(y, tracked)
            for y in results
        ]

    def _require_rule(self, rule: str) -> None:
        if rule not in self._defined:
            raise NotImplementedError(
                f"[{self.name}] has neither backward nor jvp: define one of them as a static "
                "method to differentiate it"
            )

    def _out_dim(self, y: Tensor, dim: Any, size: int) -> int | None:
        if dim is None:
            return None
        place = whole(dim)
        if place is None or not -y.ndim <= place < y.ndim or y.shape[place] != size:
            raise ValueError(
                f"[{self.name}] vmap returned out_dims {dim!r} for an output of shape {y.shape}; "
                f"the mapped dimension has size {size}"
            )
        return place % y.ndim

    def _spread(self, tensors: Sequence[Maybe]) -> tuple[Any, ...]:
        args = list(self._arguments)
        for i, x in zip(self._places, tensors, strict=True):
            args[i] = x
        return tuple(args)

    def _spread_flags(self, flags: list[bool]) -> tuple[bool, ...]:
        spread = [False] * len(self._arguments)
        for i, flag in zip(self._places, flags, strict=True):
            spread[i] = flag
        return tuple(spread)

    def _without_constants(self, values: list[Maybe], materialize: bool) -> list[Maybe]:
        """Nothing flows through outputs that were marked as not differentiable."""
        for i in self._non_differentiable:
            x = values[i]
            values[i] = _core.zeros_like(x) if materialize and x is not None else None
        return values


class OnceBackward(Refusal):
    """A backward that runs on plain tensors, and whose result cannot be differentiated."""

    __slots__ = ("_call", "_inputs", "_signature", "_view", "_which")

    def __init__(
        self,
        call: Call,
        view: FunctionContext,
        cotangents: list[Maybe],
        signature: Signature,
    ) -> None:
        super().__init__(
            f"{call.name}_backward",
            f"[{call.name}] backward is marked once_differentiable: its result cannot be "
            "differentiated again",
        )
        self._call = call
        self._view = view
        self._signature = signature
        self._which = [u is not None for u in cotangents]
        self._inputs = [u for u in cotangents if u is not None] + view.tensors()

    def run(self) -> list[Maybe]:
        inputs, self._inputs = self._inputs, []
        return [*_core.apply_custom(self.name, self, inputs)]

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        rest = iter(inputs)
        cotangents = [next(rest) if given else None for given in self._which]
        view = self._view.with_tensors(list(rest))
        grads = self._call.gradients(
            self._call._function.backward(view, *cotangents), self._signature
        )
        return [
            _core.zeros(shape, dtype=dtype, device=device) if g is None else g
            for g, (shape, dtype, device) in zip(grads, self._signature, strict=True)
        ]

    def batch(self, *_: Any) -> Any:
        return None


def _tracked(tensors: Sequence[Maybe]) -> list[bool]:
    return [x is not None and x.requires_grad for x in tensors]
