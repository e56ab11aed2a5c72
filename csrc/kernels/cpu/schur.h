#pragma once

#include <vector>

#include "kernels/cpu/matrices.h"

namespace pyautograd::kernels {

// a = z t z^H of one matrix after the other: t upper triangular, or, for real ones, with blocks of
// two on the diagonal.
template <class T>
class Schur {
 public:
  explicit Schur(int64_t n)
      : n_(static_cast<int>(n)), values_(size_t(2 * std::max<int64_t>(1, n))) {
    if constexpr (is_complex_type<T>) rwork_.resize(values_.size());
    T size{};
    run(nullptr, nullptr, &size, -1);
    work_.resize(static_cast<size_t>(std::max(1, static_cast<int>(std::real(size)))));
  }

  // a becomes t; 0 where all went well.
  int operator()(T* a, T* z) { return run(a, z, work_.data(), static_cast<int>(work_.size())); }

 private:
  int run(T* a, T* z, T* work, int lwork) {
    const char vectors = 'V', unsorted = 'N';
    const int ld = leading(n_);
    int selected = 0, info = 0;
    if constexpr (is_complex_type<T>) {
      f_.gees(&vectors, &unsorted, nullptr, &n_, a, &ld, &selected, values_.data(), z, &ld, work,
              &lwork, rwork_.data(), nullptr, &info, 1, 1);
    } else {
      f_.gees(&vectors, &unsorted, nullptr, &n_, a, &ld, &selected, values_.data(),
              values_.data() + values_.size() / 2, z, &ld, work, &lwork, nullptr, &info, 1, 1);
    }
    return info;
  }

  const LapackFunctions<T>& f_ = *lapack<T>();
  int n_;
  std::vector<T> values_, work_;
  std::vector<RealOf<T>> rwork_;
};

// c = a b, of matrices by columns, with flags 'N', 'T' or 'C'.
template <class T>
void multiply(char flag_a, char flag_b, int64_t m, int64_t n, int64_t k, const T* a, const T* b,
              T* c) {
  const int rows = int(m), columns = int(n), inner = int(k);
  const int lda = leading(flag_a == 'N' ? m : k), ldb = leading(flag_b == 'N' ? k : n),
            ldc = leading(m);
  const T one(1), zero(0);
  lapack<T>()->gemm(&flag_a, &flag_b, &rows, &columns, &inner, &one, a, &lda, b, &ldb, &zero, c,
                    &ldc, 1, 1);
}

}  // namespace pyautograd::kernels
