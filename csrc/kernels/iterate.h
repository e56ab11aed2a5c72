#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "core/small_vector.h"

namespace pyautograd::kernels {

inline int64_t element_count(std::span<const int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return count;
}

enum class Order { Any, RowMajor };

// The loops over the elements of N operands that share a shape: axes of size 1 dropped, axes that
// lie end to end in every operand merged, and with Order::Any the axes sorted by operand 0's
// strides, so that the innermost is its best. The last axis is the row; an element's number counts
// through rows in order.
template <size_t N>
class Nest {
 public:
  using Offsets = std::array<int64_t, N>;

  Nest(std::span<const int64_t> shape, const std::array<std::span<const int64_t>, N>& strides,
       Order order = Order::Any) {
    if (shape.size() > kInline) heap_ = std::make_unique<Axis[]>(shape.size());
    for (size_t d = 0; d < shape.size(); ++d) {
      count_ *= shape[d];
      if (shape[d] == 1) continue;
      Axis& axis = axes()[rank_++];
      axis.size = shape[d];
      for (size_t i = 0; i < N; ++i) axis.strides[i] = strides[i][d];
    }
    if (order == Order::Any) sort();
    merge();
    if (rank_ == 0) axes()[rank_++] = Axis{1, {}};
  }

  int64_t count() const { return count_; }
  int64_t row() const { return axes()[rank_ - 1].size; }
  int64_t rows() const { return row() == 0 ? 0 : count_ / row(); }
  int64_t stride(size_t operand) const { return axes()[rank_ - 1].strides[operand]; }
  // The same loops without the last axis.
  Nest without_row() const {
    Nest outer;
    if (rank_ > kInline) outer.heap_ = std::make_unique<Axis[]>(rank_);
    std::copy_n(axes(), rank_, outer.axes());
    outer.count_ = rows();
    outer.rank_ = rank_ - 1;
    if (outer.rank_ == 0) outer.axes()[outer.rank_++] = Axis{1, {}};
    return outer;
  }
  size_t rank() const { return rank_; }
  int64_t size(size_t d) const { return axes()[d].size; }
  int64_t stride(size_t d, size_t operand) const { return axes()[d].strides[operand]; }
  // Whether element number i lies at offset i.
  bool packed(size_t operand) const {
    int64_t expected = 1;
    for (size_t d = rank_; d-- > 0; expected *= axes()[d].size)
      if (axes()[d].size != 1 && axes()[d].strides[operand] != expected) return false;
    return true;
  }
  bool constant(size_t operand) const {
    for (size_t d = 0; d < rank_; ++d)
      if (axes()[d].strides[operand] != 0) return false;
    return true;
  }

  // Whether every row lies where the first one does.
  bool repeats_rows(size_t operand) const {
    for (size_t d = 0; d + 1 < rank_; ++d)
      if (axes()[d].strides[operand] != 0) return false;
    return true;
  }

  // Calls body(offsets, length) for each piece of a row among elements [begin, end).
  template <class Body>
  void walk(int64_t begin, int64_t end, Body&& body) const {
    if (begin >= end) return;
    size_t last = rank_ - 1;
    Offsets offsets{};
    if (last == 0) {  // the most usual, and done once for each element of a gather of rows
      for (size_t i = 0; i < N; ++i) offsets[i] = begin * stride(i);
      return body(static_cast<const Offsets&>(offsets), end - begin);
    }
    Dims counter(rank_, 0);
    int64_t rest = begin;
    for (size_t d = rank_; d-- > 0; rest /= axes()[d].size) {
      counter[d] = rest % axes()[d].size;
      for (size_t i = 0; i < N; ++i) offsets[i] += counter[d] * axes()[d].strides[i];
    }
    while (true) {
      int64_t length = std::min(row() - counter[last], end - begin);
      body(static_cast<const Offsets&>(offsets), length);
      begin += length;
      if (begin >= end) return;
      move(offsets, last, -counter[last]);
      counter[last] = 0;
      advance(counter, offsets);
    }
  }

 private:
  Nest() = default;

  struct Axis {
    int64_t size;
    Offsets strides;
  };

  void move(Offsets& offsets, size_t d, int64_t steps) const {
    for (size_t i = 0; i < N; ++i) offsets[i] += steps * axes()[d].strides[i];
  }

  void advance(Dims& counter, Offsets& offsets) const {
    for (size_t d = rank_ - 1; d-- > 0;) {
      move(offsets, d, 1);
      if (++counter[d] < axes()[d].size) return;
      move(offsets, d, -counter[d]);
      counter[d] = 0;
    }
  }

  static bool outside(const Axis& a, const Axis& b) {
    for (size_t i = 0; i < N; ++i) {
      int64_t x = std::abs(a.strides[i]), y = std::abs(b.strides[i]);
      if (x != y) return x > y;
    }
    return false;
  }

  void sort() {  // by insertion: stable, and there are few axes
    for (size_t d = 1; d < rank_; ++d)
      for (size_t e = d; e > 0 && outside(axes()[e], axes()[e - 1]); --e)
        std::swap(axes()[e], axes()[e - 1]);
  }

  void merge() {
    if (rank_ == 0) return;
    size_t kept = 0;
    for (size_t d = 1; d < rank_; ++d) {
      Axis& outer = axes()[kept];
      const Axis inner = axes()[d];
      bool joined = true;
      for (size_t i = 0; i < N; ++i) joined &= outer.strides[i] == inner.strides[i] * inner.size;
      if (joined)
        outer = Axis{outer.size * inner.size, inner.strides};
      else
        axes()[++kept] = inner;
    }
    rank_ = kept + 1;
  }

  Axis* axes() { return heap_ ? heap_.get() : inline_.data(); }
  const Axis* axes() const { return heap_ ? heap_.get() : inline_.data(); }

  static constexpr size_t kInline = 6;
  std::array<Axis, kInline> inline_;
  std::unique_ptr<Axis[]> heap_;
  size_t rank_ = 0;
  int64_t count_ = 1;
};

}  // namespace pyautograd::kernels
