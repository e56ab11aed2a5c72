#pragma once

// Formulas of one argument. Included by scalar.h.

#include "kernels/scalar/base.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

// Names a formula that has a C++ expression and nothing else to say.
#define PYAUTOGRAD_UNARY(Name, expression)  \
  struct Name {                             \
    template <class T>                      \
    PYAUTOGRAD_HD T operator()(T x) const { \
      return expression;                    \
    }                                       \
  }

// Floating point, one argument.

PYAUTOGRAD_UNARY(Exp, std::exp(x));
PYAUTOGRAD_UNARY(Exp2, std::exp2(x));
PYAUTOGRAD_UNARY(Expm1, std::expm1(x));
PYAUTOGRAD_UNARY(Log, std::log(x));
PYAUTOGRAD_UNARY(Log2, std::log2(x));
PYAUTOGRAD_UNARY(Log10, std::log10(x));
PYAUTOGRAD_UNARY(Log1p, std::log1p(x));
PYAUTOGRAD_UNARY(Sqrt, std::sqrt(x));
PYAUTOGRAD_UNARY(Rsqrt, T(1) / std::sqrt(x));
PYAUTOGRAD_UNARY(Cbrt, std::cbrt(x));
PYAUTOGRAD_UNARY(Sin, std::sin(x));
PYAUTOGRAD_UNARY(Cos, std::cos(x));
PYAUTOGRAD_UNARY(Tan, std::tan(x));
PYAUTOGRAD_UNARY(Asin, std::asin(x));
PYAUTOGRAD_UNARY(Acos, std::acos(x));
PYAUTOGRAD_UNARY(Atan, std::atan(x));
PYAUTOGRAD_UNARY(Sinh, std::sinh(x));
PYAUTOGRAD_UNARY(Cosh, std::cosh(x));
PYAUTOGRAD_UNARY(Tanh, std::tanh(x));
PYAUTOGRAD_UNARY(Asinh, std::asinh(x));
PYAUTOGRAD_UNARY(Acosh, std::acosh(x));
PYAUTOGRAD_UNARY(Atanh, std::atanh(x));
PYAUTOGRAD_UNARY(Erf, std::erf(x));
PYAUTOGRAD_UNARY(Erfc, std::erfc(x));
PYAUTOGRAD_UNARY(Faddeeva, std::exp(x * -x));  // the real part: the whole is complex
PYAUTOGRAD_UNARY(Reciprocal, T(1) / x);

#undef PYAUTOGRAD_UNARY

// 1 / (1 + exp(-x)) loses everything for large negative x; this form never sees a growing
// exponential.
struct Sigmoid {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    T e = std::exp(-std::fabs(x));
    return (x >= 0 ? T(1) : e) / (T(1) + e);
  }
};

struct Softplus {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    return (x > 0 ? x : T(0)) + std::log1p(std::exp(-std::fabs(x)));
  }
};

// The angle of a real number, as NumPy has it: that of -0 is pi.
struct Angle {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    T angle = std::copysign(T(1), x) < 0 ? T(M_PI) : T(0);
    return x == x ? angle : x;
  }
};

// Parts of complex numbers: their formulas are in scalar/complex.h.

struct Conj {};
struct Real {};
struct Imag {};

// Arithmetic, one argument.

struct Negative {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    if constexpr (is_float<T>)
      return -x;
    else
      return T(Wrap<T>(0) - Wrap<T>(x));
  }
};

struct Absolute {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    if constexpr (is_float<T>)
      return std::fabs(x);
    else if constexpr (std::is_unsigned_v<T>)
      return x;
    else
      return x < 0 ? T(Wrap<T>(0) - Wrap<T>(x)) : x;
  }
};

struct Sign {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    T sign = T(T(x > T(0)) - T(x < T(0)));
    return x == x ? sign : x;
  }
};

struct Square {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    if constexpr (is_float<T>)
      return x * x;
    else
      return T(Wrap<T>(x) * Wrap<T>(x));
  }
};

struct Relu {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    return x <= T(0) ? T(0) : x;  // a nan fails the comparison and passes through
  }
};

struct Floor {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    if constexpr (is_float<T>)
      return std::floor(x);
    else
      return x;
  }
};

struct Ceil {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    if constexpr (is_float<T>)
      return std::ceil(x);
    else
      return x;
  }
};

struct Trunc {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    if constexpr (is_float<T>)
      return std::trunc(x);
    else
      return x;
  }
};

struct Round {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    if constexpr (is_float<T>)
      return std::rint(x);
    else
      return x;
  }
};

struct Invert {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    if constexpr (std::is_same_v<T, bool>)
      return !x;
    else
      return T(~x);
  }
};

// Predicates, one argument.

struct LogicalNot {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x) const {
    return x == T(0);
  }
};

struct IsNan {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x) const {
    return x != x;
  }
};

struct IsInf {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x) const {
    if constexpr (is_float<T>)
      return std::fabs(x) == std::numeric_limits<T>::infinity();
    else
      return false;
  }
};

struct IsFinite {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x) const {
    if constexpr (is_float<T>)
      return std::fabs(x) <= std::numeric_limits<T>::max();
    else
      return true;
  }
};

struct SignBit {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x) const {
    if constexpr (is_float<T>)
      return std::copysign(T(1), x) < 0;
    else if constexpr (std::is_signed_v<T>)
      return x < 0;
    else
      return false;
  }
};

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
