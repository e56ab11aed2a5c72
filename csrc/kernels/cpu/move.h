#pragma once

// Strided moves of bare items, by size: what a loop over contiguous elements needs before and
// after.

#include <cstdint>
#include <cstring>

#include "core/view.h"
#include "kernels/visit_size.h"

namespace pyautograd::kernels {

// Work below this many elements stays in one thread.
inline constexpr int64_t kGrain = 32768;

inline char* bytes_at(const void* data, int64_t offset) {
  return static_cast<char*>(const_cast<void*>(data)) + offset;
}

template <class T>
inline void move_row(T* out, int64_t out_stride, const T* x, int64_t x_stride, int64_t n) {
  if (out_stride == 1 && x_stride == 1) {
    if (n < 16)
      for (int64_t i = 0; i < n; ++i) out[i] = x[i];
    else
      std::memcpy(out, x, size_t(n) * sizeof(T));
  } else if (x_stride == 0) {
    T value = n > 0 ? *x : T();
    for (int64_t i = 0; i < n; ++i) out[i * out_stride] = value;
  } else if (out_stride == 1) {
    for (int64_t i = 0; i < n; ++i) out[i] = x[i * x_stride];
  } else {
    for (int64_t i = 0; i < n; ++i) out[i * out_stride] = x[i * x_stride];
  }
}

inline void move_row(int64_t itemsize, void* out, int64_t out_stride, const void* x,
                     int64_t x_stride, int64_t n) {
  visit_size(itemsize, [&](auto tag) {
    using T = typename decltype(tag)::type;
    move_row(static_cast<T*>(out), out_stride, static_cast<const T*>(x), x_stride, n);
  });
}

}  // namespace pyautograd::kernels
