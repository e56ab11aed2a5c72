#include "core/array.h"

#include <algorithm>
#include <functional>
#include <limits>

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
