#include "kernels/convolve.h"

#include <algorithm>

#include "kernels/cpu/move.h"
#include "kernels/iterate.h"
#include "kernels/parallel.h"
#include "kernels/scalar.h"

namespace pyautograd::kernels {

namespace {

// Outputs that are summed side by side, in registers.
constexpr int64_t kTile = 16;

template <class T>
class Convolution {
 public:
  Convolution(const T* x, int64_t n, const T* y, int64_t m) : x_(x), n_(n), y_(y), m_(m) {}

  // out[i] for t = first + i of the full convolution, i < count <= kTile.
  template <bool kWhole>
  void tile(T* out, int64_t first, int64_t count) const {
    const int64_t width = kWhole ? kTile : count;
    // The j that every output has, then those on either side of them.
    const int64_t begin = lowest(first + width - 1), end = highest(first) + 1;
    T sums[kTile] = {};
    for (int64_t i = 0; i < width; ++i)
      add(sums[i], first + i, lowest(first + i), std::min(begin, highest(first + i) + 1));
    for (int64_t j = begin; j < end; ++j) {
      const T factor = y_[j];
      const T* x = x_ + first - j;
      for (int64_t i = 0; i < width; ++i) sums[i] = sum(sums[i], product(x[i], factor));
    }
    for (int64_t i = 0; i < width; ++i)
      add(sums[i], first + i, std::max(begin, end), highest(first + i) + 1);
    std::copy_n(sums, width, out);
  }

 private:
  static T sum(T a, T b) { return Formula<Add, T>()(a, b); }
  static T product(T a, T b) { return Formula<Multiply, T>()(a, b); }
  int64_t lowest(int64_t t) const { return std::max<int64_t>(0, t - n_ + 1); }
  int64_t highest(int64_t t) const { return std::min(m_ - 1, t); }
  void add(T& to, int64_t t, int64_t begin, int64_t end) const {
    for (int64_t j = std::max(begin, lowest(t)); j < end; ++j)
      to = sum(to, product(x_[t - j], y_[j]));
  }

  const T* const x_;
  const int64_t n_;
  const T* const y_;
  const int64_t m_;
};

template <class T>
void convolve_lines(const View& out, const View& x, const View& y, int64_t start) {
  const size_t last = out.shape.size() - 1;
  const int64_t size = out.shape[last], n = x.shape[last], m = y.shape[last];
  const auto leading = [&](const View& view) { return view.strides.first(last); };
  const Nest<3> nest(out.shape.first(last), {leading(out), leading(x), leading(y)});
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, m) / kTile) * kTile;
  nest.walk(0, nest.count(), [&](const auto& offsets, int64_t lines) {
    for (int64_t line = 0; line < lines; ++line) {
      T* to = static_cast<T*>(out.data) + offsets[0] + line * nest.stride(0);
      const Convolution<T> convolution(
          static_cast<const T*>(x.data) + offsets[1] + line * nest.stride(1), n,
          static_cast<const T*>(y.data) + offsets[2] + line * nest.stride(2), m);
      parallel_for(size, grain, [&](int64_t begin, int64_t end) {
        for (int64_t t = begin; t < end; t += kTile) {
          if (end - t >= kTile) {
            convolution.template tile<true>(to + t, t + start, kTile);
          } else {
            convolution.template tile<false>(to + t, t + start, end - t);
          }
        }
      });
    }
  });
}

}  // namespace

void convolve(const View& out, const View& x, const View& y, int64_t start) {
  visit_dtype(out.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (!std::is_same_v<T, bool>) convolve_lines<T>(out, x, y, start);
  });
}

}  // namespace pyautograd::kernels
