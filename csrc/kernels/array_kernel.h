#pragma once

#include <functional>
#include <span>
#include <utility>

#include "core/view.h"

namespace pyautograd::kernels {

// A kernel on arrays of the host whose layouts are known before their memory is.
class ArrayKernel {
 public:
  struct Layout {
    DType dtype;
    Dims shape, strides;
    View view(void* memory, Device device = {}) const {
      return {memory, dtype, shape, strides, device};
    }
  };
  using Function = std::function<void(const View& out, std::span<const View> inputs)>;

  ArrayKernel() = default;
  ArrayKernel(Layout out, SmallVector<Layout, 2> inputs, Function function)
      : out_(std::move(out)), inputs_(std::move(inputs)), function_(std::move(function)) {}

  void run(void* out, std::span<void* const> inputs) const {
    SmallVector<View, 4> views;
    for (size_t i = 0; i < inputs.size(); ++i) views.push_back(inputs_[i].view(inputs[i]));
    function_(out_.view(out), views);
  }

 private:
  Layout out_;
  SmallVector<Layout, 2> inputs_;
  Function function_;
};

}  // namespace pyautograd::kernels
