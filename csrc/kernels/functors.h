#pragma once

// The type lists over scalar.h: which formulas exist, for which dtypes, and the number each is
// known by.

#include "kernels/scalar.h"

namespace pyautograd::kernels {

using FnId = uint16_t;

inline namespace PYAUTOGRAD_ISA {

template <class... Items>
struct List {
  static constexpr int size = sizeof...(Items);
};

template <class Item, class... Items>
constexpr int index_of(List<Items...>) {  // -1 when absent
  int index = 0;
  bool found = (... || (std::is_same_v<Item, Items> || (++index, false)));
  return found ? index : -1;
}
template <class Item, class Items>
inline constexpr bool contains = index_of<Item>(Items{}) >= 0;

template <class... A, class... B>
constexpr List<A..., B...> operator+(List<A...>, List<B...>) {
  return {};
}

using RealTypes = List<bool, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
                       uint64_t, float, double>;
using ComplexTypes = List<std::complex<float>, std::complex<double>>;
using AllTypes = decltype(RealTypes{} + ComplexTypes{});

using UnaryFloat = List<Exp, Exp2, Expm1, Log, Log2, Log10, Log1p, Sqrt, Rsqrt, Cbrt, Sin, Cos, Tan,
                        Asin, Acos, Atan, Sinh, Cosh, Tanh, Asinh, Acosh, Atanh, Erf, Erfc,
                        Faddeeva, Sigmoid, Softplus, Exponent, Reciprocal, Angle>;
using UnaryArithmetic = List<Negative, Absolute, Sign, Square, Relu, Floor, Ceil, Trunc, Round>;
using UnaryParts = List<Conj, Real, Imag>;
using UnaryBitwise = List<Invert, BitCount>;
using UnaryPredicate = List<LogicalNot, IsNan, IsInf, IsFinite, SignBit>;

using BinaryArithmetic =
    List<Add, Subtract, Multiply, Maximum, Minimum, FloorDivide, Remainder, Fmod, Power>;
using BinaryFloat =
    List<Divide, Atan2, Hypot, LogAddExp, LogAddExp2, CopySign, NextAfter, Heaviside, Ldexp, Xlogy,
         Scale, ScaleBoth, ScaleOver, ScaleTanh, ScaleSigmoid, ScaleSqrt, ScaleSquare, ScaleExpm1At,
         ScaleTanhAt, ScaleSigmoidAt>;
using BinaryParts = List<MakeComplex>;
using BinaryBitwise = List<BitwiseAnd, BitwiseOr, BitwiseXor, LeftShift, RightShift, Gcd, Lcm>;
using BinaryPredicate = List<Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, LogicalAnd,
                             LogicalOr, LogicalXor>;

// Slopes for which a function's argument and its result serve.
using Slopes = List<ScaleExpm1At, ScaleTanhAt, ScaleSigmoidAt>;

using Unary =
    decltype(UnaryFloat{} + UnaryArithmetic{} + UnaryParts{} + UnaryBitwise{} + UnaryPredicate{});
using Binary = decltype(BinaryArithmetic{} + BinaryFloat{} + BinaryParts{} + BinaryBitwise{} +
                        BinaryPredicate{});

// Unary functors first, then binary ones.
template <class Functor>
constexpr FnId fn_id() {
  static_assert(contains<Functor, decltype(Unary{} + Binary{})>);
  return FnId(index_of<Functor>(Unary{} + Binary{}));
}

template <class Functor>
inline constexpr bool is_predicate =
    contains<Functor, decltype(UnaryPredicate{} + BinaryPredicate{})>;

// What a functor makes of elements of type T: T itself, a bool, T's real or T's complex type.
enum class ResultKind : uint8_t { Same, Bool, Real, Complex };
template <class Functor>
inline constexpr ResultKind result_kind =
    is_predicate<Functor>                                  ? ResultKind::Bool
    : contains<Functor, List<Absolute, Angle, Real, Imag>> ? ResultKind::Real
    : contains<Functor, BinaryParts>                       ? ResultKind::Complex
                                                           : ResultKind::Same;

template <class T, ResultKind kind>
struct ResultOf {
  using type = T;
};
template <class T>
struct ResultOf<T, ResultKind::Bool> {
  using type = bool;
};
template <class T>
struct ResultOf<T, ResultKind::Real> {
  using type = RealOf<T>;
};
template <class T>
struct ResultOf<T, ResultKind::Complex> {
  using type = ComplexOf<T>;
};
template <class Functor, class T>
using Result = typename ResultOf<T, result_kind<Functor>>::type;

using BoolFunctors = decltype(List<Add, Multiply, Maximum, Minimum, Absolute, Relu, Floor, Ceil,
                                   Trunc, Round, Invert, BitwiseAnd, BitwiseOr, BitwiseXor>{} +
                              UnaryPredicate{} + BinaryPredicate{});

template <class Functor>
concept HasComplexFormula = requires { sizeof(ComplexFormula<Functor>); };

// Whether the formula is defined for elements of type T.
template <class Functor, class T>
constexpr bool accepts() {
  if constexpr (is_complex_type<T>)
    return HasComplexFormula<Functor>;
  else if constexpr (contains<Functor, UnaryParts>)
    return false;
  else if constexpr (std::is_same_v<T, bool>)
    return contains<Functor, BoolFunctors>;
  else if constexpr (is_float<T>)
    return !contains<Functor, decltype(UnaryBitwise{} + BinaryBitwise{})>;
  else
    return !contains<Functor, decltype(UnaryFloat{} + BinaryFloat{} + BinaryParts{})>;
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
