#include "kernels/sort.h"

#include <bit>
#include <utility>

#include "core/allocator.h"
#include "kernels/cpu/loop_table.h"
#include "kernels/cpu/move.h"
#include "kernels/device.h"
#include "kernels/iterate.h"
#include "kernels/kernels.h"
#include "kernels/sort_key.h"

namespace pyautograd::kernels {

namespace {

// The element that has this key, but for the sign of a zero and the bits of a nan.
template <class T>
T element_of(Key<T> key, bool descending) {
  using K = Key<T>;
  if (descending) key = ~key;
  if constexpr (std::is_floating_point_v<T>) {
    return std::bit_cast<T>(K(key ^ (key < 0 ? std::numeric_limits<K>::max() : 0)));
  } else if constexpr (std::is_signed_v<T> || sizeof(T) < sizeof(K)) {
    return T(key);
  } else {
    return T(key) ^ (T{1} << (sizeof(T) * 8 - 1));
  }
}

template <class K>
const SortLoops<K>& sort_loops() {
  if constexpr (sizeof(K) == 4)
    return loops().sort32;
  else
    return loops().sort64;
}

// Lines of this many items and more are cut in parts for the threads.
constexpr int64_t kSplitFrom = 1 << 16;
constexpr int kSplits = 3;
constexpr int kParts = 1 << kSplits;

// One or two buffers of keys for a line of n items, and as many spare ones.
template <class K>
class Scratch {
 public:
  Scratch(int64_t n, bool places)
      : room_(n + kParts * kSortSlack),
        bytes_(size_t(room_) * sizeof(K) * (places ? 4 : 2)),
        data_(static_cast<K*>(allocate_data(bytes_))),
        places_(places) {}
  ~Scratch() { free_data(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  SortLine<K> line() const { return {data_, places_ ? data_ + 2 * room_ : nullptr}; }
  SortLine<K> spare() const { return {data_ + room_, places_ ? data_ + 3 * room_ : nullptr}; }

 private:
  int64_t room_;
  size_t bytes_;
  K* data_;
  bool places_;
};

template <class K>
int64_t split(const SortLine<K>& x, const SortLine<K>& spare, int64_t n) {
  const SortLoops<K>& loop = sort_loops<K>();
  return (x.places ? loop.split_pairs : loop.split_keys)(x, spare, n);
}

template <class K>
void sort_line(const SortLine<K>& x, const SortLine<K>& spare, int64_t n) {
  const SortLoops<K>& loop = sort_loops<K>();
  const auto sort = x.places ? loop.pairs : loop.keys;
  if (n < kSplitFrom) return sort(x, spare, n);
  int64_t bounds[kParts + 1] = {};
  bounds[kParts] = n;
  for (int step = kParts / 2; step > 0; step /= 2) {
    for (int i = 0; i < kParts; i += 2 * step) {
      const int64_t begin = bounds[i], length = bounds[i + 2 * step] - begin;
      bounds[i + step] = begin + (length > 0 ? split(x.from(begin), spare.from(begin), length) : 0);
    }
  }
  parallel_for(kParts, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i)
      sort(x.from(bounds[i]), spare.from(bounds[i] + i * kSortSlack), bounds[i + 1] - bounds[i]);
  });
}

// Brings the `count` first items in order to the front: sorted, or only the last in its place.
template <class K>
void select_line(const SortLine<K>& x, const SortLine<K>& spare, int64_t n, int64_t count,
                 bool sorted) {
  int64_t begin = 0, end = n;
  const SortLoops<K>& loop = sort_loops<K>();
  // Lines can be made so that splits are far from halves.
  for (int budget = 2 * std::bit_width(uint64_t(n)); budget > 0 && end - begin > 16; --budget) {
    const int64_t middle = begin + split(x.from(begin), spare, end - begin);
    if (middle == end) break;  // all are equal
    (count <= middle ? end : begin) = middle;
  }
  loop.pairs(x.from(begin), spare, end - begin);
  if (sorted) sort_line(x, spare, std::min(count, begin));
}

// Calls body(out line, x line, scratch) for every line along the axis; the scratch is what make()
// returns, once for every range of lines that a thread takes.
template <class Make, class Body>
void for_lines(const View& out, const View& x, int axis, const Make& make, const Body& body) {
  const int64_t n = x.shape[axis];
  Dims rest(x.shape);
  rest[axis] = n > 0 && out.shape[axis] > 0 ? 1 : 0;
  const Nest<2> nest(rest, {out.strides, x.strides});
  const int64_t grain = std::max<int64_t>(1, kGrain / 8 / std::max<int64_t>(1, n));
  parallel_for(nest.count(), grain, [&](int64_t begin, int64_t end) {
    const auto scratch = make();
    nest.walk(begin, end, [&](const auto& offset, int64_t count) {
      for (int64_t i = 0; i < count; ++i)
        body(offset[0] + i * nest.stride(0), offset[1] + i * nest.stride(1), scratch);
    });
  });
}

// The zeros of a line have lost their signs to one key, and nans their bits: `sorted`, which starts
// where the first of them belongs, gets them back in the order of the line.
template <class T>
void restore(T* sorted, int64_t sorted_step, const T* x, int64_t step, int64_t n, bool nans) {
  for (int64_t i = 0; i < n; ++i) {
    const T value = x[i * step];
    if (nans ? bool(IsNan()(value)) : value == T(0)) {
      *sorted = value;
      sorted += sorted_step;
    }
  }
}

// Converts to the wider key where places need it.
template <class K, class T>
void read_keys(K* keys, const T* x, int64_t step, int64_t n, bool descending) {
  if (step == 1) {
    for (int64_t i = 0; i < n; ++i) keys[i] = key_of(x[i], descending);
  } else {
    for (int64_t i = 0; i < n; ++i) keys[i] = key_of(x[i * step], descending);
  }
}

template <class T>
void sort_values(T* out, int64_t out_step, const T* x, int64_t step, int64_t n,
                 const Scratch<Key<T>>& scratch, bool descending) {
  Key<T>* keys = scratch.line().keys;
  read_keys(keys, x, step, n, descending);
  sort_line(scratch.line(), scratch.spare(), n);
  if (out_step == 1) {
    for (int64_t i = 0; i < n; ++i) out[i] = element_of<T>(keys[i], descending);
  } else {
    for (int64_t i = 0; i < n; ++i) out[i * out_step] = element_of<T>(keys[i], descending);
  }
  if constexpr (std::is_floating_point_v<T>) {
    for (const T special : {T(0), std::numeric_limits<T>::quiet_NaN()}) {
      const Key<T> key = key_of(special, descending);
      const Key<T>* first = std::lower_bound(keys, keys + n, key);
      if (first != keys + n && *first == key)
        restore(out + (first - keys) * out_step, out_step, x, step, n, special != T(0));
    }
  }
}

template <bool kOrEqual, class T>
void count_each(int64_t* out, const T* line, int64_t n, const T* values, int64_t count) {
  constexpr int kTogether = 8;
  int64_t i = 0;
  for (; i + kTogether <= count; i += kTogether)
    count_before<kOrEqual, kTogether>(out + i, line, n, values + i);
  for (; i < count; ++i) count_before<kOrEqual, 1>(out + i, line, n, values + i);
}

// visit_dtype for the dtypes that have an order.
template <class F>
void visit_ordered(DType dtype, const F& f) {
  visit_dtype(dtype, [&](auto tag) {
    if constexpr (std::is_arithmetic_v<typename decltype(tag)::type>) f(tag);
  });
}

// Of a long line of which few are wanted: the keys up to one of a sample that lies behind these,
// and their places. Returns how many there are; 0 where that is no way.
template <class K, class T>
int64_t read_candidates(const SortLine<K>& line, const T* x, int64_t step, int64_t n, int64_t count,
                        bool descending) {
  constexpr int64_t kSample = 1024;
  if (n < 16 * kSample || count > n / 32) return 0;
  K sample[kSample];
  for (int64_t i = 0; i < kSample; ++i) sample[i] = key_of(x[i * n / kSample * step], descending);
  const int64_t rank = 8 + 2 * count * kSample / n;
  std::nth_element(sample, sample + rank, sample + kSample);
  int64_t found = 0;
  for (int64_t i = 0; i < n; ++i) {
    const K key = key_of(x[i * step], descending);
    line.keys[found] = key;
    line.places[found] = K(i);
    found += key <= sample[rank];
  }
  return found >= count ? found : 0;
}

template <class K, class T>
void select_places(const View& out, const View& x, int axis, bool descending, bool sorted) {
  const int64_t n = x.shape[axis], count = out.shape[axis], step = out.strides[axis];
  const T* from = static_cast<const T*>(x.data);
  int64_t* to = static_cast<int64_t*>(out.data);
  const auto make = [n] { return Scratch<K>(n, true); };
  for_lines(out, x, axis, make, [&](int64_t o, int64_t i, const Scratch<K>& scratch) {
    const SortLine<K> line = scratch.line();
    int64_t found = read_candidates(line, from + i, x.strides[axis], n, count, descending);
    if (found == 0) {
      read_keys(line.keys, from + i, x.strides[axis], n, descending);
      for (int64_t k = 0; k < n; ++k) line.places[k] = K(k);
      found = n;
    }
    if (count == found && sorted)
      sort_line(line, scratch.spare(), found);
    else
      select_line(line, scratch.spare(), found, count, sorted);
    for (int64_t k = 0; k < count; ++k) to[o + k * step] = line.places[k];
  });
}

}  // namespace

void sort(const View& out, const View& x, int axis, bool descending) {
  if (on_device(out)) return sort_on_device(out, x, axis, descending);
  visit_ordered(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = static_cast<T*>(out.data);
    const T* from = static_cast<const T*>(x.data);
    const int64_t n = x.shape[axis];
    const auto make = [n] { return Scratch<Key<T>>(n, false); };
    for_lines(out, x, axis, make, [&](int64_t o, int64_t i, const auto& scratch) {
      sort_values(to + o, out.strides[axis], from + i, x.strides[axis], n, scratch, descending);
    });
  });
}

void argsort(const View& out, const View& x, int axis, bool descending) {
  arg_select(out, x, axis, descending, true);
}

void arg_select(const View& out, const View& x, int axis, bool descending, bool sorted) {
  if (on_device(out)) return select_on_device(out, x, axis, descending);
  visit_ordered(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (x.shape[axis] <= std::numeric_limits<Key<T>>::max())
      select_places<Key<T>, T>(out, x, axis, descending, sorted);
    else
      select_places<int64_t, T>(out, x, axis, descending, sorted);
  });
}

void searchsorted(const View& out, const View& lines, const View& values, bool right) {
  if (on_device(out))
    return run_on_device(&DeviceKernels::searchsorted, out.device, out, lines, values, right);
  const int64_t n = lines.shape[1], m = values.shape[1];
  visit_dtype(lines.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* line = static_cast<const T*>(lines.data);
    const T* value = static_cast<const T*>(values.data);
    int64_t* to = static_cast<int64_t*>(out.data);
    parallel_for(lines.shape[0] * m, kGrain / 16, [&](int64_t begin, int64_t end) {
      for (int64_t past; begin < end; begin = past) {
        const T* first = line + begin / m * n;
        past = std::min(end, (begin / m + 1) * m);
        if (right)
          count_each<true>(to + begin, first, n, value + begin, past - begin);
        else
          count_each<false>(to + begin, first, n, value + begin, past - begin);
      }
    });
  });
}

void arg_scan(bool maximum, const View& out, const View& x, int axis) {
  if (on_device(out))
    return run_on_device(&DeviceKernels::arg_scan, out.device, maximum, out, x, axis);
  const int64_t n = x.shape[axis], out_step = out.strides[axis], step = x.strides[axis];
  visit_ordered(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = static_cast<const T*>(x.data);
    int64_t* to = static_cast<int64_t*>(out.data);
    for_lines(
        out, x, axis, [] { return 0; },
        [&](int64_t o, int64_t i, int) {
          T best = from[i];
          int64_t place = 0;
          for (int64_t k = 0; k < n; ++k) {
            const T value = from[i + k * step];
            const bool better = maximum ? value > best : value < best;
            if (better || (IsNan()(value) && !IsNan()(best))) best = value, place = k;
            to[o + k * out_step] = place;
          }
        });
  });
}

}  // namespace pyautograd::kernels
