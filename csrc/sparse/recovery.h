#pragma once

#include <bit>
#include <variant>

#include "sparse/colouring.h"

// How the entries of a sparse matrix follow from its products with the colours.
namespace pyautograd::sparse {

// Where numbers stand in the rows of products, each of which may lie anywhere. Row and element
// share one integer, which is narrow wherever that is possible: to read it takes as long as to read
// the number.
class Places {
 public:
  Places() = default;
  Places(int64_t rows, int64_t longest, int64_t count)
      : shift_(std::bit_width(static_cast<uint64_t>(longest > 0 ? longest - 1 : 0))) {
    if (shift_ < 32 && rows <= int64_t{1} << (32 - shift_)) {
      places_.emplace<CachedVector<uint32_t>>(count);
    } else {
      places_.emplace<CachedVector<uint64_t>>(count);
    }
  }

  // Calls write(set), where set(k, row, element) says where number k stands.
  template <class Write>
  void fill(Write&& write) {
    std::visit(
        [&](auto& places) {
          using Place = typename std::decay_t<decltype(places)>::value_type;
          write([data = places.data(), shift = shift_](int64_t k, int64_t row, int64_t element) {
            data[k] = static_cast<Place>(row) << shift | static_cast<Place>(element);
          });
        },
        places_);
  }

  // Calls read(get), where get(k) is number k among these rows.
  template <class T, class Read>
  void among(const T* const* rows, Read&& read) const {
    std::visit(
        [&](const auto& places) {
          using Place = typename std::decay_t<decltype(places)>::value_type;
          const Place mask = (Place{1} << shift_) - 1;
          read([data = places.data(), shift = shift_, mask, rows](int64_t k) {
            return rows[data[k] >> shift][data[k] & mask];
          });
        },
        places_);
  }

  // Numbers begin to end - 1.
  template <class T>
  void read(const T* const* rows, int64_t begin, int64_t end, T* out) const {
    among(rows, [&](auto get) {
      for (int64_t k = begin; k < end; ++k) out[k] = get(k);
    });
  }

 private:
  int shift_ = 0;
  std::variant<CachedVector<uint32_t>, CachedVector<uint64_t>> places_;
};

// The entries of a Jacobian. Rows of products: those of the row colours, of as many elements as
// there are columns, then those of the column colours, of as many as there are rows.
Places recover_jacobian(const Rows& pattern, const Bicolouring& colouring);

// The entries of a Hessian. Row c of the products is the sum of the rows of colour c.
Places recover_star(const Rows& symmetric, const Colouring& colouring);

// The same with an acyclic colouring, step by step: out[entry] = out[mirror] = product -
// sums[leaf], then sums[parent] += out[entry]. Where leaf is kNone nothing is subtracted or added.
struct Substitution {
  CachedVector<int32_t> entries, mirrors, leaves, parents;
  Places products;
  int64_t sums = 0;

  template <class T>
  void solve(const T* const* rows, T* out) const {
    CachedVector<T> known(static_cast<size_t>(sums), T{0});
    products.among(rows, [&](auto get) {
      for (size_t k = 0; k < entries.size(); ++k) {
        T value = get(static_cast<int64_t>(k));
        if (leaves[k] != kNone) {
          value -= known[leaves[k]];
          known[parents[k]] += value;
        }
        out[entries[k]] = out[mirrors[k]] = value;
      }
    });
  }
};
Substitution recover_acyclic(const Rows& symmetric, const Colouring& colouring);

}  // namespace pyautograd::sparse
