#include "kernels/sort.h"

#include <bit>
#include <numeric>

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

// A contiguous line, of which most code here sees the keys: so it exists once for keys of each
// size.
struct Elements {
  DType dtype;
  const void* data;
  bool descending = false;

  template <class K>
  void keys(K* out, int64_t begin, int64_t end) const {
    const auto read = loops().sort_keys[int(dtype)];
    const int64_t size = itemsize(dtype);
    if (key_size(dtype) == sizeof(K))
      return read(out, bytes_at(data, begin * size), end - begin, descending);
    int32_t narrow[kTile];  // beside positions that need more room than these keys
    for (int64_t length; begin < end; begin += length, out += length) {
      length = std::min(kTile, end - begin);
      read(narrow, bytes_at(data, begin * size), length, descending);
      std::copy_n(narrow, length, out);
    }
  }

  // Of `count` elements out of n, everywhere in the line.
  template <class K>
  void sample(K* out, int64_t count, int64_t n) const {
    alignas(8) char chosen[kSample * 8];
    visit_size(itemsize(dtype), [&](auto tag) {
      using T = typename decltype(tag)::type;
      for (int64_t i = 0; i < count; ++i)
        reinterpret_cast<T*>(chosen)[i] = static_cast<const T*>(data)[i * n / count];
    });
    Elements{dtype, chosen, descending}.keys(out, 0, count);
  }

  static constexpr int64_t kTile = 512, kSample = 1024;
  static size_t key_size(DType dtype) { return itemsize(dtype) > 4 ? 8 : 4; }
};

// Zeros have lost their signs to one key, and nans their bits.
template <class K>
struct Restored {
  using T = std::conditional_t<sizeof(K) == 4, float, double>;

  // Of a sorted line the zeros and the nans lie together, in the order of the line.
  static void sorted(void* out, const K* keys, const void* line, int64_t n, bool descending) {
    const T* x = static_cast<const T*>(line);
    for (const bool nans : {false, true}) {
      const K key = key_of(nans ? std::numeric_limits<T>::quiet_NaN() : T(0), descending);
      const K* first = std::lower_bound(keys, keys + n, key);
      if (first == keys + n || *first != key) continue;
      T* to = static_cast<T*>(out) + (first - keys);
      for (int64_t i = 0; i < n; ++i)
        if (nans ? bool(IsNan()(x[i])) : x[i] == T(0)) *to++ = x[i];
    }
  }

  // Elsewhere equals have this order, too.
  static void each(void* out, const K* keys, const void* line, int64_t n) {
    const T* x = static_cast<const T*>(line);
    const K zero = key_of(T(0), false), nan = key_of(std::numeric_limits<T>::quiet_NaN(), false);
    int64_t zeros = 0, nans = 0;  // how far the line has been looked through
    for (int64_t i = 0; i < n; ++i) {
      if ((keys[i] != zero) & (keys[i] != nan)) continue;
      int64_t& next = keys[i] == zero ? zeros : nans;
      while (key_of(x[next], false) != keys[i]) ++next;
      static_cast<T*>(out)[i] = x[next++];
    }
  }
};

// Runs f with the type of the keys, which with `places` has room for the positions of n elements.
template <class F>
void visit_key(DType dtype, bool places, int64_t n, const F& f) {
  const bool many = places && n > std::numeric_limits<int32_t>::max();
  if (Elements::key_size(dtype) == 8 || many)
    f(TypeTag<int64_t>());
  else
    f(TypeTag<int32_t>());
}

// Calls body(out, elements, scratch) for every line along the axis.
template <class K, class Body>
void for_lines(const View& out, const View& x, int axis, bool descending, bool places,
               const Body& body) {
  const auto make = [&] { return Scratch<K>(x.shape[axis], places); };
  Lines(out, x, axis).run(make, [&](void* to, const void* from, const Scratch<K>& scratch) {
    body(to, Elements{x.dtype, from, descending}, scratch);
  });
}

template <class K>
void read_places(const SortLine<K>& line, const Elements& x, int64_t n) {
  x.keys(line.keys, 0, n);
  std::iota(line.places, line.places + n, K(0));
}

// The values of each line as arrange(line, spare) leaves them, with what restore(out, keys, x) puts
// in the place of zeros and nans.
template <class Arrange, class Restore>
void arrange_values(const View& out, const View& x, int axis, bool descending,
                    const Arrange& arrange, const Restore& restore) {
  const int64_t n = x.shape[axis];
  visit_key(x.dtype, false, n, [&]<class K>(TypeTag<K>) {
    for_lines<K>(out, x, axis, descending, false,
                 [&](void* to, const Elements& elements, const Scratch<K>& scratch) {
                   K* keys = scratch.line().keys;
                   elements.keys(keys, 0, n);
                   arrange(scratch.line(), scratch.spare());
                   loops().sort_elements[int(x.dtype)](to, keys, n, descending);
                   if (is_floating(x.dtype)) restore(to, keys, elements.data);
                 });
  });
}

// The positions of each line as arrange(line, spare) leaves them.
template <class Arrange>
void arrange_places(const View& out, const View& x, int axis, bool descending,
                    const Arrange& arrange) {
  const int64_t n = x.shape[axis];
  visit_key(x.dtype, true, n, [&]<class K>(TypeTag<K>) {
    for_lines<K>(out, x, axis, descending, true,
                 [&](void* to, const Elements& elements, const Scratch<K>& scratch) {
                   read_places(scratch.line(), elements, n);
                   arrange(scratch.line(), scratch.spare());
                   std::copy_n(scratch.line().places, n, static_cast<int64_t*>(to));
                 });
  });
}

// Of a long line of which few are wanted: the keys up to one of a sample that lies behind these,
// and their places. Returns how many there are; 0 where that is no way.
template <class K>
int64_t read_candidates(const SortLine<K>& line, const Elements& x, int64_t n, int64_t count) {
  if (n < Elements::kSample || count > n / 32) return 0;
  const int64_t sampled = std::min(Elements::kSample, n / 16);
  K sample[Elements::kSample], keys[Elements::kTile];
  x.sample(sample, sampled, n);
  const int64_t rank = 8 + 2 * count * sampled / n;
  std::nth_element(sample, sample + rank, sample + sampled);
  const K limit = sample[rank];
  int64_t found = 0;
  for (int64_t begin = 0; begin < n; begin += Elements::kTile) {
    const int64_t length = std::min(Elements::kTile, n - begin);
    x.keys(keys, begin, begin + length);
    for (int64_t i = 0; i < length; ++i) {
      line.keys[found] = keys[i];
      line.places[found] = K(begin + i);
      found += keys[i] <= limit;
    }
  }
  return found >= count ? found : 0;
}

template <class K>
void select_places(int64_t* out, int64_t count, const Elements& x, int64_t n,
                   const Scratch<K>& scratch, bool sorted) {
  const SortLine<K> line = scratch.line();
  int64_t found = read_candidates(line, x, n, count);
  if (found == 0) {
    read_places(line, x, n);
    found = n;
  }
  if (count == found && sorted)
    sort_line(line, scratch.spare(), found);
  else
    select_line(line, scratch.spare(), found, count, sorted);
  std::copy_n(line.places, count, out);
}

// Of the elements that have the key of this rank, the one that a stable sort puts there.
template <class K>
int64_t place_of_rank(const Elements& x, int64_t n, const Scratch<K>& scratch, int64_t rank) {
  K* keys = scratch.line().keys;
  x.keys(keys, 0, n);
  partition_line(scratch.line(), scratch.spare(), n, {&rank, 1});
  const K key = keys[rank];
  int64_t before = std::count(keys, keys + rank, key);
  x.keys(keys, 0, n);
  for (int64_t i = 0;; ++i)
    if (keys[i] == key && before-- == 0) return i;
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

}  // namespace

void sort(const View& out, const View& x, int axis, bool descending) {
  if (on_device(out)) return sort_on_device(out, x, axis, descending);
  const int64_t n = x.shape[axis];
  arrange_values(
      out, x, axis, descending,
      [&](const auto& line, const auto& spare) { sort_line(line, spare, n); },
      [&]<class K>(void* to, const K* keys, const void* from) {
        Restored<K>::sorted(to, keys, from, n, descending);
      });
}

void argsort(const View& out, const View& x, int axis, bool descending) {
  if (on_device(out)) return select_on_device(out, x, axis, descending);
  const int64_t n = x.shape[axis];
  arrange_places(out, x, axis, descending,
                 [&](const auto& line, const auto& spare) { sort_line(line, spare, n); });
}

void arg_select(const View& out, const View& x, int axis, bool descending, bool sorted) {
  if (on_device(out)) return select_on_device(out, x, axis, descending);
  const int64_t n = x.shape[axis], count = out.shape[axis];
  if (count == 0) return;
  visit_key(x.dtype, true, n, [&]<class K>(TypeTag<K>) {
    for_lines<K>(out, x, axis, descending, true,
                 [&](void* to, const Elements& elements, const Scratch<K>& scratch) {
                   select_places(static_cast<int64_t*>(to), count, elements, n, scratch, sorted);
                 });
  });
}

void partition(const View& out, const View& x, int axis, std::span<const int64_t> ranks) {
  if (on_device(out)) return sort_on_device(out, x, axis, false);
  const int64_t n = x.shape[axis];
  arrange_values(
      out, x, axis, false,
      [&](const auto& line, const auto& spare) { partition_line(line, spare, n, ranks); },
      [&]<class K>(void* to, const K* keys, const void* from) {
        Restored<K>::each(to, keys, from, n);
      });
}

void arg_partition(const View& out, const View& x, int axis, std::span<const int64_t> ranks) {
  if (on_device(out)) return select_on_device(out, x, axis, false);
  const int64_t n = x.shape[axis];
  arrange_places(out, x, axis, false, [&](const auto& line, const auto& spare) {
    partition_line(line, spare, n, ranks);
  });
}

void arg_nth(const View& out, const View& x, int axis, int64_t rank) {
  const int64_t n = x.shape[axis];
  visit_key(x.dtype, false, n, [&]<class K>(TypeTag<K>) {
    for_lines<K>(out, x, axis, false, false,
                 [&](void* to, const Elements& elements, const Scratch<K>& scratch) {
                   *static_cast<int64_t*>(to) = place_of_rank(elements, n, scratch, rank);
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
  const int64_t n = x.shape[axis];
  visit_ordered(x.dtype, [&]<class T>(TypeTag<T>) {
    Lines(out, x, axis).run([&](void* to, const void* from) {
      const T* line = static_cast<const T*>(from);
      int64_t place = 0;
      for (int64_t i = 0; i < n; ++i) {
        const T value = line[i], best = line[place];
        const bool better = maximum ? value > best : value < best;
        if (better || (IsNan()(value) && !IsNan()(best))) place = i;
        static_cast<int64_t*>(to)[i] = place;
      }
    });
  });
}

}  // namespace pyautograd::kernels
