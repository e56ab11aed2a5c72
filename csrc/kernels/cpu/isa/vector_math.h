#pragma once

// Tells the compiler which functions of the C library have vector versions, so that plain loops
// over them are vectorised without -ffast-math. Must come before anything that calls them.

#include <math.h>

#if defined(PYAUTOGRAD_VECTOR_MATH)
#define PYAUTOGRAD_VECTOR1(name)                                                       \
  extern "C" __attribute__((simd("notinbranch"), const)) double name(double) noexcept; \
  extern "C" __attribute__((simd("notinbranch"), const)) float name##f(float) noexcept;
#define PYAUTOGRAD_VECTOR2(name)                                                               \
  extern "C" __attribute__((simd("notinbranch"), const)) double name(double, double) noexcept; \
  extern "C" __attribute__((simd("notinbranch"), const)) float name##f(float, float) noexcept;

PYAUTOGRAD_VECTOR1(exp)
PYAUTOGRAD_VECTOR1(log)
PYAUTOGRAD_VECTOR1(sin)
PYAUTOGRAD_VECTOR1(cos)
PYAUTOGRAD_VECTOR2(pow)

#if PYAUTOGRAD_VECTOR_MATH >= 235  // glibc 2.35
PYAUTOGRAD_VECTOR1(exp2)
PYAUTOGRAD_VECTOR1(expm1)
PYAUTOGRAD_VECTOR1(log2)
PYAUTOGRAD_VECTOR1(log10)
PYAUTOGRAD_VECTOR1(log1p)
PYAUTOGRAD_VECTOR1(cbrt)
PYAUTOGRAD_VECTOR1(tan)
PYAUTOGRAD_VECTOR1(asin)
PYAUTOGRAD_VECTOR1(acos)
PYAUTOGRAD_VECTOR1(atan)
PYAUTOGRAD_VECTOR1(sinh)
PYAUTOGRAD_VECTOR1(cosh)
PYAUTOGRAD_VECTOR1(tanh)
PYAUTOGRAD_VECTOR1(asinh)
PYAUTOGRAD_VECTOR1(acosh)
PYAUTOGRAD_VECTOR1(atanh)
PYAUTOGRAD_VECTOR1(erf)
PYAUTOGRAD_VECTOR1(erfc)
PYAUTOGRAD_VECTOR2(atan2)
PYAUTOGRAD_VECTOR2(hypot)
#endif

#undef PYAUTOGRAD_VECTOR1
#undef PYAUTOGRAD_VECTOR2
#endif
