// Convolutions of arrays with channels, as layers of networks have them.

#include "kernels/windows.h"

#include <algorithm>
#include <utility>

#include "kernels/kernels.h"
#include "ops/matmul.h"
#include "ops/series.h"

namespace pyautograd::ops {

namespace {

using kernels::WindowFactor;
using kernels::Windows;

// The axes that factors of the sum in kernels/windows.h share.
enum class Letter : uint8_t { Image, Group, Input, Output };

constexpr int64_t kAbsent = -1;

int64_t axis_of(Letter letter, WindowFactor factor, int64_t spatial) {
  switch (letter) {
    case Letter::Image:
      return factor == WindowFactor::Weight ? kAbsent : 0;
    case Letter::Group:
      return spatial + 1;
    case Letter::Input:
      return factor == WindowFactor::X        ? spatial + 2
             : factor == WindowFactor::Weight ? spatial
                                              : kAbsent;
    case Letter::Output:
      return factor == WindowFactor::X ? kAbsent : spatial + 2;
  }
  return kAbsent;
}

constexpr Letter kLetters[] = {Letter::Image, Letter::Group, Letter::Input, Letter::Output};
constexpr WindowFactor kFactors[] = {WindowFactor::X, WindowFactor::Weight, WindowFactor::Y};

// The two factors that the wanted one is made of, in order.
std::array<WindowFactor, 2> inputs_of(WindowFactor wanted) {
  if (wanted == WindowFactor::X) return {WindowFactor::Weight, WindowFactor::Y};
  return {WindowFactor::X, wanted == WindowFactor::Weight ? WindowFactor::Y : WindowFactor::Weight};
}

Tensor row_major(const Tensor& x) {
  if (x.array().contiguous()) return x;
  Ref<Array> out = Array::empty(x.shape(), x.dtype(), x.device());
  kernels::copy(out->device_view(), x.array().device_view());
  return Tensor(std::move(out));
}

// One of the derivatives of a sum that is linear in each of its three factors: so are they, and
// their derivatives are the others.
class WindowProduct final : public Primitive {
 public:
  WindowProduct(WindowFactor wanted, Windows windows)
      : wanted_(wanted), windows_(std::move(windows)) {}
  std::string_view name() const override { return "nn._conv"; }
  bool may_wait() const override { return true; }
  Saves saves() const override { return {.inputs = 3}; }
  Saves saves_for(std::span<const bool> tracked) const override {
    return {.inputs = (tracked[0] ? 2u : 0u) | (tracked[1] ? 1u : 0u)};
  }

  Specs infer(TensorSpan x) const override;
  Tensors eval(TensorSpan x, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    const Tensor first = row_major(x[0]), second = row_major(x[1]);
    kernels::window_product(wanted_, out->device_view(), first.array().device_view(),
                            second.array().device_view(), windows_);
    return Tensors::of(Tensor(std::move(out)));
  }
  Tensors vjp(const VjpArgs& args) const override;
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan) const override {
    Tensor out;
    if (tangents[0]) out = with(wanted_, tangents[0], primals[1]);
    if (tangents[1]) {
      const Tensor moved = with(wanted_, primals[0], tangents[1]);
      out = out ? out + moved : moved;
    }
    return {out};
  }
  std::optional<Tensors> taylor(const TaylorArgs& args) const override {
    return Tensors::of(product_series(
        args, [this](const Tensor& a, const Tensor& b) { return with(wanted_, a, b); }));
  }
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override;
  Dependence dependence(const DependenceArgs& args) const override;

 private:
  int64_t spatial() const { return static_cast<int64_t>(windows_.size.size()); }
  Tensor with(WindowFactor wanted, const Tensor& a, const Tensor& b) const {
    return apply1(
        wanted == wanted_ ? Ref<const Primitive>(this) : make_ref<WindowProduct>(wanted, windows_),
        Borrowed<2>(a, b));
  }
  Dependence links(const DependenceArgs& args) const;
  template <class Visit>
  void each_link(const Visit& visit) const;

  const WindowFactor wanted_;
  const Windows windows_;
};

Specs WindowProduct::infer(TensorSpan x) const {
  const auto inputs = inputs_of(wanted_);
  Dims shape(static_cast<size_t>(spatial()) + 3);
  for (Letter letter : kLetters) {
    const int64_t own = axis_of(letter, wanted_, spatial());
    for (size_t i = 0; i < 2; ++i) {
      const int64_t axis = axis_of(letter, inputs[i], spatial());
      if (own != kAbsent && axis != kAbsent) shape[own] = x[i].shape()[axis];
    }
  }
  const bool weight = wanted_ == WindowFactor::Weight;
  const Dims& along = weight                       ? windows_.size
                      : wanted_ == WindowFactor::X ? windows_.lengths
                                                   : windows_.counts;
  std::copy(along.begin(), along.end(), shape.begin() + (weight ? 0 : 1));
  return {Spec{std::move(shape), x[0].dtype(), x[0].device()}};
}

Tensors WindowProduct::vjp(const VjpArgs& args) const {
  const auto inputs = inputs_of(wanted_);
  Tensors out(2);
  for (size_t i = 0; i < 2; ++i) {
    if (!args.wants[i]) continue;
    const Tensor &g = args.cotangents[0], &other = args.inputs[1 - i];
    const bool in_order = wanted_ < inputs[1 - i];
    out[i] = in_order ? with(inputs[i], g, other) : with(inputs[i], other, g);
  }
  return out;
}

// The mapped axis is part of the one that just those share that are mapped, the result among them:
// more images, more channels of a group, or more groups.
BatchResult WindowProduct::batch(int64_t size, TensorSpan values, std::span<const int> dims) const {
  const auto inputs = inputs_of(wanted_);
  const auto is_mapped = [&](WindowFactor factor) {
    return factor == wanted_ || (factor == inputs[0] ? dims[0] : dims[1]) != kNotMapped;
  };
  const Letter* letter = std::ranges::find_if(kLetters, [&](Letter l) {
    return std::ranges::all_of(kFactors, [&](WindowFactor factor) {
      return (axis_of(l, factor, spatial()) != kAbsent) == is_mapped(factor);
    });
  });
  Tensors merged(2);
  int64_t extent = 0;
  for (size_t i = 0; i < 2; ++i) {
    merged[i] = values[i];
    if (dims[i] == kNotMapped) continue;
    const int64_t axis = axis_of(*letter, inputs[i], spatial());
    const Tensor beside = dims[i] == axis ? values[i] : moveaxis(values[i], dims[i], axis);
    Dims shape = beside.shape();
    shape.erase(static_cast<size_t>(axis));
    extent = shape[axis];
    shape[axis] *= size;
    merged[i] = reshape(beside, shape);
  }
  const Tensor y = with(wanted_, merged[0], merged[1]);
  const int64_t axis = axis_of(*letter, wanted_, spatial());
  Dims shape = y.shape();
  shape[axis] = extent;
  shape.insert(static_cast<size_t>(axis), size);
  return {{reshape(y, shape)}, {static_cast<int>(axis)}};
}

// Calls visit(position in x, tap, window) for what meets, as row-major numbers.
template <class Visit>
void WindowProduct::each_link(const Visit& visit) const {
  const int64_t taps = count_elements(windows_.size), windows = count_elements(windows_.counts);
  for (int64_t window = 0; window < windows; ++window) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      int64_t position = 0, step = 1, p = window, t = tap;
      bool inside = true;
      for (size_t d = windows_.size.size(); d-- > 0;) {
        const int64_t place = p % windows_.counts[d] * windows_.stride[d] +
                              t % windows_.size[d] * windows_.dilation[d] - windows_.before[d];
        inside = inside && place >= 0 && place < windows_.lengths[d];
        position += place * step;
        step *= windows_.lengths[d];
        p /= windows_.counts[d];
        t /= windows_.size[d];
      }
      if (inside) visit(position, tap, window);
    }
  }
}

// Between x and y: only where a window lies, through what is not zero in a constant weight.
Dependence WindowProduct::links(const DependenceArgs& args) const {
  const bool forward = wanted_ == WindowFactor::Y;
  const Dims &from = args.x.shape, &to = args.outputs[0].shape;
  const auto last = static_cast<size_t>(spatial()) + 2;
  const int64_t groups = to[last - 1], before = from[last], after = to[last];
  const int64_t sources = count_elements(forward ? windows_.lengths : windows_.counts);
  const int64_t targets = count_elements(forward ? windows_.counts : windows_.lengths);
  struct Link {
    int64_t source, tap;
  };
  std::vector<std::vector<Link>> links(static_cast<size_t>(targets));
  each_link([&](int64_t position, int64_t tap, int64_t window) {
    forward ? links[window].push_back({position, tap}) : links[position].push_back({window, tap});
  });
  const Tensor& weight = args.constants[forward ? 1 : 0];
  const Tensor nonzero = weight ? copy(astype(weight, DType::Bool)) : Tensor();
  const bool* there = weight ? nonzero.array().data<bool>() : nullptr;
  const int64_t inputs = forward ? before : after, outputs = forward ? after : before;
  Dependence out{Dependence::Kind::Links};
  out.rows.push_back(0);
  for (int64_t row = 0, count = count_elements(to); row < count; ++row) {
    const int64_t a = row % after, g = row / after % groups, place = row / after / groups;
    const int64_t image = place / targets;
    for (const Link& link : links[place % targets]) {
      for (int64_t b = 0; b < before; ++b) {
        const int64_t i = forward ? b : a, o = forward ? a : b;
        if (there && !there[((link.tap * inputs + i) * groups + g) * outputs + o]) continue;
        out.columns.push_back(((image * sources + link.source) * groups + g) * before + b);
      }
    }
    out.rows.push_back(static_cast<int64_t>(out.columns.size()));
  }
  return out;
}

Dependence WindowProduct::dependence(const DependenceArgs& args) const {
  const WindowFactor factor = inputs_of(wanted_)[args.input];
  if (wanted_ != WindowFactor::Weight && factor != WindowFactor::Weight) return links(args);
  Dependence out{Dependence::Kind::Axes};
  out.places.resize(args.x.shape.size(), Dependence::kAll);
  for (Letter letter : kLetters) {
    const int64_t axis = axis_of(letter, factor, spatial());
    if (axis != kAbsent) out.places[axis] = axis_of(letter, wanted_, spatial());
  }
  return out;
}

// How windows of such a weight lie over `lengths` elements. `data` is what has the channels along
// the weight's axis number `channels` behind its spatial ones.
Windows placed(std::string_view op, const Tensor& data, const Tensor& weight, size_t channels,
               const Dims& lengths, const Dims& stride, const Dims& dilation, const Dims& before,
               const Dims& after) {
  const size_t spatial = stride.size(), ndim = spatial + 3;
  const bool shaped = data.shape().size() == ndim && weight.shape().size() == ndim &&
                      data.shape()[spatial + 1] == weight.shape()[spatial + 1] &&
                      data.shape()[spatial + 2] == weight.shape()[spatial + channels];
  const auto fits = [&](const Dims& dims) { return dims.size() == spatial; };
  if (spatial == 0 || !shaped || !fits(lengths) || !fits(dilation) || !fits(before) || !fits(after))
    value_error("[", op, "] shapes ", shape_string(data.shape()), " and ",
                shape_string(weight.shape()), " do not fit over ", spatial, " axes");
  if (is_bool(promote(data.dtype(), weight.dtype())))
    type_error("[", op, "] is not defined for dtype bool: use astype first");
  Windows windows{lengths, {}, {}, stride, dilation, before, after};
  for (size_t d = 0; d < spatial; ++d) {
    const int64_t size = weight.shape()[d];
    if (std::min({size, stride[d], dilation[d]}) < 1 || std::min(before[d], after[d]) < 0)
      value_error("[", op,
                  "] sizes, strides and dilations must be positive, paddings not negative");
    const int64_t span = checked_product(op, dilation[d], size - 1) + 1;
    const int64_t length = before[d] + lengths[d] + after[d];
    if (length < span)
      value_error("[", op, "] a window of ", span, " elements does not fit into ", length);
    windows.size.push_back(size);
    windows.counts.push_back((length - span) / stride[d] + 1);
  }
  return windows;
}

Tensor product_with(const Tensor& weight, const Tensor& data, WindowFactor wanted,
                    Windows windows) {
  const DType dtype = promote(data.dtype(), weight.dtype());
  const Tensor a = cast(data, dtype), w = cast(weight, dtype);
  const Ref<const Primitive> product = make_ref<WindowProduct>(wanted, std::move(windows));
  return wanted == WindowFactor::Y ? apply1(product, Borrowed<2>(a, w))
                                   : apply1(product, Borrowed<2>(w, a));
}

// Without the images and what is behind the spatial axes.
Dims spatial_shape(const Tensor& x) {
  return x.ndim() < 3 ? Dims() : Dims(x.shape().begin() + 1, x.shape().end() - 2);
}

Tensor conv(const Tensor& x, const Tensor& weight, const Dims& stride, const Dims& dilation,
            const Dims& before, const Dims& after) {
  return product_with(
      weight, x, WindowFactor::Y,
      placed("nn._conv", x, weight, 0, spatial_shape(x), stride, dilation, before, after));
}

Tensor conv_transpose(const Tensor& y, const Tensor& weight, const Dims& lengths,
                      const Dims& stride, const Dims& dilation, const Dims& before,
                      const Dims& after) {
  constexpr std::string_view op = "nn._conv_transpose";
  Windows windows = placed(op, y, weight, 2, lengths, stride, dilation, before, after);
  if (spatial_shape(y) != windows.counts)
    value_error("[", op, "] over ", shape_string(lengths), " there are ",
                shape_string(windows.counts), " windows, got ", shape_string(spatial_shape(y)));
  return product_with(weight, y, WindowFactor::X, std::move(windows));
}

}  // namespace

void register_windows(Registry& registry) {
  registry.add("nn._conv", &conv, "x, weight, /, stride, dilation, before, after",
               "The products behind :func:`pyautograd.nn.conv`.\n\n"
               ":param x: tensor of shape (images, *spatial, groups, inputs)\n"
               ":param weight: tensor of shape (*size, inputs, groups, outputs)\n"
               ":param stride: one for each spatial axis\n:param dilation: likewise\n"
               ":param before: zeros before x along each spatial axis\n:param after: likewise\n"
               ":returns: tensor of shape (images, *windows, groups, outputs)\n"
               ":raises ValueError: if shapes do not fit, or a window is larger than padded x\n"
               ":raises TypeError: if a dtype is bool\n\n"
               ">>> x = pa.tensor([1.0, 4.0, 2.0]).reshape(1, 3, 1, 1)\n"
               ">>> step = pa.tensor([-1.0, 1.0]).reshape(2, 1, 1, 1)\n"
               ">>> pa.nn._conv(x, step, [1], [1], [0], [0]).reshape(-1).tolist()\n"
               "[3.0, -2.0]");
  registry.add(
      "nn._conv_transpose", &conv_transpose,
      "y, weight, /, lengths, stride, dilation, before, after",
      "The products behind :func:`pyautograd.nn.conv_transpose`: the transpose of nn._conv.\n\n"
      ":param y: tensor of shape (images, *windows, groups, outputs)\n"
      ":param weight: tensor of shape (*size, inputs, groups, outputs)\n"
      ":param lengths: of x along each spatial axis\n"
      ":param stride: one for each spatial axis\n:param dilation: likewise\n"
      ":param before: zeros before x along each spatial axis\n:param after: likewise\n"
      ":returns: tensor of shape (images, *lengths, groups, inputs)\n"
      ":raises ValueError: if shapes do not fit\n"
      ":raises TypeError: if a dtype is bool\n\n"
      ">>> y = pa.tensor([3.0, -2.0]).reshape(1, 2, 1, 1)\n"
      ">>> step = pa.tensor([-1.0, 1.0]).reshape(2, 1, 1, 1)\n"
      ">>> pa.nn._conv_transpose(y, step, [3], [1], [1], [0], [0]).reshape(-1).tolist()\n"
      "[-3.0, 5.0, -2.0]");
}

}  // namespace pyautograd::ops
