#include "sparse/colouring.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>

#include "sparse/ordering.h"

namespace pyautograd::sparse {

namespace {

// The least colour that `taken` does not carry the mark of v for.
int32_t least_free(const CachedVector<int32_t>& taken, int32_t v) {
  int32_t colour = 0;
  while (taken[colour] == v) ++colour;
  return colour;
}

void take(Colouring& out, int32_t v, int32_t colour) {
  out.colours[v] = colour;
  out.count = std::max(out.count, colour + 1);
}

// Columns that share a row.
class ColumnNeighbours {
 public:
  ColumnNeighbours(const Rows& rows, const Rows& columns, std::span<const uint8_t> skip)
      : rows_(rows), columns_(columns), skip_(skip), seen_(rows.columns, 0) {}

  bool skips(int32_t row) const { return !skip_.empty() && skip_[row]; }

  template <class Visit>
  void operator()(int32_t v, Visit&& visit) {
    if (++round_ == 0) {
      std::fill(seen_.begin(), seen_.end(), 0);
      round_ = 1;
    }
    seen_[v] = round_;
    for (int32_t row : columns_.of(v)) {
      if (skips(row)) continue;
      for (int32_t w : rows_.of(row)) {
        if (seen_[w] == round_) continue;
        seen_[w] = round_;
        visit(w);
      }
    }
  }

 private:
  const Rows rows_, columns_;
  const std::span<const uint8_t> skip_;
  CachedVector<uint32_t> seen_;  // per column: the round that met it last
  uint32_t round_ = 0;
};

// A row that is full needs as many colours as there are columns; nothing need be searched.
bool any_full_row(const Rows& pattern, std::span<const uint8_t> skip) {
  for (int64_t i = 0; i < pattern.count; ++i) {
    const bool counts = skip.empty() || !skip[i];
    if (counts && static_cast<int64_t>(pattern.of(i).size()) == pattern.columns) return true;
  }
  return false;
}

Colouring no_colours(int64_t n) { return {CachedVector<int32_t>(n, kNone), 0}; }

// Columns one after the other; `columns` is the transpose.
Colouring colour(const Rows& pattern, const Rows& columns, Order order,
                 std::span<const uint8_t> skip) {
  const int64_t n = pattern.columns;
  Colouring out = no_colours(n);
  if (any_full_row(pattern, skip)) {
    for (int32_t v = 0; v < n; ++v) take(out, v, v);
    return out;
  }
  ColumnNeighbours neighbours(pattern, columns, skip);
  CachedVector<int32_t> taken(1, kNone);  // per colour, and for one that nobody has yet
  in_order(n, order, neighbours, [&](int32_t v) {
    const std::span<const int32_t> own = columns.of(v);
    if (std::all_of(own.begin(), own.end(), [&](int32_t row) { return neighbours.skips(row); }))
      return;
    neighbours(v, [&](int32_t w) {
      if (out.colours[w] != kNone) taken[out.colours[w]] = v;
    });
    take(out, v, least_free(taken, v));
    if (out.count == static_cast<int32_t>(taken.size())) taken.push_back(kNone);
  });
  return out;
}

// One way to split the rows: those longer than `length` are found by row colours, the others by
// column colours.
struct Split {
  int64_t length, at_least;  // colours

  Split(const Rows& pattern, int64_t length) : length(length) {
    CachedVector<int32_t> heights(pattern.columns, 0);  // of the columns of long rows
    int64_t longest = 0;
    for (int64_t i = 0; i < pattern.count; ++i) {
      if (is_long(pattern, i)) {
        for (int32_t j : pattern.of(i)) ++heights[j];
      } else {
        longest = std::max(longest, static_cast<int64_t>(pattern.of(i).size()));
      }
    }
    const auto highest = std::max_element(heights.begin(), heights.end());
    at_least = longest + (highest == heights.end() ? 0 : *highest);
  }
  bool is_long(const Rows& pattern, int64_t i) const {
    return static_cast<int64_t>(pattern.of(i).size()) > length;
  }
};

// Rows clash where they share a column; those that columns find take no part.
Bicolouring colour_split(const Rows& pattern, const Rows& transpose, const Split& split,
                         Order order) {
  CachedVector<uint8_t> by_row(pattern.count);
  OwnRows long_rows{pattern.count, pattern.columns};
  for (int64_t i = 0; i < pattern.count; ++i) {
    by_row[i] = split.is_long(pattern, i);
    if (by_row[i]) {
      const std::span<const int32_t> row = pattern.of(i);
      long_rows.indices.insert(long_rows.indices.end(), row.begin(), row.end());
    }
    long_rows.end_row();
  }
  if (long_rows.indices.empty())
    return {no_colours(pattern.count), colour(pattern, transpose, order, {})};
  if (long_rows.indices.size() == pattern.indices.size())
    return {colour(transpose, pattern, order, {}), no_colours(pattern.columns)};
  return {colour(transposed(long_rows), long_rows, order, {}),
          colour(pattern, transpose, order, by_row)};
}

// The rows longer than some length by row colours, the others by column colours, if that takes
// fewer than `fewer_than`. Lengths are tried from the longest down by halves, the most promising
// first.
std::optional<Bicolouring> colour_long_rows(const Rows& pattern, const Rows& transpose, Order order,
                                            int64_t fewer_than) {
  int64_t longest = 0;
  for (int64_t i = 0; i < pattern.count; ++i)
    longest = std::max(longest, static_cast<int64_t>(pattern.of(i).size()));
  std::vector<Split> splits{Split(pattern, longest)};
  for (int64_t length = longest - 1; length > 0; length /= 2) splits.emplace_back(pattern, length);
  std::stable_sort(splits.begin(), splits.end(),
                   [](const Split& a, const Split& b) { return a.at_least < b.at_least; });
  std::optional<Bicolouring> best;
  for (const Split& split : splits) {
    if (split.at_least >= fewer_than) break;
    Bicolouring made = colour_split(pattern, transpose, split, order);
    if (made.count() >= fewer_than) continue;
    fewer_than = made.count();
    best = std::move(made);
  }
  return best;
}

}  // namespace

OwnRows transposed(const Rows& pattern) {
  OwnRows out{pattern.columns, pattern.count, CachedVector<int32_t>(pattern.columns + 1, 0),
              CachedVector<int32_t>(pattern.entries())};
  for (int32_t j : pattern.indices) ++out.starts[j + 1];
  for (int64_t j = 0; j < pattern.columns; ++j) out.starts[j + 1] += out.starts[j];
  CachedVector<int32_t> next(out.starts.begin(), out.starts.end() - 1);
  for (int64_t i = 0; i < pattern.count; ++i) {
    for (int32_t j : pattern.of(i)) out.indices[next[j]++] = static_cast<int32_t>(i);
  }
  return out;
}

bool is_symmetric(const Rows& pattern) {
  // Those before the diagonal of row j are met in order, so next[j] is where (j, i) must stand.
  CachedVector<int32_t> next(pattern.starts.begin(), pattern.starts.end() - 1);
  int64_t above = 0, below = 0;
  for (int32_t i = 0; i < pattern.count; ++i) {
    for (int32_t j : pattern.of(i)) {
      below += j < i;
      if (j <= i) continue;
      ++above;
      if (next[j] == pattern.starts[j + 1] || pattern.indices[next[j]] != i) return false;
      ++next[j];
    }
  }
  return above == below;
}

OwnRows symmetrised(const Rows& pattern) {
  const OwnRows turned = transposed(pattern);
  const Rows other = turned;
  OwnRows out{pattern.count, pattern.columns};
  for (int64_t i = 0; i < pattern.count; ++i) {
    const std::span<const int32_t> a = pattern.of(i), b = other.of(i);
    std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out.indices));
    out.end_row();
  }
  return out;
}

Colouring colour_columns(const Rows& pattern, Order order) {
  return colour(pattern, transposed(pattern), order, {});
}

Bicolouring colour_both(const Rows& pattern, Order order) {
  const OwnRows transpose = transposed(pattern);
  const int64_t any = std::numeric_limits<int64_t>::max();
  Bicolouring found = *colour_long_rows(transpose, pattern, order, any);
  std::swap(found.rows, found.columns);
  if (auto fewer = colour_long_rows(pattern, transpose, order, found.count()))
    return *std::move(fewer);
  return found;
}

}  // namespace pyautograd::sparse
