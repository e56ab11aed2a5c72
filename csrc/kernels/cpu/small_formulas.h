#pragma once

// The formulas of small programs: of float64, and each takes no longer than finding out which one
// it is. For each instruction set, as all that follows from functors.h.

#include <cstdint>

#include "kernels/functors.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

using SmallUnary = List<Negative, Absolute, Square, Sqrt, Reciprocal>;
using SmallBinary = List<Add, Subtract, Multiply, Divide, Maximum, Minimum, Scale, ScaleBoth,
                         ScaleOver, ScaleTanh, ScaleSigmoid, ScaleSqrt, ScaleSquare>;
using SmallFormulas = decltype(SmallUnary{} + SmallBinary{});

// Which operand is one number in the place of a row.
enum class NumberPlace : uint8_t { None, First, Second };

// The kinds of ops that are formulas.
constexpr uint32_t kFormulaKinds = 3 * SmallFormulas::size;
constexpr uint32_t small_kind(int formula, NumberPlace number) {
  return uint32_t(number) * SmallFormulas::size + uint32_t(formula);
}

// Rows are as wide as this, times a whole number, or one element.
constexpr int64_t kSmallBlock = 4;

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
