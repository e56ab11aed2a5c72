"""Second derivatives by hand and in one call: w = (x^T y)^2 at x = (3, 1), y = (1, 2).

First derivatives are dw/dx = 2 (x^T y) y and dw/dy = 2 (x^T y) x. Back-propagating one entry of
dw/dx, here dw/dx1, gives a row of each second-derivative block:

    d(dw/dx1)/dx = 2 y1 y                  = (2, 4)
    d(dw/dx1)/dy = 2 y1 x + 2 (x^T y) e1   = (16, 2)
"""

import pyautograd as pa


def record():
    """Evaluate w at the example's point; return the leaves and every intermediate value."""
    x = pa.tensor([3.0, 1.0], requires_grad=True)
    y = pa.tensor([1.0, 2.0], requires_grad=True)
    z = pa.sum(x * y)
    w = z**2
    return x, y, z, w


def show(x, y):
    print(f"    x.grad = {x.grad.tolist()}")
    print(f"    y.grad = {y.grad.tolist()}")


def main():
    x, y, z, w = record()
    print("w = (x^T y)^2")
    print(f"    x = {x.tolist()}")
    print(f"    y = {y.tolist()}")
    print(f"    z = x^T y = {z.item()}")
    print(f"    w = z^2 = {w.item()}")

    print("w.backward(create_graph=True)")
    w.backward(create_graph=True)
    show(x, y)
    print(f"    z.grad = {z.grad}  (z is not a leaf: nothing is kept for it)")

    print("clear the gradients, then back-propagate dw/dx1")
    row = x.grad[0]
    x.grad = y.grad = None
    row.backward()
    show(x, y)

    print("the same without clearing: the second gradients are added to the first")
    x, y, z, w = record()
    w.backward(create_graph=True)
    x.grad[0].backward()
    show(x, y)

    print("the Hessian with respect to x, in all four pairs of modes")
    x, y, z, w = record()
    y = y.detach()

    def f(x):
        return pa.sum(x * y) ** 2

    point = x.detach()
    for outer in ("forward", "reverse"):
        for inner in ("forward", "reverse"):
            mode = f"{outer}-over-{inner}"
            print(f"    {mode:20} {pa.hessian(f, point, mode=mode).tolist()}")


if __name__ == "__main__":
    main()
