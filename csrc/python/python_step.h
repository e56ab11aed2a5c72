#pragma once

#include <pybind11/pybind11.h>

#include <string>

#include "autograd/primitive.h"
#include "python/autograd_gc.h"

namespace pyautograd::python {

// A function of Python's among the ops of a captured call, run again by each call, apart from what
// runs there: from plain tensors to one whose shape and dtype are known. What it reads beside them
// must not change. With a `substitute` the first two inputs are a tensor to return instead and
// whether that is right.
class PythonStep final : public Primitive, public HoldsPython {
 public:
  PythonStep(std::string name, pybind11::handle function, Spec result, bool substitute)
      : name_(std::move(name)),
        function_(function.ptr()),
        result_(std::move(result)),
        substitute_(substitute) {}

  std::string_view name() const override { return name_; }
  Specs infer(TensorSpan) const override { return {result_}; }
  Tensors eval(TensorSpan inputs, const Specs& specs) const override;
  bool takes_halves(TensorSpan) const override { return true; }
  bool recomputable() const override { return false; }
  bool repeatable() const override { return true; }
  bool may_view() const override { return substitute_; }
  int traverse(visitproc visit, void* arg) const override { return visit(function_.get(), arg); }

 private:
  const std::string name_;
  const HeldObject function_;
  const Spec result_;
  const bool substitute_;
};

}  // namespace pyautograd::python
