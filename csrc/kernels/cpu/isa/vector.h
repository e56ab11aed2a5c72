#pragma once

// The compiler's vector types, as wide as one register: compilers take apart wider ones, element by
// element where they compare.

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif

template <class T>
inline constexpr int kVectorLanes = kVectorBytes / int(sizeof(T));
template <class T>
using Vector [[gnu::vector_size(kVectorBytes)]] = T;
// In memory at any element.
template <class T>
using LooseVector [[gnu::vector_size(kVectorBytes), gnu::aligned(alignof(T)), gnu::may_alias]] = T;

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
