// Factorizations and solvers: cuSOLVER for each matrix, or one call for many small ones.

#include "kernels/cuda/batches.h"
#include "kernels/cuda/fold.h"
#include "kernels/cuda/tables.h"

namespace pyautograd::kernels::cuda {

namespace {

using solver::as_int;
using solver::Session;
using solver::Work;

bool go_together(const Matrices& a) { return a.count > 1 && a.rows <= solver::kMostBatched; }

// Pivots of cuSOLVER count from one.
template <class From>
struct CountFromZero {
  int32_t* out;
  const From* pivots;
  PYAUTOGRAD_HD void operator()(int64_t i) const { out[i] = static_cast<int32_t>(pivots[i] - 1); }
};

void lu(const Matrices& a, int32_t* pivots, int32_t* info) {
  if (is_empty(a)) return;
  Session session(a.device, a.dtype);
  if (a.rows != a.columns) session.need_cusolver();
  const int64_t m = a.rows, n = a.columns, k = std::min(m, n), pivot_count = a.count * k;
  const Reports reports(session, a.count);
  if (m == n && (go_together(a) || session.queue.captured())) {
    const Pointers matrices(session, a);
    check_status(
        session.f.getrf_batched[session.letter](session.blas, as_int(n), matrices.get(), as_int(m),
                                                pivots, reports.info(0), as_int(a.count)),
        "cublasgetrfBatched");
    session.queue.each(pivot_count, CountFromZero<int32_t>{pivots, pivots});
  } else {
    size_t device = 0, host = 0;
    check_status(session.f.getrf_size(session.dense, session.params, m, n, session.type, a.data, m,
                                      session.type, &device, &host),
                 "cusolverDnXgetrf_bufferSize");
    Work work(session, device, host);
    const Scratch wide(session.queue.device(), static_cast<size_t>(pivot_count) * sizeof(int64_t));
    for (int64_t i = 0; i < a.count; ++i)
      check_status(
          session.f.getrf(session.dense, session.params, m, n, session.type, matrix_at(a, i), m,
                          wide.as<int64_t>() + i * k, session.type, work.device(),
                          work.device_bytes, work.host(), work.host_bytes, reports.info(i)),
          "cusolverDnXgetrf");
    session.queue.each(pivot_count, CountFromZero<int64_t>{pivots, wide.as<int64_t>()});
    // The workspace on the host must outlive the routine.
    if (!info && host > 0) own_backend().synchronize(session.queue.device());
  }
  reports.read(info);
}

// Hermitian matrices in full from one triangle.
template <class T>
struct Mirror {
  T* data;
  int64_t n;
  bool upper;
  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t place = item % (n * n), j = place / n, i = place - j * n;
    if (i == j)
      data[item] = T(real_part(data[item]));
    else if (upper ? i > j : i < j)
      data[item] = conjugate(data[item - place + i * n + j]);
  }
};

// The roots of the diagonals, and which matrix is not positive definite.
template <class T>
struct RootsOfPivots {
  RealOf<T>* roots;
  const T* factors;
  int64_t n;
  int* info;
  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t matrix = item / n, k = item - matrix * n;
    const RealOf<T> pivot = real_part(factors[item * n + k]);
    roots[item] = std::sqrt(pivot);
    // Whoever writes here writes the same.
    if (!(pivot > 0)) info[matrix] = 1;
  }
};

// L D L^H, of which L and D L^H are there, as the product of a triangle and its adjoint.
template <class T>
struct ShareRoots {
  T* data;
  const RealOf<T>* roots;
  const int* info;
  int64_t n;
  bool upper;
  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t matrix = item / (n * n), place = item % (n * n), j = place / n, i = place - j * n;
    const RealOf<T>* root = roots + matrix * n;
    if (info[matrix] != 0)
      data[item] = T(std::numeric_limits<RealOf<T>>::quiet_NaN());
    else if (i == j)
      data[item] = T(root[i]);
    else if (upper)
      data[item] = data[item] * (RealOf<T>(1) / root[i]);
    else
      data[item] = data[item] * root[j];
  }
};

// By cuBLAS alone: LU without exchanges of rows, which a positive definite matrix does not need
// (Golub and Van Loan 2013, 4.2).
void cholesky_by_lu(Session& session, const Matrices& a, bool upper, const Reports& reports) {
  const int64_t n = a.rows, elements = a.count * size_of(a);
  const Pointers matrices(session, a);
  const Scratch memory(session.queue.device(),
                       static_cast<size_t>(a.count * n * itemsize(real_of(a.dtype))));
  visit_scalar(a.dtype, [&]<class T>(TypeTag<T>) {
    T* data = static_cast<T*>(a.data);
    auto* roots = memory.as<RealOf<T>>();
    session.queue.each(elements, Mirror<T>{data, n, upper});
    check_status(
        session.f.getrf_batched[session.letter](session.blas, as_int(n), matrices.get(), as_int(n),
                                                nullptr, reports.info(0), as_int(a.count)),
        "cublasgetrfBatched");
    session.queue.each(a.count * n, RootsOfPivots<T>{roots, data, n, reports.info(0)});
    session.queue.each(elements, ShareRoots<T>{data, roots, reports.info(0), n, upper});
  });
}

void cholesky(const Matrices& a, bool upper, int32_t* info) {
  if (is_empty(a)) return;
  Session session(a.device, a.dtype);
  const int fill = upper ? solver::kUpper : solver::kLower;
  const int64_t n = a.rows;
  const Reports reports(session, a.count);
  if (session.queue.captured()) {
    cholesky_by_lu(session, a, upper, reports);
  } else if (go_together(a)) {
    const Pointers matrices(session, a);
    check_status(
        session.f.potrf_batched[session.letter](session.dense, fill, as_int(n), matrices.get(),
                                                as_int(n), reports.info(0), as_int(a.count)),
        "cusolverDnpotrfBatched");
  } else {
    size_t device = 0, host = 0;
    check_status(session.f.potrf_size(session.dense, session.params, fill, n, session.type, a.data,
                                      n, session.type, &device, &host),
                 "cusolverDnXpotrf_bufferSize");
    Work work(session, device, host);
    for (int64_t i = 0; i < a.count; ++i)
      check_status(
          session.f.potrf(session.dense, session.params, fill, n, session.type, matrix_at(a, i), n,
                          session.type, work.device(), work.device_bytes, work.host(),
                          work.host_bytes, reports.info(i)),
          "cusolverDnXpotrf");
  }
  clear_triangle(session.queue, a, !upper);
  reports.read(info);
}

// The number one in each dtype.
const void* one_of(const Session& session) {
  static const std::complex<float> single(1);
  static const std::complex<double> twice(1);
  return session.real_type == solver::kReal32 ? static_cast<const void*>(&single) : &twice;
}

// With `which` as an array of the host and as the device has it.
void solve_triangular(Session& session, const Matrices& a, const Matrices& b, const int64_t* which,
                      const Which& there, Triangle triangle) {
  const int side = triangle.side.right ? solver::kRight : solver::kLeft;
  const int fill = triangle.lower ? solver::kLower : solver::kUpper;
  const int operation = triangle.side.transposed ? solver::kTransposed : solver::kPlain;
  const int diagonal = triangle.unit_diagonal ? solver::kUnitDiagonal : solver::kReadDiagonal;
  const int m = as_int(b.rows), n = as_int(b.columns), lda = as_int(a.rows);
  const void* one = one_of(session);
  if (b.count > 1 && a.rows <= solver::kMostBatched) {
    const Pointers left(session, a, b.count, there.map()), right(session, b);
    check_status(session.f.trsm_batched[session.letter](session.blas, side, fill, operation,
                                                        diagonal, m, n, one, left.get(), lda,
                                                        right.get(), m, as_int(b.count)),
                 "cublastrsmBatched");
    return;
  }
  for (int64_t i = 0; i < b.count; ++i)
    check_status(
        session.f.trsm[session.letter](session.blas, side, fill, operation, diagonal, m, n, one,
                                       matrix_at(a, which ? which[i] : i), lda, matrix_at(b, i), m),
        "cublastrsm");
}

void triangular(const Matrices& a, const Matrices& b, const int64_t* which, Triangle triangle) {
  if (is_empty(b)) return;
  Session session(b.device, b.dtype);
  solve_triangular(session, a, b, which, Which(session, which, b.count), triangle);
}

// Exchanges rows of every matrix, or its columns; an item is a line across all that is exchanged.
template <class U>
struct Exchange {
  U* data;
  const int32_t* pivots;
  Which::Map which;  // of the pivots, for each matrix
  int64_t rows, columns, count;
  bool of_columns, back;

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t lines = of_columns ? rows : columns, matrix = item / lines;
    const int64_t line = item - matrix * lines, step = of_columns ? rows : 1;
    U* first = data + matrix * rows * columns + line * (of_columns ? 1 : rows);
    const int32_t* own = pivots + which(matrix) * count;
    for (int64_t k = 0; k < count; ++k) {
      const int64_t i = back ? count - 1 - k : k;
      const int64_t other = own[i] < 0 ? 0 : own[i] < count ? own[i] : count - 1;
      const U kept = first[i * step];
      first[i * step] = first[other * step];
      first[other * step] = kept;
    }
  }
};

// b becomes the solution: what dense.h does in solve_factored.
void solve_factored(Session& session, const Matrices& lu, const int32_t* pivots, const Matrices& b,
                    const int64_t* which, Side side) {
  const Which there(session, which, b.count);
  const Triangle lower{.lower = true, .unit_diagonal = true, .side = side};
  const Triangle upper{.lower = false, .unit_diagonal = false, .side = side};
  // The exchanges stand on the left of the lower factor.
  const bool exchanges_first = side.right == side.transposed;
  const auto exchange = [&] {
    visit_size(itemsize(b.dtype), [&]<class U>(TypeTag<U>) {
      session.queue.each(b.count * (side.right ? b.rows : b.columns),
                         Exchange<U>{static_cast<U*>(b.data), pivots, there.map(), b.rows,
                                     b.columns, lu.rows, side.right, !exchanges_first});
    });
  };
  if (exchanges_first) exchange();
  solve_triangular(session, lu, b, which, there, exchanges_first ? lower : upper);
  solve_triangular(session, lu, b, which, there, exchanges_first ? upper : lower);
  if (!exchanges_first) exchange();
}

void lu_solve(const Matrices& lu, const int32_t* pivots, const Matrices& b, const int64_t* which,
              Side side) {
  if (is_empty(b)) return;
  Session session(b.device, b.dtype);
  solve_factored(session, lu, pivots, b, which, side);
}

template <class T>
struct SetIdentity {
  T* data;
  int64_t rows, columns;
  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t place = item % (rows * columns);
    data[item] = place / rows == place % rows ? T(1) : T(0);
  }
};

void set_identity(Queue& queue, const Matrices& x) {
  visit_scalar(x.dtype, [&]<class T>(TypeTag<T>) {
    queue.each(x.count * size_of(x), SetIdentity<T>{static_cast<T*>(x.data), x.rows, x.columns});
  });
}

// Whether a pivot is zero, for each matrix.
template <class T>
struct FindZeroPivot {
  using Value = int;
  int* found;
  const T* lu;
  int64_t n;
  PYAUTOGRAD_HD int part(int64_t matrix, int thread, int threads) const {
    int zero = 0;
    for (int64_t j = thread; j < n; j += threads)
      if (lu[(matrix * n + j) * n + j] == T(0)) zero = 1;
    return zero;
  }
  PYAUTOGRAD_HD int combine(int a, int b) const { return a | b; }
  PYAUTOGRAD_HD void finish(int64_t matrix, int thread, int, int total) const {
    if (thread == 0) found[matrix] = total;
  }
};

// nan for the whole inverse there; and no negative zeros.
template <class T>
struct FinishInverse {
  T* data;
  const int* found;
  int64_t elements;  // of a matrix
  PYAUTOGRAD_HD void operator()(int64_t item) const {
    data[item] = found[item / elements] ? T(std::numeric_limits<RealOf<T>>::quiet_NaN())
                                        : Formula<Add, T>()(data[item], T(0));
  }
};

void lu_inverse(const Matrices& lu, const int32_t* pivots) {
  if (is_empty(lu)) return;
  Session session(lu.device, lu.dtype);
  const Scratch memory(session.queue.device(), bytes_of(lu));
  Matrices factors = lu;
  factors.data = memory.as<void>();
  copy_plain(session.queue, factors, lu);
  set_identity(session.queue, lu);
  solve_factored(session, factors, pivots, lu, nullptr, {.right = false, .transposed = false});
  const Scratch marks(session.queue.device(), static_cast<size_t>(lu.count) * sizeof(int));
  visit_scalar(lu.dtype, [&]<class T>(TypeTag<T>) {
    session.queue.folds(lu.count, threads_for(lu.rows, 1),
                        FindZeroPivot<T>{marks.as<int>(), memory.as<T>(), lu.rows});
    session.queue.each(lu.count * size_of(lu),
                       FinishInverse<T>{static_cast<T*>(lu.data), marks.as<int>(), size_of(lu)});
  });
}

// A matrix for each item, in double precision: the number of digits before the point is kept apart.
template <class T>
struct Determinant {
  const T* lu;
  const int32_t* pivots;
  int64_t n;
  T* sign;
  RealOf<T>* logabsdet;
  T* det;

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    double re = 1, im = 0, logarithm = 0;
    int64_t exponent = 0;
    for (int64_t j = 0; j < n; ++j) {
      const T entry = lu[(item * n + j) * n + j];
      const double turn = pivots[item * n + j] == j ? 1 : -1;
      double x, y = 0;
      if constexpr (is_complex_type<T>) {
        x = turn * entry.real();
        y = turn * entry.imag();
      } else {
        x = turn * entry;
      }
      const double size = is_complex_type<T> ? hypot(x, y) : fabs(x);
      logarithm += log(size);
      scale(x, y, size, exponent);
      const double product = re * x - im * y;
      im = re * y + im * x;
      re = product;
      scale(re, im, is_complex_type<T> ? hypot(re, im) : fabs(re), exponent);
    }
    const double size = is_complex_type<T> ? hypot(re, im) : fabs(re);
    const bool infinite = size - size != 0 && size == size;
    const double phase_re = infinite ? copysign(1.0, re) : size > 0 ? re / size : re;
    const double phase_im = infinite ? 0.0 : size > 0 ? im / size : im;
    const int64_t most = 100000;
    const double magnitude = ldexp(size, static_cast<int>(exponent < -most  ? -most
                                                          : exponent > most ? most
                                                                            : exponent));
    if (det) det[item] = number(phase_re * magnitude, phase_im * magnitude);
    if (sign) sign[item] = number(phase_re, phase_im);
    if (logabsdet) logabsdet[item] = static_cast<RealOf<T>>(logarithm);
  }

 private:
  // Takes the power of two out, in halves: one may overflow where the number is subnormal.
  PYAUTOGRAD_HD static void scale(double& x, double& y, double size, int64_t& exponent) {
    if (!(size > 0) || size - size != 0) return;
    int power = 0;
    frexp(size, &power);
    const double half = ldexp(1.0, -power / 2), rest = ldexp(1.0, -power + power / 2);
    x = x * half * rest;
    y = y * half * rest;
    exponent += power;
  }
  PYAUTOGRAD_HD static T number(double re, [[maybe_unused]] double im) {
    if constexpr (is_complex_type<T>)
      return T(static_cast<RealOf<T>>(re), static_cast<RealOf<T>>(im));
    else
      return static_cast<T>(re);
  }
};

void det(const Matrices& lu, const int32_t* pivots, void* sign, void* logabsdet, void* det) {
  if (lu.count == 0) return;
  visit_scalar(lu.dtype, [&]<class T>(TypeTag<T>) {
    Queue(lu.device).each(
        lu.count,
        Determinant<T>{static_cast<const T*>(lu.data), pivots, lu.rows, static_cast<T*>(sign),
                       static_cast<RealOf<T>*>(logabsdet), static_cast<T*>(det)});
  });
}

// The first k columns of Q from reflections, which lie in the first columns of q.
void make_q(Session& session, const Matrices& q, int64_t i, int64_t reflections, const void* tau,
            void* work, int size, int* info) {
  const int m = as_int(q.rows), k = as_int(q.columns);
  check_status(session.f.ungqr[session.letter](session.dense, m, k, as_int(reflections),
                                               matrix_at(q, i), m, tau, work, size, info),
               "cusolverDnungqr");
}

void qr(const Matrices& a, const Matrices* q) {
  const int64_t m = a.rows, n = a.columns, reflections = q ? std::min({m, n, q->columns}) : 0;
  if (is_empty(a)) {
    if (!q || is_empty(*q)) return;
    Queue queue(a.device);
    return set_identity(queue, *q);
  }
  Session session(a.device, a.dtype);
  session.need_cusolver();
  const Reports reports(session, 1);  // of wrong arguments alone
  const int64_t k = std::min(m, n);
  const Scratch tau(session.queue.device(), static_cast<size_t>(k * itemsize(a.dtype)));
  size_t device = 0, host = 0;
  check_status(session.f.geqrf_size(session.dense, session.params, m, n, session.type, a.data, m,
                                    session.type, tau.as<void>(), session.type, &device, &host),
               "cusolverDnXgeqrf_bufferSize");
  int elements = 0;
  if (q)
    check_status(session.f.ungqr_size[session.letter](session.dense, as_int(m), as_int(q->columns),
                                                      as_int(reflections), q->data, as_int(m),
                                                      tau.as<void>(), &elements),
                 "cusolverDnungqr_bufferSize");
  Work work(session, device, host);
  const Scratch q_work(session.queue.device(), static_cast<size_t>(elements * itemsize(a.dtype)));
  for (int64_t i = 0; i < a.count; ++i) {
    check_status(session.f.geqrf(session.dense, session.params, m, n, session.type, matrix_at(a, i),
                                 m, session.type, tau.as<void>(), session.type, work.device(),
                                 work.device_bytes, work.host(), work.host_bytes, reports.info(0)),
                 "cusolverDnXgeqrf");
    if (!q) continue;
    Matrices from = a, to = *q;
    from.data = matrix_at(a, i);
    to.data = matrix_at(*q, i);
    from.count = to.count = 1;
    from.columns = to.columns = reflections;
    copy_plain(session.queue, to, from);
    make_q(session, *q, i, reflections, tau.as<void>(), q_work.as<void>(), elements,
           reports.info(0));
  }
  clear_triangle(session.queue, a, false);
  if (host > 0) own_backend().synchronize(session.queue.device());
}

}  // namespace

void install_factor(DeviceKernels& table) {
  table.linalg.lu = &lu;
  table.linalg.det = &det;
  table.linalg.lu_solve = &lu_solve;
  table.linalg.lu_inverse = &lu_inverse;
  table.linalg.cholesky = &cholesky;
  table.linalg.solve_triangular = &triangular;
  table.linalg.qr = &qr;
}

}  // namespace pyautograd::kernels::cuda
