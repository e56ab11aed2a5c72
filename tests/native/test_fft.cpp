#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "kernels/fft.h"

namespace pyautograd::kernels {
namespace {

using Complex = std::complex<double>;

// Numbers without a pattern.
std::vector<Complex> signal(int64_t size) {
  std::vector<Complex> x;
  for (int64_t i = 0; i < size; ++i) x.emplace_back(std::sin(1.7 * i * i), std::cos(0.9 * i * i));
  return x;
}

struct Lines {
  std::vector<Complex>& data;
  int64_t shape[2], strides[2];
  Lines(std::vector<Complex>& data, int64_t lines, int64_t n)
      : data(data), shape{lines, n}, strides{n, 1} {}
  View view() { return {data.data(), DType::Complex128, shape, strides}; }
};

// By passes, as rows and columns, by convolution; few lines and many.
TEST(Fft, EqualsTheSum) {
  for (const int64_t n : {1, 2, 6, 8, 15, 29, 37, 64, 90, 94, 128, 169, 1030}) {
    for (const int64_t lines : {1, 5, 17}) {
      std::vector<Complex> x = signal(lines * n), y(x.size());
      fft_c2c(Lines(y, lines, n).view(), Lines(x, lines, n).view(), 1, {false, 0.5});
      for (int64_t line = 0; line < lines; line += 4) {
        for (int64_t k = 0; k < n; k += 1 + n / 16) {
          Complex sum;
          for (int64_t j = 0; j < n; ++j)
            sum += x[line * n + j] * std::polar(0.5, -2 * std::numbers::pi * (j * k % n) / n);
          EXPECT_LT(std::abs(y[line * n + k] - sum), 1e-12 * n) << n << " " << lines << " " << k;
        }
      }
    }
  }
}

TEST(Fft, InverseInPlaceGivesTheInputBack) {
  for (const int64_t n : {5, 48, 74, 4096}) {
    const std::vector<Complex> x = signal(3 * n);
    std::vector<Complex> y = x;
    Lines lines(y, 3, n);
    fft_c2c(lines.view(), lines.view(), 1, {false, 1});
    fft_c2c(lines.view(), lines.view(), 1, {true, 1.0 / n});
    for (size_t i = 0; i < x.size(); ++i) EXPECT_LT(std::abs(x[i] - y[i]), 1e-13) << n;
  }
}

}  // namespace
}  // namespace pyautograd::kernels
