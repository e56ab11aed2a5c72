#pragma once

#include <algorithm>

#include "ops/registry.h"

namespace pyautograd::python {

inline const OpInfo* find_op(std::string_view name) {
  const auto& ops = registry().ops();
  auto found =
      std::find_if(ops.begin(), ops.end(), [&](const OpInfo& op) { return op.name == name; });
  return found == ops.end() ? nullptr : &*found;
}

using UnaryFunction = Tensor (*)(const Tensor&);
using BinaryFunction = Tensor (*)(const Tensor&, const Tensor&);

// A string as a template argument, so that each operator has its op resolved once.
template <size_t N>
struct Name {
  char text[N];
  constexpr Name(const char (&name)[N]) { std::copy_n(name, N, text); }
};

template <Name name>
UnaryFunction unary_op() {
  static const UnaryFunction function = find_op(name.text)->unary;
  return function;
}
template <Name name>
BinaryFunction binary_op() {
  static const BinaryFunction function = find_op(name.text)->binary;
  return function;
}

}  // namespace pyautograd::python
