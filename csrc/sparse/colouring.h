#pragma once

#include <cstdint>
#include <span>

#include "core/cached_vector.h"

// Colourings of graphs by which a sparse matrix is found from a few products with vectors. Knows
// nothing of tensors.
//   A. H. Gebremedhin, F. Manne, A. Pothen, What color is your Jacobian? Graph coloring for
//     computing derivatives, SIAM Review 47 (2005) 629-705.
//   A. H. Gebremedhin, A. Tarafdar, F. Manne, A. Pothen, New acyclic and star coloring algorithms
//     with application to computing Hessians, SIAM J. Sci. Comput. 29 (2007) 1042-1072.
namespace pyautograd::sparse {

// A pattern by compressed rows; columns ascend in each row. The memory is somebody else's.
struct Rows {
  int64_t count = 0, columns = 0;
  std::span<const int32_t> starts, indices;

  std::span<const int32_t> of(int64_t row) const noexcept {
    return {indices.data() + starts[row], indices.data() + starts[row + 1]};
  }
  int64_t entries() const noexcept { return static_cast<int64_t>(indices.size()); }
};
// One in memory of its own.
struct OwnRows {
  int64_t count = 0, columns = 0;
  CachedVector<int32_t> starts = {0}, indices = {};

  operator Rows() const noexcept { return {count, columns, starts, indices}; }
  void end_row() { starts.push_back(static_cast<int32_t>(indices.size())); }
};
OwnRows transposed(const Rows& pattern);
// Of a square pattern.
bool is_symmetric(const Rows& pattern);
// The union with the transpose, of a square pattern.
OwnRows symmetrised(const Rows& pattern);

// In which order vertices choose their colours.
enum class Order : uint8_t { Natural, LargestFirst, SmallestLast, IncidenceDegree };

struct Colouring {
  CachedVector<int32_t> colours;  // kNone: the vertex needs none
  int32_t count = 0;
};
inline constexpr int32_t kNone = -1;

// No two columns of a colour share a row (a partial distance-2 colouring).
Colouring colour_columns(const Rows& pattern, Order order);

// Rows and columns of a Jacobian coloured together: what the rows found by row colours leave of the
// matrix is found by column colours, or the other way round, whichever takes fewer colours. Arrow
// shapes take a handful this way. After T. F. Coleman, A. Verma, The efficient computation of
// sparse Jacobian matrices using automatic differentiation, SIAM J. Sci. Comput. 19 (1998)
// 1210-1233.
struct Bicolouring {
  Colouring rows, columns;
  int64_t count() const noexcept { return int64_t{rows.count} + columns.count; }
};
Bicolouring colour_both(const Rows& pattern, Order order);

// Of a symmetric matrix. Star: neighbours differ and every path on four vertices has three colours,
// so that every entry can be read off. Acyclic: neighbours differ and every cycle has three
// colours; fewer colours, but entries follow by substitution.
Colouring colour_star(const Rows& symmetric, Order order);
Colouring colour_acyclic(const Rows& symmetric, Order order);

}  // namespace pyautograd::sparse
