#pragma once

#include <cstddef>
#include <cstdint>

#include "core/allocator.h"

namespace pyautograd::kernels {

// Memory for intermediate results, from the allocator of tensors.
template <class T>
class Scratch {
 public:
  explicit Scratch(int64_t size)
      : bytes_(static_cast<size_t>(size) * sizeof(T)),
        data_(static_cast<T*>(allocate_data(bytes_))) {}
  ~Scratch() { free_data(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* get() const { return data_; }
  T& operator[](int64_t i) const { return data_[i]; }

 private:
  const size_t bytes_;
  T* const data_;
};

}  // namespace pyautograd::kernels
