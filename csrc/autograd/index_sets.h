#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

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
    return {columns_.data() + starts_[id], columns_.data() + starts_[id + 1]};
  }
  int64_t size(Id id) const noexcept { return starts_[id + 1] - starts_[id]; }
  Id unite(Id a, Id b);
  Id unite(std::span<const Id> ids);

 private:
  bool full(Id id) const noexcept { return size(id) == universe_; }
  Id commit();
  void mark(Id id);

  const int64_t universe_, most_;
  std::vector<int64_t> starts_;
  std::vector<int32_t> columns_;
  std::vector<int32_t> united_;  // room for the next union
  std::vector<uint32_t> marks_;  // per element: the union that saw it last
  uint32_t round_ = 0;
};

}  // namespace pyautograd
