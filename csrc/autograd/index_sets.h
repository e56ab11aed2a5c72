#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "core/cached_vector.h"

namespace pyautograd {

// Immutable sets of numbers below `universe`, known by ids and kept in one place. A union that adds
// nothing is one of its parts, so sets that many elements share exist once.
class IndexSets {
 public:
  using Id = uint32_t;
  static constexpr Id kEmpty = 0;

  // At most `most` numbers are held in all: TooMany is thrown where a union would hold more.
  struct TooMany {};
  explicit IndexSets(int64_t universe, int64_t most = std::numeric_limits<int64_t>::max());
  Id singleton(int64_t element) const noexcept { return static_cast<Id>(element + 1); }
  std::span<const int32_t> of(Id id) const noexcept {
    return {pool_.data() + id, static_cast<size_t>(size(id))};
  }
  int64_t size(Id id) const noexcept {
    return static_cast<int64_t>(id) > universe_ ? pool_[id - 1] : id != kEmpty;
  }
  Id unite(Id a, Id b) {
    if (a == b || b == kEmpty) return a;
    return a == kEmpty ? b : merged(a, b);
  }
  Id unite(std::span<const Id> ids);

 private:
  bool full(Id id) const noexcept { return size(id) == universe_; }
  bool single(Id id) const noexcept { return static_cast<int64_t>(id) <= universe_; }
  bool holds(Id id, int32_t element) const;
  Id merged(Id a, Id b);
  int32_t* room(int64_t count);
  Id commit(int64_t count);
  int32_t* mark(Id id, int32_t* end);

  const int64_t universe_, most_;
  // An id is the place of the first element: first those of the sets of one, which need no more,
  // then larger sets, each behind its size. So a set is read from one cache line, mostly.
  CachedVector<int32_t> pool_;
  size_t used_;
  int64_t held_;
  CachedVector<uint32_t> marks_;  // per element: the union that saw it last
  uint32_t round_ = 0;
};

}  // namespace pyautograd
