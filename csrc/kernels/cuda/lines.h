#pragma once

#include "core/view.h"
#include "kernels/cuda/elementwise.h"

namespace pyautograd::kernels::cuda {

// The lines of out and x along an axis. A 0-d array is one line of one element.
struct Lines {
  Nest<2> outer;
  int64_t length = 1, out_step = 0, x_step = 0;

  Lines(const View& out, const View& x, int axis)
      : outer(across(x.shape, axis), {out.strides, x.strides}) {
    if (x.shape.empty()) return;
    length = x.shape[static_cast<size_t>(axis)];
    out_step = out.strides[static_cast<size_t>(axis)];
    x_step = x.strides[static_cast<size_t>(axis)];
  }
  bool fits() const { return outer.rank() <= kMaxRank; }
  // Neighbours in x belong to different lines.
  bool side_by_side() const {
    return outer.count() > 1 && std::abs(outer.stride(1)) < std::abs(x_step);
  }

  static Dims across(std::span<const int64_t> shape, int axis) {
    Dims out(shape);
    if (!out.empty()) out[static_cast<size_t>(axis)] = 1;
    return out;
  }
};

// Where a line's elements lie, for kernels.
template <class R, class T>
struct Line {
  R* out;
  const T* x;
  Places<2> places;
  int64_t length, out_step, x_step;

  Line(const View& to, const View& from, const Lines& lines)
      : out(static_cast<R*>(to.data)),
        x(static_cast<const T*>(from.data)),
        places(lines.outer),
        length(lines.length),
        out_step(lines.out_step),
        x_step(lines.x_step) {}
  // Lines without gaps.
  Line(R* to, const T* from, const Places<2>& starts, int64_t size)
      : out(to), x(from), places(starts), length(size), out_step(1), x_step(1) {}
  PYAUTOGRAD_HD const T* source(int64_t line) const { return x + places(line).of[1]; }
  PYAUTOGRAD_HD R* target(int64_t line) const { return out + places(line).of[0]; }
};

// Whether packs of W neighbours may be read and written from the first element of every line on.
template <int W, class R, class T>
bool lies_in_packs(const Line<R, T>& line) {
  return line.x_step == 1 && line.out_step == 1 && begins_with_packs<W>(line.out, line.places, 0) &&
         begins_with_packs<W>(line.x, line.places, 1);
}

}  // namespace pyautograd::kernels::cuda
