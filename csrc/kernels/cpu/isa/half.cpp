#include "kernels/scalar/half.h"

#include "kernels/cpu/loop_table.h"

#ifdef __F16C__
#include <immintrin.h>
#endif

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

// How many of n numbers the processor's own instructions have converted.
template <class Half>
int64_t widen_vectors(float*, const Half*, int64_t) {
  return 0;
}
template <class Half>
int64_t narrow_vectors(Half*, const float*, int64_t) {
  return 0;
}

#ifdef __F16C__
int64_t widen_vectors(float* out, const Float16* x, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i));
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(bits));
  }
  return i;
}
int64_t narrow_vectors(Float16* out, const float* x, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m128i bits =
        _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), bits);
  }
  return i;
}
#endif

template <class Half>
void widen(float* out, const void* x, int64_t n) {
  const Half* a = static_cast<const Half*>(x);
  for (int64_t i = widen_vectors(out, a, n); i < n; ++i) out[i] = to_float(a[i]);
}

template <class Half>
void narrow(void* out, const float* x, int64_t n) {
  Half* o = static_cast<Half*>(out);
  for (int64_t i = narrow_vectors(o, x, n); i < n; ++i) o[i] = from_float<Half>(x[i]);
}

template <class Half>
HalfLoops loops_of() {
  return {widen<Half>, narrow<Half>};
}

}  // namespace

void install_half(LoopTable& table) {
  table.float16 = loops_of<Float16>();
  table.bfloat16 = loops_of<BFloat16>();
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
