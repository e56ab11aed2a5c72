#include <cmath>
#include <vector>

#include "kernels/cpu/loop_table.h"
#include "kernels/cpu/move.h"

namespace pyautograd::kernels {

namespace {

constexpr int64_t kTile = 2048;  // small enough for the first cache

// The mean of some numbers, less a shift common to all, and the squared deviations from it.
struct Moments {
  double count = 0, mean = 0, squares = 0;

  // T. F. Chan, G. H. Golub and R. J. LeVeque, Algorithms for computing the sample variance (The
  // American Statistician 37, 1983).
  void merge(const Moments& other) {
    const double sum = count + other.count, gap = other.mean - mean;
    squares += other.squares + gap * gap * (count * other.count / sum);
    mean += gap * (other.count / sum);
    count = sum;
  }
};

// Of a constant, the shift makes zeros, whose mean is exact.
template <class T>
Moments moments_of_tile(const T* x, int64_t n, T shift) {
  const int dtype = int(dtype_of<T>);
  const Loop2 subtract = binary_loop(fn_id<Subtract>(), dtype_of<T>);
  T tile[kTile], sum = 0, squares = 0;
  subtract(tile, x, &shift, n, false, true);
  loops().reduce[int(Reduce::Sum)][dtype].row(&sum, tile, n);
  const T mean = sum / T(n);
  subtract(tile, tile, &mean, n, false, true);
  loops().reduce[int(Reduce::SumOfSquares)][dtype].row(&squares, tile, n);
  return {double(n), double(mean), double(squares)};
}

template <class T>
T squares_of_row(const T* x, int64_t n) {
  if (n <= kTile) return n > 0 ? T(moments_of_tile(x, n, *x).squares) : T(0);
  std::vector<Moments> tiles(size_t((n + kTile - 1) / kTile));
  parallel_for(int64_t(tiles.size()), kGrain / kTile, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      tiles[size_t(i)] = moments_of_tile(x + i * kTile, std::min(kTile, n - i * kTile), *x);
  });
  Moments all = tiles[0];
  for (size_t i = 1; i < tiles.size(); ++i) all.merge(tiles[i]);
  return T(all.squares);
}

}  // namespace

void squared_deviations(const View& out, const View& x) {
  const int64_t rows = x.shape[0], n = x.shape[1];
  const auto run = [&]<class T>(TypeTag<T>) {
    T* to = static_cast<T*>(out.data);
    const T* from = static_cast<const T*>(x.data);
    if (rows == 1) {
      *to = squares_of_row(from, n);
      return;
    }
    parallel_for(rows, kGrain / std::max<int64_t>(1, n) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) to[r] = squares_of_row(from + r * n, n);
    });
  };
  if (x.dtype == DType::Float32)
    run(TypeTag<float>{});
  else
    run(TypeTag<double>{});
}

}  // namespace pyautograd::kernels
