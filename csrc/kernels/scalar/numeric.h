#pragma once

// Formulas on the representation of numbers, on divisibility, and on powers of two. Included by
// scalar.h.

#include "kernels/scalar/base.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

// The bits set in |x|.
struct BitCount {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    auto rest = std::make_unsigned_t<T>(x);
    if (x < T(0)) rest = std::make_unsigned_t<T>(Wrap<T>(0) - Wrap<T>(x));
    T count = 0;
    for (; rest != 0; rest &= std::make_unsigned_t<T>(rest - 1)) ++count;
    return count;
  }
};

// Never negative, but for the one number whose absolute value does not fit.
struct Gcd {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    using U = std::make_unsigned_t<T>;
    U a = x < T(0) ? U(Wrap<T>(0) - Wrap<T>(x)) : U(x);
    U b = y < T(0) ? U(Wrap<T>(0) - Wrap<T>(y)) : U(y);
    while (b != 0) {
      const U rest = U(a % b);
      a = b;
      b = rest;
    }
    return T(a);
  }
};

struct Lcm {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    using U = std::make_unsigned_t<T>;
    const U divisor = U(Gcd()(x, y));
    if (divisor == 0) return 0;
    const U a = x < T(0) ? U(Wrap<T>(0) - Wrap<T>(x)) : U(x);
    const U b = y < T(0) ? U(Wrap<T>(0) - Wrap<T>(y)) : U(y);
    return T(Wrap<T>(a / divisor) * Wrap<T>(b));
  }
};

struct Heaviside {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T at_zero) const {
    const T step = x > 0 ? T(1) : T(0);
    return x != x ? x : x == 0 ? at_zero : step;
  }
};

struct LogAddExp2 {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T y) const {
    const T larger = x > y ? x : y;
    const T apart = larger + T(M_LOG2E) * std::log1p(std::exp2(-std::fabs(x - y)));
    return x == y ? x + 1 : apart;  // equal infinities have no difference
  }
};

// x * 2**n; past a hundred thousand every result is zero or infinite.
struct Ldexp {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x, T n) const {
    const T limit = 100000;
    return std::ldexp(x, int(n > limit ? limit : n < -limit ? -limit : n));
  }
};

// n with x = m * 2**n and 0.5 <= |m| < 1; 0 for what has none.
struct Exponent {
  template <class T>
  PYAUTOGRAD_HD T operator()(T x) const {
    int n = 0;
    if (std::fabs(x) <= std::numeric_limits<T>::max()) (void)std::frexp(x, &n);
    return T(n);
  }
};

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
