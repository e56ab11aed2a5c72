#include "ops/shape.h"

namespace pyautograd {

namespace {

// Whether elements are numbered with the first index fastest.
bool by_columns(std::string_view op, std::string_view order) {
  if (order == "F") return true;
  if (order != "C") value_error("[", op, "] order must be 'C' or 'F', got '", order, "'");
  return false;
}

Tensor reshape_op(const Tensor& x, const Dims& shape, std::optional<bool> copied,
                  std::string_view order) {
  if (by_columns("reshape", order)) {
    const Dims backwards(std::reverse_iterator(shape.end()), std::reverse_iterator(shape.begin()));
    return ops::transpose(reshape_op(ops::transpose(x, {}), backwards, copied, "C"), {});
  }
  Tensor result = ops::reshape(x, shape);
  if (!copied) return result;
  const bool shared = innermost_array(result).storage == innermost_array(x).storage;
  if (*copied) return shared ? ops::copy(result) : result;
  if (!shared) {
    value_error("[reshape] shape ", shape_string(shape), " needs a copy of the array of shape ",
                shape_string(x.shape()), ": leave out copy=False");
  }
  return result;
}

Tensor ravel_op(const Tensor& x, std::string_view order) {
  return ops::ravel(by_columns("ravel", order) ? ops::transpose(x, {}) : x);
}

void register_views(Registry& registry) {
  registry.add(
      "reshape", reshape_op, "x, /, shape, *, copy=None, order='C'",
      R"(The elements of ``x`` under another shape, in row-major order, or by columns with ``order='F'``.

One size may be -1 and is worked out from the others. A view where the strides allow it, else a copy; ``copy=True``
always copies, and ``copy=False`` raises ``ValueError`` where a view cannot be had. So do shapes of another number of
elements.

>>> pa.reshape(pa.arange(6), (2, -1)).tolist()
[[0, 1, 2], [3, 4, 5]])");
  registry.add(
      "ravel", ravel_op, "x, /, order='C'",
      R"(``x`` as a vector, in row-major order: ``reshape(x, -1)``; with ``order='F'`` the first index runs fastest.

>>> pa.ravel(pa.ones((2, 2))).shape
(4,))");
  registry.add("permute_dims", ops::permute_dims, "x, /, axes",
               R"(A view of ``x`` with its axes in the order ``axes``.

``axes`` names every axis once; anything else raises ``ValueError`` or ``IndexError``.

>>> pa.permute_dims(pa.ones((2, 3, 4)), (2, 0, 1)).shape
(4, 2, 3))");
  registry.add("transpose", ops::transpose, "x, /, axes=None",
               R"(A view of ``x`` with its axes reversed, or in the order ``axes``.

>>> pa.transpose(pa.ones((2, 3, 4))).shape
(4, 3, 2))");
  registry.add("matrix_transpose", ops::matrix_transpose, "x, /",
               R"(A view of ``x`` with its last two axes exchanged.

Fewer than two axes raise ``ValueError``.

>>> pa.matrix_transpose(pa.ones((5, 2, 3))).shape
(5, 3, 2))");
  registry.add(
      "moveaxis", ops::moveaxes, "x, source, destination, /",
      R"(A view of ``x`` with the axes ``source`` moved to ``destination``; the others keep their order.

>>> pa.moveaxis(pa.ones((2, 3, 4)), 0, -1).shape
(3, 4, 2))");
  registry.add("swapaxes", ops::swapaxes, "x, axis1, axis2, /",
               R"(A view of ``x`` with two axes exchanged.

>>> pa.swapaxes(pa.ones((2, 3, 4)), 0, 2).shape
(4, 3, 2))");
  registry.add("broadcast_to", ops::broadcast_to, "x, /, shape",
               R"(A view of ``x`` repeated along new axes and axes of size one to fill ``shape``.

A shape that ``x`` does not broadcast to raises ``ValueError``. The view shares elements and cannot be written.

>>> pa.broadcast_to(pa.tensor([1, 2]), (2, 2)).tolist()
[[1, 2], [1, 2]])");
  registry.add("broadcast_arrays", ops::broadcast_arrays, "arrays, /",
               R"(Views of all ``arrays`` under their common shape.

>>> [x.shape for x in pa.broadcast_arrays([pa.ones(3), pa.ones((2, 1))])]
[(2, 3), (2, 3)])");
  registry.add("expand_dims", ops::expand_dims, "x, /, axis=0",
               R"(A view of ``x`` with axes of size one put in, at positions of the result.

>>> pa.expand_dims(pa.ones(3), axis=(0, -1)).shape
(1, 3, 1))");
  registry.add("squeeze", ops::squeeze, "x, /, axis=None",
               R"(A view of ``x`` without the given axes of size one, or without all of them.

An axis of another size raises ``ValueError``.

>>> pa.squeeze(pa.ones((1, 3, 1)), axis=0).shape
(3, 1))");
  registry.add(
      "flip", ops::flip, "x, /, axis=None",
      R"(A view of ``x`` with the order of its elements reversed along the given axes, or along all.

>>> pa.flip(pa.arange(3)).tolist()
[2, 1, 0])");
  registry.add(
      "rot90", ops::rot90, "x, /, k=1, axes=(0, 1)",
      R"(A view of ``x`` turned ``k`` times by 90 degrees, from the first of ``axes`` towards the second.

>>> pa.rot90(pa.tensor([[1, 2], [3, 4]])).tolist()
[[2, 4], [1, 3]])");
  registry.add("atleast_1d", ops::atleast_1d, "x, /",
               R"(``x``, as a vector of one if it has no axes.

>>> pa.atleast_1d(pa.tensor(1.0)).shape
(1,))");
  registry.add("atleast_2d", ops::atleast_2d, "x, /",
               R"(``x`` with axes of size one put in front until there are two.

>>> pa.atleast_2d(pa.ones(3)).shape
(1, 3))");
  registry.add("atleast_3d", ops::atleast_3d, "x, /",
               R"(``x`` with axes of size one put around it until there are three.

A vector becomes (1, n, 1), a matrix (m, n, 1).

>>> pa.atleast_3d(pa.ones(3)).shape
(1, 3, 1))");
}

void register_joins(Registry& registry) {
  registry.add("concat", ops::concat_or_ravel, "arrays, /, axis=0",
               R"(The ``arrays`` one after the other along an axis they have.

They must agree in all other axes (``ValueError``); dtypes are promoted. With ``axis=None`` all are flattened first.

>>> pa.concat([pa.ones(1), pa.zeros(2)]).tolist()
[1.0, 0.0, 0.0])");
  registry.add("stack", ops::stack, "arrays, /, axis=0",
               R"(The ``arrays``, all of one shape, side by side along a new axis.

>>> pa.stack([pa.ones(2), pa.zeros(2)], axis=1).tolist()
[[1.0, 0.0], [1.0, 0.0]])");
  registry.add("hstack", ops::hstack, "arrays, /",
               R"(The ``arrays`` one after the other along axis 1, vectors along axis 0.

>>> pa.hstack([pa.ones((2, 1)), pa.zeros((2, 2))]).shape
(2, 3))");
  registry.add("vstack", ops::vstack, "arrays, /",
               R"(The ``arrays`` one below the other, vectors as rows.

>>> pa.vstack([pa.ones(2), pa.zeros((2, 2))]).shape
(3, 2))");
  registry.add("split", ops::split, "x, indices_or_sections, /, axis=0",
               R"(Views of consecutive parts of ``x`` along ``axis``.

An integer asks for that many equal parts (``ValueError`` if there are none); a list of integers says where to cut.

>>> [part.tolist() for part in pa.split(pa.arange(5), [2, 4])]
[[0, 1], [2, 3], [4]])");
  registry.add("array_split", ops::array_split, "x, indices_or_sections, /, axis=0",
               R"(As ``split``, but the first parts may be longer by one.

>>> [part.tolist() for part in pa.array_split(pa.arange(5), 2)]
[[0, 1, 2], [3, 4]])");
  registry.add(
      "unstack", ops::unstack, "x, /, axis=0",
      R"(Views of the entries of ``x`` along ``axis``, which they lack: the inverse of ``stack``.

>>> [row.tolist() for row in pa.unstack(pa.tensor([[1, 2], [3, 4]]))]
[[1, 2], [3, 4]])",
      Returns::Tuple);
  registry.add("meshgrid", ops::meshgrid, "arrays, /, indexing='xy'",
               R"(Coordinate arrays of a grid from vectors of coordinates.

With ``indexing='ij'`` array i varies along axis i; with 'xy' the first two axes are exchanged.

>>> [x.shape for x in pa.meshgrid([pa.ones(2), pa.ones(3)], indexing='ij')]
[(2, 3), (2, 3)])");
}

void register_repetitions(Registry& registry) {
  registry.add(
      "roll", ops::roll, "x, /, shift, axis=None",
      R"(``x`` with its elements moved on by ``shift`` along ``axis``; what leaves the end enters at the front.

Several shifts pair up with several axes. Without an axis ``x`` is rolled as if flattened.

>>> pa.roll(pa.arange(4), 1).tolist()
[3, 0, 1, 2])");
  registry.add("tile", ops::tile, "x, repetitions, /",
               R"(Copies of ``x`` side by side, as many along each axis as ``repetitions`` says.

The shorter of the shape and ``repetitions`` is filled up with ones in front.

>>> pa.tile(pa.tensor([1, 2]), (2, 2)).tolist()
[[1, 2, 1, 2], [1, 2, 1, 2]])");
  registry.add("repeat", ops::repeat, "x, repeats, /, axis=None",
               R"(Every element of ``x`` several times in a row along ``axis``.

``repeats`` is one integer or one for each element along the axis. Without an axis ``x`` is flattened first.

>>> pa.repeat(pa.tensor([1, 2]), pa.tensor([1, 2])).tolist()
[1, 2, 2])");
  registry.add("pad", ops::pad, "x, pad_width, /, mode='constant', *, constant_values=0.0",
               R"(``x`` with more elements before and after each axis.

``pad_width`` is an integer, a pair (before, after), or one pair for each axis. The new elements are ``constant_values``
or, by ``mode``, the nearest element ('edge'), the mirror image without or with the edge repeated ('reflect',
'symmetric'), or the other end ('wrap'). An empty axis can be padded with a constant only (``ValueError``).

>>> pa.pad(pa.tensor([1, 2]), (1, 2)).tolist()
[0, 1, 2, 0, 0])");
}

}  // namespace

void register_shape(Registry& registry) {
  register_views(registry);
  register_joins(registry);
  register_repetitions(registry);
}

}  // namespace pyautograd
