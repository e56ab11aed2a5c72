#include "core/array.h"

#include <algorithm>
#include <compare>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>

namespace pyautograd {

namespace {

// The first byte of an array, and the one after its last.
struct Extent {
  const std::byte* first;
  const std::byte* last;
};

Extent extent_of(const Array& x) {
  int64_t before = 0, after = 1;
  for (size_t i = 0; i < x.shape.size(); ++i) {
    const int64_t reach = (x.shape[i] - 1) * x.strides[i];
    (reach < 0 ? before : after) += reach;
  }
  const auto* address = static_cast<const std::byte*>(x.address());
  return {address + before * itemsize(x.dtype), address + after * itemsize(x.dtype)};
}

// Less: `outer` is to stay outside of `inner`, which one layout is enough to ask for; greater:
// every layout has it inside; equal: none can tell.
std::strong_ordering compare_axes(int64_t outer, int64_t inner, std::span<const int64_t> shape,
                                  std::span<const Dims> layouts) {
  auto found = std::strong_ordering::equal;
  if (shape[outer] == 1 || shape[inner] == 1) return found;
  for (const Dims& strides : layouts) {
    if (strides[outer] == 0 || strides[inner] == 0) continue;
    if (std::abs(strides[outer]) >= std::abs(strides[inner])) return std::strong_ordering::less;
    found = std::strong_ordering::greater;
  }
  return found;
}

}  // namespace

Dims contiguous_strides(std::span<const int64_t> shape) {
  Dims strides = Dims::uninitialized(shape.size());
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    step *= std::max<int64_t>(shape[i], 1);
  }
  return strides;
}

Dims broadcast_strides(std::span<const int64_t> shape, std::span<const int64_t> strides,
                       std::span<const int64_t> target) {
  Dims result(target.size(), 0);
  const size_t lead = target.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == target[lead + i]) result[lead + i] = strides[i];
  }
  return result;
}

AxisOrder order_in_memory(std::span<const int64_t> shape, std::span<const Dims> layouts) {
  AxisOrder order = AxisOrder::uninitialized(shape.size());
  std::iota(order.begin(), order.end(), 0);
  bool moved = false;
  for (size_t i = order.size(); i-- > 0;) {  // by insertion: stable, and there are few axes
    size_t place = i;
    for (size_t j = i + 1; j < order.size(); ++j) {
      const std::strong_ordering speeds = compare_axes(order[i], order[j], shape, layouts);
      if (speeds < 0) break;
      if (speeds > 0) place = j;
    }
    std::rotate(order.begin() + i, order.begin() + i + 1, order.begin() + place + 1);
    moved |= place != i;
  }
  return moved ? order : AxisOrder();
}

Dims in_order(std::span<const int64_t> per_axis, const AxisOrder& order) {
  if (order.empty()) return Dims(per_axis);
  Dims result = Dims::uninitialized(order.size());
  for (size_t i = 0; i < order.size(); ++i) result[i] = per_axis[order[i]];
  return result;
}

Dims dense_strides(std::span<const int64_t> shape, const AxisOrder& order) {
  const Dims in_memory = contiguous_strides(in_order(shape, order));
  if (order.empty()) return in_memory;
  Dims strides = Dims::uninitialized(order.size());
  for (size_t i = 0; i < order.size(); ++i) strides[order[i]] = in_memory[i];
  return strides;
}

bool is_dense(std::span<const int64_t> shape, std::span<const int64_t> strides) {
  const Dims layout(strides);
  const AxisOrder order = order_in_memory(shape, std::span(&layout, 1));
  return is_contiguous(in_order(shape, order), in_order(strides, order));
}

size_t checked_bytes(std::span<const int64_t> shape, DType dtype) {
  int64_t bytes = itemsize(dtype);
  bool empty = false;
  for (int64_t n : shape) {
    if (n < 0) value_error("negative dimensions are not allowed, got shape ", shape_string(shape));
    if (n == 0) empty = true;
    if (n > 0 && __builtin_mul_overflow(bytes, n, &bytes)) {
      fail(Error::Kind::Memory, "shape ", shape_string(shape), " with dtype ", name_of(dtype),
           " needs more bytes than can be addressed");
    }
  }
  return empty ? 0 : static_cast<size_t>(bytes);
}

Ref<Array> Array::empty(Dims shape, DType dtype, Device device) {
  // One pass for what contiguous_strides and checked_bytes find out.
  Dims strides = Dims::uninitialized(shape.size());
  int64_t step = 1;
  bool empty = false, wrong = false;
  for (size_t i = shape.size(); i-- > 0;) {
    const int64_t n = shape[i];
    strides[i] = step;
    if (n > 0) {
      wrong |= __builtin_mul_overflow(step, n, &step);
    } else {
      empty = true;
      wrong |= n < 0;
    }
  }
  wrong |= __builtin_mul_overflow(step, itemsize(dtype), &step);
  if (wrong) [[unlikely]]
    checked_bytes(shape, dtype);
  Ref<Storage> storage = Storage::allocate(empty ? 0 : static_cast<size_t>(step), device);
  return make_ref<Array>(std::move(storage), std::move(shape), std::move(strides), dtype);
}

Ref<Array> Array::empty(Dims shape, const AxisOrder& order, DType dtype, Device device) {
  if (order.empty()) return empty(std::move(shape), dtype, device);
  Ref<Storage> storage = Storage::allocate(checked_bytes(shape, dtype), device);
  Dims strides = dense_strides(shape, order);
  return make_ref<Array>(std::move(storage), std::move(shape), std::move(strides), 0, dtype);
}

Ref<Array> Array::with_layout(Dims shape, Dims strides, int64_t offset) const {
  return make_ref<Array>(storage, std::move(shape), std::move(strides), offset, dtype);
}

bool may_share_memory(const Array& a, const Array& b) {
  if (a.storage == b.storage) return true;
  if ((a.storage->owned() && b.storage->owned()) || a.device != b.device) return false;
  if (a.size() == 0 || b.size() == 0) return false;
  const Extent x = extent_of(a), y = extent_of(b);
  return std::less<>()(x.first, y.last) && std::less<>()(y.first, x.last);
}

bool is_contiguous(std::span<const int64_t> shape, std::span<const int64_t> strides) noexcept {
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 0) return true;
    // Nothing at all lies in any order.
    if (shape[i] != 1 && strides[i] != step) return count_elements(shape) == 0;
    step *= shape[i];
  }
  return true;
}

}  // namespace pyautograd
