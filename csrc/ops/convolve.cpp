// Convolution and correlation of vectors.

#include "kernels/convolve.h"

#include <algorithm>

#include "kernels/kernels.h"
#include "ops/linear.h"
#include "ops/matmul.h"
#include "ops/shape.h"

namespace pyautograd::ops {

namespace {

Tensor reversed(const Tensor& x) { return flip(x, Dims{-1}); }

// `size` numbers of the convolution of x and y along their last axes, from number `start` on;
// leading axes broadcast. Bilinear, and its cotangents are convolutions with the other factor
// reversed.
class Convolution final : public Primitive {
 public:
  Convolution(int64_t start, int64_t size) : start_(start), size_(size) {}
  std::string_view name() const override { return "convolve"; }
  bool may_wait() const override { return true; }
  Saves saves() const override { return {.inputs = 3}; }
  Saves saves_for(std::span<const bool> tracked) const override {
    return {.inputs = (tracked[0] ? 2u : 0u) | (tracked[1] ? 1u : 0u), .specs = true};
  }

  Specs infer(TensorSpan inputs) const override {
    Dims shape = broadcast_shapes(name(), leading(inputs[0]), leading(inputs[1]));
    shape.push_back(size_);
    return {Spec{std::move(shape), inputs[0].dtype(), inputs[0].device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    Ref<Array> out = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    const Line x(inputs[0], out->shape), y(inputs[1], out->shape);
    kernels::convolve(out->device_view(), x.view(), y.view(), start_);
    return Tensors::of(Tensor(std::move(out)));
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor& g = args.cotangents[0];
    Tensors out(2);
    for (size_t i = 0; i < 2; ++i) {
      if (!args.wants[i]) continue;
      const Tensor& other = args.inputs[1 - i];
      const int64_t start = other.shape().back() - 1 - start_;
      out[i] = part(g, reversed(other), start, args.input_specs[i].shape.back());
    }
    return out;
  }
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan) const override {
    Tensor out;
    if (tangents[0]) out = part(tangents[0], primals[1], start_, size_);
    if (tangents[1]) {
      const Tensor moved = part(primals[0], tangents[1], start_, size_);
      out = out ? out + moved : moved;
    }
    return {out};
  }
  BatchResult batch(int64_t, TensorSpan values, std::span<const int> dims) const override {
    int64_t ndim = 0;
    for (size_t i = 0; i < 2; ++i)
      ndim = std::max(ndim, values[i].ndim() - (dims[i] != kNotMapped));
    return {{part(align_mapped(values[0], dims[0], ndim), align_mapped(values[1], dims[1], ndim),
                  start_, size_)},
            {0}};
  }
  Dependence dependence(const DependenceArgs& args) const override {
    const size_t lead = args.outputs[0].shape.size() - args.x.shape.size();
    const Tensor& other = args.constants[1 - args.input];
    if (other && args.outputs[0].shape.size() == 1) return band(args.x.shape[0], other.size());
    return Dependence::over({static_cast<int64_t>(args.x.shape.size()) - 1}, args.x.shape.size(),
                            lead);
  }

  static Tensor part(const Tensor& x, const Tensor& y, int64_t start, int64_t size) {
    return apply1(make_ref<Convolution>(start, size), Borrowed<2>(x, y));
  }

 private:
  // Of vectors with n and, constant, m elements.
  Dependence band(int64_t n, int64_t m) const {
    Dependence out{Dependence::Kind::Links};
    out.rows.push_back(0);
    for (int64_t t = start_; t < start_ + size_; ++t) {
      for (int64_t i = std::max<int64_t>(0, t - m + 1); i <= std::min(n - 1, t); ++i)
        out.columns.push_back(i);
      out.rows.push_back(static_cast<int64_t>(out.columns.size()));
    }
    return out;
  }

  static std::span<const int64_t> leading(const Tensor& x) {
    return std::span(x.shape()).first(x.shape().size() - 1);
  }

  // An operand with contiguous lines, as the kernel wants it, broadcast to the output's leading
  // axes.
  struct Line {
    Line(const Tensor& x, const Dims& out) : array(&x.array()), shape(out) {
      if (array->strides.back() != 1) {
        copy = Array::empty(array->shape, array->dtype, array->device);
        kernels::copy(copy->device_view(), array->device_view());
        array = copy.get();
      }
      shape[shape.size() - 1] = array->shape.back();
      strides = broadcast_strides(array->shape, array->strides, shape);
    }
    View view() const { return {array->address(), array->dtype, shape, strides, array->device}; }

    const Array* array;
    Ref<Array> copy;
    Dims shape, strides;
  };

  const int64_t start_, size_;
};

Tensor vector_of(std::string_view op, const Tensor& x, int64_t fewest) {
  if (is_bool(x.dtype())) type_error("[", op, "] is not defined for dtype bool: use astype first");
  if (x.ndim() < fewest || x.ndim() > 1 || x.size() == 0) {
    value_error("[", op, "] expected two vectors that are not empty, got shape ",
                shape_string(x.shape()));
  }
  return atleast_1d(x);
}

// The wanted part of the convolution of two vectors, of which y is not the longer one.
Tensor convolution(std::string_view op, const Tensor& x, const Tensor& y, std::string_view mode) {
  const int64_t n = x.size(), m = y.size();
  const DType dtype = promote(x.dtype(), y.dtype());
  const auto part = [&](int64_t start, int64_t size) {
    return Convolution::part(cast(x, dtype), cast(y, dtype), start, size);
  };
  if (mode == "full") return part(0, n + m - 1);
  if (mode == "same") return part((m - 1) - m / 2, n);
  if (mode == "valid") return part(m - 1, n - m + 1);
  value_error("[", op, "] unknown mode '", mode, "': use 'full', 'same' or 'valid'");
}

Tensor convolve(const Tensor& a, const Tensor& v, std::string_view mode) {
  const Tensor x = vector_of("convolve", a, 0), y = vector_of("convolve", v, 0);
  return x.size() < y.size() ? convolution("convolve", y, x, mode)
                             : convolution("convolve", x, y, mode);
}

Tensor correlate(const Tensor& a, const Tensor& v, std::string_view mode) {
  const Tensor x = vector_of("correlate", a, 1), y = conj(vector_of("correlate", v, 1));
  return x.size() < y.size() ? reversed(convolution("correlate", y, reversed(x), mode))
                             : convolution("correlate", x, reversed(y), mode);
}

}  // namespace

void register_convolutions(Registry& registry) {
  const std::string params =
      ":param mode: 'full' for all len(a) + len(v) - 1 numbers, 'same' for the max(len(a), len(v)) "
      "in the middle, 'valid' for those where the vectors overlap completely\n"
      ":raises ValueError: if a vector is empty or has more dimensions, or the mode is unknown\n"
      ":raises TypeError: if a dtype is bool\n\n";
  registry.add("convolve", &convolve, "a, v, mode='full'",
               "The convolution of two vectors: the coefficients of the product of two "
               "polynomials. The numbers are sums of products, so integers are exact; the time "
               "taken is len(a) * len(v). For long vectors of floats see :mod:`pyautograd.fft`.\n\n"
               ":param a: vector or number\n:param v: vector or number\n" +
                   params +
                   ">>> pa.convolve(pa.tensor([1.0, 2.0]), pa.tensor([1.0, 1.0, 1.0])).tolist()\n"
                   "[1.0, 3.0, 3.0, 2.0]");
  registry.add("correlate", &correlate, "a, v, mode='valid'",
               "The cross-correlation of two vectors: sum(a[n + k] * conj(v[n])) for every shift "
               "k.\n\n:param a: vector\n:param v: vector\n" +
                   params +
                   ">>> pa.correlate(pa.tensor([1.0, 2.0, 3.0]), pa.tensor([0.0, 1.0])).tolist()\n"
                   "[2.0, 3.0]");
}

}  // namespace pyautograd::ops
