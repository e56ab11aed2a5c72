"""Does each kind of kernel work on the device? Each is tried in a process of its own.

    python bench/cuda/smoke.py [--in-process] [--own] [--emulated LIBRARY]

A kernel that fails spoils a process for all that follow, so the first thing to know is which do.
With --in-process they run one after the other in this one, for compute-sanitizer, and with --own
those are left out that call NVIDIA's libraries.
"""

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

HOST = np.random.default_rng(0).standard_normal((37, 41)).astype(np.float32)
SQUARE = HOST[:20, :20] @ HOST[:20, :20].T + 20 * np.eye(20, dtype=np.float32)


def there(values, **more):
    import pyautograd as pa

    return pa.tensor(values, device="cuda", **more)


def close(ours, expected, tolerance=1e-4):
    ours = ours.detach().to("cpu").numpy() if hasattr(ours, "detach") else np.asarray(ours)
    np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=tolerance)


def copies(pa):
    close(there(HOST), HOST)
    close(there(HOST).T[::-1, 3:], HOST.T[::-1, 3:])
    close(there(HOST).astype("float64").astype("float16"), HOST, 1e-2)


def elementwise(pa):
    x = there(HOST)
    close(x + x * 2.0 - 1.0, HOST * 3 - 1)
    close(pa.exp(x)[1:, 2:] * x[1:, 2:], (np.exp(HOST) * HOST)[1:, 2:])
    close(pa.where(x > 0, x, 0.0), np.where(HOST > 0, HOST, 0))


def reductions(pa):
    x = there(HOST)
    for axis in (None, 0, 1):
        close(pa.sum(x, axis=axis), HOST.sum(axis=axis))
        close(pa.max(x, axis=axis), HOST.max(axis=axis))
    close(pa.mean(pa.ones(3_000_000, device="cuda")), 1.0)


def softmax(pa):
    powers = np.exp(HOST - HOST.max(axis=1, keepdims=True))
    close(pa.softmax(there(HOST), axis=1), powers / powers.sum(axis=1, keepdims=True))


def scans(pa):
    close(pa.cumsum(there(HOST), axis=1), HOST.cumsum(axis=1), 1e-3)
    close(pa.cumsum(pa.ones(100_000, device="cuda"), axis=0)[-1], 100_000)


def indexing(pa):
    x, index = there(HOST, requires_grad=True), np.array([3, 3, -1, 0])
    picked = x[index]
    close(picked, HOST[index])
    pa.sum(picked).backward()
    close(pa.sum(x.grad, axis=1)[3], 2 * HOST.shape[1])
    close(x[x > 0], HOST[HOST > 0])


def sorting(pa):
    x = there(HOST)
    close(pa.sort(x, axis=1), np.sort(HOST, axis=1))
    close(pa.topk(x, 5)[0], -np.sort(-HOST, axis=1)[:, :5])
    close(pa.sort(there(np.tile(HOST.ravel(), 10))), np.sort(np.tile(HOST.ravel(), 10)))


def draws(pa):
    there, here = (
        pa.random.default_rng(3, device=device).standard_normal(1001, dtype="float32")
        for device in ("cuda", "cpu")
    )
    close(there, here.numpy(), 0)


def special(pa):
    positive = there(np.abs(HOST) + 0.5)
    close(pa.special.digamma(positive), pa.special.digamma(pa.tensor(np.abs(HOST) + 0.5)).numpy())


def integrals(pa):
    x = np.abs(HOST[0].astype(np.float64)) + 0.5

    def second_derivative(shape):
        return pa.func.grad(lambda a: pa.sum(pa.func.grad(lambda b: pa.sum(f(b)))(a)))(shape)

    def f(shape):
        return pa.special.gammainc(shape, 1.5) + pa.special.betainc(shape, 2.0, 0.3)

    for function in (
        lambda x: pa.special.sici(x)[1],
        pa.special.k0,
        lambda x: pa.special.ellipe(-x),
        lambda x: pa.real(pa.special.wofz(pa.complex(x, x))),
        second_derivative,
    ):
        close(function(there(x)), function(pa.tensor(x)).numpy(), 1e-8)


def derivatives(pa):
    def f(x):
        return pa.sum(pa.tanh(x) ** 2 * pa.exp(-x))

    x = HOST[0].astype(np.float64)
    close(pa.func.hessian(f)(there(x)), pa.func.hessian(f)(pa.tensor(x)).numpy())


def graphs(pa):
    step = pa.cuda.graph(lambda x: pa.sum(pa.exp(x) * 2.0))
    for factor in (1.0, 0.5, 0.25):
        close(step(there(HOST * factor)), 2 * np.exp(HOST * factor).sum(), 1e-3)


def streams(pa):
    side = pa.cuda.Stream()
    x = there(HOST)
    with pa.cuda.stream(side):
        y = x * 2.0
    close(y + x, HOST * 3)
    pinned = pa.tensor(HOST).pin_memory()
    close(pinned.to("cuda", non_blocking=True), HOST)


def products(pa):
    close(there(HOST) @ there(HOST).T, HOST @ HOST.T, 1e-3)
    short = there(HOST).astype("bfloat16")
    close((short @ short.T).astype("float32"), HOST @ HOST.T, 0.5)


def rounded_products(pa):
    exact, x = HOST @ HOST.T, there(HOST)
    with pa.cuda.allow_tf32():
        close(x @ x.T, exact, 5e-2)
    close(x @ x.T, exact, 1e-3)


def convolutions(pa):
    rng = np.random.default_rng(0)
    arrays = rng.standard_normal((3, 2, 4, 6)), rng.standard_normal((2, 9, 8, 8))

    def slopes(*arrays):
        def loss(weight, x):
            y = pa.nn.conv({"weight": weight}, x, stride=(1, 2), padding=1, groups=2)
            return pa.sum(pa.astype(y, "float64") ** 2) / 100

        return pa.func.value_and_grad(loss, argnums=(0, 1))(*arrays)

    value, here = slopes(*map(pa.tensor, arrays))
    for dtype, tolerance in (("float64", 1e-10), ("float32", 1e-4), ("bfloat16", 0.5)):
        asked, found = slopes(*(there(a).astype(dtype) for a in arrays))
        close(asked, value, tolerance)
        for ours, expected in zip(found, here, strict=True):
            close(ours.astype("float64"), expected.numpy(), tolerance)


def captured_convolutions(pa):
    weight = there(HOST[:3, :16].reshape(3, 4, 4))
    step = pa.cuda.graph(lambda x: pa.sum(pa.nn.conv({"weight": weight}, x)))
    for factor in (1.0, 2.0, 0.5):
        x = factor * HOST[:20].reshape(1, -1, 4)
        host = pa.sum(pa.nn.conv({"weight": weight.to("cpu")}, x))
        close(step(there(x)), host.numpy(), 1e-3)


def transforms(pa):
    close(pa.fft.fft(there(HOST)), np.fft.fft(HOST), 1e-3)


def solving(pa):
    close(pa.linalg.solve(there(SQUARE), there(HOST[:20])), np.linalg.solve(SQUARE, HOST[:20]))
    close(pa.linalg.cholesky(there(SQUARE)), np.linalg.cholesky(SQUARE))


def functions(pa):
    root = pa.linalg.sqrtm(there(SQUARE))
    close(root @ root, SQUARE, 1e-3)
    close(pa.linalg.expm(pa.linalg.logm(there(SQUARE))), SQUARE, 1e-2)
    close(pa.linalg.solve_sylvester(root, root, there(SQUARE)), root.to("cpu").numpy() / 2, 1e-3)


def spectra(pa):
    close(pa.linalg.eigvalsh(there(SQUARE)), np.linalg.eigvalsh(SQUARE), 1e-3)
    close(pa.linalg.svdvals(there(HOST)), np.linalg.svdvals(HOST), 1e-3)
    close(pa.sort(pa.real(pa.linalg.eigvals(there(SQUARE)))), np.linalg.eigvalsh(SQUARE), 1e-2)


def captured_products(pa):
    step = pa.cuda.graph(lambda x: pa.sum(x @ x.T))
    for _ in range(3):
        close(step(there(HOST)), (HOST @ HOST.T).sum(), 1e-3)


def captured_solving(pa):
    def f(a):
        factor = pa.linalg.cholesky(a)
        half = pa.linalg.solve_triangular(factor, a[:, :2], lower=True)
        return pa.sum(half) + pa.sum(pa.linalg.inv(a)) + pa.linalg.slogdet(a)[1]

    step = pa.cuda.graph(pa.func.value_and_grad(f))
    for factor in (1.0, 2.0, 0.5):
        for ours, here in zip(
            step(there(SQUARE * factor)),
            pa.func.value_and_grad(f)(pa.tensor(SQUARE * factor)),
            strict=True,
        ):
            close(ours, here.numpy(), 1e-3)


OWN = [copies, elementwise, reductions, softmax, scans, indexing, sorting, draws, special]
OWN += [integrals, derivatives, graphs, streams]
LIBRARIES = [products, rounded_products, convolutions, transforms, solving, functions, spectra]
LIBRARIES += [captured_products, captured_convolutions, captured_solving]


def try_here(check):
    import pyautograd as pa

    start = time.perf_counter()
    try:
        check(pa)
        pa.cuda.synchronize()
    except Exception as error:
        return f"FAILED: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return f"good, {time.perf_counter() - start:.1f} s"


def try_alone(name, options):
    command = [sys.executable, __file__, "--only", name, *options]
    environment = os.environ | {"PYAUTOGRAD_CUDA_SYNC": "1"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return "FAILED: not done after 120 s"
    if done.returncode < 0 or not done.stdout:
        return f"FAILED: ended with {done.returncode}: {done.stderr[-300:]}"
    return done.stdout.strip().splitlines()[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--in-process", action="store_true")
    parser.add_argument("--own", action="store_true")
    parser.add_argument("--only", help="one of them, here")
    parser.add_argument("--emulated", metavar="LIBRARY", help="a trial without a device")
    options = parser.parse_args()
    if options.emulated and (options.in_process or options.only):
        import pyautograd as pa

        pa._core.set_backend_library(options.emulated)
    checks = OWN + ([] if options.own else LIBRARIES)
    if options.only:
        print(try_here(next(check for check in checks if check.__name__ == options.only)))
        return
    names = [check.__name__ for check in checks]
    if options.in_process:
        results = map(try_here, checks)
    else:
        more = ["--emulated", options.emulated] if options.emulated else []
        results = ThreadPoolExecutor(4).map(lambda name: try_alone(name, more), names)
    good = True
    for name, result in zip(names, results, strict=True):
        print(f"{name:22}{result}", flush=True)
        good &= result.startswith("good")
    raise SystemExit(not good)


if __name__ == "__main__":
    main()
