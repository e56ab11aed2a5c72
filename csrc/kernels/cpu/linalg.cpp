// Factorizations and solvers: large matrices by blocks (dense.h), else one LAPACK call per matrix.

#include <limits>
#include <vector>

#include "kernels/cpu/dense.h"
#include "kernels/cpu/matrices.h"
#include "kernels/device.h"

namespace pyautograd::kernels {

namespace {

constexpr size_t kLength = 1;  // of every string that LAPACK is passed

template <class T>
int workspace_size(T first) {
  return std::max(1, static_cast<int>(std::real(first)));
}

char transpose_flag(bool transposed) { return transposed ? 'T' : 'N'; }

template <class T>
Block<T> block(const Matrices& m, int64_t i) {
  return {matrix<T>(m, i), m.rows, m.columns, m.rows};
}

template <class T>
class Qr {
 public:
  Qr(int m, int n, int k)
      : m_(m), n_(n), k_(k), tau_(static_cast<size_t>(std::max(1, std::min(m, n)))) {
    T size[2] = {};
    int info = 0;
    const int ask = -1, ld = leading(m);
    f_.geqrf(&m_, &n_, nullptr, &ld, tau_.data(), &size[0], &ask, &info);
    const int reflectors = std::min({m_, n_, k_});
    f_.ungqr(&m_, &k_, &reflectors, nullptr, &ld, tau_.data(), &size[1], &ask, &info);
    work_.resize(static_cast<size_t>(std::max(workspace_size(size[0]), workspace_size(size[1]))));
  }

  void operator()(T* a, T* q) {
    const int ld = leading(m_), lwork = static_cast<int>(work_.size());
    int info = 0;
    f_.geqrf(&m_, &n_, a, &ld, tau_.data(), work_.data(), &lwork, &info);
    if (q != nullptr) {
      const int reflectors = std::min({m_, n_, k_});
      std::copy_n(a, int64_t{m_} * reflectors, q);
      f_.ungqr(&m_, &k_, &reflectors, q, &ld, tau_.data(), work_.data(), &lwork, &info);
    }
    for (int64_t j = 0; j < n_; ++j)
      std::fill(a + j * m_ + std::min<int64_t>(j + 1, m_), a + (j + 1) * m_, T(0));
  }

 private:
  const LapackFunctions<T>& f_ = *lapack<T>();
  int m_, n_, k_;
  std::vector<T> tau_, work_;
};

template <class T>
class Svd {
 public:
  // The job is that of gesdd: 'N' no vectors, 'S' thin, 'A' full.
  Svd(int m, int n, char job) : m_(m), n_(n), job_(job) {
    const size_t k = static_cast<size_t>(std::min(m, n)), big = static_cast<size_t>(std::max(m, n));
    iwork_.resize(8 * k);
    if constexpr (is_complex_type<T>) {
      const size_t vectors = std::max(5 * k * k + 5 * k, 2 * big * k + 2 * k * k + k);
      rwork_.resize(job == 'N' ? 7 * k : vectors);
    }
    T size{};
    run(nullptr, nullptr, nullptr, nullptr, &size, -1);
    work_.resize(static_cast<size_t>(workspace_size(size)));
  }

  int operator()(T* a, RealOf<T>* s, T* u, T* vt) {
    return run(a, s, u, vt, work_.data(), static_cast<int>(work_.size()));
  }

 private:
  int run(T* a, RealOf<T>* s, T* u, T* vt, T* work, int lwork) {
    const int lda = leading(m_), ldvt = leading(job_ == 'S' ? std::min(m_, n_) : n_);
    int info = 0;
    if constexpr (is_complex_type<T>) {
      f_.gesdd(&job_, &m_, &n_, a, &lda, s, u, &lda, vt, &ldvt, work, &lwork, rwork_.data(),
               iwork_.data(), &info, kLength);
    } else {
      f_.gesdd(&job_, &m_, &n_, a, &lda, s, u, &lda, vt, &ldvt, work, &lwork, iwork_.data(), &info,
               kLength);
    }
    return info;
  }

  const LapackFunctions<T>& f_ = *lapack<T>();
  int m_, n_;
  char job_;
  std::vector<T> work_;
  std::vector<RealOf<T>> rwork_;
  std::vector<int> iwork_;
};

template <class T>
class Eigh {
 public:
  Eigh(int n, bool lower, bool vectors)
      : n_(n), job_(vectors ? 'V' : 'N'), uplo_(lower ? 'L' : 'U') {
    T size{};
    RealOf<T> rsize{};
    int isize = 0;
    run(nullptr, nullptr, &size, -1, &rsize, -1, &isize, -1);
    work_.resize(static_cast<size_t>(workspace_size(size)));
    rwork_.resize(static_cast<size_t>(workspace_size(rsize)));
    iwork_.resize(static_cast<size_t>(std::max(1, isize)));
  }

  int operator()(T* a, RealOf<T>* w) {
    return run(a, w, work_.data(), static_cast<int>(work_.size()), rwork_.data(),
               static_cast<int>(rwork_.size()), iwork_.data(), static_cast<int>(iwork_.size()));
  }

 private:
  int run(T* a, RealOf<T>* w, T* work, int lwork, [[maybe_unused]] RealOf<T>* rwork,
          [[maybe_unused]] int lrwork, int* iwork, int liwork) {
    const int lda = leading(n_);
    int info = 0;
    if constexpr (is_complex_type<T>) {
      f_.heevd(&job_, &uplo_, &n_, a, &lda, w, work, &lwork, rwork, &lrwork, iwork, &liwork, &info,
               kLength, kLength);
    } else {
      f_.heevd(&job_, &uplo_, &n_, a, &lda, w, work, &lwork, iwork, &liwork, &info, kLength,
               kLength);
    }
    return info;
  }

  const LapackFunctions<T>& f_ = *lapack<T>();
  int n_;
  char job_, uplo_;
  std::vector<T> work_;
  std::vector<RealOf<T>> rwork_;
  std::vector<int> iwork_;
};

template <class T>
class Eig {
 public:
  using Complex = std::complex<RealOf<T>>;

  Eig(int n, bool vectors) : n_(n), job_(vectors ? 'V' : 'N'), parts_(size_t(2 * std::max(1, n))) {
    T size{};
    run(nullptr, nullptr, nullptr, &size, -1);
    work_.resize(static_cast<size_t>(workspace_size(size)));
    if (!is_complex_type<T> && vectors) real_vectors_.resize(size_t(n) * size_t(n));
  }

  int operator()(T* a, Complex* w, Complex* v) {
    const int lwork = static_cast<int>(work_.size());
    if constexpr (is_complex_type<T>) {
      return run(a, w, v, work_.data(), lwork);
    } else {
      const int info = run(a, nullptr, real_vectors_.data(), work_.data(), lwork);
      for (int j = 0; j < n_; ++j) w[j] = {parts_[size_t(j)], parts_[size_t(n_ + j)]};
      if (v != nullptr) join_pairs(v);
      return info;
    }
  }

 private:
  int run(T* a, [[maybe_unused]] T* w, T* v, T* work, int lwork) {
    const char none = 'N';
    const int ld = leading(n_);
    int info = 0;
    if constexpr (is_complex_type<T>) {
      f_.geev(&none, &job_, &n_, a, &ld, w, nullptr, &ld, v, &ld, work, &lwork, parts_.data(),
              &info, kLength, kLength);
    } else {
      f_.geev(&none, &job_, &n_, a, &ld, parts_.data(), parts_.data() + n_, nullptr, &ld, v, &ld,
              work, &lwork, &info, kLength, kLength);
    }
    return info;
  }

  // A pair of conjugate eigenvectors comes as two columns, its real and its imaginary part.
  void join_pairs(Complex* v) const {
    const int64_t n = n_;
    for (int64_t j = 0; j < n; ++j) {
      const T* real = &real_vectors_[size_t(j * n)];
      const bool pair = parts_[size_t(n + j)] != 0;
      for (int64_t i = 0; i < n; ++i) {
        const T imaginary = pair ? real[i + n] : T(0);
        v[i + j * n] = Complex(real[i], imaginary);
        if (pair) v[i + (j + 1) * n] = Complex(real[i], -imaginary);
      }
      if (pair) ++j;
    }
  }

  const LapackFunctions<T>& f_ = *lapack<T>();
  int n_;
  char job_;
  std::vector<RealOf<T>> parts_;  // of the eigenvalues; scratch for complex matrices
  std::vector<T> work_, real_vectors_;
};

template <class T>
class LeastSquares {
 public:
  LeastSquares(int m, int n, int k, double rcond)
      : m_(m), n_(n), k_(k), rcond_(static_cast<RealOf<T>>(rcond)) {
    T size{};
    RealOf<T> rsize{};
    int isize = 0, rank = 0;
    run(nullptr, nullptr, nullptr, &rank, &size, -1, &rsize, &isize);
    work_.resize(static_cast<size_t>(workspace_size(size)));
    rwork_.resize(static_cast<size_t>(workspace_size(rsize)));
    iwork_.resize(static_cast<size_t>(std::max(1, isize)));
  }

  int operator()(T* a, T* b, RealOf<T>* s, int* rank) {
    return run(a, b, s, rank, work_.data(), static_cast<int>(work_.size()), rwork_.data(),
               iwork_.data());
  }

 private:
  int run(T* a, T* b, RealOf<T>* s, int* rank, T* work, int lwork,
          [[maybe_unused]] RealOf<T>* rwork, int* iwork) {
    const int lda = leading(m_), ldb = leading(std::max(m_, n_));
    int info = 0;
    if constexpr (is_complex_type<T>) {
      f_.gelsd(&m_, &n_, &k_, a, &lda, b, &ldb, s, &rcond_, rank, work, &lwork, rwork, iwork,
               &info);
    } else {
      f_.gelsd(&m_, &n_, &k_, a, &lda, b, &ldb, s, &rcond_, rank, work, &lwork, iwork, &info);
    }
    return info;
  }

  const LapackFunctions<T>& f_ = *lapack<T>();
  int m_, n_, k_;
  RealOf<T> rcond_;
  std::vector<T> work_;
  std::vector<RealOf<T>> rwork_;
  std::vector<int> iwork_;
};

}  // namespace

void lu(const Matrices& a, int32_t* pivots, int32_t* info) {
  if (on_device(a)) return LinalgCall(a.device, a.data, pivots)->lu(a, pivots, info);
  visit_scalar(a.dtype, [&]<class T>(TypeTag<T>) {
    const int64_t k = std::min(a.rows, a.columns);
    over_dense_batch(a.count, cube(a), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        int32_t* exchanged = pivots + i * k;
        const int32_t found = Dense<T>::factor_lu(block<T>(a, i), exchanged);
        if (info) info[i] = found;
        for (int64_t j = 0; j < k; ++j) --exchanged[j];
      }
    });
  });
}

namespace {

// Calls body(i, pivots) with the pivots of factor number which[i], which count from one.
template <class Body>
void over_factored(const Matrices& lu, const int32_t* pivots, int64_t count, double work,
                   const int64_t* which, const Body& body) {
  const int n = size_of(lu.rows);
  over_dense_batch(count, work, [&](int64_t begin, int64_t end) {
    std::vector<int> from_one(static_cast<size_t>(n));
    for (int64_t i = begin; i < end; ++i) {
      const int32_t* exchanged = pivots + (which ? which[i] : i) * n;
      for (int j = 0; j < n; ++j) from_one[size_t(j)] = std::clamp(exchanged[j], 0, n - 1) + 1;
      body(i, from_one.data());
    }
  });
}

}  // namespace

void lu_solve(const Matrices& lu, const int32_t* pivots, const Matrices& b, const int64_t* which,
              Side side) {
  if (on_device(b))
    return LinalgCall(b.device, lu.data, pivots, b.data)->lu_solve(lu, pivots, b, which, side);
  visit_scalar(lu.dtype, [&]<class T>(TypeTag<T>) {
    const LapackFunctions<T>& f = *lapack<T>();
    const int n = size_of(lu.rows), ld = leading(n), one = 1;
    const char flag = transpose_flag(side.transposed);
    const double work = double(lu.rows) * double(b.rows) * double(b.columns);
    over_factored(lu, pivots, b.count, work, which, [&](int64_t i, const int* from_one) {
      const Block<T> factors = block<T>(lu, which[i]), x = block<T>(b, i);
      int info = 0;
      if (!side.right && x.columns == 1 && n > Dense<T>::kTiny)
        f.getrs(&flag, &n, &one, factors.data, &ld, from_one, x.data, &ld, &info, kLength);
      else
        Dense<T>::solve_factored(factors, from_one, side.right ? 'R' : 'L', side.transposed, x);
    });
  });
}

void lu_inverse(const Matrices& lu, const int32_t* pivots) {
  if (on_device(lu)) return LinalgCall(lu.device, lu.data, pivots)->lu_inverse(lu, pivots);
  visit_scalar(lu.dtype, [&]<class T>(TypeTag<T>) {
    const int64_t n = lu.rows;
    over_factored(lu, pivots, lu.count, 2 * cube(lu), nullptr, [&](int64_t i, const int* from_one) {
      T* x = matrix<T>(lu, i);
      bool singular = false;
      for (int64_t j = 0; j < n; ++j) singular |= x[j + j * n] == T(0);
      if (singular)
        fill_nan(x, n * n);
      else
        Dense<T>::invert_factored(block<T>(lu, i), from_one);
    });
  });
}

void cholesky(const Matrices& a, bool upper, int32_t* info) {
  if (on_device(a)) return LinalgCall(a.device, a.data)->cholesky(a, upper, info);
  visit_scalar(a.dtype, [&]<class T>(TypeTag<T>) {
    const int64_t n = a.rows;
    over_dense_batch(a.count, cube(a), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        T* x = matrix<T>(a, i);
        info[i] = Dense<T>::factor_cholesky(upper, block<T>(a, i));
        for (int64_t j = 0; j < n; ++j) {
          const int64_t first = upper ? j + 1 : 0, last = upper ? n : j;
          std::fill(x + j * n + first, x + j * n + last, T(0));
        }
      }
    });
  });
}

void solve_triangular(const Matrices& a, const Matrices& b, const int64_t* which,
                      Triangle triangle) {
  if (on_device(b))
    return LinalgCall(b.device, a.data, b.data)->solve_triangular(a, b, which, triangle);
  visit_scalar(a.dtype, [&]<class T>(TypeTag<T>) {
    const TriangularFlags flags{triangle.side.right ? 'R' : 'L', triangle.lower ? 'L' : 'U',
                                transpose_flag(triangle.side.transposed),
                                triangle.unit_diagonal ? 'U' : 'N'};
    const double work = double(a.rows) * double(b.rows) * double(b.columns);
    over_dense_batch(b.count, work, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        Dense<T>::solve_triangular(flags, block<T>(a, which[i]), block<T>(b, i));
    });
  });
}

void qr(const Matrices& a, const Matrices* q) {
  if (on_device(a)) return LinalgCall(a.device, a.data, data_of(q))->qr(a, q);
  visit_scalar(a.dtype, [&]<class T>(TypeTag<T>) {
    const int columns = size_of(q ? q->columns : std::min(a.rows, a.columns));
    over_batch(a.count, 2 * cube(a), [&](int64_t begin, int64_t end) {
      Qr<T> factor(size_of(a.rows), size_of(a.columns), columns);
      for (int64_t i = begin; i < end; ++i) factor(matrix<T>(a, i), q ? matrix<T>(*q, i) : nullptr);
    });
  });
}

void svd(const Matrices& a, void* s, const Matrices* u, const Matrices* vh, int32_t* info) {
  if (on_device(a))
    return LinalgCall(a.device, a.data, s, data_of(u), data_of(vh))->svd(a, s, u, vh, info);
  visit_scalar(a.dtype, [&]<class T>(TypeTag<T>) {
    const int64_t k = std::min(a.rows, a.columns);
    // Square matrices are thin and full at once.
    const bool full = u && (u->columns > k || vh->rows > k);
    over_batch(a.count, 10 * cube(a), [&](int64_t begin, int64_t end) {
      Svd<T> factor(size_of(a.rows), size_of(a.columns), u == nullptr ? 'N' : full ? 'A' : 'S');
      for (int64_t i = begin; i < end; ++i) {
        T* x = matrix<T>(a, i);
        RealOf<T>* values = static_cast<RealOf<T>*>(s) + i * k;
        T *left = u ? matrix<T>(*u, i) : nullptr, *right = vh ? matrix<T>(*vh, i) : nullptr;
        const bool finite = all_finite(x, a.rows * a.columns);
        const bool nan = !finite && std::any_of(x, x + a.rows * a.columns,
                                                [](T value) { return value != value; });
        info[i] = nan ? -4 : finite ? factor(x, values, left, right) : 0;
        if (finite) continue;
        fill_nan(values, k);
        if (u) fill_nan(left, u->rows * u->columns);
        if (vh) fill_nan(right, vh->rows * vh->columns);
      }
    });
  });
}

void eigh(const Matrices& a, void* w, bool lower, bool vectors, int32_t* info) {
  if (on_device(a)) return LinalgCall(a.device, a.data, w)->eigh(a, w, lower, vectors, info);
  visit_scalar(a.dtype, [&]<class T>(TypeTag<T>) {
    const int64_t n = a.rows;
    over_batch(a.count, 5 * cube(a), [&](int64_t begin, int64_t end) {
      Eigh<T> factor(size_of(n), lower, vectors);
      for (int64_t i = begin; i < end; ++i) {
        T* x = matrix<T>(a, i);
        RealOf<T>* values = static_cast<RealOf<T>*>(w) + i * n;
        bool finite = true;
        for (int64_t j = 0; j < n; ++j)
          finite &= lower ? all_finite(x + j * n + j, n - j) : all_finite(x + j * n, j + 1);
        info[i] = finite ? factor(x, values) : 0;
        if (finite) continue;
        fill_nan(values, n);
        fill_nan(x, n * n);
      }
    });
  });
}

void eig(const Matrices& a, void* w, const Matrices* v, int32_t* info) {
  if (on_device(a)) return eig_on_device(a, w, v, info);
  visit_scalar(a.dtype, [&]<class T>(TypeTag<T>) {
    using Complex = std::complex<RealOf<T>>;
    over_batch(a.count, 25 * cube(a), [&](int64_t begin, int64_t end) {
      Eig<T> factor(size_of(a.rows), v != nullptr);
      for (int64_t i = begin; i < end; ++i) {
        T* x = matrix<T>(a, i);
        Complex* values = static_cast<Complex*>(w) + i * a.rows;
        const bool finite = all_finite(x, a.rows * a.rows);
        info[i] = finite ? factor(x, values, v ? matrix<Complex>(*v, i) : nullptr) : -4;
      }
    });
  });
}

void lstsq(const Matrices& a, const Matrices& b, void* s, int64_t* rank, double rcond,
           int32_t* info) {
  visit_scalar(a.dtype, [&]<class T>(TypeTag<T>) {
    const int64_t k = std::min(a.rows, a.columns);
    over_batch(a.count, 10 * cube(a), [&](int64_t begin, int64_t end) {
      LeastSquares<T> solve(size_of(a.rows), size_of(a.columns), size_of(b.columns), rcond);
      for (int64_t i = begin; i < end; ++i) {
        T *x = matrix<T>(a, i), *y = matrix<T>(b, i);
        int found = 0;
        const bool finite = all_finite(x, a.rows * a.columns) && all_finite(y, b.rows * b.columns);
        info[i] = finite ? solve(x, y, static_cast<RealOf<T>*>(s) + i * k, &found) : -4;
        rank[i] = found;
      }
    });
  });
}

}  // namespace pyautograd::kernels
