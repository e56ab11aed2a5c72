#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#ifdef __CUDACC__
#define PYAUTOGRAD_HD __host__ __device__
#else
#define PYAUTOGRAD_HD
#endif

// Loop files are compiled once per instruction set. Each gets the functors under a name of its own, or the linker
// would be free to give an old processor the copy that was compiled for a new one.
#ifndef PYAUTOGRAD_ISA
#define PYAUTOGRAD_ISA common
#endif

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

template <class T>
inline constexpr bool is_float = std::is_floating_point_v<T>;

// Integer arithmetic wraps like NumPy's: it goes through the unsigned type after promotion.
template <class T>
using Wrap = std::make_unsigned_t<decltype(T() + T())>;

// Names a formula that has a C++ expression and nothing else to say.
#define PYAUTOGRAD_UNARY(Name, expression)   \
  struct Name {                              \
    template <class T>                       \
    PYAUTOGRAD_HD T operator()(T x) const {  \
      return expression;                     \
    }                                        \
  }

// ---- floating point, one argument ----

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
PYAUTOGRAD_UNARY(Reciprocal, T(1) / x);

#undef PYAUTOGRAD_UNARY

// 1 / (1 + exp(-x)) loses everything for large negative x; this form never sees a growing exponential.
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

struct LogGamma {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
#if defined(__GLIBC__) && !defined(__CUDA_ARCH__)
    int sign;  // std::lgamma writes a global
    if constexpr (sizeof(T) == 4) return ::lgammaf_r(x, &sign);
    else return ::lgamma_r(x, &sign);
#else
    return std::lgamma(x);
#endif
  }
};

// Reflection to positive x, recurrence up to x >= 10, then the asymptotic series (Abramowitz and Stegun 6.3.18).
struct Digamma {
  template <class T>
  PYAUTOGRAD_HD T operator()(T value) const {
    double x = value;
    if (x == 0) return T(-std::copysign(std::numeric_limits<double>::infinity(), x));
    double result = 0;
    if (x < 0) {
      double fraction = x - std::floor(x);
      if (fraction == 0 || !(x > -std::numeric_limits<double>::infinity()))
        return std::numeric_limits<T>::quiet_NaN();
      result = -M_PI / std::tan(M_PI * fraction);
      x = 1 - x;
    }
    for (; x < 10; x += 1) result -= 1 / x;
    double r = 1 / (x * x);
    double series =
        r * (1. / 12 -
             r * (1. / 120 - r * (1. / 252 - r * (1. / 240 - r * (1. / 132 - r * (691. / 32760 - r / 12))))));
    return T(result + std::log(x) - 0.5 / x - series);
  }
};

// ---- arithmetic, one argument ----

struct Negative {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    if constexpr (is_float<T>) return -x;
    else return T(Wrap<T>(0) - Wrap<T>(x));
  }
};

struct Absolute {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    if constexpr (is_float<T>) return std::fabs(x);
    else if constexpr (std::is_unsigned_v<T>) return x;
    else return x < 0 ? T(Wrap<T>(0) - Wrap<T>(x)) : x;
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
    if constexpr (is_float<T>) return x * x;
    else return T(Wrap<T>(x) * Wrap<T>(x));
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
    if constexpr (is_float<T>) return std::floor(x);
    else return x;
  }
};

struct Ceil {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    if constexpr (is_float<T>) return std::ceil(x);
    else return x;
  }
};

struct Trunc {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    if constexpr (is_float<T>) return std::trunc(x);
    else return x;
  }
};

struct Round {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    if constexpr (is_float<T>) return std::rint(x);
    else return x;
  }
};

struct Invert {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    if constexpr (std::is_same_v<T, bool>) return !x;
    else return T(~x);
  }
};

// ---- predicates, one argument ----

struct LogicalNot {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x) const { return x == T(0); }
};

struct IsNan {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x) const { return x != x; }
};

struct IsInf {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x) const {
    if constexpr (is_float<T>) return std::fabs(x) == std::numeric_limits<T>::infinity();
    else return false;
  }
};

struct IsFinite {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x) const {
    if constexpr (is_float<T>) return std::fabs(x) <= std::numeric_limits<T>::max();
    else return true;
  }
};

struct SignBit {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x) const {
    if constexpr (is_float<T>) return std::copysign(T(1), x) < 0;
    else if constexpr (std::is_signed_v<T>) return x < 0;
    else return false;
  }
};

// ---- arithmetic, two arguments ----

struct Add {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    if constexpr (std::is_same_v<T, bool>) return x | y;
    else if constexpr (is_float<T>) return x + y;
    else return T(Wrap<T>(x) + Wrap<T>(y));
  }
};

struct Subtract {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    if constexpr (is_float<T>) return x - y;
    else return T(Wrap<T>(x) - Wrap<T>(y));
  }
};

struct Multiply {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    if constexpr (std::is_same_v<T, bool>) return x & y;
    else if constexpr (is_float<T>) return x * y;
    else return T(Wrap<T>(x) * Wrap<T>(y));
  }
};

// A nan in either place wins: one in x by the first test, one in y because the comparison fails.
struct Maximum {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    if constexpr (std::is_same_v<T, bool>) return x | y;
    else return (x != x) | (x > y) ? x : y;
  }
};

struct Minimum {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    if constexpr (std::is_same_v<T, bool>) return x & y;
    else return (x != x) | (x < y) ? x : y;
  }
};

// The remainder has the sign of the divisor, as in Python; integers divided by zero give zero.
struct Remainder {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    if constexpr (is_float<T>) {
      T r = std::fmod(x, y);
      if (y == 0) return r;
      if (r == 0) return std::copysign(T(0), y);
      return (y < 0) != (r < 0) ? r + y : r;
    } else {
      if (y == 0) return 0;
      if constexpr (std::is_signed_v<T>) {
        if (y == -1) return 0;
        T r = T(x % y);
        return r != 0 && (r < 0) != (y < 0) ? T(r + y) : r;
      } else {
        return T(x % y);
      }
    }
  }
};

struct FloorDivide {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    if constexpr (is_float<T>) {
      if (y == 0) return x / y;
      T r = std::fmod(x, y);
      T quotient = (x - r) / y;
      if (r != 0 && (y < 0) != (r < 0)) quotient -= 1;
      if (quotient == 0) return std::copysign(T(0), x / y);
      T floor = std::floor(quotient);
      return quotient - floor > T(0.5) ? floor + 1 : floor;
    } else {
      if (y == 0) return 0;
      if constexpr (std::is_signed_v<T>) {
        if (y == -1) return Negative()(x);
        return T(x / y - (x % y != 0 && (x < 0) != (y < 0)));
      } else {
        return T(x / y);
      }
    }
  }
};

struct Fmod {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    if constexpr (is_float<T>) {
      return std::fmod(x, y);
    } else {
      if (y == 0) return 0;
      if constexpr (std::is_signed_v<T>)
        if (y == -1) return 0;
      return T(x % y);
    }
  }
};

struct Power {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    if constexpr (is_float<T>) {
      return std::pow(x, y);
    } else {
      if constexpr (std::is_signed_v<T>)
        if (y < 0) return x == 1 ? T(1) : x == -1 ? T((y & 1) ? -1 : 1) : T(0);
      Wrap<T> result = 1, base = Wrap<T>(x);
      for (auto n = Wrap<T>(y); n != 0; n >>= 1) {
        if (n & 1) result *= base;
        base *= base;
      }
      return T(result);
    }
  }
};

// ---- floating point, two arguments ----

struct Divide {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const { return x / y; }
};

struct Atan2 {
  template <class T>
  PYAUTOGRAD_HD T operator()(T y, T x) const { return std::atan2(y, x); }
};

struct Hypot {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const { return std::hypot(x, y); }
};

struct LogAddExp {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    T larger = x > y ? x : y;
    T apart = larger + std::log1p(std::exp(-std::fabs(x - y)));
    return x == y ? x + T(M_LN2) : apart;  // equal infinities have no difference
  }
};

struct CopySign {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const { return std::copysign(x, y); }
};

struct NextAfter {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const { return std::nextafter(x, y); }
};

struct Xlogy {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    T product = x * std::log(y);
    return (x == 0) & (y == y) ? T(0) : product;
  }
};

// t * p and t / p for a derivative t: a zero stays zero whatever it meets. So a branch that `where` masks
// contributes nothing, even where its own formula is infinite or nan.
struct Scale {
  template <class T>
  PYAUTOGRAD_HD T operator()(T t, T p) const {
    T product = t * p;
    return t == 0 ? T(0) : product;
  }
};
struct ScaleOver {
  template <class T>
  PYAUTOGRAD_HD T operator()(T t, T p) const {
    T quotient = t / p;
    return t == 0 ? T(0) : quotient;
  }
};

// ---- bits ----

struct BitwiseAnd {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const { return T(x & y); }
};

struct BitwiseOr {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const { return T(x | y); }
};

struct BitwiseXor {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const { return T(x ^ y); }
};

// A count outside [0, width) shifts every bit out.
struct LeftShift {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    constexpr unsigned width = sizeof(T) * 8;
    bool inside = std::make_unsigned_t<T>(y) < width;
    return inside ? T(Wrap<T>(x) << (Wrap<T>(y) & (width - 1))) : T(0);
  }
};

struct RightShift {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    constexpr unsigned width = sizeof(T) * 8;
    bool inside = std::make_unsigned_t<T>(y) < width;
    return inside ? T(x >> (Wrap<T>(y) & (width - 1))) : T(x < T(0) ? T(-1) : T(0));
  }
};

// ---- predicates, two arguments ----

struct Equal {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const { return x == y; }
};

struct NotEqual {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const { return x != y; }
};

struct Less {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const { return x < y; }
};

struct LessEqual {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const { return x <= y; }
};

struct Greater {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const { return x > y; }
};

struct GreaterEqual {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const { return x >= y; }
};

struct LogicalAnd {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const { return (x != T(0)) & (y != T(0)); }
};

struct LogicalOr {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const { return (x != T(0)) | (y != T(0)); }
};

struct LogicalXor {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const { return (x != T(0)) != (y != T(0)); }
};

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels

