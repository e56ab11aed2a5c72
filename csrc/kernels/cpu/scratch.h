#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/allocator.h"

namespace pyautograd::kernels {

// Memory for intermediate results, from the allocator of tensors where it is more than kNear bytes.
template <class T, size_t kNear = 0>
class Scratch {
 public:
  explicit Scratch(int64_t size)
      : bytes_(static_cast<size_t>(size) * sizeof(T)),
        data_(static_cast<T*>(is_near() ? near_.data() : allocate_data(bytes_))) {}
  ~Scratch() {
    if (!is_near()) free_data(data_, bytes_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* get() const { return data_; }
  T& operator[](int64_t i) const { return data_[i]; }

 private:
  bool is_near() const { return kNear > 0 && bytes_ <= kNear; }

  alignas(64) std::array<std::byte, kNear> near_;
  const size_t bytes_;
  T* const data_;
};

}  // namespace pyautograd::kernels
