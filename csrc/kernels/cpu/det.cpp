// Derivatives of the determinant of every order, exact whatever the rank.

#include <numeric>
#include <vector>

#include "kernels/cpu/dense.h"
#include "kernels/cpu/schur.h"
#include "kernels/device.h"

namespace pyautograd::kernels {

namespace {

struct Permutation {
  std::vector<int> image;
  double sign;
};

// All permutations of m things.
std::vector<Permutation> permutations(int m) {
  std::vector<Permutation> all;
  std::vector<int> image(static_cast<size_t>(m));
  std::iota(image.begin(), image.end(), 0);
  do {
    int inversions = 0;
    for (int i = 0; i < m; ++i)
      for (int j = i + 1; j < m; ++j) inversions += image[size_t(i)] > image[size_t(j)];
    all.push_back({image, inversions % 2 == 0 ? 1.0 : -1.0});
  } while (std::next_permutation(image.begin(), image.end()));
  return all;
}

// The product of those of n numbers whose index is not in `left_out`.
template <class R>
R product_of_others(const R* s, int64_t n, const std::vector<int64_t>& left_out) {
  R product(1);
  for (int64_t i = 0; i < n; ++i)
    if (std::find(left_out.begin(), left_out.end(), i) == left_out.end()) product *= s[i];
  return product;
}

bool distinct(const std::vector<int64_t>& rows) {
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (rows[i] == rows[j]) return false;
  return true;
}

// out[h, k] is the coefficient of H[h, k] in the m-th derivative of det at diag(s) in the
// directions E1, ..., E(m-1) and H: a sum over m distinct rows, one for each matrix, and the
// permutations of these rows to columns. Nothing is divided by s.
template <class T>
void derivative_at_diagonal(const RealOf<T>* s, int64_t n, const std::vector<const T*>& directions,
                            T* out) {
  const size_t m = directions.size() + 1;
  std::fill_n(out, n * n, T(0));
  if (static_cast<int64_t>(m) > n) return;
  const std::vector<Permutation> orders = permutations(static_cast<int>(m));
  std::vector<int64_t> rows(m, 0);
  for (size_t digit = 0; digit < m;) {
    if (distinct(rows)) {
      const RealOf<T> others = product_of_others(s, n, rows);
      for (const Permutation& order : orders) {
        T term = others * static_cast<RealOf<T>>(order.sign);
        for (size_t j = 0; j + 1 < m; ++j)
          term *= directions[j][rows[j] + n * rows[size_t(order.image[j])]];
        out[rows[m - 1] + n * rows[size_t(order.image[m - 1])]] += term;
      }
    }
    for (digit = 0; digit < m && ++rows[digit] == n; ++digit) rows[digit] = 0;
  }
}

// The determinant of a unitary matrix, which is overwritten.
template <class T>
T unitary_determinant(T* u, int64_t n) {
  std::vector<int> pivots(static_cast<size_t>(n));
  const int size = static_cast<int>(n), ld = leading(n);
  int info = 0;
  lapack<T>()->getrf(&size, &size, u, &ld, pivots.data(), &info);
  T product(1);
  for (int64_t i = 0; i < n; ++i)
    product *= pivots[size_t(i)] == i + 1 ? u[i + n * i] : -u[i + n * i];
  return product;
}

// The same for matrices of at most three rows, anywhere: the (m - 1)-th derivative of the
// cofactors, which are polynomials of degree n - 1.
template <class T>
void derivative_of_small(const T* a, int64_t n, const std::vector<const T*>& directions, T* out) {
  const int64_t order = static_cast<int64_t>(directions.size());
  if (order >= n) return static_cast<void>(std::fill_n(out, n * n, T(0)));
  const T* x = order == n - 1 && order > 0 ? directions[0] : a;
  if (n == 1) {
    out[0] = T(1);
  } else if (n == 2) {
    out[0] = x[3], out[1] = T(0) - x[2], out[2] = T(0) - x[1], out[3] = x[0];  // not -0
  } else {
    const T* y = order == 0 ? a : directions.back();
    for (int64_t j = 0; j < 3; ++j)
      for (int64_t i = 0; i < 3; ++i) {
        const int64_t p = (i + 1) % 3, q = (i + 2) % 3, r = 3 * ((j + 1) % 3),
                      s = 3 * ((j + 2) % 3);
        T minor = x[p + r] * y[q + s] - x[q + r] * y[p + s];
        if (order > 0) minor += y[p + r] * x[q + s] - y[q + r] * x[p + s];
        out[i + 3 * j] = minor;
      }
  }
}

// a = u diag(s) vt turns the derivatives at a into those at a diagonal matrix.
template <class T>
class AtMatrix {
 public:
  AtMatrix(int64_t n, DType dtype) : n_(n), square_(size_t(n * n)), svd_(n, dtype) {}

  void operator()(const Matrices& a, std::span<const Matrices> directions, const Matrices& out,
                  int64_t i) {
    T* result = matrix<T>(out, i);
    if (directions.empty() && by_inverse(matrix<T>(a, i), result)) return;
    if (!svd_(matrix<T>(a, i))) return fill_nan(result, n_ * n_);
    std::vector<std::vector<T>> rotated(directions.size(), std::vector<T>(square_));
    std::vector<const T*> pointers;
    std::vector<T> half(square_);
    for (size_t j = 0; j < directions.size(); ++j) {
      multiply('C', 'N', n_, n_, n_, svd_.u.data(), matrix<T>(directions[j], i), half.data());
      multiply('N', 'C', n_, n_, n_, half.data(), svd_.vt.data(), rotated[j].data());
      pointers.push_back(rotated[j].data());
    }
    std::vector<T> core(square_);
    derivative_at_diagonal(svd_.s.data(), n_, pointers, core.data());
    std::vector<T> u = conjugated(svd_.u), vt = conjugated(svd_.vt);
    multiply('N', 'N', n_, n_, n_, u.data(), core.data(), half.data());
    multiply('N', 'N', n_, n_, n_, half.data(), vt.data(), result);
    const T phase =
        unitary_determinant(svd_.u.data(), n_) * unitary_determinant(svd_.vt.data(), n_);
    for (int64_t j = 0; j < n_ * n_; ++j) result[j] *= phase;
  }

 private:
  struct Decomposition {
    Decomposition(int64_t n, DType dtype)
        : u(size_t(n * n)), vt(u), copy(u), s(size_t(n)), n(n), dtype(dtype) {}
    bool operator()(const T* a) {
      std::copy_n(a, n * n, copy.data());
      const Matrices left{u.data(), dtype, 1, n, n}, right{vt.data(), dtype, 1, n, n};
      int32_t info = 0;
      svd({copy.data(), dtype, 1, n, n}, s.data(), &left, &right, &info);
      return info == 0 && all_finite(s.data(), n);
    }
    std::vector<T> u, vt, copy;
    std::vector<RealOf<T>> s;
    int64_t n;
    DType dtype;
  };

  // det(A) A^-T, much cheaper, where A is so well-conditioned that next to nothing is lost; false
  // elsewhere.
  bool by_inverse(const T* a, T* result) const {
    std::vector<T> lu(a, a + square_);
    std::vector<int> pivots(static_cast<size_t>(n_));
    const Block<T> factors{lu.data(), n_, n_, n_};
    if (Dense<T>::factor_lu(factors, pivots.data()) != 0) return false;
    T product(1);
    for (int64_t i = 0; i < n_; ++i) {
      const T& pivot = lu[size_t(i + n_ * i)];
      product *= pivots[size_t(i)] == i + 1 ? pivot : -pivot;
    }
    if (!is_finite(product) || product == T(0)) return false;
    Dense<T>::invert_factored(factors, pivots.data());
    const double condition = frobenius(a) * frobenius(lu.data());
    if (!(condition <= 100.0 * double(n_))) return false;
    constexpr int64_t kTile = 16;  // columns that are read while one line of the result is written
    for (int64_t from = 0; from < n_; from += kTile)
      for (int64_t i = 0; i < n_; ++i)
        for (int64_t j = from; j < std::min(n_, from + kTile); ++j)
          result[j + n_ * i] = lu[size_t(i + n_ * j)] * product;
    return true;
  }

  double frobenius(const T* values) const {
    double squares = 0;
    for (int64_t i = 0; i < n_ * n_; ++i) squares += double(std::norm(values[i]));
    return std::sqrt(squares);
  }

  static std::vector<T> conjugated(std::vector<T> values) {
    if constexpr (is_complex_type<T>)
      for (T& value : values) value = std::conj(value);
    return values;
  }

  int64_t n_;
  size_t square_;
  Decomposition svd_;
};

}  // namespace

void det(const Matrices& lu, const int32_t* pivots, void* sign, void* logabsdet, void* det) {
  if (on_device(lu))
    return LinalgCall(lu.device, lu.data, pivots, sign, logabsdet, det)
        ->det(lu, pivots, sign, logabsdet, det);
  visit_scalar(lu.dtype, [&]<class T>(TypeTag<T>) {
    const int64_t n = lu.rows;
    for (int64_t i = 0; i < lu.count; ++i) {
      const T* x = matrix<T>(lu, i);
      T mantissa(1);
      RealOf<T> logarithm(0);
      int64_t exponent = 0;
      for (int64_t j = 0; j < n; ++j) {
        const T pivot = pivots[i * n + j] == j ? x[j + n * j] : -x[j + n * j];
        const RealOf<T> size = std::abs(pivot);
        int power = 0;
        if (size > 0 && std::isfinite(size)) std::frexp(size, &power);
        // In halves: 2^-power may overflow where the pivot is subnormal.
        mantissa *= pivot * std::ldexp(RealOf<T>(1), -power / 2) *
                    std::ldexp(RealOf<T>(1), -power + power / 2);
        exponent += power;
        const RealOf<T> scale = std::abs(mantissa);
        if (scale > 0 && std::isfinite(scale)) {
          std::frexp(scale, &power);
          mantissa *= std::ldexp(RealOf<T>(1), -power);
          exponent += power;
        }
        if (logabsdet) logarithm += std::log(size);
      }
      const auto clamped = static_cast<int>(std::clamp<int64_t>(exponent, -100000, 100000));
      const RealOf<T> magnitude = std::abs(mantissa);
      T phase = magnitude > 0 ? mantissa / magnitude : mantissa;
      if (std::isinf(magnitude)) phase = std::copysign(RealOf<T>(1), std::real(mantissa));
      if (det) static_cast<T*>(det)[i] = phase * std::ldexp(magnitude, clamped);
      if (sign) static_cast<T*>(sign)[i] = phase;
      if (logabsdet) static_cast<RealOf<T>*>(logabsdet)[i] = logarithm;
    }
  });
}

void det_derivative(const Matrices& a, std::span<const Matrices> directions, const Matrices& out) {
  if (on_device(a)) return det_derivative_on_device(a, directions, out);
  visit_scalar(a.dtype, [&]<class T>(TypeTag<T>) {
    const double work =
        (a.rows <= 3 ? 1 : 20) * cube(a) + std::pow(double(a.rows), double(directions.size()) + 2);
    over_dense_batch(a.count, work, [&](int64_t begin, int64_t end) {
      if (a.rows <= 3) {
        std::vector<const T*> along(directions.size());
        for (int64_t i = begin; i < end; ++i) {
          for (size_t j = 0; j < along.size(); ++j) along[j] = matrix<T>(directions[j], i);
          derivative_of_small(matrix<T>(a, i), a.rows, along, matrix<T>(out, i));
        }
        return;
      }
      AtMatrix<T> derivative(a.rows, a.dtype);
      for (int64_t i = begin; i < end; ++i) derivative(a, directions, out, i);
    });
  });
}

}  // namespace pyautograd::kernels
