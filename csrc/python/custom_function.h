#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <string>

#include "autograd/primitive.h"
#include "python/autograd_gc.h"

namespace pyautograd::python {

// One call of a function whose rules are written in Python: a primitive like any other, so its
// rules hold at every level. The Python object `rules` answers
//   forward(inputs) -> tensors                          level 0, nothing records
//   record(inputs, outputs) -> (context, input mask, output mask, materialize)
//   backward(context, cotangents, inputs, outputs, wants, differentiable) -> tensors or None
//   jvp(primals, tangents, outputs) -> tensors or None
//   batch(size, values, dims, randomness) -> (tensors, dims), or None: slice by slice
class CustomPrimitive final : public Primitive, public HoldsPython {
 public:
  CustomPrimitive(std::string name, pybind11::handle rules, std::optional<int64_t> core_ndim)
      : name_(std::move(name)), rules_(rules.ptr()), core_ndim_(core_ndim) {}

  std::string_view name() const override { return name_; }
  Specs infer(TensorSpan) const override { return {}; }
  bool takes_halves(TensorSpan) const override { return true; }
  bool recomputable() const override { return false; }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override;
  Tensors vjp(const VjpArgs& args) const override;
  Tensors jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const override;
  BatchResult batch(int64_t size, TensorSpan values, std::span<const int> dims) const override;
  Ref<RefCounted> context(TensorSpan inputs, TensorSpan outputs) const override;
  Saves saves_with(const RefCounted& context) const override;
  Dependence dependence(const DependenceArgs& args) const override;
  int traverse(visitproc visit, void* arg) const override;

 private:
  template <class... Args>
  pybind11::object ask(const char* method, Args&&... args) const;
  BatchResult batch_of_nothing(TensorSpan values, std::span<const int> dims) const;

  const std::string name_;
  const HeldObject rules_;
  // How many axes at the end belong together, if its author says that those in front are a batch.
  const std::optional<int64_t> core_ndim_;
};

}  // namespace pyautograd::python
