#include <limits>
#include <vector>

#include "kernels/cuda/batches.h"

namespace pyautograd::kernels::cuda {

namespace {

struct FillPointers {
  void** out;
  std::byte* first;
  int64_t bytes;  // from one matrix to the next
  Which::Map which;
  PYAUTOGRAD_HD void operator()(int64_t i) const { out[i] = first + which(i) * bytes; }
};

template <class U>
struct ClearTriangle {
  U* data;
  int64_t rows, columns;
  bool upper;
  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t place = item % (rows * columns), j = place / rows, i = place - j * rows;
    if (upper ? i < j : i > j) data[item] = U{};
  }
};

template <class U>
struct CopyColumns {
  U* out;
  const U* x;
  int64_t size, step;  // of a matrix of each
  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t matrix = item / size;
    out[item] = x[item + matrix * (step - size)];
  }
};

struct Clear {
  int* data;
  PYAUTOGRAD_HD void operator()(int64_t i) const { data[i] = 0; }
};

struct RaiseFlag {
  bool* flag;
  const int* info;
  PYAUTOGRAD_HD void operator()(int64_t i) const {
    if (info[i] != 0) *flag = true;
  }
};

// Real numbers, two of them for a complex one. Threads that mark the same matrix write the same.
template <class R>
struct MarkNonFinite {
  const R* data;
  int64_t rows, columns, parts;
  Reports::Part part;
  int *infinite, *nan;
  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const R x = data[item];
    if (x - x == R(0)) return;
    const int64_t element = item / parts, matrix = element / (rows * columns);
    const int64_t place = element - matrix * rows * columns, j = place / rows, i = place - j * rows;
    if (part == Reports::Part::Lower ? i < j : part == Reports::Part::Upper && i > j) return;
    (x != x ? nan : infinite)[matrix] = 1;
  }
};

template <class R>
struct SetMarked {
  R* data;
  int64_t per_matrix, parts;
  R value;
  const int *infinite, *nan;
  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t matrix = item / per_matrix;
    if (infinite[matrix] || nan[matrix]) data[item] = item % parts == 0 ? value : R(0);
  }
};

template <class R>
void set_marked(Queue& queue, const Matrices& x, R value, const int* infinite, const int* nan) {
  const int64_t parts = is_complex(x.dtype) ? 2 : 1, per_matrix = parts * size_of(x);
  queue.each(x.count * per_matrix,
             SetMarked<R>{static_cast<R*>(x.data), per_matrix, parts, value, infinite, nan});
}

}  // namespace

Which::Which(solver::Session& session, const int64_t* which, int64_t count) {
  const auto follows = [&](int64_t step) {
    for (int64_t i = 0; which && i < count; ++i)
      if (which[i] != i * step) return false;
    return true;
  };
  if (follows(1)) return;
  map_.step = 0;
  if (follows(0)) return;
  const size_t bytes = static_cast<size_t>(count) * sizeof(int64_t);
  memory_.emplace(session.queue.device(), bytes);
  own_backend().to_device(session.queue.device(), memory_->as<void>(), which, bytes);
  map_.numbers = memory_->as<int64_t>();
}

Pointers::Pointers(solver::Session& session, const Matrices& x, int64_t count,
                   const Which::Map& which)
    : memory_(session.queue.device(), static_cast<size_t>(count) * sizeof(void*)) {
  session.queue.each(count, FillPointers{memory_.as<void*>(), static_cast<std::byte*>(x.data),
                                         size_of(x) * itemsize(x.dtype), which});
}

void copy_plain(Queue& queue, const Matrices& out, const Matrices& x) {
  visit_size(itemsize(x.dtype), [&]<class U>(TypeTag<U>) {
    queue.each(out.count * size_of(out),
               CopyColumns<U>{static_cast<U*>(out.data), static_cast<const U*>(x.data),
                              size_of(out), size_of(x)});
  });
}

void clear_triangle(Queue& queue, const Matrices& x, bool upper) {
  visit_size(itemsize(x.dtype), [&]<class U>(TypeTag<U>) {
    queue.each(x.count * size_of(x),
               ClearTriangle<U>{static_cast<U*>(x.data), x.rows, x.columns, upper});
  });
}

Reports::Reports(solver::Session& session, int64_t count)
    : session_(session),
      count_(count),
      memory_(session.queue.device(), static_cast<size_t>(3 * count) * sizeof(int)) {
  session.queue.each(3 * count, Clear{memory_.as<int>()});
}

void Reports::take_out_non_finite(const Matrices& x, Part part) {
  int *const infinite = info(count_), *const nan = info(2 * count_);
  visit_parts(x.dtype, [&]<class R>(TypeTag<R>) {
    const int64_t parts = is_complex(x.dtype) ? 2 : 1;
    session_.queue.each(x.count * size_of(x) * parts,
                        MarkNonFinite<R>{static_cast<const R*>(x.data), x.rows, x.columns, parts,
                                         part, infinite, nan});
    set_marked(session_.queue, x, R(0), infinite, nan);
  });
}

void Reports::spoil(const Matrices& x) const {
  visit_parts(x.dtype, [&]<class R>(TypeTag<R>) {
    set_marked(session_.queue, x, std::numeric_limits<R>::quiet_NaN(), info(count_),
               info(2 * count_));
  });
}

void Reports::read(int32_t* out, Fails fails) const {
  if (!out) return;
  const int device = session_.queue.device();
  if (void* flag = own_backend().captured_flag(device, Backend::Fault::Matrix)) {
    session_.queue.each(count_, RaiseFlag{static_cast<bool*>(flag), info(0)});
    return;
  }
  std::vector<int> all(static_cast<size_t>(3 * count_));
  own_backend().to_host(device, all.data(), memory_.as<void>(), all.size() * sizeof(int));
  const int *infinite = all.data() + count_, *nan = infinite + count_;
  for (int64_t i = 0; i < count_; ++i) {
    const bool failed = (fails != Fails::Nothing && nan[i]) || (fails == Fails::All && infinite[i]);
    out[i] = failed ? kNotFinite : all[static_cast<size_t>(i)];
  }
}

}  // namespace pyautograd::kernels::cuda
