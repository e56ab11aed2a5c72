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

template <class Inner, class Outer, bool kSecond, class T>
void joined_loop(void* out, const void* x, const void* y, const void* z, int64_t n, bool, bool) {
  T* o = static_cast<T*>(out);
  const T *a = static_cast<const T*>(x), *b = static_cast<const T*>(y),
          *c = static_cast<const T*>(z);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) o[i] = value<Outer, kSecond>(Inner()(a[i], b[i]), c[i]);
}

template <class F, bool kSecond, class T>
void of_negative_loop(void* out, const void* x, const void* y, int64_t n, bool, bool) {
  T* o = static_cast<T*>(out);
  const T *a = static_cast<const T*>(x), *b = static_cast<const T*>(y);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) o[i] = value<F, kSecond>(-a[i], b[i]);
}

template <class F, class T>
void negative_loop(void* out, const void* x, const void* y, int64_t n, bool, bool) {
  T* o = static_cast<T*>(out);
  const T *a = static_cast<const T*>(x), *b = static_cast<const T*>(y);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) o[i] = -F()(a[i], b[i]);
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
    loops_.negative[f] = negative_loop<F, T>;
    loops_.of_negative[f][0] = of_negative_loop<F, false, T>;
    loops_.of_negative[f][1] = of_negative_loop<F, !symmetric<F>, T>;
    (pair<F, Outer>(), ...);
  }

  template <class Inner, class Outer>
  void pair() {
    if constexpr (joinable<Inner, Outer>) {
      Loop3* loops =
          loops_.pair[index_of<Inner>(JoinedFormulas{})][index_of<Outer>(JoinedFormulas{})];
      loops[0] = joined_loop<Inner, Outer, false, T>;
      loops[1] = joined_loop<Inner, Outer, !symmetric<Outer>, T>;
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
