#pragma once

// Pairs of ops that a FusedProgram runs as one loop. What lies between them stays in a register,
// where writing and reading it takes as long as the formulas do.

#include "kernels/functors.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

using PlainFormulas = List<Add, Subtract, Multiply>;
using MaskedFormulas = List<Scale, ScaleBoth, ScaleSquare>;
using JoinedFormulas = decltype(PlainFormulas{} + MaskedFormulas{});
using JoinedTypes = List<float, double>;

// Where one mask depends on another, compilers make branches.
template <class Inner, class Outer>
inline constexpr bool joinable = contains<Inner, PlainFormulas> || contains<Outer, PlainFormulas>;

// With the same bits in either order.
template <class F>
inline constexpr bool symmetric = contains<F, List<Add, Multiply, ScaleBoth>>;

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
