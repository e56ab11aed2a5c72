#pragma once

// How everything computes with float16 and bfloat16: in float32, with one rounding at the end. A
// single op is replaced in the door of all ops (algebra::in_single); a function of the registry
// that is several ops in a row is called with its arguments cast, and its results are cast back.

#include "ops/registry.h"

namespace pyautograd::ops {

// What an OpInfo held before.
struct PlainCall {
  Tensors (*invoke)(void* function, std::span<const Arg> args);
  void* function;
};
// An OpInfo's invoke; its function is a PlainCall.
Tensors invoke_in_single(void* plain_call, std::span<const Arg> args);

}  // namespace pyautograd::ops
