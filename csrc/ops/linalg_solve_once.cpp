// Systems whose factors nobody else needs, as one kernel of a captured call.

#include "core/strides.h"
#include "kernels/array_kernel.h"
#include "kernels/kernels.h"
#include "ops/linalg.h"

namespace pyautograd::ops::linalg {

namespace {

// a x = b or a^T x = b, for inputs a, b: what factoring and solving after each other do.
class SolveOnce final : public OnMatrices {
 public:
  explicit SolveOnce(bool transposed) : transposed_(transposed) {}
  std::string_view name() const override { return "linalg.solve"; }

  Specs infer(TensorSpan inputs) const override {
    const Tensor &a = inputs[0], &b = inputs[1];
    const Dims batch = broadcast_shapes(name(), lead(a), lead(b));
    return {Spec{with_core(batch, {rows(b), columns(b)}), b.dtype(), b.device()}};
  }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override {
    const Ref<Array> x = Array::empty(specs[0].shape, specs[0].dtype, specs[0].device);
    const View given[] = {inputs[0].array().view(), inputs[1].array().view()};
    run(x->view(), given);
    return {Tensor(x)};
  }
  bool find_kernel(TensorSpan inputs, const Specs& specs,
                   kernels::ArrayKernel& kernel) const override {
    const auto layout = [](const Array& x) {
      return kernels::ArrayKernel::Layout{x.dtype, x.shape, x.strides};
    };
    kernel = {{specs[0].dtype, specs[0].shape, contiguous_strides(specs[0].shape)},
              {layout(inputs[0].array()), layout(inputs[1].array())},
              [self = Ref<const SolveOnce>(this)](const View& x, std::span<const View> given) {
                self->run(x, given);
              }};
    return true;
  }

 private:
  void run(const View& x, std::span<const View> given) const {
    require_lapack(name(), {});
    const View& a = given[0];
    const size_t batched = a.shape.size() - 2;
    const Dims lead(a.shape.begin(), a.shape.begin() + static_cast<ptrdiff_t>(batched));
    const Dims full(x.shape.begin(), x.shape.end() - 2);
    const int64_t n = a.shape[batched], count = count_elements(lead), columns = x.shape.back();
    const Ref<Array> lu = Array::empty(Dims(a.shape), a.dtype);
    SmallVector<int32_t, 16> pivots(static_cast<size_t>(count * n));
    std::vector<int32_t> info(static_cast<size_t>(count), 0);
    kernels::copy(lu->view(), a);
    const kernels::Matrices factors{lu->address(), a.dtype, count, n, n};
    kernels::lu(factors, pivots.data(), info.data());
    raise_where_nonzero(name(), info, kSingular);
    const View& b = given[1];
    const Dims strides = broadcast_strides(b.shape, b.strides, x.shape);
    kernels::copy(x, {b.data, b.dtype, x.shape, strides});
    // Transposed like the factors, x stands on their left; a vector is the same either way.
    const bool vector = columns == 1;
    const int64_t systems = count_elements(full);
    kernels::lu_solve(factors, pivots.data(),
                      {x.data, x.dtype, systems, vector ? n : columns, vector ? columns : n},
                      broadcast_numbers(lead, full).data(),
                      {.right = !vector, .transposed = transposed_ == !vector});
  }

  const bool transposed_;
};

}  // namespace

Ref<const Primitive> solve_once(bool transposed) { return make_ref<SolveOnce>(transposed); }

}  // namespace pyautograd::ops::linalg
