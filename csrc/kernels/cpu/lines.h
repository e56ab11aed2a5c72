#pragma once

// Work along one axis, line by line. A body sees contiguous lines only: lines that are strided in
// memory are copied in and out in groups of neighbours, so that every cache line is read once.

#include <memory>

#include "kernels/cpu/move.h"
#include "kernels/iterate.h"
#include "kernels/kernels.h"

namespace pyautograd::kernels {

class Lines {
 public:
  // out has x's shape but for the length along the axis.
  Lines(const View& out, const View& x, int axis)
      : out_(out),
        x_(x),
        x_length_(x.shape[axis]),
        out_length_(out.shape[axis]),
        x_step_(x.strides[axis]),
        out_step_(out.strides[axis]),
        nest_(without(x.shape, axis), {x.strides, out.strides}) {
    pack_x_ = x_step_ != 1 && x_length_ != 1;
    pack_out_ = out_step_ != 1 && out_length_ != 1;
    int64_t line_bytes = x_length_ * itemsize(x.dtype) + out_length_ * itemsize(out.dtype);
    line_bytes = std::max<int64_t>(1, line_bytes);
    group_ = pack_x_ || pack_out_ ? std::clamp<int64_t>(kGroupBytes / line_bytes, 8, 64) : 1;
    group_ = std::min(group_, std::max<int64_t>(1, nest_.count()));
  }

  // body(out line, x line)
  template <class Body>
  void run(const Body& body) const {
    run([] { return 0; }, [&](void* to, const void* from, int) { body(to, from); });
  }

  // body(out line, x line, scratch): what make() returns, once for every range of lines that a
  // thread takes.
  template <class Make, class Body>
  void run(const Make& make, const Body& body) const {
    int64_t lines = nest_.count();
    if (lines == 0) return;
    int64_t grain = std::max<int64_t>(group_, kGrain / 2 / std::max<int64_t>(1, x_length_));
    parallel_for(lines, grain, [&](int64_t begin, int64_t end) {
      auto x_buffer = std::make_unique_for_overwrite<char[]>(
          pack_x_ ? size_t(group_ * x_length_ * itemsize(x_.dtype)) : 0);
      auto out_buffer = std::make_unique_for_overwrite<char[]>(
          pack_out_ ? size_t(group_ * out_length_ * itemsize(out_.dtype)) : 0);
      const auto scratch = make();
      const auto body_with_scratch = [&](void* to, const void* from) { body(to, from, scratch); };
      nest_.walk(begin, end, [&](const auto& offsets, int64_t n) {
        for (int64_t i = 0; i < n; i += group_)
          run_group(body_with_scratch, offsets[0] + i * nest_.stride(0),
                    offsets[1] + i * nest_.stride(1), std::min(group_, n - i), x_buffer.get(),
                    out_buffer.get());
      });
    });
  }

 private:
  static constexpr int64_t kGroupBytes = 65536;

  static Dims without(std::span<const int64_t> shape, int axis) {
    Dims rest(shape);
    rest[axis] = 1;
    return rest;
  }

  // Lines that lie `x_apart` and `out_apart` elements apart, or one after another in a buffer.
  template <class Body>
  void run_group(const Body& body, int64_t x_offset, int64_t out_offset, int64_t n, char* x_buffer,
                 char* out_buffer) const {
    int64_t x_size = itemsize(x_.dtype), out_size = itemsize(out_.dtype);
    char* x = bytes_at(x_.data, x_offset * x_size);
    char* out = bytes_at(out_.data, out_offset * out_size);
    int64_t x_apart = nest_.stride(0), out_apart = nest_.stride(1);
    if (pack_x_) exchange(x_.dtype, x_buffer, x, x_length_, x_apart, x_step_, n, true);
    char* x_line = pack_x_ ? x_buffer : x;
    char* out_line = pack_out_ ? out_buffer : out;
    for (int64_t i = 0; i < n; ++i)
      body(out_line + i * (pack_out_ ? out_length_ : out_apart) * out_size,
           x_line + i * (pack_x_ ? x_length_ : x_apart) * x_size);
    if (pack_out_)
      exchange(out_.dtype, out_buffer, out, out_length_, out_apart, out_step_, n, false);
  }

  static void exchange(DType dtype, char* buffer, char* data, int64_t length, int64_t apart,
                       int64_t step, int64_t n, bool in) {
    std::array<int64_t, 2> shape{n, length}, packed{length, 1}, strides{apart, step};
    View lines{buffer, dtype, shape, packed}, memory{data, dtype, shape, strides};
    if (in)
      copy(lines, memory);
    else
      copy(memory, lines);
  }

  const View& out_;
  const View& x_;
  int64_t x_length_, out_length_, x_step_, out_step_, group_;
  bool pack_x_, pack_out_;
  Nest<2> nest_;
};

}  // namespace pyautograd::kernels
