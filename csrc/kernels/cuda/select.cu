// The first of each line by radix selection: the last one that belongs to them is found digit by
// digit, first of its key and then, among equal keys, of its place. Counts are whole numbers, so
// that it does not matter in which order they come together.

#include <bit>

#include "kernels/cuda/select.h"

namespace pyautograd::kernels::cuda {

namespace {

constexpr int kDigit = 8;  // bits
constexpr int64_t kPart = 1 << 14;

// What is known of a line's last one.
struct Last {
  uint64_t key, place;  // their upper digits, as unsigned numbers
  uint64_t left;        // how many of those that share these digits belong to the first
  uint64_t taken;
};

struct Selection {
  const int64_t* keys;
  Last* last;
  uint64_t* counts;  // kKinds for each line
  int64_t n, parts;
  uint64_t flip;  // makes keys unsigned
  int shift;      // of the digit that is looked for
  bool of_place;

  PYAUTOGRAD_HD uint64_t key(int64_t line, int64_t i) const {
    return static_cast<uint64_t>(keys[line * n + i]) ^ flip;
  }

  // For the counts: a block is a part of a line.
  PYAUTOGRAD_HD int64_t length(int64_t block) const {
    const int64_t rest = n - block % parts * kPart;
    return rest < kPart ? rest : kPart;
  }
  PYAUTOGRAD_HD int kind(int64_t block, int64_t item) const {
    const int64_t line = block / parts, i = block % parts * kPart + item;
    const Last& known = last[line];
    const uint64_t mine = key(line, i);
    if (of_place && mine != known.key) return -1;
    const uint64_t number = of_place ? static_cast<uint64_t>(i) : mine;
    const uint64_t upper = number ^ (of_place ? known.place : known.key);
    // In two steps: a shift by all 64 bits has no meaning.
    if (upper >> shift >> kDigit) return -1;
    return static_cast<int>(number >> shift & (kKinds - 1));
  }
  PYAUTOGRAD_HD void add(int64_t block, int kind, uint32_t count) const {
    if (count) add_atomically(counts[block / parts * kKinds + kind], uint64_t{count});
  }
};

struct Begin {
  Selection of;
  uint64_t k;
  PYAUTOGRAD_HD void operator()(int64_t i) const {
    of.counts[i] = 0;
    if (i % kKinds == 0) of.last[i / kKinds] = {0, 0, k, 0};
  }
};

// A line each: the digit of the last one, whose counts are forgotten.
struct FindDigit {
  Selection of;
  PYAUTOGRAD_HD void operator()(int64_t line) const {
    Last& last = of.last[line];
    uint64_t* counts = of.counts + line * kKinds;
    uint64_t digit = 0;
    for (bool found = false; digit < kKinds; ++digit) {
      found = found || counts[digit] >= last.left;
      if (found) break;
      last.left -= counts[digit];
    }
    for (int kind = 0; kind < kKinds; ++kind) counts[kind] = 0;
    (of.of_place ? last.place : last.key) |= digit << of.shift;
  }
};

// In any order.
struct Take {
  Selection of;
  uint64_t* keys;
  int64_t* places;
  int64_t k;

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t line = item / of.n, i = item - line * of.n;
    Last& last = of.last[line];
    const uint64_t key = of.key(line, i);
    if (key > last.key || (key == last.key && static_cast<uint64_t>(i) > last.place)) return;
    const int64_t slot = line * k + static_cast<int64_t>(add_atomically(last.taken, uint64_t{1}));
    keys[slot] = key;
    places[slot] = i;
  }
};

// They are few: each counts how many come before it.
struct Rank {
  const uint64_t* keys;
  const int64_t* places;
  int64_t* out;
  int64_t k;

  PYAUTOGRAD_HD void operator()(int64_t item) const {
    const int64_t first = item / k * k, place = places[item];
    const uint64_t key = keys[item];
    int64_t rank = first;
    for (int64_t j = first; j < first + k; ++j)
      rank += keys[j] < key || (keys[j] == key && places[j] < place);
    out[rank] = place;
  }
};

}  // namespace

void select_first(Queue& queue, int64_t* places, int64_t k, const int64_t* keys, int64_t lines,
                  int64_t n, int bits) {
  const auto array = [&](int64_t count, size_t size) {
    return Scratch(queue.device(), static_cast<size_t>(count) * size);
  };
  const Scratch last = array(lines, sizeof(Last)), counts = array(lines * kKinds, sizeof(uint64_t));
  const Scratch taken_keys = array(lines * k, sizeof(uint64_t));
  const Scratch taken_places = array(lines * k, sizeof(int64_t));
  const uint64_t flip = bits == 64 ? uint64_t{1} << 63 : 0;
  Selection selection{
      keys, last.as<Last>(), counts.as<uint64_t>(), n, (n + kPart - 1) / kPart, flip, 0, false};
  queue.each(lines * kKinds, Begin{selection, static_cast<uint64_t>(k)});
  const auto find = [&](int width) {
    for (int shift = (width - 1) / kDigit * kDigit; shift >= 0; shift -= kDigit) {
      selection.shift = shift;
      queue.counts(lines * selection.parts, selection);
      queue.each(lines, FindDigit{selection});
    }
  };
  find(bits);
  selection.of_place = true;
  find(std::bit_width(static_cast<uint64_t>(n - 1)));
  uint64_t* chosen = taken_keys.as<uint64_t>();
  queue.each(lines * n, Take{selection, chosen, taken_places.as<int64_t>(), k});
  queue.each(lines * k, Rank{chosen, taken_places.as<int64_t>(), places, k});
}

}  // namespace pyautograd::kernels::cuda
