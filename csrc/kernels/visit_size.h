#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace pyautograd::kernels {

struct Bytes16 {
  uint64_t halves[2];
};

// Calls f(TypeTag<U>{}) with a plain type of that size, for what moves numbers and reads none.
template <class F>
decltype(auto) visit_size(int64_t itemsize, F&& f) {
  switch (itemsize) {
    case 1:
      return f(TypeTag<uint8_t>{});
    case 2:
      return f(TypeTag<uint16_t>{});
    case 4:
      return f(TypeTag<uint32_t>{});
    case 8:
      return f(TypeTag<uint64_t>{});
    default:
      return f(TypeTag<Bytes16>{});
  }
}

}  // namespace pyautograd::kernels
