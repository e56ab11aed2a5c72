#include "kernels/sort.h"

#include <bit>
#include <utility>

#include "core/allocator.h"
#include "kernels/cpu/lines.h"
#include "kernels/cpu/loop_table.h"
#include "kernels/cpu/move.h"
#include "kernels/device.h"
#include "kernels/iterate.h"
#include "kernels/kernels.h"
#include "kernels/sort_key.h"

namespace pyautograd::kernels {

namespace {

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

// Cuts the items [begin, end) until every rank among them is in its place.
template <class K>
void partition_line(const SortLine<K>& x, const SortLine<K>& spare, int64_t begin, int64_t end,
                    std::span<const int64_t> ranks, int budget) {
  constexpr int64_t kShort = 64;
  while (!ranks.empty()) {
    const int64_t n = end - begin;
    const bool last = n <= kShort || budget-- == 0;
    const int64_t middle = last ? end : begin + split(x.from(begin), spare, n);
    if (middle == end) {  // or all are equal
      const SortLoops<K>& loop = sort_loops<K>();
      return (x.places ? loop.pairs : loop.keys)(x.from(begin), spare, n);
    }
    const auto right = std::lower_bound(ranks.begin(), ranks.end(), middle);
    const std::span<const int64_t> left(ranks.begin(), right);
    partition_line(x, spare, begin, middle, left, budget);
    ranks = ranks.subspan(left.size());
    begin = middle;
  }
}

template <class K>
void partition_line(const SortLine<K>& x, const SortLine<K>& spare, int64_t n,
                    std::span<const int64_t> ranks) {
  partition_line(x, spare, 0, n, ranks, 2 * std::bit_width(uint64_t(n)));
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

// Converts to the wider key where places need it.
template <class K, class T>
void read_keys(K* keys, const T* x, int64_t step, int64_t n, bool descending) {
  if (step == 1 && std::is_same_v<K, Key<T>>)
    return loops().sort_keys[int(dtype_of<T>)](keys, x, n, descending);
  for (int64_t i = 0; i < n; ++i) keys[i] = key_of(x[i * step], descending);
}

// The zeros of a line have lost their signs to one key, and nans their bits: `sorted`, which starts
// where the first of them belongs, gets them back in the order of the line.
template <class T>
void restore(T* sorted, const T* x, int64_t n, bool nans) {
  for (int64_t i = 0; i < n; ++i)
    if (nans ? bool(IsNan()(x[i])) : x[i] == T(0)) *sorted++ = x[i];
}

template <class T>
void sort_values(T* out, const T* x, int64_t n, const Scratch<Key<T>>& scratch, bool descending) {
  Key<T>* keys = scratch.line().keys;
  read_keys(keys, x, 1, n, descending);
  sort_line(scratch.line(), scratch.spare(), n);
  loops().sort_elements[int(dtype_of<T>)](out, keys, n, descending);
  if constexpr (std::is_floating_point_v<T>) {
    for (const T special : {T(0), std::numeric_limits<T>::quiet_NaN()}) {
      const Key<T> key = key_of(special, descending);
      const Key<T>* first = std::lower_bound(keys, keys + n, key);
      if (first != keys + n && *first == key) restore(out + (first - keys), x, n, special != T(0));
    }
  }
}

// The same for keys that are not sorted, but among which equals have the order of the line.
template <class T>
void restore_each(T* out, const Key<T>* keys, const T* x, int64_t n) {
  const Key<T> zero = key_of(T(0), false);
  const Key<T> nan = key_of(std::numeric_limits<T>::quiet_NaN(), false);
  int64_t zeros = 0, nans = 0;  // how far the line has been looked through
  for (int64_t i = 0; i < n; ++i) {
    if ((keys[i] != zero) & (keys[i] != nan)) continue;
    int64_t& next = keys[i] == zero ? zeros : nans;
    while (key_of(x[next], false) != keys[i]) ++next;
    out[i] = x[next++];
  }
}

template <class T>
void partition_values(T* out, const T* x, int64_t n, const Scratch<Key<T>>& scratch,
                      std::span<const int64_t> ranks) {
  Key<T>* keys = scratch.line().keys;
  read_keys(keys, x, 1, n, false);
  partition_line(scratch.line(), scratch.spare(), n, ranks);
  loops().sort_elements[int(dtype_of<T>)](out, keys, n, false);
  if constexpr (std::is_floating_point_v<T>) restore_each(out, keys, x, n);
}

// Of the elements that have the key of this rank, the one that a stable sort puts there.
template <class T>
int64_t place_of_rank(const T* x, int64_t step, int64_t n, const Scratch<Key<T>>& scratch,
                      int64_t rank) {
  Key<T>* keys = scratch.line().keys;
  read_keys(keys, x, step, n, false);
  partition_line(scratch.line(), scratch.spare(), n, {&rank, 1});
  const Key<T> key = keys[rank];
  int64_t before = std::count(keys, keys + rank, key);
  for (int64_t i = 0;; ++i)
    if (key_of(x[i * step], false) == key && before-- == 0) return i;
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
  constexpr int64_t kSample = 1024, kTile = 512;
  if (n < kSample || count > n / 32) return 0;
  const int64_t sampled = std::min(kSample, n / 16);
  K sample[kSample], keys[kTile];
  for (int64_t i = 0; i < sampled; ++i) sample[i] = key_of(x[i * n / sampled * step], descending);
  const int64_t rank = 8 + 2 * count * sampled / n;
  std::nth_element(sample, sample + rank, sample + sampled);
  const K limit = sample[rank];
  int64_t found = 0;
  for (int64_t begin = 0; begin < n; begin += kTile) {
    const int64_t length = std::min(kTile, n - begin);
    read_keys(keys, x + begin * step, step, length, descending);
    for (int64_t i = 0; i < length; ++i) {
      line.keys[found] = keys[i];
      line.places[found] = K(begin + i);
      found += keys[i] <= limit;
    }
  }
  return found >= count ? found : 0;
}

template <class K, class T>
void read_places(const SortLine<K>& line, const T* x, int64_t step, int64_t n, bool descending) {
  read_keys(line.keys, x, step, n, descending);
  for (int64_t i = 0; i < n; ++i) line.places[i] = K(i);
}

// The positions of each line as arrange(line, spare, n) leaves them.
template <class K, class T, class Arrange>
void arrange_places(const View& out, const View& x, int axis, bool descending,
                    const Arrange& arrange) {
  const int64_t n = x.shape[axis];
  const auto make = [n] { return Scratch<K>(n, true); };
  Lines(out, x, axis, true).run(make, [&](void* to, const void* from, const Scratch<K>& scratch) {
    const SortLine<K> line = scratch.line();
    read_places(line, static_cast<const T*>(from), 1, n, descending);
    arrange(line, scratch.spare(), n);
    std::copy_n(line.places, n, static_cast<int64_t*>(to));
  });
}

// visit_ordered with the key that has room for the positions of a line of n elements, too.
template <class F>
void visit_keys(DType dtype, int64_t n, const F& f) {
  visit_ordered(dtype, [&]<class T>(TypeTag<T> tag) {
    if (n <= std::numeric_limits<Key<T>>::max())
      f(tag, TypeTag<Key<T>>());
    else
      f(tag, TypeTag<int64_t>());
  });
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
      read_places(line, from + i, x.strides[axis], n, descending);
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
    const int64_t n = x.shape[axis];
    const auto make = [n] { return Scratch<Key<T>>(n, false); };
    Lines(out, x, axis, true).run(make, [&](void* to, const void* from, const auto& scratch) {
      sort_values(static_cast<T*>(to), static_cast<const T*>(from), n, scratch, descending);
    });
  });
}

void argsort(const View& out, const View& x, int axis, bool descending) {
  if (on_device(out)) return select_on_device(out, x, axis, descending);
  visit_keys(x.dtype, x.shape[axis], [&]<class T, class K>(TypeTag<T>, TypeTag<K>) {
    arrange_places<K, T>(
        out, x, axis, descending,
        [](const auto& line, const auto& spare, int64_t n) { sort_line(line, spare, n); });
  });
}

void arg_select(const View& out, const View& x, int axis, bool descending, bool sorted) {
  if (on_device(out)) return select_on_device(out, x, axis, descending);
  visit_keys(x.dtype, x.shape[axis], [&]<class T, class K>(TypeTag<T>, TypeTag<K>) {
    select_places<K, T>(out, x, axis, descending, sorted);
  });
}

void partition(const View& out, const View& x, int axis, std::span<const int64_t> ranks) {
  if (on_device(out)) return sort_on_device(out, x, axis, false);
  visit_ordered(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t n = x.shape[axis];
    const auto make = [n] { return Scratch<Key<T>>(n, false); };
    Lines(out, x, axis, true).run(make, [&](void* to, const void* from, const auto& scratch) {
      partition_values(static_cast<T*>(to), static_cast<const T*>(from), n, scratch, ranks);
    });
  });
}

void arg_nth(const View& out, const View& x, int axis, int64_t rank) {
  visit_ordered(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t n = x.shape[axis];
    const auto make = [n] { return Scratch<Key<T>>(n, false); };
    for_lines(out, x, axis, make, [&](int64_t o, int64_t i, const auto& scratch) {
      static_cast<int64_t*>(out.data)[o] =
          place_of_rank(static_cast<const T*>(x.data) + i, x.strides[axis], n, scratch, rank);
    });
  });
}

void arg_partition(const View& out, const View& x, int axis, std::span<const int64_t> ranks) {
  if (on_device(out)) return select_on_device(out, x, axis, false);
  visit_keys(x.dtype, x.shape[axis], [&]<class T, class K>(TypeTag<T>, TypeTag<K>) {
    arrange_places<K, T>(out, x, axis, false, [&](const auto& line, const auto& spare, int64_t n) {
      partition_line(line, spare, n, ranks);
    });
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
