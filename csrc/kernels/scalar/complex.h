#pragma once

// Formulas over complex numbers. A functor is defined for them exactly if it has one here. Branch
// cuts and special values are those of C99 and NumPy.

#include "kernels/scalar/binary.h"
#include "kernels/scalar/complex_arithmetic.h"
#include "kernels/scalar/faddeeva.h"
#include "kernels/scalar/numeric.h"
#include "kernels/scalar/unary.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

template <class Functor>
struct ComplexFormula;

// The formula of a functor for elements of type T.
template <class Functor, class T>
using Formula = std::conditional_t<is_complex_type<T>, ComplexFormula<Functor>, Functor>;

template <class T>
PYAUTOGRAD_HD inline bool is_zero(std::complex<T> x) {
  return x.real() == 0 && x.imag() == 0;
}

// t * p, and 0 wherever t is 0 or p is and t is a number: see scaled in scalar/binary.h.
template <class T>
PYAUTOGRAD_HD inline std::complex<T> scaled(std::complex<T> t, std::complex<T> p) {
  return is_zero(t) || (is_zero(p) && t == t) ? std::complex<T>() : product(t, p);
}

// Names a formula of one argument z with real type T that has a C++ expression.
#define PYAUTOGRAD_COMPLEX(Name, expression)                 \
  template <>                                                \
  struct ComplexFormula<Name> {                              \
    template <class T>                                       \
    PYAUTOGRAD_HD auto operator()(std::complex<T> z) const { \
      return expression;                                     \
    }                                                        \
  }

// Exponentials, logarithms, roots.

PYAUTOGRAD_COMPLEX(Exp, library::exp(z));
PYAUTOGRAD_COMPLEX(Exp2, library::exp(times(T(M_LN2), z)));
PYAUTOGRAD_COMPLEX(Log, library::log(z));
PYAUTOGRAD_COMPLEX(Log1p, log_one_plus(z));
PYAUTOGRAD_COMPLEX(Log2, times(T(M_LOG2E), library::log(z)));
PYAUTOGRAD_COMPLEX(Log10, times(T(M_LOG10E), library::log(z)));
PYAUTOGRAD_COMPLEX(Sqrt, library::sqrt(z));
PYAUTOGRAD_COMPLEX(Rsqrt, inverse(library::sqrt(z)));
PYAUTOGRAD_COMPLEX(Reciprocal, inverse(z));

template <>
struct ComplexFormula<Expm1> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> z) const {
    T half = std::sin(z.imag() / 2);
    return {std::expm1(z.real()) * std::cos(z.imag()) - 2 * half * half,
            std::exp(z.real()) * std::sin(z.imag())};
  }
};

// Neither side sees a growing exponential.
template <>
struct ComplexFormula<Sigmoid> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> z) const {
    std::complex<T> one(1);
    if (z.real() >= 0) return inverse(one + library::exp(-z));
    std::complex<T> e = library::exp(z);
    return quotient(e, one + e);
  }
};

// log(exp(x) + exp(y)), the principal value: the larger term in front, and the angle that their sum
// has brought back to [-pi, pi].
template <class T>
PYAUTOGRAD_HD inline std::complex<T> log_add_exp(std::complex<T> x, std::complex<T> y) {
  const bool first = x.real() >= y.real() || y.real() != y.real();
  const std::complex<T> larger = first ? x : y, smaller = first ? y : x;
  if (larger.real() == -std::numeric_limits<T>::infinity()) return {larger.real(), T(0)};
  const std::complex<T> ratio =
      larger == smaller ? std::complex<T>(1) : library::exp(smaller - larger);
  const std::complex<T> sum = larger + ComplexFormula<Log1p>()(ratio);
  const bool wraps = std::fabs(sum.imag()) > T(M_PI);
  return {sum.real(), wraps ? std::remainder(sum.imag(), T(2 * M_PI)) : sum.imag()};
}

template <>
struct ComplexFormula<LogAddExp> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> x, std::complex<T> y) const {
    return log_add_exp(x, y);
  }
};

template <>
struct ComplexFormula<LogAddExp2> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> x, std::complex<T> y) const {
    return times(T(M_LOG2E), log_add_exp(times(T(M_LN2), x), times(T(M_LN2), y)));
  }
};

template <>
struct ComplexFormula<Softplus> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> z) const {
    return log_add_exp(z, std::complex<T>());
  }
};

// Trigonometric and hyperbolic.

PYAUTOGRAD_COMPLEX(Sin, library::sin(z));
PYAUTOGRAD_COMPLEX(Cos, library::cos(z));
PYAUTOGRAD_COMPLEX(Tan, library::tan(z));
PYAUTOGRAD_COMPLEX(Asin, library::asin(z));
PYAUTOGRAD_COMPLEX(Acos, library::acos(z));
PYAUTOGRAD_COMPLEX(Atan, library::atan(z));
PYAUTOGRAD_COMPLEX(Sinh, library::sinh(z));
PYAUTOGRAD_COMPLEX(Cosh, library::cosh(z));
PYAUTOGRAD_COMPLEX(Tanh, library::tanh(z));
PYAUTOGRAD_COMPLEX(Asinh, library::asinh(z));
PYAUTOGRAD_COMPLEX(Acosh, library::acosh(z));
PYAUTOGRAD_COMPLEX(Atanh, library::atanh(z));

// The error function, in double precision.

PYAUTOGRAD_COMPLEX(Erf, std::complex<T>(special::complex_erf(std::complex<double>(z))));
PYAUTOGRAD_COMPLEX(Erfc, std::complex<T>(special::complex_erfc(std::complex<double>(z))));
PYAUTOGRAD_COMPLEX(Faddeeva, std::complex<T>(special::faddeeva(std::complex<double>(z))));

// Arithmetic and parts.

PYAUTOGRAD_COMPLEX(Negative, -z);
PYAUTOGRAD_COMPLEX(Conj, std::conj(z));
PYAUTOGRAD_COMPLEX(Real, z.real());
PYAUTOGRAD_COMPLEX(Imag, z.imag());
PYAUTOGRAD_COMPLEX(Angle, std::atan2(z.imag(), z.real()));
PYAUTOGRAD_COMPLEX(Absolute, modulus(z));
PYAUTOGRAD_COMPLEX(Square, product(z, z));

#undef PYAUTOGRAD_COMPLEX

template <>
struct ComplexFormula<Round> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> z) const {
    return {std::rint(z.real()), std::rint(z.imag())};
  }
};

// z / |z|, and 0 at 0.
template <>
struct ComplexFormula<Sign> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> z) const {
    constexpr T nan = std::numeric_limits<T>::quiet_NaN();
    T length = modulus(z);
    if (length == 0) return {};
    if (!(length > std::numeric_limits<T>::max())) return {z.real() / length, z.imag() / length};
    bool real = IsInf()(z.real()), imag = IsInf()(z.imag());
    if (!real && !imag) return (*this)(z * T(0.25));  // only the modulus is out of range
    if (real == imag) return {nan, nan};
    return real ? std::complex<T>(std::copysign(T(1), z.real()), 0)
                : std::complex<T>(0, std::copysign(T(1), z.imag()));
  }
};

template <>
struct ComplexFormula<Add> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> x, std::complex<T> y) const {
    return x + y;
  }
};
template <>
struct ComplexFormula<Subtract> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> x, std::complex<T> y) const {
    return x - y;
  }
};
template <>
struct ComplexFormula<Multiply> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> x, std::complex<T> y) const {
    return product(x, y);
  }
};
template <>
struct ComplexFormula<Divide> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> x, std::complex<T> y) const {
    return quotient(x, y);
  }
};

// Small integer powers by multiplication, which is exact where exp(y log(x)) is not.
template <>
struct ComplexFormula<Power> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> x, std::complex<T> y) const {
    constexpr T nan = std::numeric_limits<T>::quiet_NaN();
    constexpr T largest = 100;
    if (is_zero(y)) return {1, 0};
    if (is_zero(x)) return y.real() > 0 ? std::complex<T>() : std::complex<T>(nan, nan);
    bool whole = y.imag() == 0 && std::fabs(y.real()) < largest && std::trunc(y.real()) == y.real();
    if (!whole) return library::pow(x, y);
    std::complex<T> result(1), base = x;
    bool first = true;
    for (int n = int(std::fabs(y.real())); n != 0; n >>= 1) {
      if (n & 1) {
        result = first ? base : product(result, base);
        first = false;
      }
      if (n > 1) base = product(base, base);
    }
    return y.real() < 0 ? quotient(std::complex<T>(1), result) : result;
  }
};

// 0 where x is 0, unless y is nan.
template <>
struct ComplexFormula<Xlogy> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> x, std::complex<T> y) const {
    return is_zero(x) && y == y ? std::complex<T>() : product(x, library::log(y));
  }
};

// Products with tangents and cotangents.

template <>
struct ComplexFormula<Scale> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> t, std::complex<T> p) const {
    return scaled(t, p);
  }
};
template <>
struct ComplexFormula<ScaleBoth> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> a, std::complex<T> b) const {
    return is_zero(b) ? std::complex<T>() : scaled(a, b);
  }
};
template <>
struct ComplexFormula<ScaleOver> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> t, std::complex<T> p) const {
    return is_zero(t) ? std::complex<T>() : quotient(t, p);
  }
};
template <>
struct ComplexFormula<ScaleTanh> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> t, std::complex<T> y) const {
    return scaled(t, std::complex<T>(1) - product(y, y));
  }
};
template <>
struct ComplexFormula<ScaleSigmoid> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> t, std::complex<T> y) const {
    return scaled(t, product(y, std::complex<T>(1) - y));
  }
};
template <>
struct ComplexFormula<ScaleExpm1At> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> t, std::complex<T> z) const {
    return scaled(t, library::exp(z));
  }
  template <class T>
  PYAUTOGRAD_HD static std::complex<T> from_result(std::complex<T> t, std::complex<T> y) {
    return scaled(t, y + std::complex<T>(1));
  }
  template <class T>
  PYAUTOGRAD_HD static bool near_limit(std::complex<T> y) {
    return ScaleExpm1At::near_limit(y.real());
  }
};
template <>
struct ComplexFormula<ScaleTanhAt> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> t, std::complex<T> z) const {
    const std::complex<T> one(1), e = library::exp(z.real() < 0 ? z : -z);
    const std::complex<T> root = quotient(e + e, one + product(e, e));
    return scaled(t, product(root, root));
  }
  template <class T>
  PYAUTOGRAD_HD static std::complex<T> from_result(std::complex<T> t, std::complex<T> y) {
    return ComplexFormula<ScaleTanh>()(t, y);
  }
  template <class T>
  PYAUTOGRAD_HD static bool near_limit(std::complex<T> y) {
    return ScaleTanhAt::near_limit(y.real());
  }
};
template <>
struct ComplexFormula<ScaleSigmoidAt> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> t, std::complex<T> z) const {
    const std::complex<T> e = library::exp(z.real() < 0 ? z : -z), whole = std::complex<T>(1) + e;
    return scaled(t, quotient(e, product(whole, whole)));
  }
  template <class T>
  PYAUTOGRAD_HD static std::complex<T> from_result(std::complex<T> t, std::complex<T> y) {
    return ComplexFormula<ScaleSigmoid>()(t, y);
  }
  template <class T>
  PYAUTOGRAD_HD static bool near_limit(std::complex<T> y) {
    return ScaleSigmoidAt::near_limit(y.real());
  }
};
template <>
struct ComplexFormula<ScaleSqrt> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> t, std::complex<T> y) const {
    return is_zero(t) ? std::complex<T>() : quotient(times(T(0.5), t), y);
  }
};
template <>
struct ComplexFormula<ScaleSquare> {
  template <class T>
  PYAUTOGRAD_HD std::complex<T> operator()(std::complex<T> t, std::complex<T> x) const {
    return scaled(t, x + x);
  }
};

// Predicates.

template <>
struct ComplexFormula<LogicalNot> {
  template <class T>
  PYAUTOGRAD_HD bool operator()(std::complex<T> z) const {
    return is_zero(z);
  }
};
template <>
struct ComplexFormula<IsNan> {
  template <class T>
  PYAUTOGRAD_HD bool operator()(std::complex<T> z) const {
    return z.real() != z.real() || z.imag() != z.imag();
  }
};
template <>
struct ComplexFormula<IsInf> {
  template <class T>
  PYAUTOGRAD_HD bool operator()(std::complex<T> z) const {
    return IsInf()(z.real()) || IsInf()(z.imag());
  }
};
template <>
struct ComplexFormula<IsFinite> {
  template <class T>
  PYAUTOGRAD_HD bool operator()(std::complex<T> z) const {
    return IsFinite()(z.real()) && IsFinite()(z.imag());
  }
};
template <>
struct ComplexFormula<Equal> {
  template <class T>
  PYAUTOGRAD_HD bool operator()(std::complex<T> x, std::complex<T> y) const {
    return x == y;
  }
};
template <>
struct ComplexFormula<NotEqual> {
  template <class T>
  PYAUTOGRAD_HD bool operator()(std::complex<T> x, std::complex<T> y) const {
    return x != y;
  }
};
template <>
struct ComplexFormula<LogicalAnd> {
  template <class T>
  PYAUTOGRAD_HD bool operator()(std::complex<T> x, std::complex<T> y) const {
    return !is_zero(x) && !is_zero(y);
  }
};
template <>
struct ComplexFormula<LogicalOr> {
  template <class T>
  PYAUTOGRAD_HD bool operator()(std::complex<T> x, std::complex<T> y) const {
    return !is_zero(x) || !is_zero(y);
  }
};
template <>
struct ComplexFormula<LogicalXor> {
  template <class T>
  PYAUTOGRAD_HD bool operator()(std::complex<T> x, std::complex<T> y) const {
    return is_zero(x) != is_zero(y);
  }
};

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
