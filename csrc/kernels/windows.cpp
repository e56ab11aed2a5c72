#include "kernels/windows.h"

#include <algorithm>

#include "core/array.h"
#include "kernels/device.h"
#include "kernels/iterate.h"
#include "kernels/kernels.h"

namespace pyautograd::kernels {

namespace {

// A view that owns its layout.
struct Box {
  View view() const { return {data, dtype, shape, strides, device}; }
  Box at(int64_t offset) const {
    Box moved = *this;
    moved.data = static_cast<std::byte*>(data) + offset * itemsize(dtype);
    return moved;
  }
  Box with(Dims new_shape, Dims new_strides) const {
    return {data, dtype, device, std::move(new_shape), std::move(new_strides)};
  }
  // Of stacked matrices.
  Box transposed() const {
    return with({shape[0], shape[2], shape[1]}, {strides[0], strides[2], strides[1]});
  }

  void* data;
  DType dtype;
  Device device;
  Dims shape, strides;
};

Box box_of(const View& x) { return {x.data, x.dtype, x.device, Dims(x.shape), Dims(x.strides)}; }

Box box_of(const Array& x) { return {x.address(), x.dtype, x.device, x.shape, x.strides}; }

void append(Dims& to, std::span<const int64_t> more) {
  for (int64_t value : more) to.push_back(value);
}

// Numbers of windows side by side, "columns", that are in memory at a time: enough for a product of
// matrices to be worth its call, and on the host no more than the second cache holds. On no account
// does it depend on the number of threads, which sums would show.
int64_t columns_limit(const Box& x) {
  const int64_t bytes = x.device.kind == Device::Kind::CPU ? 1 << 20 : 1 << 26;
  return bytes / itemsize(x.dtype);
}

class WindowProduct {
 public:
  WindowProduct(WindowFactor wanted, Box x, Box weight, Box y, const Windows& windows)
      : wanted_(wanted),
        x_(std::move(x)),
        weight_(std::move(weight)),
        y_(std::move(y)),
        windows_(windows),
        axes_(windows.size.size()),
        images_(x_.shape[0]),
        groups_(x_.shape[axes_ + 1]),
        inputs_(x_.shape[axes_ + 2]),
        outputs_(y_.shape[axes_ + 2]),
        taps_(element_count(windows.size)),
        row_lines_(element_count(std::span(windows.counts).subspan(1))),
        by_elements_(windows.size.back() * inputs_ < 8) {}

  // Whether a single product of matrices is all of it.
  bool is_pointwise() const {
    const auto one = [](int64_t n) { return n == 1; };
    return taps_ == 1 && std::ranges::all_of(windows_.stride, one) && !is_padded();
  }

  void run() {
    if (is_pointwise()) return multiply({0, images_, 0, windows_.counts[0]}, x_as_columns(), false);
    const int64_t limit = columns_limit(x_);
    const int64_t line = row_lines_ * taps_ * groups_ * inputs_;
    const int64_t lines = std::clamp<int64_t>(limit / line, 1, windows_.counts[0]);
    const int64_t images = std::clamp<int64_t>(limit / (line * lines), 1, images_);
    memory_ = Array::empty({images * lines * line}, x_.dtype, x_.device);
    if (is_padded()) pad(images);
    bool add = false;
    for (int64_t n = 0; n < images_; n += images) {
      const int64_t some = std::min(images, images_ - n);
      const Box around = surroundings(n, some);
      if (wanted_ == WindowFactor::X) {
        fill(around.view(), 0);
      } else if (padded_) {
        copy(inside(around).view(), images_of_x(n, some).view());
      }
      for (int64_t p = 0; p < windows_.counts[0]; p += lines) {
        through_columns({n, some, p, std::min(lines, windows_.counts[0] - p)}, around, add);
        add = true;
      }
      if (wanted_ == WindowFactor::X && padded_)
        copy(images_of_x(n, some).view(), inside(around).view());
    }
  }

 private:
  // Some images, and of these some windows along the first spatial axis, with all that are beside
  // them along the others.
  struct Chunk {
    int64_t image, images, line, lines;
  };

  bool is_padded() const {
    const auto positive = [](int64_t n) { return n > 0; };
    return std::ranges::any_of(windows_.before, positive) ||
           std::ranges::any_of(windows_.after, positive);
  }

  int64_t rows_of(const Chunk& chunk) const { return chunk.images * chunk.lines * row_lines_; }

  // Columns of all windows, where a window is a single element.
  Box x_as_columns() const {
    return x_.with({groups_, images_ * windows_.counts[0] * row_lines_, inputs_},
                   {inputs_, groups_ * inputs_, 1});
  }

  Box images_of_x(int64_t first, int64_t count) const {
    Box part = x_.at(first * x_.strides[0]);
    part.shape[0] = count;
    return part;
  }

  // Memory for images with the zeros around them.
  void pad(int64_t images) {
    Dims shape{images};
    for (size_t d = 0; d < axes_; ++d)
      shape.push_back(windows_.before[d] + windows_.lengths[d] + windows_.after[d]);
    append(shape, {{groups_, inputs_}});
    padded_ = Array::empty(shape, x_.dtype, x_.device);
    fill(padded_->device_view(), 0);
  }

  Box surroundings(int64_t first, int64_t count) const {
    if (!padded_) return images_of_x(first, count);
    Box part = box_of(*padded_);
    part.shape[0] = count;
    return part;
  }

  Box inside(const Box& around) const {
    int64_t offset = 0;
    for (size_t d = 0; d < axes_; ++d) offset += windows_.before[d] * around.strides[d + 1];
    Box part = around.at(offset);
    std::copy_n(windows_.lengths.begin(), axes_, part.shape.begin() + 1);
    return part;
  }

  // With axes (groups, images, windows..., elements of a window..., inputs): as the windows lie
  // over the images, one over the other.
  Box overlapping(const Chunk& chunk, const Box& around) const {
    Box part = around.at(chunk.line * windows_.stride[0] * around.strides[1]);
    part.shape = columns_shape(chunk);
    part.strides = {around.strides[axes_ + 1], around.strides[0]};
    for (size_t d = 0; d < axes_; ++d)
      part.strides.push_back(windows_.stride[d] * around.strides[d + 1]);
    for (size_t d = 0; d < axes_; ++d)
      part.strides.push_back(windows_.dilation[d] * around.strides[d + 1]);
    part.strides.push_back(1);
    return part;
  }
  Dims columns_shape(const Chunk& chunk) const {
    Dims shape{groups_, chunk.images, chunk.lines};
    append(shape, std::span(windows_.counts).subspan(1));
    append(shape, windows_.size);
    shape.push_back(inputs_);
    return shape;
  }

  void through_columns(const Chunk& chunk, const Box& around, bool add) {
    const Box memory = box_of(*memory_), places = overlapping(chunk, around);
    const int64_t rows = rows_of(chunk), width = taps_ * inputs_;
    Dims strides = contiguous_strides(places.shape), matrix{rows * width, width, 1};
    if (by_elements_) {
      matrix = {rows * width, 1, rows};
      for (size_t d = 1; d < strides.size(); ++d)
        strides[d] = d < 2 + axes_ ? strides[d] / width : strides[d] * rows;
    }
    const Box columns = memory.with(places.shape, strides);
    const Box matrices = memory.with({groups_, rows, width}, matrix);
    if (wanted_ != WindowFactor::X) copy(columns.view(), places.view());
    multiply(chunk, matrices, add);
    if (wanted_ == WindowFactor::X) add_taps(places, columns);
  }

  // Windows share elements, but no two have the same one at the same place of theirs.
  void add_taps(Box places, Box columns) const {
    const size_t first = 2 + axes_;
    const auto drop_taps = [&](Dims& dims) {
      dims = Dims(dims.begin(), dims.begin() + first);
      dims.push_back(inputs_);
    };
    const Dims apart = places.strides, side = columns.strides;
    for (Box* box : {&places, &columns}) {
      drop_taps(box->shape);
      const int64_t last = box->strides.back();
      drop_taps(box->strides);
      box->strides[first] = last;
    }
    for (int64_t tap = 0; tap < taps_; ++tap) {
      int64_t to = 0, from = 0, rest = tap;
      for (size_t d = axes_; d-- > 0; rest /= windows_.size[d]) {
        to += rest % windows_.size[d] * apart[first + d];
        from += rest % windows_.size[d] * side[first + d];
      }
      const Box target = places.at(to);
      binary(fn_id<Add>(), target.view(), target.view(), columns.at(from).view());
    }
  }

  // columns: (groups, rows, elements of a window and inputs).
  void multiply(const Chunk& chunk, const Box& columns, bool add) const {
    const int64_t rows = rows_of(chunk), width = taps_ * inputs_, across = groups_ * outputs_;
    const int64_t row = (chunk.image * windows_.counts[0] + chunk.line) * row_lines_;
    const Box y = y_.at(row * across).with({groups_, rows, outputs_}, {outputs_, across, 1});
    const Box weight = weight_.with({groups_, width, outputs_}, {outputs_, across, 1});
    switch (wanted_) {
      case WindowFactor::X:
        if (columns.strides[2] != 1)
          return product(columns.transposed(), weight, y.transposed(), false);
        return product(columns, y, weight.transposed(), false);
      case WindowFactor::Weight:
        return product(weight, columns.transposed(), y, add);
      case WindowFactor::Y:
        return product(y, columns, weight, false);
    }
  }

  // Matrices of several groups lie between each other.
  void product(const Box& out, const Box& a, const Box& b, bool add) const {
    if (!add && (groups_ == 1 || is_contiguous(out.shape, out.strides)))
      return matmul(out.view(), a.view(), b.view());
    const Ref<Array> made = Array::empty(out.shape, out.dtype, out.device);
    matmul(made->device_view(), a.view(), b.view());
    if (add) {
      binary(fn_id<Add>(), out.view(), out.view(), made->device_view());
    } else {
      copy(out.view(), made->device_view());
    }
  }

  const WindowFactor wanted_;
  const Box x_, weight_, y_;
  const Windows& windows_;
  const size_t axes_;
  const int64_t images_, groups_, inputs_, outputs_, taps_;
  const int64_t row_lines_;  // windows behind one of the first spatial axis
  // Whether columns lie element by element of a window, not window by window: where few numbers of
  // a window are neighbours in x, neighbouring windows are copied faster.
  const bool by_elements_;
  Ref<Array> memory_, padded_;
};

}  // namespace

void window_product(WindowFactor wanted, const View& out, const View& first, const View& second,
                    const Windows& windows) {
  if (element_count(out.shape) == 0) return;
  if (element_count(first.shape) == 0 || element_count(second.shape) == 0) return fill(out, 0);
  const WindowFactors all(wanted, out, first, second);
  WindowProduct product(wanted, box_of(all.x), box_of(all.weight), box_of(all.y), windows);
  if (on_device(out) && !product.is_pointwise() &&
      done_by_device(&DeviceKernels::window_product, out.device, wanted, out, first, second,
                     windows, tf32_allowed()))
    return;
  product.run();
}

}  // namespace pyautograd::kernels
