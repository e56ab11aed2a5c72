#pragma once

// Formulas of two arguments. Included by scalar.h.

#include "kernels/scalar/base.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

// Arithmetic, two arguments.

struct Add {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    if constexpr (std::is_same_v<T, bool>)
      return x | y;
    else if constexpr (is_float<T>)
      return x + y;
    else
      return T(Wrap<T>(x) + Wrap<T>(y));
  }
};

struct Subtract {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    if constexpr (is_float<T>)
      return x - y;
    else
      return T(Wrap<T>(x) - Wrap<T>(y));
  }
};

struct Multiply {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    if constexpr (std::is_same_v<T, bool>)
      return x & y;
    else if constexpr (is_float<T>)
      return x * y;
    else
      return T(Wrap<T>(x) * Wrap<T>(y));
  }
};

// A nan in either place wins: one in x by the first test, one in y because the comparison fails.
struct Maximum {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    if constexpr (std::is_same_v<T, bool>)
      return x | y;
    else
      return (x != x) | (x > y) ? x : y;
  }
};

struct Minimum {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    if constexpr (std::is_same_v<T, bool>)
      return x & y;
    else
      return (x != x) | (x < y) ? x : y;
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

// The quotient of x and y that leaves the remainder r of fmod, rounded down. y is not 0.
template <class T>
PYAUTOGRAD_HD T floor_quotient(T x, T y, T r) {
  T quotient = (x - r) / y;
  quotient -= (r != 0) & ((y < 0) != (r < 0)) ? T(1) : T(0);
  const T floor = std::floor(quotient), nearest = quotient - floor > T(0.5) ? floor + 1 : floor;
  return quotient == 0 ? std::copysign(T(0), x / y) : nearest;
}

struct FloorDivide {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    if constexpr (is_float<T>) {
      return y == 0 ? x / y : floor_quotient(x, y, std::fmod(x, y));
    } else {
      if (y == 0) return 0;
      if constexpr (std::is_signed_v<T>) {
        if (y == -1) return T(Wrap<T>(0) - Wrap<T>(x));
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

// Floating point, two arguments.

struct Divide {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    return x / y;
  }
};

struct Atan2 {
  template <class T>
  PYAUTOGRAD_HD T operator()(T y, T x) const {
    return std::atan2(y, x);
  }
};

struct Hypot {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    return std::hypot(x, y);
  }
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
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    return std::copysign(x, y);
  }
};

struct NextAfter {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    return std::nextafter(x, y);
  }
};

struct Xlogy {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    T product = x * std::log(y);
    return (x == 0) & (y == y) ? T(0) : product;
  }
};

// One choice after the other, which compilers make with masks; conditions that are combined first
// take them through other registers.
template <class T>
PYAUTOGRAD_HD T cut_off(T t, bool flat, T product) {
  const T known = t == t ? T(0) : product;
  const T chosen = flat ? known : product;
  return t == 0 ? T(0) : chosen;
}

// A zero tangent or cotangent t stays zero whatever slope p it meets. So an entry that a mask or a
// slice cuts off contributes nothing, even where a formula beyond it is infinite or nan. Nor does
// an infinite t behind a zero slope: so the product of a chain of slopes is the same from either
// end, forward and backward. What is not known, nan, stays so.
template <class T>
PYAUTOGRAD_HD T scaled(T t, T p) {
  T product = t * p;
  return cut_off(t, p == 0, product);
}
template <class T>
PYAUTOGRAD_HD T scaled_over(T t, T p) {
  constexpr T infinity = std::numeric_limits<T>::infinity();
  T quotient = t / p;
  return cut_off(t, std::abs(p) == infinity, quotient);
}

// t times the slope p.
struct Scale {
  template <class T>
  PYAUTOGRAD_HD T operator()(T t, T p) const {
    return scaled(t, p);
  }
};
// The product of two tangents or cotangents, either of which may be cut off.
struct ScaleBoth {
  template <class T>
  PYAUTOGRAD_HD T operator()(T a, T b) const {
    T product = a * b;
    return (a != 0) & (b != 0) ? product : T(0);
  }
};
// t times the slope 1 / p.
struct ScaleOver {
  template <class T>
  PYAUTOGRAD_HD T operator()(T t, T p) const {
    return scaled_over(t, p);
  }
};
// t times the slope of a function, from its result y or, for the square, its argument.
struct ScaleTanh {
  template <class T>
  PYAUTOGRAD_HD T operator()(T t, T y) const {
    return scaled(t, 1 - y * y);
  }
};
struct ScaleSigmoid {
  template <class T>
  PYAUTOGRAD_HD T operator()(T t, T y) const {
    return scaled(t, y * (1 - y));
  }
};
// t times the slope of a function at its argument x. Where its result y is near no limit, at most
// seven bits of the slope are lost with y alone, which needs no exponential.
inline constexpr double kNearLimit = 1 - 1. / 128;

struct ScaleExpm1At {
  template <class T>
  PYAUTOGRAD_HD T operator()(T t, T x) const {
    return scaled(t, std::exp(x));
  }
  template <class T>
  PYAUTOGRAD_HD static T from_result(T t, T y) {
    return scaled(t, y + 1);
  }
  template <class T>
  PYAUTOGRAD_HD static bool near_limit(T y) {
    return y + 1 < T(1 - kNearLimit);
  }
};
struct ScaleTanhAt {
  template <class T>
  PYAUTOGRAD_HD T operator()(T t, T x) const {
    const T e = std::exp(-std::fabs(x)), root = (e + e) / (1 + e * e);
    return scaled(t, root * root);
  }
  template <class T>
  PYAUTOGRAD_HD static T from_result(T t, T y) {
    return ScaleTanh()(t, y);
  }
  template <class T>
  PYAUTOGRAD_HD static bool near_limit(T y) {
    return std::fabs(y) > T(kNearLimit);
  }
};
struct ScaleSigmoidAt {
  template <class T>
  PYAUTOGRAD_HD T operator()(T t, T x) const {
    const T e = std::exp(-std::fabs(x)), whole = 1 + e;
    return scaled(t, e / (whole * whole));
  }
  template <class T>
  PYAUTOGRAD_HD static T from_result(T t, T y) {
    return ScaleSigmoid()(t, y);
  }
  template <class T>
  PYAUTOGRAD_HD static bool near_limit(T y) {
    return y > T(kNearLimit);
  }
};
struct ScaleSqrt {
  template <class T>
  PYAUTOGRAD_HD T operator()(T t, T y) const {
    return scaled_over(T(0.5) * t, y);
  }
};
struct ScaleSquare {
  template <class T>
  PYAUTOGRAD_HD T operator()(T t, T x) const {
    return scaled(t, x + x);
  }
};

// x + iy.
struct MakeComplex {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(T x, T y) const {
    return {x, y};
  }
};

// Bits.

struct BitwiseAnd {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    return T(x & y);
  }
};

struct BitwiseOr {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    return T(x | y);
  }
};

struct BitwiseXor {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    return T(x ^ y);
  }
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

// Predicates, two arguments.

struct Equal {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const {
    return x == y;
  }
};

struct NotEqual {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const {
    return x != y;
  }
};

struct Less {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const {
    return x < y;
  }
};

struct LessEqual {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const {
    return x <= y;
  }
};

struct Greater {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const {
    return x > y;
  }
};

struct GreaterEqual {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const {
    return x >= y;
  }
};

struct LogicalAnd {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const {
    return (x != T(0)) & (y != T(0));
  }
};

struct LogicalOr {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const {
    return (x != T(0)) | (y != T(0));
  }
};

struct LogicalXor {
  template <class T>
  PYAUTOGRAD_HD bool operator()(T x, T y) const {
    return (x != T(0)) != (y != T(0));
  }
};

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
