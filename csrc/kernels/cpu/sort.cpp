#include "kernels/sort.h"

#include <bit>
#include <memory>
#include <utility>

#include "kernels/cpu/move.h"
#include "kernels/iterate.h"
#include "kernels/kernels.h"

// Elements become unsigned keys in the same order, so that one stable sort of integers serves every
// dtype and both directions.
namespace pyautograd::kernels {

namespace {

template <class T>
using Key = std::conditional_t<(sizeof(T) > 4), uint64_t, uint32_t>;

// Zeros of either sign get one key, and so do nans.
template <class T>
Key<T> key_of(T x, bool descending) {
  Key<T> key;
  if constexpr (std::is_floating_point_v<T>) {
    constexpr Key<T> sign = Key<T>{1} << (sizeof(T) * 8 - 1);
    const Key<T> bits = std::bit_cast<Key<T>>(x + T(0));  // -0 + 0 = 0
    key = IsNan()(x) ? ~Key<T>{0} : bits & sign ? ~bits : bits | sign;
  } else if constexpr (std::is_signed_v<T>) {
    key = Key<T>(x) ^ (Key<T>{1} << (sizeof(Key<T>) * 8 - 1));
  } else {
    key = Key<T>(x);
  }
  return descending ? ~key : key;
}

template <class K>
struct Keyed {
  K key;
  int64_t place;
  // No two are equal, so a sort that is not stable gives what a stable one would.
  bool operator<(const Keyed& other) const {
    return key != other.key ? key < other.key : place < other.place;
  }
};

template <class K>
K sort_key(K item) {
  return item;
}
template <class K>
K sort_key(const Keyed<K>& item) {
  return item.key;
}

// Below this a comparison sort is faster than counting digits.
constexpr int64_t kRadixFrom = 256;

// Least significant digit first: stable, a pass for every byte in which the keys differ. Items end
// in `items`; `spare` is as long.
template <class Item>
void radix_sort(Item*& items, Item*& spare, int64_t n) {
  using K = decltype(sort_key(*items));
  constexpr int kDigits = sizeof(K);
  int64_t counts[kDigits * 256] = {};
  for (int64_t i = 0; i < n; ++i) {
    const K key = sort_key(items[i]);
    for (int d = 0; d < kDigits; ++d) ++counts[d * 256 + int(key >> (8 * d) & 255)];
  }
  for (int d = 0; d < kDigits; ++d) {
    int64_t* count = &counts[d * 256];
    if (count[sort_key(items[0]) >> (8 * d) & 255] == n) continue;
    int64_t start = 0;
    for (int digit = 0; digit < 256; ++digit) start += std::exchange(count[digit], start);
    for (int64_t i = 0; i < n; ++i) spare[count[sort_key(items[i]) >> (8 * d) & 255]++] = items[i];
    std::swap(items, spare);
  }
}

template <class Item>
void sort_items(Item*& items, Item*& spare, int64_t n) {
  if (n < kRadixFrom) {
    std::sort(items, items + n);
  } else {
    radix_sort(items, spare, n);
  }
}

// Calls body(out line, x line, scratch) for every line along the axis; the scratch holds two
// buffers of n items, and is made once for every range of lines that a thread takes.
template <class Item, class Body>
void for_lines(const View& out, const View& x, int axis, const Body& body) {
  const int64_t n = x.shape[axis];
  Dims rest(x.shape);
  rest[axis] = n > 0 && out.shape[axis] > 0 ? 1 : 0;
  const Nest<2> nest(rest, {out.strides, x.strides});
  const int64_t grain = std::max<int64_t>(1, kGrain / 8 / std::max<int64_t>(1, n));
  parallel_for(nest.count(), grain, [&](int64_t begin, int64_t end) {
    auto scratch = std::make_unique_for_overwrite<Item[]>(size_t(2 * n));
    nest.walk(begin, end, [&](const auto& offset, int64_t count) {
      for (int64_t i = 0; i < count; ++i)
        body(offset[0] + i * nest.stride(0), offset[1] + i * nest.stride(1), scratch.get());
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

template <class T>
void sort_line(T* out, int64_t out_step, const T* x, int64_t step, int64_t n, Key<T>* scratch,
               bool descending) {
  Key<T>*keys = scratch, *spare = scratch + n;
  for (int64_t i = 0; i < n; ++i) keys[i] = key_of(x[i * step], descending);
  sort_items(keys, spare, n);
  const Key<T> flip = descending ? ~Key<T>{0} : 0;
  for (int64_t i = 0; i < n; ++i) {
    const Key<T> key = keys[i] ^ flip;
    constexpr Key<T> top = Key<T>{1} << (sizeof(Key<T>) * 8 - 1);
    if constexpr (std::is_floating_point_v<T>) {
      out[i * out_step] = std::bit_cast<T>(key & top ? key ^ top : ~key);
    } else if constexpr (std::is_signed_v<T>) {
      out[i * out_step] = T(key ^ top);
    } else {
      out[i * out_step] = T(key);
    }
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

template <class K, class T>
void read_keyed(Keyed<K>* items, const T* x, int64_t step, int64_t n, bool descending) {
  for (int64_t i = 0; i < n; ++i) items[i] = {key_of(x[i * step], descending), i};
}

// Selected items lack an order that is stable, so only a sort by place as well puts them right.
template <class Item>
void sort_selected(Item*& items, Item*& spare, int64_t n, bool shuffled) {
  if (shuffled) {
    std::sort(items, items + n);
  } else {
    sort_items(items, spare, n);
  }
}

// nan after every number.
template <class T>
bool before(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a < b || (IsNan()(b) && !IsNan()(a));
  else
    return a < b;
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
  visit_ordered(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = static_cast<T*>(out.data);
    const T* from = static_cast<const T*>(x.data);
    for_lines<Key<T>>(out, x, axis, [&](int64_t o, int64_t i, Key<T>* scratch) {
      sort_line(to + o, out.strides[axis], from + i, x.strides[axis], x.shape[axis], scratch,
                descending);
    });
  });
}

void argsort(const View& out, const View& x, int axis, bool descending) {
  arg_select(out, x, axis, descending, true);
}

void arg_select(const View& out, const View& x, int axis, bool descending, bool sorted) {
  const int64_t n = x.shape[axis], count = out.shape[axis];
  visit_ordered(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using Item = Keyed<Key<T>>;
    const T* from = static_cast<const T*>(x.data);
    int64_t* to = static_cast<int64_t*>(out.data);
    for_lines<Item>(out, x, axis, [&](int64_t o, int64_t i, Item* items) {
      Item* spare = items + n;
      read_keyed(items, from + i, x.strides[axis], n, descending);
      if (count < n || !sorted) std::nth_element(items, items + count - 1, items + n);
      if (sorted) sort_selected(items, spare, count, count < n);
      for (int64_t k = 0; k < count; ++k) to[o + k * out.strides[axis]] = items[k].place;
    });
  });
}

void searchsorted(const View& out, const View& lines, const View& values, bool right) {
  const int64_t n = lines.shape[1], m = values.shape[1];
  visit_ordered(lines.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* line = static_cast<const T*>(lines.data);
    const T* value = static_cast<const T*>(values.data);
    int64_t* to = static_cast<int64_t*>(out.data);
    parallel_for(lines.shape[0] * m, kGrain / 16, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* first = line + i / m * n;
        const T* place = right ? std::upper_bound(first, first + n, value[i], before<T>)
                               : std::lower_bound(first, first + n, value[i], before<T>);
        to[i] = place - first;
      }
    });
  });
}

void arg_scan(bool maximum, const View& out, const View& x, int axis) {
  const int64_t n = x.shape[axis], out_step = out.strides[axis], step = x.strides[axis];
  visit_ordered(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* from = static_cast<const T*>(x.data);
    int64_t* to = static_cast<int64_t*>(out.data);
    for_lines<char>(out, x, axis, [&](int64_t o, int64_t i, char*) {
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
