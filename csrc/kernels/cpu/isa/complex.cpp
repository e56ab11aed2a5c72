#include <cstring>

#include "kernels/cpu/isa/vector.h"
#include "kernels/cpu/isa/vector_math.h"
#include "kernels/cpu/loop_table.h"
#include "kernels/scalar/complex_vector.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

constexpr int64_t kTile = 128, kBlock = kVectorLanes<double>;

// Where the loops of common_loops.cpp are, for what the vector code does not cover.
template <class F, class T>
Loop1 scalar_loop = nullptr;

template <class F>
[[gnu::noinline]] int64_t blocks(double* re, double* im, int64_t* left, int64_t n) {
  int64_t count = 0;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const bool inside = ComplexVector<F>::covers({re[i], im[i]});
    const Parts value = ComplexVector<F>()({inside ? re[i] : 1, inside ? im[i] : 1});
    re[i] = value.re;
    im[i] = value.im;
    left[i] = !inside;
    count += !inside;
  }
  return count;
}

// Bare numbers, as elsewhere in loop files: T is the type of the parts.
template <class F, class T>
void complex_loop(void* out, const void* x, int64_t n) {
  constexpr int64_t kParts = result_kind<F> == ResultKind::Real ? 1 : 2;
  T* o = static_cast<T*>(out);
  const T* a = static_cast<const T*>(x);
  double re[kTile], im[kTile];
  int64_t left[kTile];
  for (int64_t begin = 0; begin < n; begin += kTile) {
    const int64_t length = n - begin < kTile ? n - begin : kTile;
    const int64_t whole = (length + kBlock - 1) & -kBlock;
    const T* from = a + 2 * begin;
    T kept[2 * kTile];  // x may be out
    T* to = o + kParts * begin;
    std::memcpy(kept, from, size_t(2 * length) * sizeof(T));
    for (int64_t i = 0; i < length; ++i)
      re[i] = double(kept[2 * i]), im[i] = double(kept[2 * i + 1]);
    for (int64_t i = length; i < whole; ++i) re[i] = im[i] = 1;
    const int64_t count = blocks<F>(re, im, left, whole);
    for (int64_t i = 0; i < length; ++i) {
      to[kParts * i] = T(re[i]);
      if constexpr (kParts == 2) to[2 * i + 1] = T(im[i]);
    }
    if (count == 0) continue;
    for (int64_t i = 0; i < length; ++i)
      if (left[i] != 0) scalar_loop<F, T>(to + kParts * i, kept + 2 * i, 1);
  }
}

template <class T, class... F>
void install_all(LoopTable& table, List<F...>) {
  const auto one = [&]<class Functor>(TypeTag<Functor>) {
    Loop1& entry = table.unary[fn_id<Functor>()][int(dtype_of<std::complex<T>>)];
    scalar_loop<Functor, T> = entry;
    entry = complex_loop<Functor, T>;
  };
  (one(TypeTag<F>{}), ...);
}

}  // namespace

void install_complex_math(LoopTable& table) {
#if defined(__FMA__)
  using Functions = List<Exp, Log, Sqrt, Sin, Cos, Tan, Sinh, Cosh, Tanh, Angle>;
  install_all<float>(table, Functions{});
  install_all<double>(table, Functions{});
#endif
  (void)table;
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
