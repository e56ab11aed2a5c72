#include "kernels/fused.h"

#include <algorithm>

#include "core/array.h"
#include "kernels/cpu/move.h"
#include "kernels/cpu/scratch.h"

namespace pyautograd::kernels {

FusedProgram::Operand FusedProgram::number(Memory place, int64_t) {
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
  const Address address = unsettled(operand);
  fetches.push_back({std::move(layout), x.itemsize, address, address, kNone});
  if (!value.repeats) {
    actions_.push_back(
        {.kind = Action::Kind::Fetch, .part = fetches_.size() - 1, .out = unsettled(operand)});
  }
  return operand;
}

FusedProgram::Operand FusedProgram::push(Action action, std::span<const Operand> operands,
                                         int64_t itemsize, std::optional<Memory> out) {
  const Operand made = add({Value::Kind::Made, itemsize, out});
  action.out = unsettled(made);
  action.count = static_cast<uint8_t>(operands.size());
  for (size_t i = 0; i < operands.size(); ++i) action.operands[i] = unsettled(operands[i]);
  actions_.push_back(action);
  return made;
}

FusedProgram::Operand FusedProgram::step(const ElementLoop& loop, std::span<const Operand> operands,
                                         int64_t itemsize, std::optional<Memory> out) {
  Action action{.kind = Action::Kind::Unary, .unary = loop.unary, .out = {}};
  if (loop.binary) action = {.kind = Action::Kind::Binary, .binary = loop.binary, .out = {}};
  if (loop.function) {
    functions_.push_back(loop.function);
    action = {.kind = Action::Kind::Function, .function = loop.function.get(), .out = {}};
  }
  if (loop.ternary) action = {.kind = Action::Kind::Ternary, .ternary = loop.ternary, .out = {}};
  return push(action, operands, itemsize, out);
}

FusedProgram::Operand FusedProgram::splice(const Placement& place, Operand x, const Layout& value,
                                           std::optional<Memory> out) {
  const Operand made = push({.kind = Action::Kind::Splice, .part = splices_.size(), .out = {}},
                            {&x, 1}, value.itemsize, out);
  splices_.push_back({place.first,
                      Nest<2>(value.shape, {place.strides, value.strides}, Order::RowMajor),
                      value.itemsize, address_at(value.first), unsettled(made), kNone});
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
FusedProgram::Address FusedProgram::address_at(Memory place) {
  constexpr int64_t kMostOffset = int64_t{1} << 32;
  const int64_t offset = place.offset % kMostOffset;
  const Memory part{place.piece, place.offset - offset};
  const auto found = std::find(pieces_.begin(), pieces_.end(), part);
  const auto base = static_cast<uint32_t>(1 + (found - pieces_.begin()));
  if (found == pieces_.end()) pieces_.push_back(part);
  return {base, static_cast<uint32_t>(offset)};
}

FusedProgram::Address FusedProgram::address_in_tiles(const Value& value) const {
  return {0, static_cast<uint32_t>(value.slot * slot_bytes_)};
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
    for (uint8_t k = 0; k < actions_[i].count; ++k)
      values_[actions_[i].operands[k].base].last_use = i;
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
  if (actions_.size() == 1 && slots_ == 0) tile_ = count_;  // nothing has to stay in the cache
}

FusedProgram::Address FusedProgram::address_of(const Value& value) {
  if (value.window != kNone)
    return unsettled(static_cast<uint32_t>(1 + pieces_.size()) + value.window);
  return value.slot != kNone ? address_in_tiles(value) : address_at(*value.memory);
}

// Of what lies in memory, the action that comes to it first fetches the next tile.
void FusedProgram::mark_streams() {
  constexpr int64_t kFar = int64_t{12} << 20;  // bytes; from nearer the processor is fast by itself
  std::vector<char> seen(values_.size());
  int64_t bytes = 0;
  const auto is_first = [&](Address place) {
    const Value& value = values_[place.base];
    const bool streams = value.memory && value.slot == kNone && value.window == kNone;
    if (!streams || std::exchange(seen[place.base], 1)) return false;
    bytes += count_ * value.itemsize;
    return value.itemsize > 0;
  };
  for (Action& action : actions_) {
    action.ahead[0] = is_first(action.out);
    for (uint8_t i = 0; i < action.count; ++i) action.ahead[1 + i] = is_first(action.operands[i]);
  }
  is_far_ = bytes >= kFar;
}

void FusedProgram::finish() {
  join_pairs();
  assign_slots();
  for (const Value& value : values_)  // so that the windows' bases are known
    if (value.memory) address_at(*value.memory);
  const auto settle = [&](auto& part) {
    const Value& value = values_[part.tile.base];
    if (value.slot != kNone) part.tile = address_in_tiles(value);
    if (value.window != kNone) part.window = address_of(value).base;
  };
  for (std::vector<Fetch>* fetches : {&fetches_, &repeated_}) {
    for (Fetch& fetch : *fetches) {
      fetch.from = address_at(*values_[fetch.from.base].memory);
      settle(fetch);
    }
  }
  for (Splice& splice : splices_) settle(splice);
  mark_streams();
  for (Action& action : actions_) {
    const auto place = [&](Address& address, uint8_t& stride) {
      const Value& value = values_[address.base];
      const bool in_tile = value.slot != kNone || value.window != kNone;
      stride = static_cast<uint8_t>(in_tile ? 0 : value.itemsize);
      address = address_of(value);
      return value.kind == Value::Kind::Number;
    };
    place(action.out, action.strides[0]);
    for (uint8_t i = 0; i < action.count; ++i)
      action.numbers[i] = place(action.operands[i], action.strides[1 + i]);
  }
  values_.clear();
}

void FusedProgram::run(std::span<char* const> pieces) const {
  parallel_for(count_, kGrain, [&](int64_t begin, int64_t end) { run_range(pieces, begin, end); });
}

void FusedProgram::run_range(std::span<char* const> pieces, int64_t begin, int64_t end) const {
  const Scratch<char, 4096> tiles(slots_ * slot_bytes_);
  const Scratch<char*, 512> bases(static_cast<int64_t>(1 + pieces_.size() + windows_));
  bases[0] = tiles.get();
  for (size_t i = 0; i < pieces_.size(); ++i)
    bases[int64_t(1 + i)] = pieces[pieces_[i].piece] + pieces_[i].offset;
  for (const Fetch& fetch : repeated_)
    pack(fetch, bases.get(), begin, std::min(tile_, end - begin));
  const auto after = [&](int64_t tile) {
    return is_far_ ? std::clamp(end - tile - tile_, int64_t{0}, tile_) : 0;
  };
  if (begin == 0) run_tile<true>(bases.get(), 0, std::min(tile_, end), after(0));
  for (begin += begin == 0 ? tile_ : 0; begin < end; begin += tile_)
    run_tile<false>(bases.get(), begin, std::min(tile_, end - begin), after(begin));
}

namespace {

// Work lies between the tiles of an array, so the processor does not see that it is read in order.
void fetch_ahead(const char* from, int64_t bytes) {
  constexpr int64_t kLine = 64;
  for (int64_t i = 0; i < bytes; i += kLine) __builtin_prefetch(from + i);
}

}  // namespace

// Small arrays have one tile, and their loops take hardly longer than this.
template <bool kFirst>
void FusedProgram::run_tile(char** bases, int64_t begin, int64_t n, int64_t next) const {
  for (const Action& action : actions_) {
    const auto at = [&](const Address& x, size_t operand) {
      char* first = bases[x.base] + x.offset;
      return kFirst ? first : first + begin * action.strides[operand];
    };
    const auto& [x, y, z] = action.operands;
    switch (action.kind) {
      case Action::Kind::Unary:
        action.unary(at(action.out, 0), at(x, 1), n);
        break;
      case Action::Kind::Binary:
        action.binary(at(action.out, 0), at(x, 1), at(y, 2), n, action.numbers[0],
                      action.numbers[1]);
        break;
      case Action::Kind::Ternary:
        action.ternary(at(action.out, 0), at(x, 1), at(y, 2), at(z, 3), n, action.numbers[1],
                       action.numbers[2]);
        break;
      case Action::Kind::Function: {
        const void* const inputs[3] = {at(x, 1), at(y, 2), at(z, 3)};
        action.function->run(at(action.out, 0), inputs, action.numbers, n);
        break;
      }
      case Action::Kind::Fetch:
        run_fetch(fetches_[action.part], bases, begin, n);
        break;
      case Action::Kind::Splice:
        run_splice(action, bases, begin, n);
    }
    if (next == 0) continue;
    for (size_t i = 0; i < action.ahead.size(); ++i) {
      const Address& place = i == 0 ? action.out : action.operands[i - 1];
      if (action.ahead[i])
        fetch_ahead(at(place, i) + n * action.strides[i], next * action.strides[i]);
    }
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
  const auto at = [&](const Address& x, size_t operand) {
    return bases[x.base] + x.offset + begin * action.strides[operand];
  };
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
    T* out = reinterpret_cast<T*>(at(action.out, 0));
    const T* x = reinterpret_cast<const T*>(at(action.operands[0], 1));
    if (!covered) move_row(out, 1, x, action.numbers[0] ? 0 : 1, n);
    move_elements(nest, first, last, out, splice.first - begin, value, 0);
  });
}

}  // namespace pyautograd::kernels
