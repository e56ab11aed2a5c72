#include "autograd/index_sets.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/error.h"

namespace pyautograd {

namespace {

// Places for each element at first. Pages that nothing is written to cost nothing.
constexpr size_t kRoom = 12;

// Without branches on the numbers, which nobody can predict.
int32_t* merge(std::span<const int32_t> x, std::span<const int32_t> y, int32_t* out) {
  size_t i = 0, j = 0;
  while (i < x.size() && j < y.size()) {
    const int32_t a = x[i], b = y[j];
    *out++ = std::min(a, b);
    i += a <= b;
    j += b <= a;
  }
  for (; i < x.size(); ++i) *out++ = x[i];
  for (; j < y.size(); ++j) *out++ = y[j];
  return out;
}

}  // namespace

IndexSets::IndexSets(int64_t universe, int64_t most)
    : universe_(universe), most_(most), used_(static_cast<size_t>(universe) + 1), held_(universe) {
  if (universe >= std::numeric_limits<int32_t>::max()) {
    fail(Error::Kind::Memory, "[sparsity] ", universe, " inputs are more than can be numbered");
  }
  pool_.resize(kRoom * used_);
  std::iota(pool_.begin(), pool_.begin() + static_cast<int64_t>(used_), -1);
}

// For the elements of a set that may become one.
int32_t* IndexSets::room(int64_t count) {
  const size_t needed = used_ + 1 + static_cast<size_t>(count);
  if (needed > pool_.size()) pool_.resize(std::max(needed, 2 * pool_.size()));
  return pool_.data() + used_ + 1;
}

// What was written to the room becomes a set.
IndexSets::Id IndexSets::commit(int64_t count) {
  held_ += count;
  if (held_ > most_) throw TooMany();
  const size_t end = used_ + 1 + static_cast<size_t>(count);
  if (end > std::numeric_limits<Id>::max()) {
    fail(Error::Kind::Memory, "[sparsity] the pattern has too many different rows");
  }
  pool_[used_] = static_cast<int32_t>(count);
  const Id id = static_cast<Id>(used_ + 1);
  used_ = end;
  return id;
}

bool IndexSets::holds(Id id, int32_t element) const {
  const std::span<const int32_t> set = of(id);
  if (set.size() > 16) return std::binary_search(set.begin(), set.end(), element);
  return std::find(set.begin(), set.end(), element) != set.end();
}

// Many unions are with a single element and add nothing: that is seen before anything is written.
IndexSets::Id IndexSets::merged(Id a, Id b) {
  if (single(a)) std::swap(a, b);
  if (single(b)) {
    if (single(a)) {
      int32_t* out = room(2);
      out[0] = pool_[std::min(a, b)];
      out[1] = pool_[std::max(a, b)];
      return commit(2);
    }
    if (holds(a, pool_[b])) return a;
  }
  if (full(a)) return a;
  if (full(b)) return b;
  int32_t* out = room(size(a) + size(b));
  const int64_t count = merge(of(a), of(b), out) - out;
  if (count == size(a)) return a;
  if (count == size(b)) return b;
  return commit(count);
}

int32_t* IndexSets::mark(Id id, int32_t* end) {
  for (int32_t element : of(id)) {
    if (marks_[element] == round_) continue;
    marks_[element] = round_;
    *end++ = element;
  }
  return end;
}

IndexSets::Id IndexSets::unite(std::span<const Id> ids) {
  if (ids.empty()) return kEmpty;
  Id largest = ids[0], before = ids[0];
  bool alike = true;
  int64_t total = 0;
  for (Id id : ids) {
    if (full(id)) return id;
    alike = alike && id == before;
    total += size(id);
    if (size(id) > size(largest)) largest = id;
  }
  if (alike) return largest;
  if (ids.size() == 2) return unite(ids[0], ids[1]);
  if (marks_.empty()) marks_.resize(static_cast<size_t>(universe_), 0);
  if (++round_ == 0) {
    std::fill(marks_.begin(), marks_.end(), 0);
    round_ = 1;
  }
  int32_t* const begin = room(std::min(total, universe_));
  int32_t* end = begin;
  for (Id id : ids) {
    if (id != before || id == ids[0]) end = mark(id, end);
    before = id;
  }
  const int64_t count = end - begin;
  if (count == size(largest)) return largest;
  if (count * 16 < universe_) {
    std::sort(begin, end);
  } else {
    int32_t* next = begin;
    for (int64_t i = 0; i < universe_; ++i) {
      if (marks_[i] == round_) *next++ = static_cast<int32_t>(i);
    }
  }
  return commit(count);
}

}  // namespace pyautograd
