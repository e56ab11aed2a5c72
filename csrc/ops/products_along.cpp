#include "kernels/products.h"
#include "ops/series.h"

namespace pyautograd::ops {

namespace {

// sum(a * b, axis) without the product in memory; a zero factor absorbs what it meets.
class ProductsAlong final : public Primitive {
 public:
  explicit ProductsAlong(int64_t axis) : axis_(axis) {}
  std::string_view name() const override { return "_products_along"; }
  Saves saves() const override { return {.inputs = 3}; }
  Saves saves_for(std::span<const bool> tracked) const override {
    return {.inputs = (tracked[0] ? 2u : 0u) | (tracked[1] ? 1u : 0u)};
  }

  Dependence dependence(const DependenceArgs& args) const override {
    Dependence out = Dependence::over({axis_}, args.x.shape.size());
    for (size_t i = static_cast<size_t>(axis_) + 1; i < out.places.size(); ++i) --out.places[i];
    return out;
  }
  Specs infer(TensorSpan x) const override {
    Spec spec = x[0].spec();
    spec.shape.erase(static_cast<size_t>(axis_));
    return {spec};
  }
  Tensors eval(TensorSpan x, const Specs& specs) const override {
    Dims kept = x[0].shape();
    kept[axis_] = 1;
    Ref<Array> out = Array::empty(kept, specs[0].dtype, specs[0].device);
    kernels::products_along(out->device_view(), x[0].device_view(), x[1].device_view(),
                            static_cast<int>(axis_));
    const Dims& shape = specs[0].shape;
    return {Tensor(out->with_layout(shape, contiguous_strides(shape), 0))};
  }
  Tensors vjp(const VjpArgs& args) const override {
    const Tensor t = expand_dims(args.cotangents[0], {axis_});
    Tensors out(2);
    for (size_t i = 0; i < 2; ++i)
      if (args.wants[i]) out[i] = call<kernels::ScaleBoth>(t, args.inputs[1 - i]);
    return out;
  }
  Tensors jvp(TensorSpan x, TensorSpan t, TensorSpan) const override {
    Tensor sum;
    if (t[0]) sum = products_along(t[0], x[1], axis_);
    if (t[1]) {
      const Tensor second = products_along(x[0], t[1], axis_);
      sum = sum ? sum + second : second;
    }
    return {sum};
  }
  std::optional<Tensors> taylor(const TaylorArgs& args) const override {
    return Tensors::of(product_series(
        args, [this](const Tensor& a, const Tensor& b) { return products_along(a, b, axis_); }));
  }
  BatchResult batch(int64_t size, TensorSpan x, std::span<const int> dims) const override {
    return {{products_along(mapped_or_broadcast(x[0], dims[0], size),
                            mapped_or_broadcast(x[1], dims[1], size), axis_ + 1)},
            {0}};
  }

 private:
  const int64_t axis_;
};

}  // namespace

Tensor products_along(const Tensor& a, const Tensor& b, int64_t axis) {
  return apply1(make_ref<ProductsAlong>(axis), Borrowed<2>(a, b));
}

}  // namespace pyautograd::ops
