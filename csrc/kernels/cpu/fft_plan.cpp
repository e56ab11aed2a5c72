#include "kernels/cpu/fft_plan.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numbers>

#include "kernels/cpu/fft_lines.h"

namespace pyautograd::kernels {

namespace {

constexpr int64_t kLongestWhole =
    1024;  // longer lines leave the cache when several are side by side
constexpr int64_t kShortestSplit = 16;
constexpr size_t kPlansKept = 16;

// In the order in which passes take them; empty if a prime factor is too large.
std::vector<int> radices(int64_t n) {
  std::vector<int> out;
  const auto take = [&](int radix) {
    for (; n % radix == 0; n /= radix) out.push_back(radix);
  };
  // The fewest passes, without a 2 where 4 times 4 will do.
  while (n % 8 == 0 && (n % 16 != 0 || n % 32 == 0)) {
    out.push_back(8);
    n /= 8;
  }
  take(4);
  take(2);
  for (int radix = 3; radix <= kFftMaxRadix; radix += 2) take(radix);
  return n == 1 ? out : std::vector<int>();
}

bool has_small_factors(int64_t n) { return n == 1 || !radices(n).empty(); }

// The largest divisor that is not larger than the other one.
int64_t middle_divisor(int64_t n) {
  int64_t d = static_cast<int64_t>(std::sqrt(static_cast<double>(n)));
  while (n % d != 0) --d;
  return d;
}

// The shortest length of at least n whose only factors are 2, 3 and 5.
int64_t good_length(int64_t n) {
  int64_t best = 1;
  while (best < n) best *= 2;
  for (int64_t fives = 1; fives < best; fives *= 5)
    for (int64_t odd = fives; odd < best; odd *= 3) {
      int64_t m = odd;
      while (m < n) m *= 2;
      best = std::min(best, m);
    }
  return best;
}

}  // namespace

template <class T>
std::complex<T> root_of_unity(int64_t k, int64_t n) {
  // Computed in a wider type, from an angle in the first eighth of the circle.
  using Wide = std::conditional_t<sizeof(T) == 4, double, long double>;
  k %= n;
  if (k < 0) k += n;
  const bool below = 2 * k > n;  // the real axis
  if (below) k = n - k;
  const bool left = 4 * k > n;
  int64_t part = left ? n - 2 * k : 2 * k;  // of half a turn
  const bool steep = 4 * part > n;
  // part / n half turns; beyond an eighth of a turn, the rest of the quarter.
  const Wide angle = steep ? std::numbers::pi_v<Wide> * Wide(n - 2 * part) / Wide(2 * n)
                           : std::numbers::pi_v<Wide> * Wide(part) / Wide(n);
  Wide cosine = std::cos(angle), sine = std::sin(angle);
  if (steep) std::swap(cosine, sine);
  return {T(left ? -cosine : cosine), T(below ? sine : -sine)};
}

template <class T>
FftPasses<T>::FftPasses(int64_t length) : length(length) {
  int64_t rest = length;
  for (const int radix : radices(length)) {
    const int64_t span = rest / radix;
    Pass pass{radix, span, {}, {}};
    const auto append = [](std::vector<T>& to, std::complex<T> root) {
      to.push_back(root.real());
      to.push_back(root.imag());
    };
    for (int k = 0; k < radix; ++k) append(pass.roots, root_of_unity<T>(k, radix));
    for (int64_t p = 1; p < span; ++p)
      for (int k = 1; k < radix; ++k) append(pass.twiddles, root_of_unity<T>(p * k, rest));
    passes.push_back(std::move(pass));
    rest = span;
  }
}

template <class T>
FftPlan<T>::Split::Split(int64_t rows, int64_t columns) : along_columns(rows), along_rows(columns) {
  const int64_t n = rows * columns;
  for (int64_t k = 0; k < rows; ++k)
    for (int64_t j = 0; j < kFftLanes<T>; ++j) {
      const std::complex<T> root = root_of_unity<T>(j * k, n);
      fine_re.push_back(root.real());
      fine_im.push_back(root.imag());
    }
  for (int64_t j = 0; j < columns; j += kFftLanes<T>)
    for (int64_t k = 0; k < rows; ++k) coarse.push_back(root_of_unity<T>(j * k, n));
}

template <class T>
FftPlan<T>::Chirp::Chirp(int64_t length)
    : convolution(std::make_shared<FftPlan>(good_length(2 * length - 1))) {
  const int64_t m = convolution->length;
  spectrum_re.resize(static_cast<size_t>(m));
  spectrum_im.resize(static_cast<size_t>(m));
  // j² modulo 2 n, without the square
  for (int64_t j = 0, square = 0; j < length; square = (square + 2 * j + 1) % (2 * length), ++j) {
    const std::complex<T> root = root_of_unity<T>(square, 2 * length);
    chirp_re.push_back(root.real());
    chirp_im.push_back(root.imag());
    for (const int64_t place : {j, j == 0 ? 0 : m - j}) {
      spectrum_re[size_t(place)] = root.real();
      spectrum_im[size_t(place)] = -root.imag();
    }
  }
  T *const re = spectrum_re.data(), *const im = spectrum_im.data();
  FftLines<T>(*convolution).line({re, im, 1}, {re, im, 1, T(1) / T(m)});
}

template <class T>
FftPlan<T>::FftPlan(int64_t length) : length(length) {
  if (!has_small_factors(length)) {
    chirp = std::make_unique<Chirp>(length);
    return;
  }
  const int64_t rows = middle_divisor(length);
  const bool splits = length >= kShortestSplit && rows > 2;
  if (splits) split = std::make_unique<Split>(rows, length / rows);
  if (!splits || length <= kLongestWhole) whole = std::make_unique<FftPasses<T>>(length);
}

template <class T>
FftQuarter<T>::FftQuarter(int64_t length) : length(length) {
  for (int64_t k = 0; k <= length / 4; ++k) roots.push_back(root_of_unity<T>(k, length));
}

template <class Plan>
std::shared_ptr<const Plan> fft_plan(int64_t length) {
  struct Cache {
    std::mutex lock;
    std::vector<std::shared_ptr<const Plan>> plans;  // the last used first
  };
  static Cache& cache = *new Cache;  // threads may outlive static objects
  {
    std::lock_guard guard(cache.lock);
    for (auto it = cache.plans.begin(); it != cache.plans.end(); ++it) {
      if ((*it)->length != length) continue;
      std::rotate(cache.plans.begin(), it, it + 1);
      return cache.plans.front();
    }
  }
  auto plan = std::make_shared<const Plan>(length);
  std::lock_guard guard(cache.lock);
  if (cache.plans.size() == kPlansKept) cache.plans.pop_back();
  cache.plans.insert(cache.plans.begin(), plan);
  return plan;
}

template std::complex<float> root_of_unity<float>(int64_t, int64_t);
template std::complex<double> root_of_unity<double>(int64_t, int64_t);
template struct FftPasses<float>;
template struct FftPasses<double>;
template struct FftPlan<float>;
template struct FftPlan<double>;
template struct FftQuarter<float>;
template struct FftQuarter<double>;
template std::shared_ptr<const FftPlan<float>> fft_plan(int64_t);
template std::shared_ptr<const FftPlan<double>> fft_plan(int64_t);
template std::shared_ptr<const FftQuarter<float>> fft_plan(int64_t);
template std::shared_ptr<const FftQuarter<double>> fft_plan(int64_t);

}  // namespace pyautograd::kernels
