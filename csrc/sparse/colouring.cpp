#include "sparse/colouring.h"

#include <algorithm>
#include <iterator>

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

// Rows that are longer than `length`.
CachedVector<uint8_t> longer_than(const Rows& pattern, int64_t length) {
  CachedVector<uint8_t> out(pattern.count);
  for (int64_t i = 0; i < pattern.count; ++i)
    out[i] = static_cast<int64_t>(pattern.of(i).size()) > length;
  return out;
}

int64_t longest_of(const Rows& pattern, std::span<const uint8_t> skip) {
  int64_t longest = 0;
  for (int64_t i = 0; i < pattern.count; ++i) {
    if (skip.empty() || !skip[i])
      longest = std::max(longest, static_cast<int64_t>(pattern.of(i).size()));
  }
  return longest;
}

// One way to split the rows: some found by row colours, the others by column colours.
struct Split {
  CachedVector<uint8_t> by_row;
  OwnRows chosen;    // the transpose of the rows that row colours find
  int64_t at_least;  // colours
};

Split split_at(const Rows& pattern, const Rows& transpose, int64_t length) {
  Split out{longer_than(pattern, length), {pattern.columns, pattern.count}, 0};
  for (int64_t j = 0; j < transpose.count; ++j) {
    for (int32_t i : transpose.of(j)) {
      if (out.by_row[i]) out.chosen.indices.push_back(i);
    }
    out.chosen.end_row();
  }
  out.at_least = longest_of(pattern, out.by_row) + longest_of(out.chosen, {});
  return out;
}

// The rows longer than some length by row colours, the others by column colours. Lengths are tried
// from the longest down by halves, the most promising first.
Bicolouring colour_long_rows(const Rows& pattern, const Rows& transpose, Order order) {
  const int64_t longest = longest_of(pattern, {});
  std::vector<Split> splits;
  splits.push_back(split_at(pattern, transpose, longest));
  for (int64_t length = longest - 1; length > 0; length /= 2)
    splits.push_back(split_at(pattern, transpose, length));
  std::stable_sort(splits.begin(), splits.end(),
                   [](const Split& a, const Split& b) { return a.at_least < b.at_least; });
  Bicolouring best;
  int64_t fewest = -1;
  for (const Split& split : splits) {
    if (fewest >= 0 && split.at_least >= fewest) break;
    // Rows clash where they share a column; those that columns find take no part.
    Bicolouring made{colour_columns(split.chosen, order),
                     colour_columns(pattern, order, split.by_row)};
    const int64_t count = int64_t{made.rows.count} + made.columns.count;
    if (fewest >= 0 && count >= fewest) continue;
    fewest = count;
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

Colouring colour_columns(const Rows& pattern, Order order, std::span<const uint8_t> skip) {
  const int64_t n = pattern.columns;
  Colouring out{CachedVector<int32_t>(n, kNone), 0};
  if (any_full_row(pattern, skip)) {
    for (int32_t v = 0; v < n; ++v) take(out, v, v);
    return out;
  }
  const OwnRows turned = transposed(pattern);
  const Rows columns = turned;
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

Bicolouring colour_both(const Rows& pattern, Order order) {
  const OwnRows transpose = transposed(pattern);
  Bicolouring by_rows = colour_long_rows(pattern, transpose, order);
  Bicolouring by_columns = colour_long_rows(transpose, pattern, order);
  std::swap(by_columns.rows, by_columns.columns);
  const auto total = [](const Bicolouring& c) { return c.rows.count + c.columns.count; };
  return total(by_columns) <= total(by_rows) ? by_columns : by_rows;
}

}  // namespace pyautograd::sparse
