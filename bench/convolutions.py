"""Convolutions against PyTorch and JAX, in one run: `python bench/convolutions.py [--quick]`.

Layers, and a meta-step of a network of four of them, whose gradient goes through the gradient of
its inner step. Channels lie where each system has them at its fastest. Before anything is timed,
all systems must agree.
"""

from functools import partial

import harness
from harness import compare, timed_row

OURS, CAPTURED = "pyautograd", "captured"
CLASSES = 5
INNER_RATE = 0.1


class Ours:
    """What the programs below need of a system: here pyautograd's, channels last."""

    name = OURS

    def __init__(self, np, pa):
        self.np, self.xp = np, pa

    def images(self, x):
        return self.xp.asarray(x)

    def weights(self, arrays):
        return [self.xp.asarray(a) for a in arrays]

    def as_ours(self, a):
        return self.np.asarray(a)

    def conv(self, x, w):
        return self.xp.nn.conv({"weight": w}, x, padding="same")

    def half(self, x):
        return self.xp.nn.avg_pool(x, (2, 2))

    def error(self, logits, labels):
        return -self.xp.mean(self.xp.sum(self.xp.log_softmax(logits, axis=-1) * labels, axis=-1))

    def grad(self, f, again=False):
        """The gradient of f by its first argument; `again`: it is to be differentiated itself."""
        del again
        return self.xp.func.grad(f)

    def ready(self, f):
        return f


class Captured(Ours):
    name = CAPTURED

    def ready(self, f):
        return self.xp.captured(f)


class Torch(Ours):
    """PyTorch's, recorded, channels in front."""

    name = "torch"

    def images(self, x):
        return self.xp.tensor(self.np.moveaxis(x, -1, 1).copy())

    def weights(self, arrays):
        turned = [a.transpose(3, 2, 0, 1) if a.ndim == 4 else a for a in arrays]
        return [self.xp.tensor(a.copy(), requires_grad=True) for a in turned]

    def as_ours(self, a):
        a = a.detach().numpy()
        return a.transpose(2, 3, 1, 0) if a.ndim == 4 else a

    def conv(self, x, w):
        return self.xp.nn.functional.conv2d(x, w, padding="same")

    def half(self, x):
        return self.xp.nn.functional.avg_pool2d(x, 2)

    def error(self, logits, labels):
        labels = self.xp.tensor(labels)
        return -(self.xp.log_softmax(logits, -1) * labels).sum(-1).mean()

    def grad(self, f, again=False):
        def gradient(weights, *data):
            return self.xp.autograd.grad(f(weights, *data), weights, create_graph=again)

        return gradient

    def ready(self, f):
        return f


class Jax(Ours):
    """JAX's, compiled, channels last."""

    name = "jax jit"

    def __init__(self, np, jax):
        super().__init__(np, jax.numpy)
        self.jax = jax

    def conv(self, x, w):
        layout = ("NHWC", "HWIO", "NHWC")
        return self.jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=layout)

    def half(self, x):
        window = (1, 2, 2, 1)
        zero = self.np.zeros((), x.dtype)
        return self.jax.lax.reduce_window(x, zero, self.jax.lax.add, window, window, "VALID") / 4

    def error(self, logits, labels):
        logs = self.jax.nn.log_softmax(logits, axis=-1)
        return -self.xp.mean(self.xp.sum(logs * labels, axis=-1))

    def grad(self, f, again=False):
        del again
        return self.jax.grad(f)

    def ready(self, f):
        compiled = self.jax.jit(f)
        return lambda *args: self.jax.block_until_ready(compiled(*args))


def systems(np, pa, torch, jax):
    found = [Ours(np, pa), Captured(np, pa)] if pa else []
    return found + ([Torch(np, torch)] if torch else []) + ([Jax(np, jax)] if jax else [])


def check_equal(np, results, dtype):
    first, *others = results.values()
    for name, result in zip(list(results)[1:], others, strict=True):
        for a, b in zip(first, result, strict=True):
            tolerance = 1e5 * np.finfo(dtype).eps * abs(a).max()
            np.testing.assert_allclose(b, a, rtol=0, atol=tolerance, err_msg=name)


def rows_of(np, what, calls, dtype, options):
    """`{system: call}`, each of which returns the gradients by the weights."""
    check_equal(np, {s.name: [s.as_ours(g) for g in call()] for s, call in calls.items()}, dtype)
    timings = compare({s.name: call for s, call in calls.items()}, options.rounds)
    return [
        timed_row(what, timings, OURS, "torch", 1.0, (CAPTURED,)),
        timed_row(f"{what}, captured", timings, CAPTURED, "jax jit", 1.0),
    ]


def energy_of_layer(system):
    return lambda weights, images: (system.conv(images, weights[0]) ** 2).sum()


def bench_layer(np, pa, torch, jax, options):
    """The gradient of one layer by its weight."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(16, 28, 28, 32)), rng.normal(size=(3, 3, 32, 32))
    rows = []
    for dtype in ("float32", "float64"):
        calls = {}
        for system in systems(np, pa, torch, jax):
            gradient = system.ready(system.grad(energy_of_layer(system)))
            weights = system.weights([w.astype(dtype)])
            calls[system] = partial(gradient, weights, system.images(x.astype(dtype)))
        what = f"gradient of a 3x3 convolution, 16 x 28 x 28, 32 to 32 channels, {dtype}"
        rows += rows_of(np, what, calls, dtype, options)
    return rows


def error_after_a_step(system, labels):
    """Of four layers and a linear one, where an inner step on the first images ends."""

    def error(weights, images):
        for w in weights[:-1]:
            images = system.half(system.xp.tanh(system.conv(images, w)))
        return system.error(images.reshape(len(labels), -1) @ weights[-1], labels)

    def adapted(weights, first, second):
        slopes = system.grad(error, again=True)(weights, first)
        moved = [w - INNER_RATE * g for w, g in zip(weights, slopes, strict=True)]
        return error(moved, second)

    return adapted


def bench_meta_step(np, pa, torch, jax, options):
    """The meta-gradient of one task: five images of each of five classes, and as many to judge."""
    rng = np.random.default_rng(0)
    channels = (1, 32, 32, 32, 32)
    arrays = [
        rng.normal(size=(3, 3, a, b)) / (9 * a) ** 0.5
        for a, b in zip(channels, channels[1:], strict=False)
    ]
    arrays.append(0.1 * rng.normal(size=(channels[-1], CLASSES)))
    batches = [rng.normal(size=(5 * CLASSES, 28, 28, 1)) for _ in range(2)]
    rows = []
    for dtype in ("float32", "float64"):
        labels = np.eye(CLASSES, dtype=dtype)[np.arange(5 * CLASSES) % CLASSES]
        calls = {}
        for system in systems(np, pa, torch, jax):
            gradient = system.ready(system.grad(error_after_a_step(system, labels)))
            weights = system.weights([a.astype(dtype) for a in arrays])
            images = [system.images(b.astype(dtype)) for b in batches]
            calls[system] = partial(gradient, weights, *images)
        what = f"meta-gradient of four convolutions, 25 + 25 images of 28 x 28, {dtype}"
        rows += rows_of(np, what, calls, dtype, options)
    return rows


BENCHMARKS = {"layer": bench_layer, "meta_step": bench_meta_step}


if __name__ == "__main__":
    harness.main(__doc__, BENCHMARKS, {})
