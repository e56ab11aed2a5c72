#include "kernels/cpu/joined_formulas.h"
#include "kernels/cpu/loop_table.h"

namespace pyautograd::kernels {
inline namespace PYAUTOGRAD_ISA {

namespace {

// x and y, or y and x.
template <class F, bool kSwapped, class T>
inline T value(T x, T y) {
  return kSwapped ? F()(y, x) : F()(x, y);
}

template <bool kNumber, class T>
inline T element(const T* x, int64_t i) {
  return x[kNumber ? 0 : i];
}

template <class Inner, class Outer, bool kSecond, bool kYNumber, bool kZNumber, class T>
inline void pair_rows(T* out, const T* x, const T* y, const T* z, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i)
    out[i] = value<Outer, kSecond>(Inner()(x[i], element<kYNumber>(y, i)), element<kZNumber>(z, i));
}

template <class Inner, class Outer, bool kSecond, class T>
void pair_loop(void* out, const void* x, const void* y, const void* z, int64_t n, bool y_number,
               bool z_number) {
  T* o = static_cast<T*>(out);
  const T *a = static_cast<const T*>(x), *b = static_cast<const T*>(y),
          *c = static_cast<const T*>(z);
  if (y_number && z_number)
    pair_rows<Inner, Outer, kSecond, true, true>(o, a, b, c, n);
  else if (y_number)
    pair_rows<Inner, Outer, kSecond, true, false>(o, a, b, c, n);
  else if (z_number)
    pair_rows<Inner, Outer, kSecond, false, true>(o, a, b, c, n);
  else
    pair_rows<Inner, Outer, kSecond, false, false>(o, a, b, c, n);
}

// Of -x and y, in that order or the other, or with the sign before all of it.
enum class Sign : uint8_t { First, Second, Whole };

template <class F, Sign sign, bool kYNumber, class T>
inline void signed_rows(T* out, const T* x, const T* y, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const T other = element<kYNumber>(y, i);
    if constexpr (sign == Sign::Whole)
      out[i] = -F()(x[i], other);
    else
      out[i] = value<F, sign == Sign::Second>(-x[i], other);
  }
}

template <class F, Sign sign, class T>
void signed_loop(void* out, const void* x, const void* y, int64_t n, bool, bool y_number) {
  T* o = static_cast<T*>(out);
  const T *a = static_cast<const T*>(x), *b = static_cast<const T*>(y);
  if (y_number)
    signed_rows<F, sign, true>(o, a, b, n);
  else
    signed_rows<F, sign, false>(o, a, b, n);
}

template <class T>
class Installing {
 public:
  explicit Installing(JoinedLoops& loops) : loops_(loops) {}

  template <class... F>
  void all(List<F...> formulas) {
    (one<F>(formulas), ...);
  }

 private:
  template <class F, class... Outer>
  void one(List<Outer...>) {
    const int f = index_of<F>(JoinedFormulas{});
    constexpr Sign second = symmetric<F> ? Sign::First : Sign::Second;
    loops_.negative[f] = signed_loop<F, Sign::Whole, T>;
    loops_.of_negative[f][0] = signed_loop<F, Sign::First, T>;
    loops_.of_negative[f][1] = signed_loop<F, second, T>;
    (pair<F, Outer>(), ...);
  }

  template <class Inner, class Outer>
  void pair() {
    if constexpr (joinable<Inner, Outer>) {
      Loop3* loops =
          loops_.pair[index_of<Inner>(JoinedFormulas{})][index_of<Outer>(JoinedFormulas{})];
      loops[0] = pair_loop<Inner, Outer, false, T>;
      loops[1] = pair_loop<Inner, Outer, !symmetric<Outer>, T>;
    }
  }

  JoinedLoops& loops_;
};

}  // namespace

void install_joined(LoopTable& table) {
  Installing<float>(table.joined[0]).all(JoinedFormulas{});
  Installing<double>(table.joined[1]).all(JoinedFormulas{});
}

}  // namespace PYAUTOGRAD_ISA
}  // namespace pyautograd::kernels
