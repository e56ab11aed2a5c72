// What compares elements: sorts, searches in sorted lines, running extrema.

#include <bit>
#include <limits>

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/lines.h"
#include "kernels/cuda/pair_sort.h"
#include "kernels/cuda/select.h"
#include "kernels/cuda/tables.h"
#include "kernels/sort_key.h"

namespace pyautograd::kernels::cuda {

namespace {

// Runs of this many items are sorted in one step, where each item compares itself with all others.
constexpr int64_t kRun = 32;

PYAUTOGRAD_HD int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

struct SortRuns {
  Pairs from, to;
  int64_t n;

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t line = item / n * n, i = item - line, first = i / kRun * kRun;
    const int64_t end = smaller(first + kRun, n), key = from.keys[item];
    int64_t place = line + first;
    for (int64_t j = first; j < end; ++j) {
      const int64_t other = from.keys[line + j];
      place += other < key || (other == key && j < i);
    }
    to.keys[place] = key;
    to.places[place] = from.places[item];
  }
};

// Neighbouring sorted runs become one: an item's place in it is its own number plus how many of the
// other run come before it. Equals of the left run come first.
struct MergeRuns {
  Pairs from, to;
  int64_t n, width;

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t line = item / n * n, i = item - line, run = i / width * width;
    const bool left = i / width % 2 == 0;
    const int64_t other = left ? smaller(run + width, n) : run - width;
    const int64_t length = smaller(other + width, n) - other, key = from.keys[item];
    const int64_t* keys = from.keys + line + other;
    const int64_t before =
        left ? count_before<false>(keys, length, key) : count_before<true>(keys, length, key);
    // An item of the right run has its left one's start from the run's own.
    const int64_t place = line + (left ? i : i - width) + before;
    to.keys[place] = key;
    to.places[place] = from.places[item];
  }
};

}  // namespace

namespace {

// Below this many items a merge sort has fewer launches.
constexpr int64_t kMerged = 4096;

// The places of lines as numbers of items, and back.
struct NumberItems {
  int64_t* places;
  int64_t n;
  PYAUTOGRAD_HD void operator()(int64_t item) const { places[item] += item / n * n; }
};
struct SplitItems {
  Pairs items;
  int64_t n;
  PYAUTOGRAD_HD void operator()(int64_t item) const { items.keys[item] = items.places[item] / n; }
};
struct NumberPlaces {
  int64_t* places;
  int64_t n;
  PYAUTOGRAD_HD void operator()(int64_t item) const { places[item] %= n; }
};

}  // namespace

PairSort::PairSort(int device, int64_t lines, int64_t n, int bits)
    : n_(n),
      count_(lines * n),
      bits_(bits),
      memory_(device, static_cast<size_t>(4 * count_) * sizeof(int64_t)) {}

Pairs PairSort::sorted(Queue& queue) const {
  return n_ <= kRun || count_ <= kMerged ? merged(queue) : by_digits(queue);
}

// All items at once, and then by their lines, which keeps the order within a line: many short lines
// take no longer than a few long ones.
Pairs PairSort::by_digits(Queue& queue) const {
  if (count_ == n_) return radix_sort(queue, items(), spare(), count_, bits_);
  queue.each(count_, NumberItems{items().places, n_});
  const Pairs by_key = radix_sort(queue, items(), spare(), count_, bits_);
  queue.each(count_, SplitItems{by_key, n_});
  const bool first = by_key.keys == items().keys;
  const int bits = std::bit_width(static_cast<uint64_t>(count_ / n_ - 1));
  const Pairs by_line = radix_sort(queue, by_key, first ? spare() : items(), count_, bits);
  queue.each(count_, NumberPlaces{by_line.places, n_});
  return by_line;
}

Pairs PairSort::merged(Queue& queue) const {
  Pairs from = items(), to = spare();
  queue.each(count_, SortRuns{from, to, n_});
  for (int64_t width = kRun; width < n_; width *= 2) {
    std::swap(from, to);
    queue.each(count_, MergeRuns{from, to, n_, width});
  }
  return to;
}

namespace {

template <class T>
struct MakeKeys {
  Line<int64_t, T> line;
  Pairs to;
  bool descending;

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t number = item / line.length, i = item - number * line.length;
    const Key<T> key = key_of(line.source(number)[i * line.x_step], descending);
    to.keys[item] = sizeof(key) == 4 ? int64_t{key} - std::numeric_limits<int32_t>::min() : key;
    if (to.places) to.places[item] = i;
  }
};

// The first `count` of every line.
struct WritePlaces {
  Line<int64_t, char> line;  // of the output alone
  const int64_t* places;
  int64_t count, length;  // of a line there and here

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t number = item / count, i = item - number * count;
    line.target(number)[i * line.out_step] = places[number * length + i];
  }
};

// visit_dtype for the dtypes that have an order.
template <class F>
bool visit_ordered(DType dtype, const F& f) {
  return visit_dtype(dtype, [&]<class T>(TypeTag<T> tag) {
    if constexpr (is_complex_type<T>)
      return false;
    else
      return f(tag);
  });
}

template <class T>
void make_keys(Queue& queue, const View& out, const View& x, const Lines& lines, Pairs to,
               bool descending) {
  queue.each(lines.outer.count() * lines.length,
             MakeKeys<T>{Line<int64_t, T>(out, x, lines), to, descending});
}

// As many first places of every line as out takes.
bool argsort(const View& out, const View& x, int axis, bool descending) {
  const Lines lines(out, x, axis);
  if (lines.outer.rank() > kMaxRank) return false;
  const int64_t count = lines.outer.count(), n = lines.length;
  const int64_t k = out.shape.empty() ? 1 : out.shape[static_cast<size_t>(axis)];
  if (count * k == 0) return true;
  Queue queue(out.device);
  const int bits = itemsize(x.dtype) > 4 ? 64 : 32;
  const auto keys_to = [&](Pairs to) {
    return visit_ordered(x.dtype, [&]<class T>(TypeTag<T>) {
      make_keys<T>(queue, out, x, lines, to, descending);
      return true;
    });
  };
  const auto write = [&](const int64_t* places, int64_t length) {
    queue.each(count * k, WritePlaces{Line<int64_t, char>(out, x, lines), places, k, length});
  };
  if (is_worth_selecting(count, n, k)) {
    const Scratch keys(out.device.index, static_cast<size_t>(count * n) * sizeof(int64_t));
    const Scratch places(out.device.index, static_cast<size_t>(count * k) * sizeof(int64_t));
    if (!keys_to({keys.as<int64_t>(), nullptr})) return false;
    select_first(queue, places.as<int64_t>(), k, keys.as<int64_t>(), count, n, bits);
    write(places.as<int64_t>(), k);
    return true;
  }
  const PairSort sort(out.device.index, count, n, bits);
  if (!keys_to(sort.items())) return false;
  write(sort.sorted(queue).places, n);
  return true;
}

template <class T>
struct Search {
  int64_t* out;
  const T *lines, *values;
  int64_t n, m;
  bool right;

  PYAUTOGRAD_HD void operator()(int64_t i) const {
    const T* line = lines + i / m * n;
    out[i] =
        right ? count_before<true>(line, n, values[i]) : count_before<false>(line, n, values[i]);
  }
};

bool searchsorted(const View& out, const View& lines, const View& values, bool right) {
  return visit_dtype(lines.dtype, [&]<class T>(TypeTag<T>) {
    Queue(out.device)
        .each(
            element_count(out.shape),
            Search<T>{static_cast<int64_t*>(out.data), static_cast<const T*>(lines.data),
                      static_cast<const T*>(values.data), lines.shape[1], values.shape[1], right});
    return true;
  });
}

// A thread for each line.
template <class T>
struct ArgScanLine {
  Line<int64_t, T> line;
  bool maximum;

  PYAUTOGRAD_HD void operator()(int64_t number) const {
    const T* x = line.source(number);
    int64_t* out = line.target(number);
    T best = x[0];
    int64_t place = 0;
    for (int64_t i = 0; i < line.length; ++i) {
      const T value = x[i * line.x_step];
      const bool better = maximum ? value > best : value < best;
      if (better || (IsNan()(value) && !IsNan()(best))) best = value, place = i;
      out[i * line.out_step] = place;
    }
  }
};

bool arg_scan(bool maximum, const View& out, const View& x, int axis) {
  const Lines lines(out, x, axis);
  if (lines.outer.rank() > kMaxRank) return false;
  if (element_count(x.shape) == 0) return true;
  return visit_ordered(x.dtype, [&]<class T>(TypeTag<T>) {
    Queue(out.device)
        .each(lines.outer.count(), ArgScanLine<T>{Line<int64_t, T>(out, x, lines), maximum});
    return true;
  });
}

}  // namespace

void install_order(DeviceKernels& table) {
  table.argsort = &argsort;
  table.searchsorted = &searchsorted;
  table.arg_scan = &arg_scan;
}

}  // namespace pyautograd::kernels::cuda
