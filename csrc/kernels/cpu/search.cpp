#include <atomic>

#include "core/array.h"
#include "kernels/cpu/move.h"
#include "kernels/device.h"
#include "kernels/iterate.h"

namespace pyautograd::kernels {

int64_t count_nonzero(const View& x) {
  Nest<1> nest(x.shape, {x.strides});
  std::atomic<int64_t> total{0};
  visit_dtype(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    parallel_for(nest.count(), kGrain, [&](int64_t begin, int64_t end) {
      int64_t count = 0;
      nest.walk(begin, end, [&](const auto& o, int64_t n) {
        const T* row = static_cast<const T*>(x.data) + o[0];
        for (int64_t i = 0, s = nest.stride(0); i < n; ++i) count += row[i * s] != T(0);
      });
      total.fetch_add(count, std::memory_order_relaxed);
    });
  });
  return total.load();
}

namespace {

// Positions of a line, gathered in a buffer without a branch on the elements.
void nonzero_line(const View& out, const View& x) {
  constexpr int64_t kBuffer = 512;
  int64_t* to = static_cast<int64_t*>(out.data);
  visit_dtype(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* row = static_cast<const T*>(x.data);
    const int64_t step = x.strides[0], size = x.shape[0];
    for (int64_t begin = 0; begin < size; begin += kBuffer) {
      int64_t places[kBuffer], count = 0;
      for (int64_t i = begin; i < std::min(size, begin + kBuffer); ++i) {
        places[count] = i;
        count += row[i * step] != T(0);
      }
      move_row(to, out.strides[0], places, 1, count);
      to += count * out.strides[0];
    }
  });
}

}  // namespace

void nonzero(std::span<const View> out, const View& x) {
  size_t rank = x.shape.size();
  if (rank == 1) return nonzero_line(out[0], x);
  Nest<1> nest(x.shape, {x.strides}, Order::RowMajor);
  Dims position(rank, 0);
  int64_t found = 0;
  auto advance = [&] {
    for (size_t d = rank; d-- > 0 && ++position[d] == x.shape[d];) position[d] = 0;
  };
  visit_dtype(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    nest.walk(0, nest.count(), [&](const auto& o, int64_t n) {
      const T* row = static_cast<const T*>(x.data) + o[0];
      for (int64_t i = 0, s = nest.stride(0); i < n; ++i, advance()) {
        if (row[i * s] == T(0)) continue;
        for (size_t d = 0; d < rank; ++d)
          static_cast<int64_t*>(out[d].data)[found * out[d].strides[0]] = position[d];
        ++found;
      }
    });
  });
}

namespace {

template <class T, class Test>
unsigned any_in_row(const T* row, int64_t stride, int64_t n, Test test) {
  unsigned found = 0;
  if (stride == 1) {
    for (int64_t i = 0; i < n; ++i) found |= test(row[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) found |= test(row[i * stride]);
  }
  return found;
}

template <class Functor>
bool any_inexact(const View& x) {
  if (is_half(x.dtype)) {
    const Ref<Array> wide = Array::empty(Dims(x.shape), DType::Float32, x.device);
    copy(wide->device_view(), x);
    return any_inexact<Functor>(wide->device_view());
  }
  if (on_device(x)) return is_inexact(x.dtype) && any_on_device(fn_id<Functor>(), x);
  Nest<1> nest(x.shape, {x.strides});
  std::atomic<bool> found{false};
  auto search = [&]<class T>(TypeTag<T>) {
    const Formula<Functor, T> test;
    const T* data = static_cast<const T*>(x.data);
    parallel_for(nest.count(), 2 * kGrain, [&](int64_t begin, int64_t end) {
      unsigned seen = 0;
      nest.walk(begin, end, [&](const auto& o, int64_t n) {
        seen |= any_in_row(data + o[0], nest.stride(0), n, test);
      });
      if (seen) found.store(true, std::memory_order_relaxed);
    });
  };
  visit_dtype(x.dtype, [&]<class T>(TypeTag<T> tag) {
    if constexpr (is_inexact(dtype_of<T>)) search(tag);
  });
  return found.load();
}

// Numbers of a call that is captured are computed later.
bool unknown(const View& x) { return on_device(x) && is_inexact(x.dtype) && backend().capturing(); }

}  // namespace

bool any_nan(const View& x) { return any_inexact<IsNan>(x); }
bool any_zero(const View& x) { return unknown(x) || any_inexact<LogicalNot>(x); }
bool any_infinite(const View& x) { return unknown(x) || any_inexact<IsInf>(x); }

bool all_equal(const View& a, const View& b) {
  Nest<2> nest(a.shape, {a.strides, b.strides});
  bool equal = true;
  visit_dtype(a.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    nest.walk(0, nest.count(), [&](const auto& o, int64_t n) {
      const T* left = static_cast<const T*>(a.data) + o[0];
      const T* right = static_cast<const T*>(b.data) + o[1];
      for (int64_t i = 0; equal && i < n; ++i)
        equal = left[i * nest.stride(0)] == right[i * nest.stride(1)];
    });
  });
  return equal;
}

}  // namespace pyautograd::kernels
