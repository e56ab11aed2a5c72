#include <atomic>
#include <memory>
#include <vector>

#include "kernels/cpu/loop_table.h"
#include "kernels/cpu/move.h"
#include "kernels/device_input.h"
#include "kernels/iterate.h"

namespace pyautograd::kernels {

namespace {

constexpr int64_t kBlock = 512;

// A tensor whose first axes are addressed by index arrays, and one whose first axes have their
// shape.
class Indexed {
 public:
  Indexed(const View& target, const View& lined, std::span<const View> index)
      : target_(target), index_(index), size_(itemsize(target.dtype)) {
    size_t k = index.size(), rank = k > 0 ? index[0].shape.size() : 0;
    for (const View& view : index)
      nests_.emplace_back(view.shape, std::array{view.strides}, Order::RowMajor);
    nests_.emplace_back(lined.shape.first(rank), std::array{lined.strides.first(rank)},
                        Order::RowMajor);
    rest_ = std::make_unique<Nest<2>>(
        lined.shape.subspan(rank),
        std::array{target.strides.subspan(k), lined.strides.subspan(rank)});
  }

  int64_t positions() const { return nests_.back().count(); }
  const Nest<2>& rest() const { return *rest_; }
  int64_t itemsize_() const { return size_; }

  // body(n, offsets into target, offsets into lined), in order; offsets are those of the first
  // element of rest.
  template <class Body>
  void blocks(int64_t begin, int64_t end, const Body& body) const {
    int64_t target[kBlock], lined[kBlock];
    for (int64_t b = begin; b < end; b += kBlock) {
      const int64_t n = std::min(kBlock, end - b);
      find_offsets(b, n, target, lined);
      body(n, static_cast<const int64_t*>(target), static_cast<const int64_t*>(lined));
    }
  }

 private:
  [[gnu::noinline]] void find_offsets(int64_t begin, int64_t n, int64_t* target,
                                      int64_t* lined) const {
    std::fill_n(target, n, 0);
    for (size_t k = 0; k < index_.size(); ++k) add_offsets(k, begin, n, target);
    nests_.back().walk(begin, begin + n, [&](const auto& o, int64_t length) {
      for (int64_t i = 0; i < length; ++i) *lined++ = o[0] + i * nests_.back().stride(0);
    });
  }
  void add_offsets(size_t k, int64_t begin, int64_t n, int64_t* target) const {
    const int64_t* data = static_cast<const int64_t*>(index_[k].data);
    const Nest<1>& nest = nests_[k];
    int64_t step = nest.stride(0), stride = target_.strides[k];
    nest.walk(begin, begin + n, [&](const auto& o, int64_t length) {
      for (int64_t i = 0; i < length; ++i) *target++ += data[o[0] + i * step] * stride;
    });
  }

  const View& target_;
  std::span<const View> index_;
  int64_t size_;
  SmallVector<Nest<1>, 4> nests_;  // one per index array, and the last for `lined`
  std::unique_ptr<Nest<2>> rest_;
};

template <class T>
void add_row(T* out, int64_t out_stride, const T* x, int64_t x_stride, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    out[i * out_stride] = Formula<Add, T>()(out[i * out_stride], x[i * x_stride]);
}

template <bool add, class T>
void put(T& target, const T& value) {
  if constexpr (add)
    target = Formula<Add, T>()(target, value);
  else
    target = value;
}

template <class T, bool add>
void scatter_typed(const View& out, const View& updates, const Indexed& indexed) {
  T* to = static_cast<T*>(out.data);
  const T* from = static_cast<const T*>(updates.data);
  const Nest<2>& rest = indexed.rest();
  indexed.blocks(0, indexed.positions(),
                 [&](int64_t n, const int64_t* targets, const int64_t* sources) {
                   if (rest.count() == 1)
                     for (int64_t i = 0; i < n; ++i) put<add>(to[targets[i]], from[sources[i]]);
                   else
                     for (int64_t i = 0; i < n; ++i)
                       rest.walk(0, rest.count(), [&](const auto& o, int64_t length) {
                         T* row = to + targets[i] + o[0];
                         const T* source = from + sources[i] + o[1];
                         if constexpr (add)
                           add_row(row, rest.stride(0), source, rest.stride(1), length);
                         else
                           move_row(row, rest.stride(0), source, rest.stride(1), length);
                       });
                 });
}

Dims with_zero(std::span<const int64_t> strides, int axis) {
  Dims result(strides);
  result[axis] = 0;
  return result;
}

// A 0-d array is a line of one element, whose only index is zero.
bool take_scalar(const View& out, const View& x) {
  if (!x.shape.empty()) return false;
  copy(out, x);
  return true;
}

}  // namespace

bool all_below(const View& index, int64_t size) {
  const Nest<1> nest(index.shape, {index.strides});
  std::atomic<int64_t> seen{0};  // the sign of what is negative, or past the end
  parallel_for(nest.count(), 2 * kGrain, [&](int64_t begin, int64_t end) {
    int64_t signs = 0;
    nest.walk(begin, end, [&](const auto& o, int64_t n) {
      const int64_t* row = static_cast<const int64_t*>(index.data) + o[0];
      if (const int64_t step = nest.stride(0); step == 1)
        for (int64_t i = 0; i < n; ++i) signs |= row[i] | (size - 1 - (row[i] & INT64_MAX));
      else
        for (int64_t i = 0; i < n; ++i)
          signs |= row[i * step] | (size - 1 - (row[i * step] & INT64_MAX));
    });
    if (signs < 0) seen.store(signs, std::memory_order_relaxed);
  });
  return seen.load() >= 0;
}

bool normalize_index(const View& out, const View& index, int64_t size, int64_t* bad) {
  if (on_device(out)) return normalize_index_on_device(out, index, size, bad);
  Nest<2> nest(index.shape, {out.strides, index.strides}, Order::RowMajor);
  bool good = true;
  visit_real_dtype(index.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    nest.walk(0, nest.count(), [&](const auto& o, int64_t n) {
      int64_t* to = static_cast<int64_t*>(out.data) + o[0];
      const T* from = static_cast<const T*>(index.data) + o[1];
      const int64_t to_step = nest.stride(0), step = nest.stride(1);
      bool all = true;
      for (int64_t i = 0; i < n; ++i) {
        const int64_t value = int64_t(from[i * step]);
        const int64_t shifted = value + (value < 0 && std::is_signed_v<T> ? size : 0);
        all &= (shifted >= 0) & (shifted < size);
        to[i * to_step] = shifted;
      }
      if (all || !good) return;
      good = false;
      for (int64_t i = 0; i < n; ++i) {
        *bad = int64_t(from[i * step]);
        if (*bad >= (std::is_signed_v<T> ? -size : 0) && *bad < size) continue;
        return;
      }
    });
  });
  return good;
}

namespace {

// One index array with one axis, into elements: the most common case, and the cheapest.
void gather_elements(const View& out, const View& x, const View& index) {
  const auto* places = static_cast<const int64_t*>(index.data);
  const int64_t to_step = out.strides[0], step = x.strides[0], index_step = index.strides[0];
  parallel_for(index.shape[0], kGrain, [&](int64_t begin, int64_t end) {
    visit_size(itemsize(out.dtype), [&](auto tag) {
      using T = typename decltype(tag)::type;
      T* to = static_cast<T*>(out.data);
      const T* from = static_cast<const T*>(x.data);
      if (to_step == 1 && step == 1 && index_step == 1)
        for (int64_t i = begin; i < end; ++i) to[i] = from[places[i]];
      else
        for (int64_t i = begin; i < end; ++i) to[i * to_step] = from[places[i * index_step] * step];
    });
  });
}

}  // namespace

void gather(const View& out, const View& x, std::span<const View> index) {
  if (element_count(out.shape) == 0) return;
  if (on_device(out)) {
    const DeviceInput from(x, out.device);
    return run_on_device(&DeviceKernels::gather, out.device, out, from.view(), index);
  }
  if (index.size() == 1 && x.shape.size() == 1 && out.shape.size() == 1)
    return gather_elements(out, x, index[0]);
  Indexed indexed(x, out, index);
  const Nest<2>& rest = indexed.rest();
  int64_t size = indexed.itemsize_();
  auto gather_range = [&](auto tag, int64_t begin, int64_t end) {
    using T = typename decltype(tag)::type;
    T* to = static_cast<T*>(out.data);
    const T* from = static_cast<const T*>(x.data);
    indexed.blocks(begin, end, [&](int64_t n, const int64_t* sources, const int64_t* targets) {
      if (rest.count() == 1)
        for (int64_t i = 0; i < n; ++i) to[targets[i]] = from[sources[i]];
      else
        for (int64_t i = 0; i < n; ++i)
          rest.walk(0, rest.count(), [&](const auto& o, int64_t length) {
            move_row(to + targets[i] + o[1], rest.stride(1), from + sources[i] + o[0],
                     rest.stride(0), length);
          });
    });
  };
  parallel_for(indexed.positions(), std::max<int64_t>(1, kGrain / rest.count()),
               [&](int64_t begin, int64_t end) {
                 visit_size(size, [&](auto tag) { gather_range(tag, begin, end); });
               });
}

void scatter(const View& out, const View& updates, std::span<const View> index, bool add) {
  if (element_count(updates.shape) == 0) return;
  if (on_device(out)) {
    const DeviceInput from(updates, out.device);
    return run_on_device(&DeviceKernels::scatter, out.device, out, from.view(), index, add);
  }
  Indexed indexed(out, updates, index);
  if (add)
    visit_dtype(out.dtype, [&](auto tag) {
      scatter_typed<typename decltype(tag)::type, true>(out, updates, indexed);
    });
  else
    visit_size(indexed.itemsize_(), [&](auto tag) {
      scatter_typed<typename decltype(tag)::type, false>(out, updates, indexed);
    });
}

void take_along_axis(const View& out, const View& x, const View& index, int axis) {
  if (take_scalar(out, x)) return;
  if (on_device(out)) {
    const DeviceInput from(x, out.device);
    return run_on_device(&DeviceKernels::take_along_axis, out.device, out, from.view(), index,
                         axis);
  }
  Dims x_strides = with_zero(x.strides, axis);
  Nest<3> nest(out.shape, {out.strides, index.strides, x_strides});
  int64_t step = x.strides[axis];
  const int64_t* indices = static_cast<const int64_t*>(index.data);
  visit_size(itemsize(out.dtype), [&](auto tag) {
    using T = typename decltype(tag)::type;
    parallel_for(nest.count(), kGrain, [&](int64_t begin, int64_t end) {
      nest.walk(begin, end, [&](const auto& o, int64_t n) {
        T* to = static_cast<T*>(out.data) + o[0];
        const T* from = static_cast<const T*>(x.data) + o[2];
        const int64_t* places = indices + o[1];
        const int64_t to_step = nest.stride(0), index_step = nest.stride(1),
                      x_step = nest.stride(2);
        if (to_step == 1 && index_step == 1 && x_step == 0 && step == 1)
          for (int64_t i = 0; i < n; ++i) to[i] = from[places[i]];
        else
          for (int64_t i = 0; i < n; ++i)
            to[i * to_step] = from[i * x_step + places[i * index_step] * step];
      });
    });
  });
}

void put_along_axis(const View& out, const View& updates, const View& index, int axis, bool add) {
  if (out.shape.empty()) {
    scatter(out, updates, {}, add);
    return;
  }
  if (on_device(out)) {
    const DeviceInput from(updates, out.device);
    return run_on_device(&DeviceKernels::put_along_axis, out.device, out, from.view(), index, axis,
                         add);
  }
  Dims out_strides = with_zero(out.strides, axis);
  Nest<3> nest(updates.shape, {updates.strides, index.strides, out_strides}, Order::RowMajor);
  int64_t step = out.strides[axis];
  const int64_t* indices = static_cast<const int64_t*>(index.data);
  const auto put_all = [&]<class T, bool adds>(TypeTag<T>, std::bool_constant<adds>) {
    nest.walk(0, nest.count(), [&](const auto& o, int64_t n) {
      const T* from = static_cast<const T*>(updates.data) + o[0];
      T* to = static_cast<T*>(out.data) + o[2];
      for (int64_t i = 0; i < n; ++i)
        put<adds>(to[i * nest.stride(2) + indices[o[1] + i * nest.stride(1)] * step],
                  from[i * nest.stride(0)]);
    });
  };
  if (add)
    visit_dtype(out.dtype, [&](auto tag) { put_all(tag, std::true_type()); });
  else
    visit_size(itemsize(out.dtype), [&](auto tag) { put_all(tag, std::false_type()); });
}

// Neighbours that are equal would wait for each other's sum: they go to different tables, if these
// are small.
void count_at(const View& out, const View& index) {
  constexpr int64_t kTables = 4, kSmall = 1 << 12;
  auto* counts = static_cast<int64_t*>(out.data);
  const auto* places = static_cast<const int64_t*>(index.data);
  const int64_t bins = out.shape[0], n = index.shape[0], step = index.strides[0];
  int64_t i = 0;
  if (bins <= kSmall && n >= 2 * bins) {
    std::vector<int64_t> more(size_t(bins * (kTables - 1)));
    for (; i + kTables <= n; i += kTables) {
      ++counts[places[i * step]];
      for (int64_t t = 1; t < kTables; ++t) ++more[(t - 1) * bins + places[(i + t) * step]];
    }
    for (int64_t t = 1; t < kTables; ++t)
      for (int64_t bin = 0; bin < bins; ++bin) counts[bin] += more[(t - 1) * bins + bin];
  }
  for (; i < n; ++i) ++counts[places[i * step]];
}

}  // namespace pyautograd::kernels
