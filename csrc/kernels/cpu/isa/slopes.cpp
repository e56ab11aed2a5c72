#include "kernels/cpu/isa/vector_math.h"
//
#include "kernels/cpu/isa/block.h"
#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

// What a decision is about, and how many there are in a tile. A loop over one vector would be
// taken apart, element by element.
template <class T>
constexpr int64_t kStep = 2 * kBlock<T, T>;
constexpr int64_t kSteps = 32;

// By the result alone; whether any is near a limit, where that loses digits.
template <class F, class T>
inline bool from_results(T* out, const T* t, const T* y) {
  using Flag = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  Flag near = 0;
#pragma GCC ivdep
  for (int64_t i = 0; i < kStep<T>; ++i) {
    out[i] = F::from_result(t[i], y[i]);
    near |= Flag(F::near_limit(y[i]));
  }
  return near;
}
// Those near a limit; the others are there. n is a number of steps.
template <class F, class T>
[[gnu::noinline]] void from_arguments(T* out, const T* x, const T* t, const T* y, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const T slope = F()(t[i], x[i]);
    out[i] = F::near_limit(y[i]) ? slope : out[i];
  }
}

// The steps of a tile that need it, brought together: exponentials side by side take as long as
// one. Where t is one number, `scales` has it for a step.
template <class F, class T>
inline void slope_steps(T* out, const T* x, const T* t, const T* scales, const T* y, int64_t n) {
  constexpr int64_t step = kStep<T>, tile = kSteps * step;
  T parts[4][tile];
  for (int64_t begin = 0; begin < n; begin += tile) {
    const int64_t end = n - begin < tile ? n : begin + tile;
    int64_t near[kSteps], count = 0;
    for (int64_t i = begin; i < end; i += step) {
      const T* const scale = scales ? scales : t + i;
      if (!from_results<F>(out + i, scale, y + i)) continue;
      const T* const from[] = {out + i, x + i, scale, y + i};
      for (int k = 0; k < 4; ++k) std::memcpy(parts[k] + count * step, from[k], sizeof(T) * step);
      near[count++] = i;
    }
    if (count > 0) from_arguments<F>(parts[0], parts[1], parts[2], parts[3], count * step);
    for (int64_t k = 0; k < count; ++k)
      std::memcpy(out + near[k], parts[0] + k * step, sizeof(T) * step);
  }
}

template <class T>
void repeat(T* out, const T* x, bool scalar, int64_t n) {
  for (int64_t i = 0; i < kStep<T>; ++i) out[i] = x[scalar ? 0 : i < n ? i : n - 1];
}

template <class F, class T>
void slope_loop(void* out, const void* x, const void* t, const void* y, int64_t n, bool t_scalar,
                bool y_scalar) {
  constexpr int64_t step = kStep<T>;
  if (n <= 0) return;
  auto* o = static_cast<T*>(out);
  const auto *a = static_cast<const T*>(x), *b = static_cast<const T*>(t),
             *c = static_cast<const T*>(y);
  T scales[step], results[step], arguments[step], slopes[step];
  if (t_scalar) repeat(scales, b, true, 1);
  const int64_t whole = y_scalar ? 0 : n & -step;
  slope_steps<F>(o, a, b, t_scalar ? scales : nullptr, c, whole);
  for (int64_t i = whole; i < n; i += step) {
    const int64_t length = n - i < step ? n - i : step;
    repeat(arguments, a + i, false, length);
    repeat(results, y_scalar ? c : c + i, y_scalar, length);
    if (!t_scalar) repeat(scales, b + i, false, length);
    slope_steps<F>(slopes, arguments, scales, scales, results, step);
    std::memcpy(o + i, slopes, size_t(length) * sizeof(T));
  }
}

template <class F, class T>
bool near_limit(const void* y, int64_t n) {
  constexpr int64_t kPiece = 4096;
  const auto* a = static_cast<const T*>(y);
  using Flag = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  for (int64_t begin = 0; begin < n; begin += kPiece) {
    const int64_t end = n - begin < kPiece ? n : begin + kPiece;
    Flag near = 0;
    for (int64_t i = begin; i < end; ++i) near |= Flag(F::near_limit(a[i]));
    if (near) return true;
  }
  return false;
}

template <class T, class F>
void install_slope(LoopTable& table) {
  table.slope[index_of<F>(Slopes{})][int(dtype_of<T>)] = slope_loop<F, T>;
  table.near_limit[index_of<F>(Slopes{})][int(dtype_of<T>)] = near_limit<F, T>;
}
template <class T, class... F>
void install_for(LoopTable& table, List<F...>) {
  (install_slope<T, F>(table), ...);
}

}  // namespace

void install_slopes(LoopTable& table) {
  install_for<float>(table, Slopes{});
  install_for<double>(table, Slopes{});
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
