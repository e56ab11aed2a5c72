#include <algorithm>
#include <limits>

#include "autograd/capture.h"
#include "ops/index.h"
#include "ops/linear.h"

// Takes x[...] apart after NumPy's rules.
namespace pyautograd::ops {

namespace {

// An index with the ellipsis spelled out and every mask turned into the positions it selects.
struct Part {
  enum class Kind : uint8_t { Integer, Range, NewAxis, Array, NewAxisArray, Separator };
  Kind kind;
  int64_t axis = 0;  // of x
  int64_t integer = 0;
  SliceRange range = {};
  Tensor array = {};
};
using Kind = Part::Kind;
using Parts = SmallVector<Part, 4>;

constexpr const char* kMaskAdvice =
    "a mask selects a number of elements that depends on it; use where instead";

int64_t axes_taken(const IndexItem& item) {
  if (const auto* array = std::get_if<Tensor>(&item)) {
    return is_bool(array->dtype()) ? array->ndim() : 1;
  }
  return std::holds_alternative<int64_t>(item) || std::holds_alternative<SliceRange>(item);
}

bool mapped_anywhere(const Tensor& x) {
  const Body* body = x.body().get();
  while (body->kind != Body::Kind::Array) {
    if (body->kind == Body::Kind::Batched && static_cast<const Batched*>(body)->dim != kNotMapped)
      return true;
    body = inner_value(*body).body().get();
  }
  return false;
}

// Whether an index is one number, and the same in every run of a captured call.
bool is_plain(const Tensor& x) {
  return !mapped_anywhere(x) && !Capture::unknown(innermost_array(x));
}

void push_mask(std::string_view op, Parts& parts, const Tensor& mask, const Dims& shape,
               int64_t axis) {
  const Array& values = concrete_array(op, mask, kMaskAdvice);
  if (mask.ndim() == 0) {
    const Tensor here = to_device(Tensor(values.with_layout({}, {}, values.offset)), {});
    const int64_t count = *here.array().data<bool>();
    parts.push_back(
        {.kind = Kind::NewAxisArray, .axis = axis, .array = zeros({count}, DType::Int64)});
    return;
  }
  for (int64_t i = 0; i < mask.ndim(); ++i) {
    if (mask.shape()[i] != shape[axis + i]) {
      index_error("[", op, "] boolean index of shape ", shape_string(mask.shape()),
                  " does not match shape ", shape_string(shape), ": the size of axis ", axis + i,
                  " is ", shape[axis + i], ", not ", mask.shape()[i]);
    }
  }
  const Tensors positions = nonzero(mask);
  for (int64_t i = 0; i < mask.ndim(); ++i) {
    parts.push_back({.kind = Kind::Array, .axis = axis + i, .array = positions[i]});
  }
}

void push_array(std::string_view op, Parts& parts, const Tensor& array, const Dims& shape,
                int64_t axis) {
  if (is_bool(array.dtype())) return push_mask(op, parts, array, shape, axis);
  if (!is_integer(array.dtype())) {
    index_error("[", op, "] arrays used as indices must be of integer or boolean dtype, got ",
                name_of(array.dtype()));
  }
  if (array.ndim() == 0 && is_plain(array)) {
    parts.push_back(
        {.kind = Kind::Integer, .axis = axis, .integer = concrete_integers(op, array)[0]});
  } else {
    parts.push_back({.kind = Kind::Array, .axis = axis, .array = array});
  }
}

Parts expand(std::string_view op, const Dims& shape, const Index& index) {
  const int64_t ndim = static_cast<int64_t>(shape.size());
  int64_t taken = 0, ellipses = 0;
  for (const IndexItem& item : index) {
    taken += axes_taken(item);
    ellipses += std::holds_alternative<Ellipsis>(item);
  }
  if (ellipses > 1) index_error("[", op, "] an index can have only one ellipsis ('...')");
  if (taken > ndim) {
    index_error("[", op, "] too many indices: the array is ", ndim, "-dimensional, but ", taken,
                " were indexed");
  }
  Parts parts;
  int64_t axis = 0;
  const auto push_rest = [&](int64_t count) {
    for (; count > 0; --count) parts.push_back({.kind = Kind::Range, .axis = axis++});
  };
  for (const IndexItem& item : index) {
    if (const auto* integer = std::get_if<int64_t>(&item)) {
      parts.push_back({.kind = Kind::Integer, .axis = axis, .integer = *integer});
    } else if (const auto* range = std::get_if<SliceRange>(&item)) {
      parts.push_back({.kind = Kind::Range, .axis = axis, .range = *range});
    } else if (std::holds_alternative<NewAxis>(item)) {
      parts.push_back({.kind = Kind::NewAxis});
    } else if (const auto* array = std::get_if<Tensor>(&item)) {
      push_array(op, parts, *array, shape, axis);
    } else {
      parts.push_back({.kind = Kind::Separator});
      push_rest(ndim - taken);
    }
    axis += axes_taken(item);
  }
  push_rest(ndim - axis);
  return parts;
}

// Python's slice.indices, and how many it selects.
void push_range(std::string_view op, Slice& slice, const SliceRange& range, int64_t size) {
  const int64_t step = range.step.value_or(1);
  if (step == 0) value_error("[", op, "] slice step cannot be zero");
  const int64_t lowest = step > 0 ? 0 : -1, highest = step > 0 ? size : size - 1;
  const auto resolve = [&](const std::optional<int64_t>& given, int64_t otherwise) {
    if (!given) return otherwise;
    return std::clamp(*given < 0 ? *given + size : *given, lowest, highest);
  };
  const int64_t start = resolve(range.start, step > 0 ? 0 : size - 1);
  const int64_t stop = resolve(range.stop, step > 0 ? size : -1);
  const int64_t distance = step > 0 ? stop - start : start - stop;
  // The magnitude of the smallest integer is no integer; no axis is that long either.
  const int64_t stride = step > 0 ? step : -std::max(step, -std::numeric_limits<int64_t>::max());
  slice.start.push_back(start);
  slice.size.push_back(distance > 0 ? (distance - 1) / stride + 1 : 0);
  slice.step.push_back(step);
}

void push_integer(std::string_view op, Slice& slice, int64_t axis, int64_t index, int64_t size) {
  if (index < -size || index >= size) {
    index_error("[", op, "] index ", index, " is out of bounds for axis ", axis, " with size ",
                size);
  }
  slice.start.push_back(index < 0 ? index + size : index);
  slice.size.push_back(1);
  slice.step.push_back(1);
  slice.drop.push_back(axis);
}

Slice slice_of(std::string_view op, const Dims& shape, const Parts& parts) {
  Slice slice;
  for (const Part& part : parts) {
    if (part.kind == Kind::Range) push_range(op, slice, part.range, shape[part.axis]);
    if (part.kind == Kind::Integer)
      push_integer(op, slice, part.axis, part.integer, shape[part.axis]);
    if (part.kind == Kind::Array) push_range(op, slice, {}, shape[part.axis]);
  }
  return slice;
}

// Where the axes of the index arrays go: to the place of the first if all stand together, integers
// counting as arrays, else to the front.
int64_t place_of_arrays(const Parts& parts) {
  int64_t result_axes = 0;
  std::optional<int64_t> place;
  bool interrupted = false;
  for (const Part& part : parts) {
    const bool advanced =
        part.kind == Kind::Array || part.kind == Kind::NewAxisArray || part.kind == Kind::Integer;
    if (!advanced) {
      interrupted = place.has_value();
      result_axes += part.kind != Kind::Separator;
    } else if (!place) {
      place = result_axes;
    } else if (interrupted) {
      return 0;
    }
  }
  return place.value_or(0);
}

}  // namespace

IndexPlan plan_index(std::string_view op, const Dims& shape, const Index& index) {
  const Parts parts = expand(op, shape, index);
  IndexPlan plan;
  plan.slice = slice_of(op, shape, parts);
  plan.slices = !plan.slice.drop.empty() || plan.slice.size != shape ||
                std::any_of(plan.slice.step.begin(), plan.slice.step.end(),
                            [](int64_t step) { return step != 1; });
  plan.labels.op = op;
  Dims view_shape, kept;
  bool fresh = false;
  for (const Part& part : parts) {
    if (part.kind == Kind::Integer || part.kind == Kind::Separator) continue;
    const bool new_axis = part.kind == Kind::NewAxis || part.kind == Kind::NewAxisArray;
    const bool indexed = part.kind == Kind::Array || part.kind == Kind::NewAxisArray;
    fresh |= new_axis;
    (indexed ? plan.front : kept).push_back(static_cast<int64_t>(view_shape.size()));
    view_shape.push_back(new_axis ? 1 : plan.slice.size[part.axis]);
    if (indexed) {
      plan.arrays.push_back(part.array);
      plan.labels.axes.push_back(part.axis);
    }
  }
  for (int64_t axis : kept) plan.front.push_back(axis);
  if (fresh) plan.view_shape = std::move(view_shape);
  if (!plan.arrays.empty()) {
    plan.array_shape = index_shape(op, plan.arrays);
    plan.place = place_of_arrays(parts);
  }
  return plan;
}

}  // namespace pyautograd::ops
