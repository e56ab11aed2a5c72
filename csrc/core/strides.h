#pragma once

#include <cstdint>
#include <span>

namespace pyautograd {

// Whether every place of a layout shows the same number.
inline bool shows_one_number(std::span<const int64_t> shape,
                             std::span<const int64_t> strides) noexcept {
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] > 1 && strides[i] != 0) return false;
  return true;
}

// Whether several places of a layout show one number, as in a broadcast view.
inline bool shows_numbers_twice(std::span<const int64_t> shape,
                                std::span<const int64_t> strides) noexcept {
  bool twice = false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) return false;
    twice = twice || (shape[i] > 1 && strides[i] == 0);
  }
  return twice;
}

}  // namespace pyautograd
