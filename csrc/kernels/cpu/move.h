#pragma once

// Strided moves of bare items, by size: what a loop over contiguous elements needs before and
// after.

#include <cstdint>
#include <cstring>

#include "core/view.h"
#include "kernels/iterate.h"
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

// Rows of items, one strip of memory for each side of a move.
template <class T>
struct Rows {
  T* first;
  int64_t row;   // from one row to the next
  int64_t item;  // from one item to the next
  T* at(int64_t i) const { return first + i * row; }
};

// A length that is known, unless it is 0: rows may be as short as the gradient of a few numbers,
// and a loop or a call for each would cost more than they do.
template <int kLength, class T>
void move_rows(const Rows<T>& out, const Rows<const T>& x, int64_t count, int64_t length) {
  for (int64_t i = 0; i < count; ++i) {
    T* target = out.at(i);
    const T* source = x.at(i);
    if constexpr (kLength == 0)
      move_row(target, out.item, source, x.item, length);
    else
      for (int k = 0; k < kLength; ++k) target[k * out.item] = source[k * x.item];
  }
}

template <class T>
void move_rows(const Rows<T>& out, const Rows<const T>& x, int64_t count, int64_t length) {
  switch (length) {
    case 1:
      return move_rows<1>(out, x, count, 1);
    case 2:
      return move_rows<2>(out, x, count, 2);
    case 3:
      return move_rows<3>(out, x, count, 3);
    case 4:
      return move_rows<4>(out, x, count, 4);
    case 5:
      return move_rows<5>(out, x, count, 5);
    case 6:
      return move_rows<6>(out, x, count, 6);
    default:
      return move_rows<0>(out, x, count, length);
  }
}

// out[out_shift + place 0] = x[x_shift + place 1] for elements [begin, end) of the nest.
template <class T>
void move_elements(const Nest<2>& nest, int64_t begin, int64_t end, T* out, int64_t out_shift,
                   const T* x, int64_t x_shift) {
  if (begin >= end) return;
  const Nest<2> outer = nest.without_row();
  const int64_t length = nest.row();
  const auto move = [&](int64_t row, int64_t rows, int64_t skipped, int64_t wanted) {
    outer.walk(row, row + rows, [&](const auto& offsets, int64_t count) {
      const int64_t to = out_shift + offsets[0] + skipped * nest.stride(0),
                    from = x_shift + offsets[1] + skipped * nest.stride(1);
      move_rows(Rows<T>{out + to, outer.stride(0), nest.stride(0)},
                Rows<const T>{x + from, outer.stride(1), nest.stride(1)}, count, wanted);
    });
  };
  int64_t row = begin / length;
  const int64_t skipped = begin - row * length, last = end / length;
  if (row == last) return move(row, 1, skipped, end - begin);
  if (skipped > 0) move(row++, 1, skipped, length - skipped);
  move(row, last - row, 0, length);
  if (last * length < end) move(last, 1, 0, end - last * length);
}

}  // namespace pyautograd::kernels
