// Singular values and eigenvalues: cuSOLVER for each matrix, or one call for many small ones.

#include "kernels/cuda/batches.h"
#include "kernels/cuda/tables.h"

namespace pyautograd::kernels::cuda {

namespace {

using solver::as_int;
using solver::Session;
using solver::Work;

// Real numbers that belong to each matrix, as a matrix of one column.
Matrices vectors_of(const Matrices& a, void* data, int64_t length, DType dtype) {
  return {data, dtype, a.count, length, 1, a.device};
}

// The first rows of the conjugate transpose of v, whose columns are `columns` long.
template <class T>
struct Adjoint {
  T* out;
  const T* v;
  int64_t rows, columns, step;  // of out; from one v to the next
  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t matrix = item / (rows * columns), place = item - matrix * rows * columns;
    const int64_t j = place / rows, i = place - j * rows;
    out[item] = conjugate(v[matrix * step + i * columns + j]);
  }
};

// What the routines of either kind write to, beside the singular values.
struct SingularVectors {
  Matrices u, v;  // as cuSOLVER has them: v is not transposed
};

void svd_each(Session& session, const Matrices& a, void* s, const SingularVectors& to, bool vectors,
              const Reports& reports) {
  const int m = as_int(a.rows), n = as_int(a.columns), k = std::min(m, n);
  const int thin = to.u.columns == k && to.v.columns == k ? 1 : 0;
  const int mode = vectors ? solver::kVectors : solver::kNoVectors;
  int size = 0;
  check_status(session.f.gesvdj_size[session.letter](session.dense, mode, thin, m, n, a.data, m, s,
                                                     to.u.data, m, to.v.data, n, &size,
                                                     session.gesvdj_settings),
               "cusolverDngesvdj_bufferSize");
  const Scratch work(session.queue.device(), static_cast<size_t>(size * itemsize(a.dtype)));
  for (int64_t i = 0; i < a.count; ++i) {
    void* values = static_cast<std::byte*>(s) + i * k * itemsize(real_of(a.dtype));
    check_status(
        session.f.gesvdj[session.letter](
            session.dense, mode, thin, m, n, matrix_at(a, i), m, values,
            matrix_at(to.u, to.u.count == 1 ? 0 : i), m, matrix_at(to.v, to.v.count == 1 ? 0 : i),
            n, work.as<void>(), size, reports.info(i), session.gesvdj_settings),
        "cusolverDngesvdj");
  }
}

void svd_together(Session& session, const Matrices& a, void* s, const SingularVectors& to,
                  bool vectors, const Reports& reports) {
  const int m = as_int(a.rows), n = as_int(a.columns), count = as_int(a.count);
  const int mode = vectors ? solver::kVectors : solver::kNoVectors;
  int size = 0;
  check_status(session.f.gesvdj_batched_size[session.letter](session.dense, mode, m, n, a.data, m,
                                                             s, to.u.data, m, to.v.data, n, &size,
                                                             session.gesvdj_settings, count),
               "cusolverDngesvdjBatched_bufferSize");
  const Scratch work(session.queue.device(), static_cast<size_t>(size * itemsize(a.dtype)));
  check_status(session.f.gesvdj_batched[session.letter](
                   session.dense, mode, m, n, a.data, m, s, to.u.data, m, to.v.data, n,
                   work.as<void>(), size, reports.info(0), session.gesvdj_settings, count),
               "cusolverDngesvdjBatched");
}

void svd(const Matrices& a, void* s, const Matrices* u, const Matrices* vh, int32_t* info) {
  if (is_empty(a)) return;
  Session session(a.device, a.dtype);
  session.need_cusolver();
  const int64_t m = a.rows, n = a.columns, k = std::min(m, n);
  Reports reports(session, a.count);
  reports.take_out_non_finite(a, Reports::Part::Whole);
  const bool together = a.count > 1 && std::max(m, n) <= solver::kMostJacobi;
  const bool full = u && (u->columns > k || vh->rows > k);
  // Nobody reads the vectors where only values are asked for, but the routines want the memory. The
  // batched one has full vectors alone.
  const int64_t count = together || u ? a.count : 1;
  const bool square = together || full;
  Matrices left{nullptr, a.dtype, count, m, square ? m : k, a.device};
  Matrices right{nullptr, a.dtype, count, n, square ? n : k, a.device};
  const bool in_place = u && left.columns == u->columns;
  const Scratch u_memory(session.queue.device(), in_place ? 0 : bytes_of(left));
  const Scratch v_memory(session.queue.device(), bytes_of(right));
  left.data = in_place ? u->data : u_memory.as<void>();
  right.data = v_memory.as<void>();
  (together ? svd_together : svd_each)(session, a, s, {left, right}, u != nullptr, reports);
  if (u) {
    if (!in_place) copy_plain(session.queue, *u, left);
    visit_scalar(a.dtype, [&]<class T>(TypeTag<T>) {
      session.queue.each(vh->count * size_of(*vh),
                         Adjoint<T>{static_cast<T*>(vh->data), static_cast<const T*>(right.data),
                                    vh->rows, n, size_of(right)});
    });
    reports.spoil(*u);
    reports.spoil(*vh);
  }
  reports.spoil(vectors_of(a, s, k, real_of(a.dtype)));
  reports.read(info, Reports::Fails::Nan);
}

void eigh(const Matrices& a, void* w, bool lower, bool vectors, int32_t* info) {
  if (is_empty(a)) return;
  Session session(a.device, a.dtype);
  session.need_cusolver();
  const int64_t n = a.rows;
  const int fill = lower ? solver::kLower : solver::kUpper;
  const int mode = vectors ? solver::kVectors : solver::kNoVectors;
  Reports reports(session, a.count);
  reports.take_out_non_finite(a, lower ? Reports::Part::Lower : Reports::Part::Upper);
  if (a.count > 1 && n <= solver::kMostJacobi) {
    const int order = as_int(n), count = as_int(a.count);
    int size = 0;
    check_status(session.f.heevj_batched_size[session.letter](session.dense, mode, fill, order,
                                                              a.data, order, w, &size,
                                                              session.syevj_settings, count),
                 "cusolverDnsyevjBatched_bufferSize");
    const Scratch work(session.queue.device(), static_cast<size_t>(size * itemsize(a.dtype)));
    check_status(session.f.heevj_batched[session.letter](
                     session.dense, mode, fill, order, a.data, order, w, work.as<void>(), size,
                     reports.info(0), session.syevj_settings, count),
                 "cusolverDnsyevjBatched");
  } else {
    size_t device = 0, host = 0;
    check_status(
        session.f.syevd_size(session.dense, session.params, mode, fill, n, session.type, a.data, n,
                             session.real_type, w, session.type, &device, &host),
        "cusolverDnXsyevd_bufferSize");
    Work work(session, device, host);
    for (int64_t i = 0; i < a.count; ++i) {
      void* values = static_cast<std::byte*>(w) + i * n * itemsize(real_of(a.dtype));
      check_status(session.f.syevd(session.dense, session.params, mode, fill, n, session.type,
                                   matrix_at(a, i), n, session.real_type, values, session.type,
                                   work.device(), work.device_bytes, work.host(), work.host_bytes,
                                   reports.info(i)),
                   "cusolverDnXsyevd");
    }
  }
  reports.spoil(vectors_of(a, w, n, real_of(a.dtype)));
  if (vectors) reports.spoil(a);
  reports.read(info);
}

// A pair of conjugate eigenvectors comes as two columns, its real and its imaginary part; that with
// the positive imaginary part of the eigenvalue is the first.
template <class R>
struct JoinPairs {
  std::complex<R>* out;
  const R* columns;
  const std::complex<R>* w;
  int64_t n;
  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const R turn = w[item / n].imag();
    const R own = columns[item];
    out[item] = turn == R(0)  ? std::complex<R>(own, R(0))
                : turn > R(0) ? std::complex<R>(own, columns[item + n])
                              : std::complex<R>(columns[item - n], -own);
  }
};

bool eig(const Matrices& a, void* w, const Matrices* v, int32_t* info) {
  if (is_empty(a)) return true;
  Session session(a.device, a.dtype);
  session.need_cusolver();
  if (!session.f.geev || !session.f.geev_size) return false;
  const int64_t n = a.rows;
  const bool real = !is_complex(a.dtype);
  const int w_type = real ? session.real_type + (solver::kComplex32 - solver::kReal32)
                          : static_cast<int>(session.type);
  const int mode = v ? solver::kVectors : solver::kNoVectors;
  Reports reports(session, a.count);
  reports.take_out_non_finite(a, Reports::Part::Whole);
  const Scratch columns(session.queue.device(), v && real ? bytes_of(a) : 0);
  Matrices to = v ? *v : a;
  if (v && real) to = {columns.as<void>(), a.dtype, a.count, n, n, a.device};
  const auto vectors = [&](int64_t i) { return v ? matrix_at(to, i) : nullptr; };
  size_t device = 0, host = 0;
  check_status(session.f.geev_size(session.dense, session.params, solver::kNoVectors, mode, n,
                                   session.type, a.data, n, w_type, w, session.type, nullptr, n,
                                   session.type, vectors(0), n, session.type, &device, &host),
               "cusolverDnXgeev_bufferSize");
  Work work(session, device, host);
  for (int64_t i = 0; i < a.count; ++i) {
    void* values = static_cast<std::byte*>(w) + i * n * itemsize(complex_of(a.dtype));
    check_status(
        session.f.geev(session.dense, session.params, solver::kNoVectors, mode, n, session.type,
                       matrix_at(a, i), n, w_type, values, session.type, nullptr, n, session.type,
                       vectors(i), n, session.type, work.device(), work.device_bytes, work.host(),
                       work.host_bytes, reports.info(i)),
        "cusolverDnXgeev");
  }
  if (v && real) {
    visit_parts(a.dtype, [&]<class R>(TypeTag<R>) {
      session.queue.each(a.count * n * n,
                         JoinPairs<R>{static_cast<std::complex<R>*>(v->data), columns.as<R>(),
                                      static_cast<const std::complex<R>*>(w), n});
    });
  }
  reports.read(info, Reports::Fails::All);
  return true;
}

}  // namespace

void install_spectra(DeviceKernels& table) {
  table.linalg.svd = &svd;
  table.linalg.eigh = &eigh;
  table.linalg.eig = &eig;
}

}  // namespace pyautograd::kernels::cuda
