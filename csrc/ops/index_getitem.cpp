#include <algorithm>

#include "core/captured_writes.h"
#include "core/strides.h"
#include "kernels/kernels.h"
#include "ops/index.h"
#include "ops/linear.h"
#include "ops/spectrum.h"

// x[index], x[index] = value as a function, and in place.
namespace pyautograd::ops {

namespace {

bool ascending(const Dims& axes) { return std::is_sorted(axes.begin(), axes.end()); }

// The part of x that the index reaches, indexed axes in front: always a view.
Tensor indexed_view(const Tensor& x, const IndexPlan& plan) {
  Tensor view = plan.slices ? slice(x, plan.slice) : x;
  if (plan.view_shape) view = reshape(view, *plan.view_shape);
  return plan.arrays.empty() || ascending(plan.front) ? view : permute_dims(view, plan.front);
}

// From the arrays' axes in front to where they belong in the result, or back.
Tensor place_arrays(const Tensor& x, const IndexPlan& plan, bool back) {
  if (plan.place == 0) return x;
  const int64_t count = static_cast<int64_t>(plan.array_shape.size());
  const int64_t first = back ? plan.place : count, moved = back ? count : plan.place;
  Dims axes;
  for (int64_t i = 0; i < moved; ++i) axes.push_back(first + i);
  for (int64_t i = 0; i < first; ++i) axes.push_back(i);
  for (int64_t i = first + moved; i < x.ndim(); ++i) axes.push_back(i);
  return permute_dims(x, axes);
}

// The shape of x[index], given its view.
Dims result_shape(const Dims& view, const IndexPlan& plan) {
  if (plan.arrays.empty()) return view;
  Dims shape(view.begin() + plan.arrays.size(), view.end());
  for (size_t i = 0; i < plan.array_shape.size(); ++i) {
    shape.insert(static_cast<size_t>(plan.place) + i, plan.array_shape[i]);
  }
  return shape;
}

// NumPy's restriction: elements chosen by a mask over all axes form a vector, and so must their
// values.
void check_mask_value(const Tensor& x, const Index& index, const Tensor& value) {
  const auto* mask = index.size() == 1 ? std::get_if<Tensor>(&index[0]) : nullptr;
  if (mask && is_bool(mask->dtype()) && value.ndim() > 1 && mask->ndim() > 0 &&
      mask->ndim() == x.ndim()) {
    type_error("[setitem] the value for a boolean mask must have 0 or 1 dimensions, got shape ",
               shape_string(value.shape()));
  }
}

// x[mask] = value where no entry of value belongs to one entry of the mask: a choice, which needs
// no positions and so works under vmap.
std::optional<Tensor> masked_fill(const Tensor& x, const Index& index, const Tensor& value) {
  if (index.size() != 1) return std::nullopt;
  const auto* mask = std::get_if<Tensor>(&index[0]);
  if (!mask || !is_bool(mask->dtype()) || mask->ndim() == 0 || mask->ndim() > x.ndim()) {
    return std::nullopt;
  }
  const int64_t rest = x.ndim() - mask->ndim();
  for (int64_t i = 0; i < std::max(mask->ndim(), value.ndim() - rest); ++i) {
    if (i < mask->ndim() && mask->shape()[i] != x.shape()[i]) return std::nullopt;
    if (i < value.ndim() - rest && value.shape()[i] != 1) return std::nullopt;
  }
  Dims condition = mask->shape();
  condition.resize(static_cast<size_t>(x.ndim()), 1);
  const Dims inner(x.shape().end() - rest, x.shape().end());
  return where(reshape(index_beside(x, *mask), condition), fitted("setitem", value, inner), x);
}

Tensor undo_view(const Tensor& view, const IndexPlan& plan) {
  Tensor result = view;
  if (!ascending(plan.front)) {
    Dims inverse(plan.front.size());
    for (size_t i = 0; i < inverse.size(); ++i) inverse[plan.front[i]] = static_cast<int64_t>(i);
    result = permute_dims(result, inverse);
  }
  return result;
}

// What of x[index] is no index array, as the value that its slice takes.
Tensor as_sliced(const Tensor& value, const IndexPlan& plan) {
  if (!plan.view_shape) return value;
  Dims shape = plan.slice.size;
  for (size_t i = plan.slice.drop.size(); i-- > 0;) {
    shape.erase(static_cast<size_t>(plan.slice.drop[i]));
  }
  return reshape(value, shape);
}

void check_writable(std::string_view op, const Tensor& x) {
  if (!x.is_array()) {
    runtime_error("[", op, "] a tensor made inside a ", x.level()->name(),
                  " cannot be written in place");
  }
  const Array& array = x.array();
  if (!array.storage->writable()) value_error("[", op, "] the memory is read-only: copy it first");
  if (shows_numbers_twice(array.shape, array.strides))
    value_error("[", op, "] several elements of this broadcast view share memory: copy it first");
}

// A value as a write to x takes it: nothing recorded, x's dtype, no memory in common.
Tensor write_value(std::string_view op, const Tensor& x, const Tensor& value) {
  const Array& source = concrete_array(op, value, "write it through the function instead");
  const Tensor numbers = plain(source);
  if (source.dtype != x.dtype()) return astype(numbers, x.dtype());
  return may_share_memory(source, x.array()) ? copy(numbers) : numbers;
}

// NumPy reads one element as a number, which does not change with the array: a[i], a[j] = a[j],
// a[i] swaps. With an ellipsis it is a view.
bool is_element(const Tensor& x, const Index& index) {
  return index.size() == x.shape().size() &&
         std::all_of(index.begin(), index.end(),
                     [](const IndexItem& item) { return std::holds_alternative<int64_t>(item); });
}

Tensor plain_getitem(const Tensor& x, const Index& index) {
  if (index.size() == 1 && x.ndim() > 0) {
    if (const auto* integer = std::get_if<int64_t>(&index[0])) return item_at(x, *integer);
  }
  const IndexPlan plan = plan_index("getitem", x.shape(), index);
  if (is_element(x, index)) return element(x, plan.slice);
  const Tensor view = indexed_view(x, plan);
  if (!plan.arrays.empty()) {
    return place_arrays(gather(view, plan.arrays, plan.labels), plan, false);
  }
  return plan.slices || plan.view_shape ? view : alias(view);
}

}  // namespace

Tensor getitem(const Tensor& x, const Index& index) {
  if (x.body()->origin) {
    const auto pick = [&](const Tensor& t) { return plain_getitem(t, index); };
    if (auto picked = picked_from_spectrum(x, pick)) return *picked;
  }
  return plain_getitem(x, index);
}

Tensor setitem(const Tensor& x, const Index& index, const Tensor& value, bool add) {
  check_mask_value(x, index, value);
  const Tensor plain = cast(value, x.dtype());
  if (!add) {
    if (std::optional<Tensor> filled = masked_fill(x, index, plain)) return *filled;
  }
  const IndexPlan plan = plan_index("setitem", x.shape(), index);
  const Tensor view = indexed_view(x, plan);
  const Tensor fit = fitted("setitem", plain, result_shape(view.shape(), plan));
  if (plan.arrays.empty()) {
    const Tensor part = as_sliced(fit, plan);
    return add ? ops::add(x, slice_scatter_zeros(part, plan.slice, x.shape()))
               : slice_update(x, part, plan.slice);
  }
  const Tensor written =
      scatter(view, place_arrays(fit, plan, true), plan.arrays, plan.labels, add);
  const Tensor part = as_sliced(undo_view(written, plan), plan);
  return plan.slices ? slice_update(x, part, plan.slice) : part;
}

void setitem_inplace(const Tensor& x, const Index& index, const Tensor& value) {
  check_writable("setitem", x);
  check_mask_value(x, index, value);
  const IndexPlan plan = plan_index("setitem", x.shape(), index);
  const Tensor view = indexed_view(x.untracked(), plan);
  const Tensor fit =
      fitted("setitem", write_value("setitem", x, value), result_shape(view.shape(), plan));
  x.array().storage->prepare_write();
  if (plan.arrays.empty()) {
    kernels::copy(view.device_view(), fit.device_view());
  } else {
    write_at(view, place_arrays(fit, plan, true), plan.arrays, plan.labels);
  }
  note_write(*x.array().storage);
}

void copy_inplace(const Tensor& x, const Tensor& y) {
  check_writable("copy", x);
  const Tensor value = broadcast_to(write_value("copy", x, y), x.shape());
  x.array().storage->prepare_write();
  kernels::copy(x.device_view(), value.device_view());
  note_write(*x.array().storage);
}

}  // namespace pyautograd::ops
