#pragma once

#include "core/counters.h"
#include "core/device.h"
#include "core/dtype.h"
#include "core/ref.h"
#include "core/small_vector.h"
#include "core/storage.h"
#include "core/view.h"

namespace pyautograd {

inline int64_t count_elements(std::span<const int64_t> shape) noexcept {
  int64_t size = 1;
  for (int64_t n : shape) size *= n;
  return size;
}
// Row-major strides, in elements.
Dims contiguous_strides(std::span<const int64_t> shape);
// Of a layout shown in a shape it broadcasts to.
Dims broadcast_strides(std::span<const int64_t> shape, std::span<const int64_t> strides,
                       std::span<const int64_t> target);
bool is_contiguous(std::span<const int64_t> shape, std::span<const int64_t> strides) noexcept;

// Axes, the slowest in memory first. Empty: as they are.
using AxisOrder = Dims;
// As these layouts of one shape have them; where they disagree or show one number along an axis, as
// they are.
AxisOrder order_in_memory(std::span<const int64_t> shape, std::span<const Dims> layouts);
Dims in_order(std::span<const int64_t> per_axis, const AxisOrder& order);
// Without gaps.
Dims dense_strides(std::span<const int64_t> shape, const AxisOrder& order);
// Without gaps, whatever the order of the axes, and nothing is shown twice.
bool is_dense(std::span<const int64_t> shape, std::span<const int64_t> strides);
// count_elements * itemsize, raising where the product does not fit.
size_t checked_bytes(std::span<const int64_t> shape, DType dtype);

// The shape, dtype and device of a value without the value.
struct Spec {
  Dims shape;
  DType dtype = DType::Float64;
  Device device;
};
using Specs = SmallVector<Spec, 1>;

// What a tensor refers to: an Array of numbers, or a wrapper that a transform made
// (autograd/tensor.h), or what saved-tensor hooks put in the place of one (autograd/saved_hooks.h).
// Immutable.
class Body : public RefCounted {
 public:
  enum class Kind : uint8_t { Array, Dual, Batched, Jet, Packed };

  const Dims shape;
  const DType dtype;
  const Device device;
  const Kind kind;

  int64_t size() const noexcept { return count_elements(shape); }

  // What the value was made from, where derivatives of later ops depend on it (ops/origin.h). Null
  // for almost every body; set by the maker before anybody else sees the body.
  Ref<RefCounted> origin;

 protected:
  Body(Kind kind, Dims shape, DType dtype, Device device) noexcept
      : shape(std::move(shape)), dtype(dtype), device(device), kind(kind) {
    count(Live::Bodies, 1);
  }
  ~Body() override { count(Live::Bodies, -1); }
};

// Strided numbers in a storage. Views share the storage.
class Array final : public Body {
 public:
  Array(Ref<Storage> storage, Dims shape, Dims strides, int64_t offset, DType dtype) noexcept
      : Body(Kind::Array, std::move(shape), dtype, storage->device()),
        storage(std::move(storage)),
        strides(std::move(strides)),
        offset(offset),
        contiguous_(is_contiguous(this->shape, this->strides)) {}
  // Row-major, from the start of the storage on.
  Array(Ref<Storage> storage, Dims shape, Dims strides, DType dtype) noexcept
      : Body(Kind::Array, std::move(shape), dtype, storage->device()),
        storage(std::move(storage)),
        strides(std::move(strides)),
        offset(0),
        contiguous_(true) {}

  const Ref<Storage> storage;
  const Dims strides;    // elements, may be zero or negative
  const int64_t offset;  // elements

  static Ref<Array> empty(Dims shape, DType dtype, Device device = {});
  static Ref<Array> empty(Dims shape, const AxisOrder& order, DType dtype, Device device);
  Ref<Array> with_layout(Dims shape, Dims strides, int64_t offset) const;

  // Where the first element lies in the memory of the array's device.
  void* address() const {
    return static_cast<std::byte*>(storage->data()) + offset * itemsize(dtype);
  }
  // The same for the host, which cannot read the memory of other devices: raises there.
  template <class T = void>
  T* data() const {
    check_on_host(device);
    return static_cast<T*>(address());
  }
  // The number of the last packing of this array by saved-tensor hooks; 0: none.
  mutable std::atomic<uint32_t> packing{0};

  // Row-major and without gaps.
  bool contiguous() const noexcept { return contiguous_; }
  // For kernels of the host; raises where the numbers lie elsewhere.
  View view() const { return {data(), dtype, shape, strides}; }
  // For the doors of kernels.h that serve every device.
  View device_view() const { return {address(), dtype, shape, strides, device}; }

 private:
  const bool contiguous_;
};

// Whether writing to one may change the other. Memory of somebody else may be wrapped twice, so
// that two storages show it.
bool may_share_memory(const Array& a, const Array& b);

}  // namespace pyautograd
