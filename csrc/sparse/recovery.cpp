#include "sparse/recovery.h"

#include <algorithm>

namespace pyautograd::sparse {

namespace {

// Which entries are alone in their column among the rows of their colour.
CachedVector<uint8_t> found_by_rows(const Rows& pattern, const Colouring& rows) {
  CachedVector<uint8_t> out(pattern.entries(), 0);
  if (rows.count == 0) return out;
  const OwnRows transpose = transposed(pattern);
  CachedVector<int32_t> next(pattern.starts.begin(), pattern.starts.end() - 1);
  CachedVector<int32_t> meets(rows.count, 0);
  for (int64_t j = 0; j < transpose.count; ++j) {
    const std::span<const int32_t> column = Rows(transpose).of(j);
    for (int32_t i : column) {
      if (rows.colours[i] != kNone) ++meets[rows.colours[i]];
    }
    for (int32_t i : column) {
      out[next[i]++] = rows.colours[i] != kNone && meets[rows.colours[i]] == 1;
    }
    for (int32_t i : column) {
      if (rows.colours[i] != kNone) meets[rows.colours[i]] = 0;
    }
  }
  return out;
}

// Where entry (j, i) stands for each entry (i, j). Rows and columns ascend, so those below the
// diagonal are met in order, and no search is needed.
CachedVector<int32_t> mirrors_of(const Rows& symmetric) {
  CachedVector<int32_t> out(symmetric.entries());
  CachedVector<int32_t> next(symmetric.starts.begin(), symmetric.starts.end() - 1);
  for (int32_t i = 0; i < symmetric.count; ++i) {
    for (int32_t k = symmetric.starts[i]; k < symmetric.starts[i + 1]; ++k) {
      const int32_t j = symmetric.indices[k];
      if (j < i) continue;
      const int32_t mirror = j == i ? k : next[j]++;
      out[k] = mirror;
      out[mirror] = k;
    }
  }
  return out;
}

// In the two-coloured trees of an acyclic colouring a vertex stands once for each colour among its
// neighbours: as a slot.
struct Slots {
  CachedVector<int32_t> of;       // of each entry off the diagonal: that of its row
  CachedVector<int32_t> degrees;  // edges of each slot
};

Slots slots_of(const Rows& symmetric, const Colouring& colouring) {
  Slots out{CachedVector<int32_t>(symmetric.entries()), {}};
  CachedVector<int32_t> slot_with(colouring.count, kNone);
  for (int32_t i = 0; i < symmetric.count; ++i) {
    const int32_t first = static_cast<int32_t>(out.degrees.size());
    for (int32_t k = symmetric.starts[i]; k < symmetric.starts[i + 1]; ++k) {
      const int32_t j = symmetric.indices[k];
      if (j == i) continue;
      int32_t& slot = slot_with[colouring.colours[j]];
      if (slot < first) {
        slot = static_cast<int32_t>(out.degrees.size());
        out.degrees.push_back(0);
      }
      out.of[k] = slot;
      ++out.degrees[slot];
    }
  }
  return out;
}

// Takes leaves off the trees, and notes in which order.
class Stripping {
 public:
  Stripping(const Rows& symmetric, const Colouring& colouring, Substitution& out)
      : rows_(symmetric),
        colours_(colouring.colours),
        slots_(slots_of(symmetric, colouring)),
        mirrors_(mirrors_of(symmetric)),
        left_(symmetric.entries(), 1),
        out_(out) {
    out.sums = static_cast<int64_t>(slots_.degrees.size());
  }

  template <class Set>
  void run(Set&& set) {
    // The diagonal can be read off: no neighbour has the colour of its vertex.
    each_entry([&](int32_t i, int32_t k, int32_t j) {
      if (j == i) step(set, {k, k, kNone, kNone}, i, colours_[i]);
    });
    each_entry([&](int32_t i, int32_t k, int32_t j) {
      if (j != i) strip(set, i, slots_.of[k], colours_[j]);
    });
  }

 private:
  struct Step {
    int32_t entry, mirror, leaf, parent;
  };
  template <class Visit>
  void each_entry(Visit&& visit) const {
    for (int32_t i = 0; i < rows_.count; ++i) {
      for (int32_t k = rows_.starts[i]; k < rows_.starts[i + 1]; ++k) visit(i, k, rows_.indices[k]);
    }
  }
  template <class Set>
  void step(Set&& set, const Step& step, int32_t i, int32_t with) {
    set(static_cast<int64_t>(out_.entries.size()), with, i);
    out_.entries.push_back(step.entry);
    out_.mirrors.push_back(step.mirror);
    out_.leaves.push_back(step.leaf);
    out_.parents.push_back(step.parent);
  }
  // From a vertex whose slot has one edge left, on while the other end has become a leaf.
  template <class Set>
  void strip(Set&& set, int32_t i, int32_t slot, int32_t with) {
    while (slots_.degrees[slot] == 1) {
      int32_t k = rows_.starts[i];
      while (!left_[k] || rows_.indices[k] == i || colours_[rows_.indices[k]] != with) ++k;
      const int32_t mirror = mirrors_[k], parent = slots_.of[mirror];
      left_[k] = left_[mirror] = 0;
      --slots_.degrees[slot];
      --slots_.degrees[parent];
      step(set, {k, mirror, slot, parent}, i, with);
      with = colours_[i];
      slot = parent;
      i = rows_.indices[k];
    }
  }

  const Rows& rows_;
  const CachedVector<int32_t>& colours_;
  Slots slots_;
  CachedVector<int32_t> mirrors_;
  CachedVector<uint8_t> left_;
  Substitution& out_;
};

}  // namespace

Places recover_jacobian(const Rows& pattern, const Bicolouring& colouring) {
  const CachedVector<int32_t>& row_colours = colouring.rows.colours;
  const CachedVector<int32_t>& column_colours = colouring.columns.colours;
  const int64_t behind_rows = colouring.rows.count;
  const CachedVector<uint8_t> by_row = found_by_rows(pattern, colouring.rows);
  Places out(behind_rows + colouring.columns.count, std::max(pattern.count, pattern.columns),
             pattern.entries());
  out.fill([&](auto set) {
    for (int64_t i = 0; i < pattern.count; ++i) {
      for (int64_t k = pattern.starts[i]; k < pattern.starts[i + 1]; ++k) {
        const int32_t j = pattern.indices[k];
        if (by_row[k]) {
          set(k, row_colours[i], j);
        } else {
          set(k, behind_rows + column_colours[j], i);
        }
      }
    }
  });
  return out;
}

Places recover_star(const Rows& symmetric, const Colouring& colouring) {
  const CachedVector<int32_t>& colour = colouring.colours;
  Places out(colouring.count, symmetric.count, symmetric.entries());
  CachedVector<int32_t> meets(colouring.count, 0);
  CachedVector<int32_t> next(symmetric.starts.begin(), symmetric.starts.end() - 1);
  out.fill([&](auto set) {
    for (int32_t i = 0; i < symmetric.count; ++i) {
      const std::span<const int32_t> row = symmetric.of(i);
      for (int32_t j : row) ++meets[colour[j]];
      for (int32_t k = symmetric.starts[i]; k < symmetric.starts[i + 1]; ++k) {
        const int32_t j = symmetric.indices[k];
        if (j < i) continue;
        // Alone in row i among the columns of its colour if i is no hub of their star. The diagonal
        // always is: no neighbour has the colour of its vertex.
        const bool alone = meets[colour[j]] == 1;
        const int32_t from = alone ? colour[j] : colour[i], element = alone ? i : j;
        set(k, from, element);
        // Mirrors are met in order, since rows and columns ascend.
        if (j != i) set(next[j]++, from, element);
      }
      for (int32_t j : row) meets[colour[j]] = 0;
    }
  });
  return out;
}

Substitution recover_acyclic(const Rows& symmetric, const Colouring& colouring) {
  Substitution out;
  out.products = Places(colouring.count, symmetric.count, symmetric.entries());
  out.products.fill([&](auto set) { Stripping(symmetric, colouring, out).run(set); });
  return out;
}

}  // namespace pyautograd::sparse
