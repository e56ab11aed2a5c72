#pragma once

#include "autograd/layout.h"
#include "ops/linear.h"

// What the reductions share.
namespace pyautograd::ops {

// The axes that an op reduces, normalised and sorted, and whether its output keeps them with size
// one.
struct ReducedAxes {
  Dims axes;
  bool keepdims = false;

  static ReducedAxes of(std::string_view op, const Tensor& x, const Axes& axis, bool keepdims) {
    return {normalize_axes(op, axis, x.ndim()), keepdims};
  }
  // As NumPy's ufuncs reduce: a 0-d array has an axis 0, too.
  static ReducedAxes of_ufunc(std::string_view op, const Tensor& x, const Axes& axis,
                              bool keepdims) {
    const bool sole = x.ndim() == 0 && axis && axis->size() == 1;
    if (sole && ((*axis)[0] == 0 || (*axis)[0] == -1)) return {{}, keepdims};
    return of(op, x, axis, keepdims);
  }
  // The same axes behind a mapped dimension in front.
  ReducedAxes behind_mapped() const;
  // How many elements of x go into one of the output.
  int64_t count(std::span<const int64_t> x_shape) const noexcept;
  Dims kept_shape(std::span<const int64_t> x_shape) const;
  Dims shape(std::span<const int64_t> x_shape) const;
  // A tensor of the output's shape as one that broadcasts with the input.
  Tensor restore(const Tensor& reduced) const;
};

// An op of one tensor that is a single kernel, which sees the row-major output in a shape of its
// own.
template <class Base>
class ByKernel : public Base {
 public:
  using Base::Base;
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const Array& x = inputs[0].array();
    const Spec& spec = specs[0];
    Ref<Array> out = Array::empty(spec.shape, spec.dtype, spec.device);
    const Dims shape = shape_for_kernel(x.shape), strides = contiguous_strides(shape);
    run({out->address(), out->dtype, shape, strides, out->device}, x.device_view());
    return Tensors::of(Tensor(std::move(out)));
  }
  bool find_kernel(TensorSpan inputs, const Specs& specs,
                   kernels::ArrayKernel& kernel) const override {
    const Array& x = inputs[0].array();
    kernel = kernel_on(x, specs[0].dtype, shape_for_kernel(x.shape),
                       [self = Ref<const ByKernel>(this)](const View& out, const View& given) {
                         self->run(out, given);
                       });
    return true;
  }

 protected:
  virtual Dims shape_for_kernel(const Dims& x) const = 0;
  virtual void run(const View& out, const View& x) const = 0;
};

// A reduction of one tensor to one of the same dtype, or of `result_dtype`.
class Reduction : public Primitive {
 public:
  explicit Reduction(ReducedAxes over) : over_(std::move(over)) {}
  Specs infer(TensorSpan inputs) const override;
  Dependence dependence(const DependenceArgs& args) const override;
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override;

 protected:
  virtual Ref<const Primitive> over(ReducedAxes other) const = 0;
  virtual DType result_dtype(DType dtype) const { return dtype; }

  const ReducedAxes over_;
};

class KernelReduction : public ByKernel<Reduction> {
 public:
  using ByKernel::ByKernel;

 protected:
  // With the reduced axes of size one.
  Dims shape_for_kernel(const Dims& x) const override { return over_.kept_shape(x); }
};

// An op along one axis whose output has its input's shape.
class AlongAxis : public Primitive {
 public:
  explicit AlongAxis(int64_t axis) : axis_(axis) {}
  Specs infer(TensorSpan inputs) const override { return {inputs[0].spec()}; }
  Dependence dependence(const DependenceArgs& args) const override {
    return Dependence::over({axis_}, args.x.shape.size());
  }
  // For ops with several inputs of one shape, too.
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override;

 protected:
  virtual Ref<const Primitive> along(int64_t axis) const = 0;

  const int64_t axis_;
};

class KernelAlongAxis : public ByKernel<AlongAxis> {
 public:
  using ByKernel::ByKernel;

 protected:
  Dims shape_for_kernel(const Dims& x) const override { return x; }
};

// The dtype in which NumPy accumulates sums and products.
DType accumulator_dtype(DType dtype) noexcept;
// Of the absolute values, in one pass over real numbers; a plain array's, without derivatives.
Tensor sum_of_squares(const Tensor& x, const ReducedAxes& over);
// Elements [start, start + size) of one axis.
Tensor slice_axis(const Tensor& x, int64_t axis, int64_t start, int64_t size);

// With NumPy's initial and where.
using Masked = std::optional<Tensor>;
Tensor sum_where(const Tensor& x, const Axes& axis, std::optional<DType> dtype, bool keepdims,
                 const Masked& initial, const Masked& where);
Tensor prod_where(const Tensor& x, const Axes& axis, std::optional<DType> dtype, bool keepdims,
                  const Masked& initial, const Masked& where);
Tensor max_where(const Tensor& x, const Axes& axis, bool keepdims, const Masked& initial,
                 const Masked& where);
Tensor min_where(const Tensor& x, const Axes& axis, bool keepdims, const Masked& initial,
                 const Masked& where);
Tensor any_where(const Tensor& x, const Axes& axis, bool keepdims, const Masked& where);
Tensor all_where(const Tensor& x, const Axes& axis, bool keepdims, const Masked& where);
Tensor mean_where(const Tensor& x, const Axes& axis, bool keepdims, const Tensor& where);
// var, or its root, of x in a floating dtype.
Tensor spread_where(std::string_view op, const Tensor& x, const Axes& axis, double correction,
                    bool keepdims, const Tensor& where);

Tensor var(const Tensor& x, const Axes& axis = {}, double correction = 0, bool keepdims = false);
Tensor std(const Tensor& x, const Axes& axis = {}, double correction = 0, bool keepdims = false);
Tensor count_nonzero(const Tensor& x, const Axes& axis = {}, bool keepdims = false);
Tensor logsumexp(const Tensor& x, const Axes& axis = {}, bool keepdims = false);
Tensor softmax(const Tensor& x, int64_t axis = -1);
Tensor log_softmax(const Tensor& x, int64_t axis = -1);
Tensor cumprod(const Tensor& x, std::optional<int64_t> axis = {}, std::optional<DType> dtype = {});
Tensor cumsum_as(const Tensor& x, std::optional<int64_t> axis, std::optional<DType> dtype);
// Element i of the result is element i - 1 of x (i + 1 in reverse), and `fill` at the first place.
Tensor shift(const Tensor& x, int64_t axis, bool reverse, double fill);
// y[i] = a[i] y[i - 1] + b[i], from y = 0 before the start; backwards if `reverse`.
Tensor recurrence(const Tensor& a, const Tensor& b, int64_t axis, bool reverse);
// Its transpose in b.
Tensor recurrence_transpose(const Tensor& a, const Tensor& t, int64_t axis, bool reverse);
// The product of all other elements along the axes, exact where elements are zero.
Tensor product_of_others(const Tensor& x, const Dims& axes);

void register_sums(Registry& registry);
void register_extrema(Registry& registry);
void register_products(Registry& registry);
void register_moments(Registry& registry);
void register_softmax(Registry& registry);
void register_scans(Registry& registry);

}  // namespace pyautograd::ops
