#include "kernels/fused.h"

#include <algorithm>

#include "core/array.h"
#include "kernels/cpu/move.h"
#include "kernels/cpu/scratch.h"

namespace pyautograd::kernels {

FusedProgram::Operand FusedProgram::number(Memory place) {
  return add({Value::Kind::Number, 0, place});
}

FusedProgram::Operand FusedProgram::memory(Memory place, int64_t itemsize) {
  return add({Value::Kind::Memory, itemsize, place});
}

FusedProgram::Operand FusedProgram::memory(const Layout& x) {
  Nest<2> layout(x.shape, {contiguous_strides(x.shape), x.strides}, Order::RowMajor);
  if (layout.packed(1)) return memory(x.first, x.itemsize);
  Value value{Value::Kind::Packed, x.itemsize, x.first};
  if (layout.repeats_rows(1) && layout.row() <= kTile / 4) {
    if (!has_repeats_) tile_ -= tile_ % layout.row();
    value.repeats = tile_ % layout.row() == 0;
    has_repeats_ |= value.repeats;
  }
  const Operand operand = add(value);
  std::vector<Fetch>& fetches = value.repeats ? repeated_ : fetches_;
  fetches.push_back({std::move(layout), x.itemsize, {.base = operand}, {.base = operand}, kNone});
  if (!value.repeats) {
    actions_.push_back(
        {.kind = Action::Kind::Fetch, .part = fetches_.size() - 1, .out = {operand}});
  }
  return operand;
}

FusedProgram::Operand FusedProgram::push(Action action, std::span<const Operand> operands,
                                         int64_t itemsize, std::optional<Memory> out) {
  action.out.base = add({Value::Kind::Made, itemsize, out});
  for (size_t i = 0; i < operands.size(); ++i) {
    action.operands[i].base = operands[i];
    values_[operands[i]].last_use = static_cast<uint32_t>(actions_.size());
  }
  actions_.push_back(action);
  return action.out.base;
}

FusedProgram::Operand FusedProgram::step(const ElementLoop& loop, std::span<const Operand> operands,
                                         int64_t itemsize, std::optional<Memory> out) {
  Action action{.kind = Action::Kind::Unary, .unary = loop.unary, .out = {}};
  if (loop.binary) action = {.kind = Action::Kind::Binary, .binary = loop.binary, .out = {}};
  if (loop.where) action = {.kind = Action::Kind::Where, .where = loop.where, .out = {}};
  return push(action, operands, itemsize, out);
}

FusedProgram::Operand FusedProgram::splice(const Placement& place, Operand x, const Layout& value,
                                           std::optional<Memory> out) {
  const Operand made = push({.kind = Action::Kind::Splice, .part = splices_.size(), .out = {}},
                            {&x, 1}, value.itemsize, out);
  splices_.push_back({place.first,
                      Nest<2>(value.shape, {place.strides, value.strides}, Order::RowMajor),
                      value.itemsize,
                      {.base = base_of(value.first), .offset = value.first.offset},
                      {.base = made},
                      kNone});
  return made;
}

int64_t FusedProgram::Splice::before(int64_t place) const {
  int64_t rest = place - first, found = 0, inner = places.count();
  if (rest <= 0 || inner == 0) return 0;
  for (size_t d = 0; d < places.rank(); ++d) {
    const int64_t size = places.size(d), stride = places.stride(d, 0);
    inner /= size;
    if (size == 1) continue;  // its stride means nothing
    const bool last = d + 1 == places.rank();
    const int64_t whole = last ? (rest + stride - 1) / stride : rest / stride;
    if (whole >= size) return found + size * inner;
    found += whole * inner;
    rest -= whole * stride;
  }
  return found + (places.count() == 1);
}

// The bases of a thread: its tiles, the pieces that the program reads and writes, its windows.
uint32_t FusedProgram::base_of(Memory place) {
  const auto found = std::find(pieces_.begin(), pieces_.end(), place.piece);
  const auto base = static_cast<uint32_t>(1 + (found - pieces_.begin()));
  if (found == pieces_.end()) pieces_.push_back(place.piece);
  return base;
}

// A tile is free again after the last action that reads it.
void FusedProgram::assign_slots() {
  constexpr int64_t kLine = 64;
  std::vector<uint32_t> free;
  std::vector<std::vector<uint32_t>> freed_after(actions_.size());
  for (Value& value : values_) {
    const int64_t bytes = std::min(tile_, count_) * value.itemsize;
    if (bytes > slot_bytes_) slot_bytes_ = (bytes + kLine - 1) / kLine * kLine;
    if (value.repeats) value.slot = slots_++;
  }
  for (uint32_t i = 0; i < actions_.size(); ++i) {
    Value& made = values_[actions_[i].out.base];
    const bool fetched = actions_[i].kind == Action::Kind::Fetch;
    if (fetched || !made.memory) {
      if (free.empty()) free.push_back(slots_++);
      made.slot = free.back();
      free.pop_back();
      freed_after[std::max(i, made.last_use)].push_back(made.slot);
      if (fetched || actions_[i].kind == Action::Kind::Splice) made.window = windows_++;
    }
    free.insert(free.end(), freed_after[i].begin(), freed_after[i].end());
  }
}

FusedProgram::Address FusedProgram::address_of(const Value& value) {
  if (value.window != kNone)
    return {static_cast<uint32_t>(1 + pieces_.size()) + value.window, 0, 0, false};
  if (value.slot != kNone) return {0, 0, value.slot * slot_bytes_, false};
  const bool number = value.kind == Value::Kind::Number;
  const auto stride = static_cast<int32_t>(number ? 0 : value.itemsize);
  return {base_of(*value.memory), stride, value.memory->offset, number};
}

void FusedProgram::finish() {
  assign_slots();
  for (const Value& value : values_)  // so that the windows' bases are known
    if (value.memory) base_of(*value.memory);
  const auto settle = [&](auto& part) {
    const Value& value = values_[part.tile.base];
    if (value.slot != kNone) part.tile = {0, 0, value.slot * slot_bytes_, false};
    if (value.window != kNone) part.window = address_of(value).base;
  };
  for (std::vector<Fetch>* fetches : {&fetches_, &repeated_}) {
    for (Fetch& fetch : *fetches) {
      const Memory from = *values_[fetch.from.base].memory;
      fetch.from = {.base = base_of(from), .offset = from.offset};
      settle(fetch);
    }
  }
  for (Splice& splice : splices_) settle(splice);
  for (Action& action : actions_) {
    action.out = address_of(values_[action.out.base]);
    for (Address& operand : action.operands) operand = address_of(values_[operand.base]);
  }
  values_.clear();
}

void FusedProgram::run(std::span<char* const> pieces) const {
  parallel_for(count_, kGrain, [&](int64_t begin, int64_t end) { run_range(pieces, begin, end); });
}

void FusedProgram::run_range(std::span<char* const> pieces, int64_t begin, int64_t end) const {
  const Scratch<char> tiles(std::max<int64_t>(slots_ * slot_bytes_, 1));
  const Scratch<char*> bases(static_cast<int64_t>(1 + pieces_.size() + windows_));
  bases[0] = tiles.get();
  for (size_t i = 0; i < pieces_.size(); ++i) bases[int64_t(1 + i)] = pieces[pieces_[i]];
  for (const Fetch& fetch : repeated_)
    pack(fetch, bases.get(), begin, std::min(tile_, end - begin));
  for (; begin < end; begin += tile_) {
    const int64_t n = std::min(tile_, end - begin);
    for (const Action& action : actions_) run_action(action, bases.get(), begin, n);
  }
}

inline void FusedProgram::run_action(const Action& action, char** bases, int64_t begin,
                                     int64_t n) const {
  const auto at = [&](const Address& x) { return bases[x.base] + x.offset + begin * x.stride; };
  const auto& [x, y, z] = action.operands;
  switch (action.kind) {
    case Action::Kind::Unary:
      return action.unary(at(action.out), at(x), n);
    case Action::Kind::Binary:
      return action.binary(at(action.out), at(x), at(y), n, x.number, y.number);
    case Action::Kind::Where:
      return action.where(at(action.out), reinterpret_cast<const bool*>(at(x)), at(y), at(z), n,
                          y.number, z.number);
    case Action::Kind::Fetch:
      return run_fetch(fetches_[action.part], bases, begin, n);
    case Action::Kind::Splice:
      return run_splice(action, bases, begin, n);
  }
}

void FusedProgram::pack(const Fetch& fetch, char* const* bases, int64_t begin, int64_t n) const {
  visit_size(fetch.itemsize, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* tile = reinterpret_cast<T*>(bases[fetch.tile.base] + fetch.tile.offset);
    const T* from = reinterpret_cast<const T*>(bases[fetch.from.base] + fetch.from.offset);
    move_elements(fetch.layout, begin, begin + n, tile, -begin, from, 0);
  });
}

// A piece of one row is read where it lies.
void FusedProgram::run_fetch(const Fetch& fetch, char** bases, int64_t begin, int64_t n) const {
  const Nest<2>& layout = fetch.layout;
  if (layout.stride(1) != 1 || layout.row() - begin % layout.row() < n) {
    pack(fetch, bases, begin, n);
    bases[fetch.window] = bases[fetch.tile.base] + fetch.tile.offset;
    return;
  }
  char* from = bases[fetch.from.base] + fetch.from.offset;
  layout.walk(begin, begin + 1, [&](const auto& offsets, int64_t) {
    bases[fetch.window] = from + offsets[1] * fetch.itemsize;
  });
}

// Where one run of the slice fills the tile, later steps read it in its own place.
void FusedProgram::run_splice(const Action& action, char** bases, int64_t begin, int64_t n) const {
  const Splice& splice = splices_[action.part];
  const Nest<2>& nest = splice.places;
  const int64_t first = splice.before(begin), last = splice.before(begin + n);
  const bool covered = last - first == n, seen = splice.window != kNone;
  const auto at = [&](const Address& x) { return bases[x.base] + x.offset + begin * x.stride; };
  visit_size(splice.itemsize, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* value = reinterpret_cast<const T*>(bases[splice.value.base] + splice.value.offset);
    const bool in_one_row = covered && nest.row() - first % nest.row() >= n;
    if (seen && in_one_row && nest.stride(1) == 1) {
      nest.walk(first, first + 1, [&](const auto& offsets, int64_t) {
        const T* from = value + offsets[1];
        bases[splice.window] = const_cast<char*>(reinterpret_cast<const char*>(from));
      });
      return;
    }
    if (seen) bases[splice.window] = bases[splice.tile.base] + splice.tile.offset;
    T* out = reinterpret_cast<T*>(at(action.out));
    const Address& x = action.operands[0];
    if (!covered) move_row(out, 1, reinterpret_cast<const T*>(at(x)), x.number ? 0 : 1, n);
    move_elements(nest, first, last, out, splice.first - begin, value, 0);
  });
}

}  // namespace pyautograd::kernels
