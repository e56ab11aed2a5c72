#include "kernels/fused.h"

#include <algorithm>

#include "core/array.h"
#include "kernels/cpu/move.h"
#include "kernels/cpu/scratch.h"

namespace pyautograd::kernels {

FusedProgram::Operand FusedProgram::add(Value value) {
  values_.push_back(std::move(value));
  return static_cast<Operand>(values_.size() - 1);
}

FusedProgram::Operand FusedProgram::constant(const void* number) {
  return add({Value::Kind::Constant, 0, bytes_at(number, 0)});
}

FusedProgram::Operand FusedProgram::memory(void* elements, int64_t itemsize) {
  return add({Value::Kind::Straight, itemsize, static_cast<char*>(elements)});
}

FusedProgram::Operand FusedProgram::memory(const View& x) {
  Nest<2> layout(x.shape, {contiguous_strides(x.shape), x.strides}, Order::RowMajor);
  if (layout.packed(1)) return memory(x.data, itemsize(x.dtype));
  Value value{Value::Kind::Packed, itemsize(x.dtype), static_cast<char*>(x.data)};
  if (layout.repeats_rows(1) && layout.row() <= kTile / 4) {
    if (!has_repeats_) tile_ -= tile_ % layout.row();
    value.repeats = tile_ % layout.row() == 0;
    has_repeats_ |= value.repeats;
  }
  value.layout = std::move(layout);
  const Operand operand = add(std::move(value));
  if (!values_[operand].repeats) actions_.push_back({{}, operand, {}});
  return operand;
}

FusedProgram::Operand FusedProgram::step(const ElementLoop& loop, std::span<const Operand> operands,
                                         DType result, void* out) {
  Action action{loop, add({Value::Kind::Made, itemsize(result), static_cast<char*>(out)}), {}};
  std::copy(operands.begin(), operands.end(), action.operands.begin());
  for (Operand operand : operands)
    values_[operand].last_use = static_cast<uint32_t>(actions_.size());
  actions_.push_back(action);
  return action.out;
}

FusedProgram::Operand FusedProgram::splice(const Placement& place, Operand x, const View& value,
                                           void* out) {
  const Operand made = step({}, {&x, 1}, value.dtype, out);
  actions_.back().splice = static_cast<int32_t>(splices_.size());
  splices_.push_back({place.first,
                      Nest<2>(value.shape, {place.strides, value.strides}, Order::RowMajor),
                      static_cast<char*>(value.data), itemsize(value.dtype)});
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

bool FusedProgram::is_constant(Operand operand) const {
  return values_[operand].kind == Value::Kind::Constant;
}

// A tile is free again after the last action that reads it.
void FusedProgram::assign_slots() {
  std::vector<int32_t> free;
  std::vector<std::vector<int32_t>> freed_after(actions_.size());
  for (Value& value : values_) {
    slot_bytes_ = std::max(slot_bytes_, tile_ * value.itemsize);
    if (value.repeats) value.slot = slots_++;
  }
  for (uint32_t i = 0; i < actions_.size(); ++i) {
    Value& made = values_[actions_[i].out];
    if (made.layout || !made.memory) {
      if (free.empty()) free.push_back(slots_++);
      made.slot = free.back();
      free.pop_back();
      freed_after[std::max(i, made.last_use)].push_back(made.slot);
    }
    free.insert(free.end(), freed_after[i].begin(), freed_after[i].end());
  }
}

void FusedProgram::run() {
  assign_slots();
  parallel_for(count_, kGrain, [&](int64_t begin, int64_t end) { run_range(begin, end); });
}

void FusedProgram::run_range(int64_t begin, int64_t end) const {
  const Scratch<char> tiles(std::max<int64_t>(slots_ * slot_bytes_, 1));
  const Scratch<Place> places(static_cast<int64_t>(values_.size()));
  for (size_t i = 0; i < values_.size(); ++i) {
    const Value& value = values_[i];
    places[int64_t(i)] = value.slot == kNoSlot ? Place{value.memory, value.itemsize}
                                               : Place{tiles.get() + value.slot * slot_bytes_, 0};
    if (value.repeats) pack(value, places[int64_t(i)].base, begin, std::min(tile_, end - begin));
  }
  for (; begin < end; begin += tile_) {
    const int64_t n = std::min(tile_, end - begin);
    for (const Action& action : actions_) {
      const Value& made = values_[action.out];
      if (made.slot != kNoSlot) places[action.out].base = tiles.get() + made.slot * slot_bytes_;
      run_action(action, places.get(), begin, n);
    }
  }
}

void FusedProgram::run_action(const Action& action, Place* places, int64_t begin, int64_t n) const {
  auto at = [&](Operand operand) { return places[operand].at(begin); };
  const auto [x, y, z] = action.operands;
  const ElementLoop& loop = action.loop;
  char* out = at(action.out);
  if (action.splice >= 0) {
    run_splice(action, places, out, begin, n);
  } else if (loop.unary) {
    loop.unary(out, at(x), n);
  } else if (loop.binary) {
    loop.binary(out, at(x), at(y), n, is_constant(x), is_constant(y));
  } else if (loop.where) {
    loop.where(out, reinterpret_cast<const bool*>(at(x)), at(y), at(z), n, is_constant(y),
               is_constant(z));
  } else {
    fetch(action, places, out, begin, n);
  }
}

// A piece of one row is read where it lies.
void FusedProgram::fetch(const Action& action, Place* places, char* tile, int64_t begin,
                         int64_t n) const {
  const Value& value = values_[action.out];
  const Nest<2>& layout = *value.layout;
  if (layout.stride(1) != 1 || layout.row() - begin % layout.row() < n)
    return pack(value, tile, begin, n);
  layout.walk(begin, begin + 1, [&](const auto& offsets, int64_t) {
    places[action.out].base = value.memory + offsets[1] * value.itemsize;
  });
}

// Where one run of the slice fills the tile, later steps read it in its own place.
void FusedProgram::run_splice(const Action& action, Place* places, char* tile, int64_t begin,
                              int64_t n) const {
  const Splice& splice = splices_[static_cast<size_t>(action.splice)];
  const Nest<2>& nest = splice.places;
  const Operand x = action.operands[0];
  const int64_t first = splice.before(begin), last = splice.before(begin + n);
  const bool covered = last - first == n;
  visit_size(splice.itemsize, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* out = reinterpret_cast<T*>(tile);
    const T* value = reinterpret_cast<const T*>(splice.value);
    const bool in_one_row = covered && nest.row() - first % nest.row() >= n;
    if (in_one_row && nest.stride(1) == 1 && !values_[action.out].memory) {
      nest.walk(first, first + 1, [&](const auto& offsets, int64_t) {
        const T* from = value + offsets[1];
        places[action.out].base = const_cast<char*>(reinterpret_cast<const char*>(from));
      });
      return;
    }
    if (!covered)
      move_row(out, 1, reinterpret_cast<const T*>(places[x].at(begin)), is_constant(x) ? 0 : 1, n);
    move_elements(nest, first, last, out, splice.first - begin, value, 0);
  });
}

void FusedProgram::pack(const Value& value, char* tile, int64_t begin, int64_t n) const {
  visit_size(value.itemsize, [&](auto tag) {
    using T = typename decltype(tag)::type;
    move_elements(*value.layout, begin, begin + n, reinterpret_cast<T*>(tile), -begin,
                  reinterpret_cast<const T*>(value.memory), 0);
  });
}

}  // namespace pyautograd::kernels
