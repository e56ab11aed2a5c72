#include "kernels/cpu/dense.h"

#include "kernels/cpu/matrices.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/split.h"

namespace pyautograd::kernels {

namespace {

// Up to these orders, LAPACK's own routines are as fast.
constexpr int64_t kTriangle = 64, kPanel = 96;

template <class T>
bool tiny(const Block<T>& a) {
  return std::max(a.rows, a.columns) <= Dense<T>::kTiny;
}

// Where a matrix is cut in two: about the middle, and in whole vectors.
int64_t first_half(int64_t n) { return (n / 2 + 7) & -8; }

// op(a)[i : i + m, j : j + n]
template <class T>
Block<T> part_of(const Block<T>& a, char flag, int64_t i, int64_t j, int64_t m, int64_t n) {
  return flag == 'N' ? a.part(i, j, m, n) : a.part(j, i, n, m);
}

template <class T>
void gemm(char flag_a, char flag_b, T alpha, const Block<T>& a, const Block<T>& b, T beta,
          const Block<T>& c) {
  const int m = size_of(c.rows), n = size_of(c.columns),
            k = size_of(flag_a == 'N' ? a.columns : a.rows);
  const int lda = leading(a.leading), ldb = leading(b.leading), ldc = leading(c.leading);
  lapack<T>()->gemm(&flag_a, &flag_b, &m, &n, &k, &alpha, a.data, &lda, b.data, &ldb, &beta, c.data,
                    &ldc, 1, 1);
}

// The same as a system y = m x for every line of b, m being op(a) or, on the right, its transpose.
template <class T>
void substitute_tiny(const TriangularFlags& f, const Block<T>& a, const Block<T>& b) {
  const bool left = f.side == 'L', turned = (f.transpose == 'N') != left,
             lower = (f.triangle == 'L') != turned;
  const int64_t n = a.rows, lines = left ? b.columns : b.rows;
  const int64_t down = turned ? a.leading : 1, across = turned ? 1 : a.leading;
  const int64_t step = left ? 1 : b.leading, apart = left ? b.leading : 1;
  for (int64_t line = 0; line < lines; ++line) {
    T* x = b.data + line * apart;
    for (int64_t s = 0; s < n; ++s) {
      const int64_t i = lower ? s : n - 1 - s, begin = lower ? 0 : i + 1, end = lower ? i : n;
      T sum = x[i * step];
      for (int64_t k = begin; k < end; ++k) sum -= a.data[i * down + k * across] * x[k * step];
      x[i * step] = f.diagonal == 'U' ? sum : sum / a.data[i * (down + across)];
    }
  }
}

template <class T>
int factor_lu_tiny(const Block<T>& a, int* pivots) {
  const int64_t m = a.rows, n = a.columns;
  int info = 0;
  for (int64_t j = 0; j < std::min(m, n); ++j) {
    T* column = a.data + j * a.leading;
    int64_t pivot = j;
    for (int64_t i = j + 1; i < m; ++i) {
      const T most = std::abs(column[pivot]);
      if (most == most && !(std::abs(column[i]) <= most)) pivot = i;  // a nan stays
    }
    pivots[j] = size_of(pivot + 1);
    if (column[pivot] == T(0)) {
      if (info == 0) info = size_of(j + 1);
      continue;
    }
    if (pivot != j)
      for (int64_t k = 0; k < n; ++k)
        std::swap(a.data[j + k * a.leading], a.data[pivot + k * a.leading]);
    for (int64_t i = j + 1; i < m; ++i) column[i] /= column[j];
    for (int64_t k = j + 1; k < n; ++k) {
      T* other = a.data + k * a.leading;
      for (int64_t i = j + 1; i < m; ++i) other[i] -= column[i] * other[j];
    }
  }
  return info;
}

// Column by column from the last, each of which needs those before it as they were.
template <class T>
void invert_upper_tiny(const Block<T>& a) {
  for (int64_t j = a.columns; j-- > 0;) {
    T* x = a.data + j * a.leading;
    x[j] = T(1) / x[j];
    for (int64_t i = j; i-- > 0;) {
      T sum = x[i] * x[j];
      for (int64_t k = i + 1; k < j; ++k) sum += a.data[i + k * a.leading] * x[k];
      x[i] = -sum / a.data[i + i * a.leading];
    }
  }
}

template <class T>
int factor_cholesky_tiny(bool upper, const Block<T>& a) {
  const int64_t down = upper ? a.leading : 1, across = upper ? 1 : a.leading;
  for (int64_t j = 0; j < a.rows; ++j) {
    const T* row = a.data + j * down;
    for (int64_t i = j; i < a.rows; ++i) {
      T* other = a.data + i * down;
      T sum = other[j * across];
      for (int64_t k = 0; k < j; ++k) sum -= other[k * across] * row[k * across];
      if (i > j) {
        other[j * across] = sum / row[j * across];
        continue;
      }
      other[j * across] = sum;
      if (!(sum > T(0))) return size_of(j + 1);
      other[j * across] = std::sqrt(sum);
    }
  }
  return 0;
}

// In one thread, by halves of the triangle: BLAS's own products are faster than its substitution.
template <class T>
void substitute(const TriangularFlags& f, const Block<T>& a, const Block<T>& b) {
  const int64_t n = a.rows;
  if constexpr (!is_complex_type<T>) {
    if (tiny(a) && (f.side == 'L' ? b.columns : b.rows) <= Dense<T>::kTiny)
      return substitute_tiny(f, a, b);
  }
  if (n <= kTriangle) {
    const int rows = size_of(b.rows), columns = size_of(b.columns), lda = leading(a.leading),
              ldb = leading(b.leading);
    const T one(1);
    lapack<T>()->trsm(&f.side, &f.triangle, &f.transpose, &f.diagonal, &rows, &columns, &one,
                      a.data, &lda, b.data, &ldb, 1, 1, 1, 1);
    return;
  }
  const bool left = f.side == 'L', lower = (f.triangle == 'L') == (f.transpose == 'N');
  const int64_t half = first_half(n), rest = n - half;
  const auto diagonal = [&](bool first) {
    return first ? a.part(0, 0, half, half) : a.part(half, half, rest, rest);
  };
  const auto unknowns = [&](bool first) {
    const int64_t begin = first ? 0 : half, size = first ? half : rest;
    return left ? b.part(begin, 0, size, b.columns) : b.part(0, begin, b.rows, size);
  };
  const Block<T> corner = lower ? part_of(a, f.transpose, half, 0, rest, half)
                                : part_of(a, f.transpose, 0, half, half, rest);
  const bool first = left == lower;
  substitute(f, diagonal(first), unknowns(first));
  if (left)
    gemm(f.transpose, 'N', T(-1), corner, unknowns(first), T(1), unknowns(!first));
  else
    gemm('N', f.transpose, T(-1), unknowns(first), corner, T(1), unknowns(!first));
  substitute(f, diagonal(!first), unknowns(!first));
}

// Exchanges row i with row pivots[i] for i from begin to end, or back again.
template <class T>
void exchange_rows(const Block<T>& a, const int* pivots, int64_t begin, int64_t end, bool back) {
  over_lines(a.columns, 16 * (end - begin), [&](int64_t from, int64_t to) {
    for (int64_t j = from; j < to; ++j) {
      T* column = a.data + j * a.leading;
      if (back)
        for (int64_t i = end; i-- > begin;) std::swap(column[i], column[pivots[i] - 1]);
      else
        for (int64_t i = begin; i < end; ++i) std::swap(column[i], column[pivots[i] - 1]);
    }
  });
}

template <class T>
void exchange_columns(const Block<T>& a, const int* pivots, bool back) {
  over_lines(a.rows, 4 * a.columns, [&](int64_t from, int64_t to) {
    const auto exchange = [&](int64_t j) {
      T *one = a.data + j * a.leading, *other = a.data + (pivots[j] - 1) * a.leading;
      if (one != other) std::swap_ranges(one + from, one + to, other + from);
    };
    if (back)
      for (int64_t j = a.columns; j-- > 0;) exchange(j);
    else
      for (int64_t j = 0; j < a.columns; ++j) exchange(j);
  });
}

template <class T>
void invert_upper(const Block<T>& a) {
  const int64_t n = a.rows;
  if constexpr (!is_complex_type<T>) {
    if (tiny(a)) return invert_upper_tiny(a);
  }
  if (n <= kTriangle) {
    const int size = size_of(n), lda = leading(a.leading);
    const char upper = 'U', plain = 'N';
    int info = 0;
    lapack<T>()->trtri(&upper, &plain, &size, a.data, &lda, &info, 1, 1);
    return;
  }
  const int64_t half = first_half(n), rest = n - half;
  const Block<T> first = a.part(0, 0, half, half), second = a.part(half, half, rest, rest),
                 corner = a.part(0, half, half, rest);
  Dense<T>::solve_triangular({'L', 'U', 'N', 'N'}, first, corner);
  Dense<T>::solve_triangular({'R', 'U', 'N', 'N'}, second, corner);
  for (int64_t j = 0; j < rest; ++j)
    for (int64_t i = 0; i < half; ++i) corner.data[i + j * corner.leading] *= T(-1);
  invert_upper(first);
  invert_upper(second);
}

// One triangle of c loses x x^H, or x^H x where the upper one is asked for.
template <class T>
void subtract_square(bool upper, const Block<T>& x, const Block<T>& c) {
  using R = RealOf<T>;
  const int64_t n = c.rows, inner = upper ? x.rows : x.columns;
  const char triangle = upper ? 'U' : 'L', flag = upper ? 'C' : 'N', other = upper ? 'N' : 'C';
  const auto lines = [&](int64_t begin, int64_t count) {
    return upper ? x.part(0, begin, inner, count) : x.part(begin, 0, count, inner);
  };
  over_lines(n, inner * n / 2, [&](int64_t begin, int64_t end) {
    const int64_t width = end - begin, rest = n - end;
    const Block<T> own = lines(begin, width), square = c.part(begin, begin, width, width);
    const int size = size_of(width), k = size_of(inner), ldx = leading(x.leading),
              ldc = leading(c.leading);
    const R minus(-1), one(1);
    lapack<T>()->herk(&triangle, &flag, &size, &k, &minus, own.data, &ldx, &one, square.data, &ldc,
                      1, 1);
    if (rest == 0) return;
    if (upper)
      gemm(flag, other, T(-1), own, lines(end, rest), T(1), c.part(begin, end, width, rest));
    else
      gemm(flag, other, T(-1), lines(end, rest), own, T(1), c.part(end, begin, rest, width));
  });
}

}  // namespace

template <class T>
void Dense<T>::multiply(char flag_a, char flag_b, T alpha, const Block<T>& a, const Block<T>& b,
                        T beta, const Block<T>& c) {
  const int64_t k = flag_a == 'N' ? a.columns : a.rows;
  over_blocks(c.rows, c.columns, k, [&](int64_t i, int64_t j, int64_t m, int64_t n) {
    gemm(flag_a, flag_b, alpha, part_of(a, flag_a, i, 0, m, k), part_of(b, flag_b, 0, j, k, n),
         beta, c.part(i, j, m, n));
  });
}

template <class T>
void Dense<T>::solve_triangular(const TriangularFlags& flags, const Block<T>& a,
                                const Block<T>& b) {
  const bool left = flags.side == 'L';
  over_lines(left ? b.columns : b.rows, a.rows * a.rows / 2, [&](int64_t begin, int64_t end) {
    substitute(
        flags, a,
        left ? b.part(0, begin, b.rows, end - begin) : b.part(begin, 0, end - begin, b.columns));
  });
}

template <class T>
int Dense<T>::factor_lu(const Block<T>& a, int* pivots) {
  const int64_t m = a.rows, n = a.columns, k = std::min(m, n);
  if constexpr (!is_complex_type<T>) {
    if (tiny(a)) return factor_lu_tiny(a, pivots);
  }
  if (k <= kPanel) {
    const int rows = size_of(m), columns = size_of(n), lda = leading(a.leading);
    int info = 0;
    lapack<T>()->getrf(&rows, &columns, a.data, &lda, pivots, &info);
    return info;
  }
  const int64_t half = first_half(k);
  const Block<T> left = a.part(0, 0, m, half), right = a.part(0, half, m, n - half);
  const Block<T> top = right.part(0, 0, half, n - half),
                 bottom = right.part(half, 0, m - half, n - half);
  const int first = factor_lu(left, pivots);
  exchange_rows(right, pivots, 0, half, false);
  solve_triangular({'L', 'L', 'N', 'U'}, left.part(0, 0, half, half), top);
  multiply('N', 'N', T(-1), left.part(half, 0, m - half, half), top, T(1), bottom);
  const int second = factor_lu(bottom, pivots + half);
  for (int64_t i = half; i < k; ++i) pivots[i] += size_of(half);
  exchange_rows(left, pivots, half, k, false);
  return first != 0 || second == 0 ? first : second + size_of(half);
}

template <class T>
void Dense<T>::solve_factored(const Block<T>& lu, const int* pivots, char side, bool transposed,
                              const Block<T>& b) {
  const char flag = transposed ? 'T' : 'N';
  const TriangularFlags lower{side, 'L', flag, 'U'}, upper{side, 'U', flag, 'N'};
  // The exchanges stand on the left of the lower factor.
  const bool exchanges_first = (side == 'L') != transposed;
  const auto exchange = [&] {
    if (side == 'L')
      exchange_rows(b, pivots, 0, lu.rows, transposed);
    else
      exchange_columns(b, pivots, !transposed);
  };
  if (exchanges_first) exchange();
  solve_triangular(exchanges_first ? lower : upper, lu, b);
  solve_triangular(exchanges_first ? upper : lower, lu, b);
  if (!exchanges_first) exchange();
}

template <class T>
void Dense<T>::invert_factored(const Block<T>& lu, const int* pivots) {
  const int64_t n = lu.rows;
  Scratch<T> lower(n * n);
  for (int64_t j = 0; j < n; ++j) {
    T* below = lu.data + j * lu.leading + j + 1;
    std::copy_n(below, n - j - 1, lower.get() + j * n + j + 1);
    std::fill_n(below, n - j - 1, T(0));
  }
  invert_upper(lu);
  solve_triangular({'R', 'L', 'N', 'U'}, Block<T>{lower.get(), n, n, n}, lu);
  exchange_columns(lu, pivots, true);
  over_lines(n, 16 * n, [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; ++j)
      for (int64_t i = 0; i < n; ++i) lu.data[i + j * lu.leading] += T(0);  // no negative zeros
  });
}

template <class T>
int Dense<T>::factor_cholesky(bool upper, const Block<T>& a) {
  const int64_t n = a.rows;
  if constexpr (!is_complex_type<T>) {
    if (tiny(a)) return factor_cholesky_tiny(upper, a);
  }
  if (n <= kPanel) {
    const char triangle = upper ? 'U' : 'L';
    const int size = size_of(n), lda = leading(a.leading);
    int info = 0;
    lapack<T>()->potrf(&triangle, &size, a.data, &lda, &info, 1);
    return info;
  }
  const int64_t half = first_half(n), rest = n - half;
  const Block<T> first = a.part(0, 0, half, half), second = a.part(half, half, rest, rest);
  if (const int info = factor_cholesky(upper, first)) return info;
  const Block<T> corner = upper ? a.part(0, half, half, rest) : a.part(half, 0, rest, half);
  solve_triangular(
      upper ? TriangularFlags{'L', 'U', 'C', 'N'} : TriangularFlags{'R', 'L', 'C', 'N'}, first,
      corner);
  subtract_square(upper, corner, second);
  const int info = factor_cholesky(upper, second);
  return info == 0 ? 0 : info + size_of(half);
}

template struct Dense<float>;
template struct Dense<double>;
template struct Dense<std::complex<float>>;
template struct Dense<std::complex<double>>;

}  // namespace pyautograd::kernels
