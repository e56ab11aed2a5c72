#include "autograd/index_sets.h"

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace pyautograd {

IndexSets::IndexSets(int64_t universe, int64_t most) : universe_(universe), most_(most) {
  if (universe >= std::numeric_limits<int32_t>::max()) {
    fail(Error::Kind::Memory, "[sparsity] ", universe, " inputs are more than can be numbered");
  }
  starts_.reserve(static_cast<size_t>(universe) + 2);
  columns_.resize(static_cast<size_t>(universe));
  starts_.push_back(0);
  for (int64_t i = 0; i <= universe; ++i) starts_.push_back(i);
  for (int64_t i = 0; i < universe; ++i) columns_[i] = static_cast<int32_t>(i);
}

// What was appended to columns_ becomes a set.
IndexSets::Id IndexSets::commit() {
  if (static_cast<int64_t>(columns_.size()) > most_) throw TooMany();
  if (starts_.size() >= std::numeric_limits<Id>::max()) {
    fail(Error::Kind::Memory, "[sparsity] the pattern has too many different rows");
  }
  starts_.push_back(static_cast<int64_t>(columns_.size()));
  return static_cast<Id>(starts_.size() - 2);
}

IndexSets::Id IndexSets::unite(Id a, Id b) {
  if (a == b || b == kEmpty) return a;
  if (a == kEmpty) return b;
  if (full(a)) return a;
  if (full(b)) return b;
  const std::span<const int32_t> x = of(a), y = of(b);
  if (united_.size() < x.size() + y.size()) united_.resize(2 * (x.size() + y.size()));
  const auto end = std::set_union(x.begin(), x.end(), y.begin(), y.end(), united_.begin());
  const size_t count = static_cast<size_t>(end - united_.begin());
  if (count == x.size()) return a;
  if (count == y.size()) return b;
  columns_.insert(columns_.end(), united_.begin(), end);
  return commit();
}

void IndexSets::mark(Id id) {
  // By position: columns_ moves as it grows.
  for (int64_t at = starts_[id]; at < starts_[id + 1]; ++at) {
    const int32_t element = columns_[at];
    if (marks_[element] == round_) continue;
    marks_[element] = round_;
    columns_.push_back(element);
  }
}

IndexSets::Id IndexSets::unite(std::span<const Id> ids) {
  if (ids.empty()) return kEmpty;
  Id largest = ids[0], before = ids[0];
  bool alike = true;
  for (Id id : ids) {
    if (full(id)) return id;
    alike = alike && id == before;
    if (size(id) > size(largest)) largest = id;
  }
  if (alike) return largest;
  if (ids.size() == 2) return unite(ids[0], ids[1]);
  if (marks_.empty()) marks_.resize(static_cast<size_t>(universe_), 0);
  if (++round_ == 0) {
    std::fill(marks_.begin(), marks_.end(), 0);
    round_ = 1;
  }
  const size_t begin = columns_.size();
  for (Id id : ids) {
    if (id != before || id == ids[0]) mark(id);
    before = id;
  }
  const int64_t count = static_cast<int64_t>(columns_.size() - begin);
  if (count == size(largest)) {
    columns_.resize(begin);
    return largest;
  }
  if (count * 16 < universe_) {
    std::sort(columns_.begin() + static_cast<int64_t>(begin), columns_.end());
  } else {
    int32_t* next = columns_.data() + begin;
    for (int64_t i = 0; i < universe_; ++i) {
      if (marks_[i] == round_) *next++ = static_cast<int32_t>(i);
    }
  }
  return commit();
}

}  // namespace pyautograd
