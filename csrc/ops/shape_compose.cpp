#include <algorithm>

#include "kernels/kernels.h"
#include "ops/index.h"
#include "ops/linear.h"
#include "ops/shape.h"

// Ops that are made of other structural ops and take their derivatives from them.
namespace pyautograd::ops {

namespace {

Tensor roll_axis(const Tensor& x, int64_t shift, int64_t axis) {
  const int64_t length = x.shape()[axis];
  // How many wrap around to the front.
  const int64_t head = length == 0 ? 0 : ((shift % length) + length) % length;
  Tensors parts = split_sizes(x, {length - head, head}, axis);
  std::swap(parts[0], parts[1]);
  return ops::concat(parts, axis);
}

using Extension = int64_t (*)(int64_t position, int64_t length);

int64_t wrapped(int64_t position, int64_t period) {
  return ((position % period) + period) % period;
}

// Where in an axis of some length a position outside of it reads.
Extension extension_of(std::string_view mode) {
  if (mode == "edge") {
    return [](int64_t i, int64_t n) { return std::clamp<int64_t>(i, 0, n - 1); };
  }
  if (mode == "wrap") return [](int64_t i, int64_t n) { return wrapped(i, n); };
  if (mode == "reflect") {
    return [](int64_t i, int64_t n) {
      const int64_t j = n == 1 ? 0 : wrapped(i, 2 * (n - 1));
      return j < n ? j : 2 * (n - 1) - j;
    };
  }
  if (mode == "symmetric") {
    return [](int64_t i, int64_t n) {
      const int64_t j = wrapped(i, 2 * n);
      return j < n ? j : 2 * n - 1 - j;
    };
  }
  value_error("[pad] mode '", mode,
              "' is none of 'constant', 'edge', 'reflect', 'symmetric', 'wrap'");
}

// A vector of positions, to take from an axis.
template <class F>
Tensor positions(std::string_view op, int64_t count, F&& position) {
  check_shape(op, {count}, DType::Int64);
  Ref<Array> out = Array::empty({count}, DType::Int64);
  int64_t* values = out->data<int64_t>();
  for (int64_t i = 0; i < count; ++i) values[i] = position(i);
  return Tensor(std::move(out));
}

struct Widths {
  Dims before, after;
};

Widths pad_widths(const Tensor& x, const Tensor& width) {
  const Dims target{x.ndim(), 2};
  if (broadcast_shapes("pad", width.shape(), target) != target) {
    value_error("[pad] widths of shape ", shape_string(width.shape()),
                " do not broadcast to shape ", shape_string(target));
  }
  const Dims flat = concrete_integers("pad", broadcast_to(width, target));
  Widths widths;
  for (size_t i = 0; i < flat.size(); ++i) {
    if (flat[i] < 0) value_error("[pad] widths must not be negative, got ", flat[i]);
    (i % 2 == 0 ? widths.before : widths.after).push_back(flat[i]);
  }
  return widths;
}

int64_t padded_size(const Widths& widths, int64_t size, size_t axis) {
  int64_t total = 0;
  if (__builtin_add_overflow(widths.before[axis], widths.after[axis], &total) ||
      __builtin_add_overflow(total, size, &total)) {
    fail(Error::Kind::Memory, "[pad] axis ", axis, " would be longer than can be addressed");
  }
  return total;
}

Tensor pad_constant(const Tensor& x, const Widths& widths, double constant) {
  Slice inside = whole(x.shape());
  inside.start = widths.before;
  Dims shape = x.shape();
  for (size_t i = 0; i < shape.size(); ++i) shape[i] = padded_size(widths, shape[i], i);
  if (constant == 0) return slice_scatter_zeros(x, inside, shape);
  return slice_update(broadcast_to(scalar(constant, x.dtype()), shape), x, inside);
}

Tensor pad_extended(const Tensor& x, const Widths& widths, Extension extension) {
  Tensor result = copy(x);
  for (size_t axis = 0; axis < x.shape().size(); ++axis) {
    const int64_t length = x.shape()[axis];
    const int64_t total = padded_size(widths, length, axis);
    if (total == length) continue;
    if (length == 0)
      value_error("[pad] axis ", axis, " is empty and can only be padded with a constant");
    const int64_t before = widths.before[axis];
    const Tensor source =
        positions("pad", total, [&](int64_t i) { return extension(i - before, length); });
    result = take(result, source, static_cast<int64_t>(axis));
  }
  return result;
}

// Every element `count` times in a row: a new axis behind, broadcast and merged.
Tensor repeat_evenly(const Tensor& x, int64_t count, int64_t axis) {
  if (count < 0) value_error("[repeat] repeats must not be negative, got ", count);
  Dims wide = x.shape();
  wide.insert(static_cast<size_t>(axis) + 1, count);
  const Tensor spread = broadcast_to(expand_dims(x, {axis + 1}), wide);
  Dims merged = x.shape();
  merged[axis] = checked_product("repeat", merged[axis], count);
  return reshape(copy(spread), merged);
}

}  // namespace

Tensor roll(const Tensor& x, const Dims& shift, const Axes& axis) {
  if (!axis) {
    int64_t total = 0;
    for (int64_t amount : shift) total += amount % std::max<int64_t>(x.size(), 1);
    return reshape(roll_axis(ravel(x), total, 0), x.shape());
  }
  const size_t count = std::max(shift.size(), axis->size());
  if ((shift.size() != count && shift.size() != 1) ||
      (axis->size() != count && axis->size() != 1)) {
    value_error("[roll] shifts ", shape_string(shift), " and axes ", shape_string(*axis),
                " must have as many entries");
  }
  Tensor result = count == 0 ? copy(x) : x;
  for (size_t i = 0; i < count; ++i) {
    const int64_t along = normalize_axis("roll", (*axis)[axis->size() == 1 ? 0 : i], x.ndim());
    result = roll_axis(result, shift[shift.size() == 1 ? 0 : i], along);
  }
  return result;
}

Tensor rot90(const Tensor& x, int64_t k, const Dims& axes) {
  if (axes.size() != 2) value_error("[rot90] expected two axes, got ", shape_string(axes));
  const int64_t first = axes[0] + (axes[0] < 0 ? x.ndim() : 0);
  const int64_t second = axes[1] + (axes[1] < 0 ? x.ndim() : 0);
  if (first == second || std::min(first, second) < 0 || std::max(first, second) >= x.ndim()) {
    value_error("[rot90] axes ", shape_string(axes), " must be two different axes of an array of ",
                x.ndim(), " dimensions");
  }
  switch (((k % 4) + 4) % 4) {
    case 1:
      return swapaxes(flip(x, Dims{axes[1]}), axes[0], axes[1]);
    case 2:
      return flip(x, axes);
    case 3:
      return flip(swapaxes(x, axes[0], axes[1]), Dims{axes[1]});
    default:
      return alias(x);
  }
}

Tensor tile(const Tensor& x, const Dims& repetitions) {
  Dims shape = x.shape(), counts = repetitions;
  while (shape.size() < counts.size()) shape.insert(0, 1);
  while (counts.size() < shape.size()) counts.insert(0, 1);
  Dims split, wide, merged;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (counts[i] < 0) value_error("[tile] repetitions must not be negative, got ", counts[i]);
    split.push_back(1);
    split.push_back(shape[i]);
    wide.push_back(counts[i]);
    wide.push_back(shape[i]);
    merged.push_back(checked_product("tile", counts[i], shape[i]));
  }
  return reshape(copy(broadcast_to(reshape(x, split), wide)), merged);
}

Tensor repeat(const Tensor& x, const Tensor& repeats, std::optional<int64_t> axis) {
  if (!axis) return repeat(ravel(x), repeats, 0);
  const int64_t along = normalize_axis("repeat", *axis, x.ndim());
  const Dims counts = concrete_integers("repeat", repeats);
  if (counts.size() == 1) return repeat_evenly(x, counts[0], along);
  if (static_cast<int64_t>(counts.size()) != x.shape()[along]) {
    value_error("[repeat] ", counts.size(), " repeats do not fit axis ", along, " of shape ",
                shape_string(x.shape()));
  }
  int64_t total = 0;
  for (int64_t count : counts) {
    if (count < 0) value_error("[repeat] repeats must not be negative, got ", count);
    if (__builtin_add_overflow(total, count, &total)) {
      fail(Error::Kind::Memory, "[repeat] the result would be longer than can be addressed");
    }
  }
  size_t entry = 0;
  int64_t end = counts.empty() ? 0 : counts[0];
  const Tensor source = positions("repeat", total, [&](int64_t i) {
    while (i >= end) end += counts[++entry];
    return static_cast<int64_t>(entry);
  });
  return take(x, source, along);
}

Tensor pad(const Tensor& x, const Tensor& width, std::string_view mode, double constant) {
  const Widths widths = pad_widths(x, width);
  if (mode == "constant") return pad_constant(x, widths, constant);
  return pad_extended(x, widths, extension_of(mode));
}

Tensors meshgrid(TensorSpan tensors, std::string_view indexing) {
  if (indexing != "xy" && indexing != "ij") {
    value_error("[meshgrid] indexing '", indexing, "' is neither 'xy' nor 'ij'");
  }
  const size_t count = tensors.size();
  const bool swapped = indexing == "xy" && count >= 2;
  Tensors columns;
  for (size_t i = 0; i < count; ++i) {
    Dims shape(count, 1);
    shape[swapped && i < 2 ? 1 - i : i] = tensors[i].size();
    columns.push_back(reshape(tensors[i], shape));
  }
  Tensors grid;
  for (const Tensor& x : broadcast_arrays(columns)) grid.push_back(copy(x));
  return grid;
}

}  // namespace pyautograd::ops
