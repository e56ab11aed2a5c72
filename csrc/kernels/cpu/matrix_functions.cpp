// expm, logm, sqrtm and Sylvester's equation.

#include <array>
#include <vector>

#include "kernels/cpu/dense.h"
#include "kernels/cpu/schur.h"
#include "kernels/device_linalg.h"
#include "kernels/logarithm_nodes.h"

namespace pyautograd::kernels {

namespace {

using Complex = std::complex<double>;

// The largest column sum of absolute values.
template <class T>
double norm1(const T* a, int64_t n) {
  double largest = 0;
  for (int64_t j = 0; j < n; ++j) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += std::abs(a[i + n * j]);
    largest = std::max(largest, sum);
  }
  return largest;
}

// exp by scaling and squaring with Pade approximants (Al-Mohy and Higham 2009, algorithm 3.1, with
// exact norms, or bounds on them where these decide the same).
//
// A matrix [[A, E], [0, A]], whose exponential holds a derivative, is A + E u with u u = 0, and a
// matrix of such blocks is one with several units u. It is kept as its blocks, whose number in
// binary says which units they multiply, so a product of the first kind takes three small products
// instead of the eight of a whole one.
template <class T>
class Expm {
 public:
  explicit Expm(int64_t order) : order_(order) {}

  void operator()(T* whole) {
    if (!all_finite(whole, order_ * order_)) return fill_nan(whole, order_ * order_);
    find_blocks(whole);
    if (blocks_ == 1) return run(whole);
    Square parts(size_);  // the first row of blocks
    for (int64_t c = 0; c < blocks_; ++c)
      for (int64_t j = 0; j < n_; ++j)
        std::copy_n(whole + (c * n_ + j) * order_, n_, &parts[size_t((c * n_ + j) * n_)]);
    run(parts.data());
    for (int64_t c = 0; c < blocks_; ++c)
      for (int64_t j = 0; j < n_; ++j)
        for (int64_t r = 0; r < blocks_; ++r)
          if ((r & c) == r)
            std::copy_n(&parts[size_t(((c ^ r) * n_ + j) * n_)], n_,
                        whole + (c * n_ + j) * order_ + r * n_);
  }

 private:
  using Square = std::vector<T>;

  void find_blocks(const T* whole) {
    constexpr int64_t kMostBlocks = 8, kSmallest = 16;
    for (blocks_ = kMostBlocks; blocks_ > 1; blocks_ /= 2) {
      n_ = order_ / blocks_;
      if (order_ % blocks_ == 0 && n_ >= kSmallest && consists_of_blocks(whole)) break;
    }
    n_ = order_ / blocks_;
    size_ = size_t(blocks_ * n_ * n_);
  }

  bool consists_of_blocks(const T* whole) const {
    for (int64_t c = 0; c < blocks_; ++c)
      for (int64_t j = 0; j < n_; ++j)
        for (int64_t r = 1; r < blocks_; ++r) {
          const T* column = whole + (c * n_ + j) * order_ + r * n_;
          const T* like = whole + ((c ^ r) * n_ + j) * order_;
          const bool same =
              (r & c) == r ? std::equal(column, column + n_, like)
                           : std::all_of(column, column + n_, [](const T& x) { return x == T(0); });
          if (!same) return false;
        }
    return true;
  }

  void run(T* a) {
    powers_.assign(1, product(a, a));
    const int degree = choose_degree(a);
    int squarings = 0;
    if (degree == 13) {
      squarings = count_squarings(a);
      scale(a, squarings);
    }
    pade(a, degree);
    for (int i = 0; i < squarings; ++i) {
      const Square square = product(a, a);
      std::copy(square.begin(), square.end(), a);
    }
  }

  Block<T> block(const T* a, int64_t which) const {
    return {const_cast<T*>(a) + which * n_ * n_, n_, n_, n_};
  }

  // c += alpha a b, but for the blocks of a up to `skipped`.
  void add_product(T alpha, const T* a, const T* b, T* c, int64_t s, int64_t skipped = -1) const {
    for (int64_t part = s; part > skipped; part = (part - 1) & s) {
      Dense<T>::multiply('N', 'N', alpha, block(a, part), block(b, s ^ part), T(1), block(c, s));
      if (part == 0) return;
    }
  }

  Square product(const T* a, const T* b) const {
    Square c(size_, T(0));
    for (int64_t s = 0; s < blocks_; ++s) add_product(T(1), a, b, c.data(), s);
    return c;
  }

  void make_powers(size_t count) {
    while (powers_.size() < count)
      powers_.push_back(product(powers_.back().data(), powers_[0].data()));
  }

  // a and three of its powers for a / 2^squarings.
  void scale(T* a, int squarings) {
    if (squarings == 0) return make_powers(3);
    const auto divide = [this](T* x, int exponent) {
      const auto factor = static_cast<RealOf<T>>(std::ldexp(1.0, -exponent));
      for (size_t i = 0; i < size_; ++i) x[i] *= factor;
    };
    divide(a, squarings);
    constexpr int kSafe = 10;  // beyond, powers may have overflown
    if (squarings > kSafe) {
      powers_.assign(1, product(a, a));
      return make_powers(3);
    }
    make_powers(3);
    for (int k = 0; k < 3; ++k) divide(powers_[size_t(k)].data(), 2 * (k + 1) * squarings);
  }

  // The largest column sum of absolute values of the whole matrix, in its last columns.
  double norm(const T* a) const {
    double largest = 0;
    for (int64_t j = 0; j < n_; ++j) {
      double sum = 0;
      for (int64_t s = 0; s < blocks_; ++s)
        for (int64_t i = 0; i < n_; ++i) sum += std::abs(a[i + n_ * (j + n_ * s)]);
      largest = std::max(largest, sum);
    }
    return largest;
  }

  // ||A^k||^(1/k) for even k.
  double root_norm(int k) {
    make_powers(size_t(k) / 2);
    return std::pow(norm(powers_[size_t(k) / 2 - 1].data()), 1.0 / k);
  }

  // How often to halve a so that the backward error of the degree stays below roundoff.
  int extra_squarings(const T* a, int degree, double scale) const {
    const double norm_of_a = norm(a);
    if (norm_of_a == 0) return 0;
    // ||abs(A)^(2m + 1)||, by a row of ones
    std::vector<double> magnitudes(size_), row(size_t(n_ * blocks_), 1.0), next(row.size());
    for (size_t i = 0; i < size_; ++i) magnitudes[i] = std::abs(a[i]);
    const auto line = [this](std::vector<double>& x, int64_t s) {
      return Block<double>{x.data() + s * n_, 1, n_, 1};
    };
    double logarithm = 0;
    for (int k = 0; k < 2 * degree + 1; ++k) {
      std::fill(next.begin(), next.end(), 0.0);
      for (int64_t s = 0; s < blocks_; ++s)
        for (int64_t part = 0; part <= s; ++part)
          if ((part & s) == part)
            Dense<double>::multiply('N', 'N', 1.0, line(row, s ^ part),
                                    {magnitudes.data() + part * n_ * n_, n_, n_, n_}, 1.0,
                                    line(next, s));
      const double largest = *std::max_element(next.begin(), next.end());
      if (largest == 0) return 0;
      logarithm += std::log2(largest);
      for (size_t j = 0; j < row.size(); ++j) row[j] = next[j] / largest;
    }
    const double m = degree;
    const double coefficient =
        (2 * std::lgamma(m + 1) - std::lgamma(2 * m + 1) - std::lgamma(2 * m + 2)) / std::log(2.0);
    const double alpha = coefficient + logarithm - std::log2(norm_of_a) + 2 * m * std::log2(scale);
    const double unit = std::log2(double(std::numeric_limits<RealOf<T>>::epsilon()) / 2);
    return std::max(0, static_cast<int>(std::ceil((alpha - unit) / (2 * m))));
  }

  int choose_degree(const T* a) {
    const double first = std::max(root_norm(4), root_norm(6));
    if (first < 1.495585217958292e-2 && extra_squarings(a, 3, 1) == 0) return 3;
    if (first < 2.539398330063230e-1 && extra_squarings(a, 5, 1) == 0) return 5;
    constexpr double kTheta7 = 9.504178996162932e-1, kTheta9 = 2.097847961257068;
    // ||A^8|| is no more than ||A^4||^2.
    double second = first;
    if (second >= kTheta7 && root_norm(6) < kTheta9) second = std::max(root_norm(6), root_norm(8));
    if (second < kTheta7 && extra_squarings(a, 7, 1) == 0) return 7;
    if (second < kTheta9 && extra_squarings(a, 9, 1) == 0) return 9;
    return 13;
  }

  static int halvings(double norm) {
    constexpr double kTheta = 4.25;
    return norm <= kTheta ? 0 : static_cast<int>(std::ceil(std::log2(norm / kTheta)));
  }

  int count_squarings(const T* a) {
    const double fourth = root_norm(4), sixth = root_norm(6);
    // ||A^8|| is no more than ||A^4||^2, and ||A^10|| no more than ||A^4|| ||A^6||.
    double eta = std::max(fourth, std::pow(fourth, 0.4) * std::pow(sixth, 0.6));
    if (std::isfinite(eta) && halvings(eta) > halvings(sixth)) {
      const double eighth = root_norm(8);
      eta = std::min(std::max(sixth, eighth), std::max(eighth, root_norm(10)));
    }
    if (!std::isfinite(eta)) eta = norm(a);
    constexpr int kMost = 2000;  // exp overflows long before
    if (!std::isfinite(eta)) return kMost;
    const int count = halvings(eta);
    return std::min(kMost, count + extra_squarings(a, 13, std::ldexp(1.0, -count)));
  }

  // c0 I + c1 A^2 + c2 A^4 + ..., with every second of the coefficients.
  Square polynomial(const double* coefficients, size_t terms) const {
    Square sum(size_, T(0));
    for (int64_t i = 0; i < n_; ++i)
      sum[size_t(i + n_ * i)] = static_cast<RealOf<T>>(coefficients[0]);
    for (size_t k = 1; k < terms; ++k)
      for (size_t i = 0; i < size_; ++i)
        sum[i] += static_cast<RealOf<T>>(coefficients[2 * k]) * powers_[k - 1][i];
    return sum;
  }

  // The coefficients of the numerator, lowest first; the denominator's alternate in sign.
  static std::array<double, 14> coefficients(int degree) {
    std::array<double, 14> c{};
    c[0] = 1;
    for (int k = 1; k <= degree; ++k)
      c[size_t(k)] = c[size_t(k) - 1] * (degree - k + 1) / (double(2 * degree - k + 1) * k);
    return c;
  }

  void pade(T* a, int degree) {
    make_powers(degree == 13 ? 3 : size_t(degree) / 2);
    const std::array<double, 14> c = coefficients(degree);
    const size_t terms = degree == 13 ? 4 : size_t(degree) / 2 + 1;
    Square odd = polynomial(&c[1], terms), even = polynomial(&c[0], terms);
    if (degree == 13) {
      add_high(odd, &c[9]);
      add_high(even, &c[8]);
    }
    odd = product(a, odd.data());
    Square denominator(size_);
    for (size_t i = 0; i < size_; ++i) {
      a[i] = even[i] + odd[i];
      denominator[i] = even[i] - odd[i];
    }
    std::vector<int> pivots(static_cast<size_t>(n_));
    for (int64_t s = 0; s < blocks_; ++s) {
      if (s == 0) Dense<T>::factor_lu(block(denominator.data(), 0), pivots.data());
      add_product(T(-1), denominator.data(), a, a, s, 0);
      Dense<T>::solve_factored(block(denominator.data(), 0), pivots.data(), 'L', false,
                               block(a, s));
    }
  }

  // sum += A^6 (c0 A^2 + c2 A^4 + c4 A^6)
  void add_high(Square& sum, const double* c) const {
    Square inner(size_, T(0));
    for (size_t k = 0; k < 3; ++k)
      for (size_t i = 0; i < size_; ++i)
        inner[i] += static_cast<RealOf<T>>(c[2 * k]) * powers_[k][i];
    const Square high = product(powers_[2].data(), inner.data());
    for (size_t i = 0; i < size_; ++i) sum[i] += high[i];
  }

  const int64_t order_;
  int64_t n_ = 0, blocks_ = 1;
  size_t size_ = 0;
  std::vector<Square> powers_;  // A^2, A^4, ...
};

using Triangular = std::vector<Complex>;

// The principal root of an upper triangular matrix (Bjorck and Hammarling 1983).
void root_of_triangular(Triangular& t, int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    t[size_t(j + n * j)] = std::sqrt(t[size_t(j + n * j)]);
    for (int64_t i = j - 1; i >= 0; --i) {
      Complex& entry = t[size_t(i + n * j)];
      for (int64_t k = i + 1; k < j; ++k) entry -= t[size_t(i + n * k)] * t[size_t(k + n * j)];
      const Complex sum = t[size_t(i + n * i)] + t[size_t(j + n * j)];
      if (entry != 0.0 || sum != 0.0) entry /= sum;
    }
  }
}

// sum += weight (I + node X)^-1 X for upper triangular X.
void add_fraction(Triangular& sum, const Triangular& x, int64_t n, double node, double weight) {
  Triangular column(static_cast<size_t>(n));
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t i = j; i >= 0; --i) {
      Complex value = x[size_t(i + n * j)];
      for (int64_t k = i + 1; k <= j; ++k) value -= node * x[size_t(i + n * k)] * column[size_t(k)];
      column[size_t(i)] = value / (1.0 + node * x[size_t(i + n * i)]);
      sum[size_t(i + n * j)] += weight * column[size_t(i)];
    }
  }
}

// Inverse scaling and squaring (Al-Mohy and Higham 2012, in outline): roots until the matrix is
// near the identity.
void log_of_triangular(Triangular& t, int64_t n) {
  constexpr int kMostRoots = 100;
  const Triangular original = t;
  const auto minus_identity = [n](Triangular x) {
    for (int64_t i = 0; i < n; ++i) x[size_t(i + n * i)] -= 1.0;
    return x;
  };
  int roots = 0;
  Triangular x = minus_identity(t);
  while (norm1(x.data(), n) > LogarithmNodes::kNear && roots < kMostRoots) {
    root_of_triangular(t, n);
    ++roots;
    x = minus_identity(t);
  }
  std::fill(t.begin(), t.end(), Complex(0));
  for (size_t k = 0; k < LogarithmNodes::kCount; ++k)
    add_fraction(t, x, n, LogarithmNodes::kNodes[k], LogarithmNodes::kWeights[k]);
  for (Complex& entry : t) entry *= std::ldexp(1.0, roots);
  // Taking the identity off lost digits; on the diagonal there is a direct way.
  for (int64_t i = 0; i < n; ++i) t[size_t(i + n * i)] = std::log(original[size_t(i + n * i)]);
}

// z f(t) z^H for a = z t z^H, in double precision. A real matrix whose function is not real gives
// nan.
template <class T, class F>
void by_schur(T* a, int64_t n, const F& function) {
  const int64_t size = n * n;
  std::vector<Complex> t(a, a + size), z(static_cast<size_t>(size)), half(z.size());
  Schur<Complex> schur(n);
  if (!all_finite(a, size) || schur(t.data(), z.data()) != 0) return fill_nan(a, size);
  for (int64_t j = 0; j < n; ++j)
    std::fill(t.begin() + j * n + j + 1, t.begin() + (j + 1) * n, Complex(0));
  function(t, n);
  multiply('N', 'N', n, n, n, z.data(), t.data(), half.data());
  multiply('N', 'C', n, n, n, half.data(), z.data(), t.data());
  if constexpr (is_complex_type<T>) {
    for (int64_t i = 0; i < size; ++i) a[i] = static_cast<T>(t[size_t(i)]);
  } else {
    double largest = 0, imaginary = 0;
    for (const Complex& entry : t) {
      largest = std::max(largest, std::abs(entry));
      imaginary = std::max(imaginary, std::abs(entry.imag()));
    }
    if (!all_finite(t.data(), size) || imaginary > 1e-6 * largest) return fill_nan(a, size);
    for (int64_t i = 0; i < size; ++i) a[i] = static_cast<T>(t[size_t(i)].real());
  }
}

template <class F>
void each_by_schur(const Matrices& a, const F& function) {
  visit_scalar(a.dtype, [&]<class T>(TypeTag<T>) {
    over_batch(a.count, 50 * cube(a), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) by_schur(matrix<T>(a, i), a.rows, function);
    });
  });
}

// x with a x + x b = q by the Schur forms of both; 0 where all went well.
template <class T>
int sylvester(T* a, T* b, T* q, int64_t m, int64_t n) {
  if (!all_finite(a, m * m) || !all_finite(b, n * n) || !all_finite(q, m * n)) {
    fill_nan(q, m * n);
    return 0;
  }
  std::vector<T> u(size_t(m * m)), v(size_t(n * n)), half(size_t(m * n));
  if (Schur<T>(m)(a, u.data()) != 0 || Schur<T>(n)(b, v.data()) != 0) return -1;
  multiply('C', 'N', m, n, m, u.data(), q, half.data());
  multiply('N', 'N', m, n, n, half.data(), v.data(), q);
  const char plain = 'N';
  const int sign = 1, rows = int(m), columns = int(n), lda = leading(m), ldb = leading(n);
  RealOf<T> scale(1);
  int info = 0;
  lapack<T>()->trsyl(&plain, &plain, &sign, &rows, &columns, a, &lda, b, &ldb, q, &lda, &scale,
                     &info, 1, 1);
  if (info != 0 || scale == 0) return 1;
  multiply('N', 'N', m, n, m, u.data(), q, half.data());
  multiply('N', 'C', m, n, n, half.data(), v.data(), q);
  for (int64_t i = 0; i < m * n; ++i) q[i] /= scale;
  return 0;
}

}  // namespace

void solve_sylvester(const Matrices& a, const Matrices& b, const Matrices& q, int32_t* info) {
  if (on_device(q)) return solve_sylvester_on_device(a, b, q, info);
  visit_scalar(a.dtype, [&]<class T>(TypeTag<T>) {
    over_batch(q.count, 25 * (cube(a) + cube(b)), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        info[i] = sylvester(matrix<T>(a, i), matrix<T>(b, i), matrix<T>(q, i), q.rows, q.columns);
    });
  });
}

void expm(const Matrices& a) {
  if (on_device(a)) return expm_on_device(a);
  visit_scalar(a.dtype, [&]<class T>(TypeTag<T>) {
    over_dense_batch(a.count, 30 * cube(a), [&](int64_t begin, int64_t end) {
      Expm<T> exponential(a.rows);
      for (int64_t i = begin; i < end; ++i) exponential(matrix<T>(a, i));
    });
  });
}

void logm(const Matrices& a) {
  if (on_device(a)) return logm_on_device(a);
  each_by_schur(a, log_of_triangular);
}

void sqrtm(const Matrices& a) {
  if (on_device(a)) return sqrtm_on_device(a);
  each_by_schur(a, root_of_triangular);
}

}  // namespace pyautograd::kernels
