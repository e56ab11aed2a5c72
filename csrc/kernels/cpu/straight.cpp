#include "kernels/straight.h"

#include <map>

#include "core/array.h"
#include "core/strides.h"
#include "kernels/cpu/move.h"
#include "kernels/cpu/scratch.h"

namespace pyautograd::kernels {

StraightProgram::Value StraightProgram::add(Info info) {
  values_.push_back(info);
  return static_cast<Value>(values_.size() - 1);
}

StraightProgram::Value StraightProgram::step(const ElementLoop& loop,
                                             std::span<const Shown> operands,
                                             std::span<const int64_t> shape, DType dtype) {
  const int64_t count = element_count(shape);
  Action action{.kind = Action::Kind::Unary, .unary = loop.unary, .count = count};
  if (loop.binary || loop.where) {
    // A loop whose operands are both numbers would make one number.
    const Shown &x = operands[operands.size() - 2], &y = operands.back();
    Address& first = action.operands[operands.size() - 2];
    action.operands[operands.size() - 1] = operand(y, shape, true);
    first = operand(x, shape, !action.operands[operands.size() - 1].number());
  }
  if (loop.binary) {
    action.kind = Action::Kind::Binary;
    action.binary = loop.binary;
  } else if (loop.where) {
    action.kind = Action::Kind::Where;
    action.where = loop.where;
  }
  if (!loop.binary && !loop.splice) action.operands[0] = operand(operands[0], shape, false);
  const Value made = add({.bytes = count * itemsize(dtype)});
  action.out = {.base = made, .itemsize = int32_t(itemsize(dtype))};
  if (!loop.splice) {
    push(action);
    return made;
  }
  move(action.out, contiguous_strides(shape), operands[0]);
  action.out.offset = loop.splice->first * itemsize(dtype);
  move(action.out, loop.splice->strides, operands[1]);
  return made;
}

StraightProgram::Address StraightProgram::operand(const Shown& x, std::span<const int64_t> shape,
                                                  bool may_be_number) {
  const Dims strides = broadcast_strides(x.shape, x.strides, shape);
  const auto item = static_cast<int32_t>(itemsize(x.dtype));
  if (is_contiguous(shape, strides)) return {x.value, item, x.offset * item};
  if (may_be_number && shows_one_number(shape, strides)) return {x.value, 0, x.offset * item};
  const Address packed{add({.bytes = element_count(shape) * item}), item};
  move(packed, contiguous_strides(shape), {x.value, x.dtype, shape, strides, x.offset});
  return packed;
}

void StraightProgram::move(const Address& out, std::span<const int64_t> strides, const Shown& x) {
  Nest<2> nest(x.shape, {strides, x.strides}, Order::RowMajor);
  Action action{.kind = Action::Kind::Move, .move = moves_.size(), .count = nest.count()};
  action.out = out;
  action.operands[0] = {.base = x.value, .offset = x.offset * itemsize(x.dtype)};
  moves_.push_back({std::move(nest), itemsize(x.dtype)});
  push(action);
}

void StraightProgram::push(Action action) {
  for (Address& operand : action.operands)
    values_[operand.base].last_use = static_cast<uint32_t>(actions_.size());
  values_[action.out.base].last_use = static_cast<uint32_t>(actions_.size());
  actions_.push_back(action);
}

void StraightProgram::finish(std::span<const Value> outputs) {
  for (size_t i = 0; i < outputs.size(); ++i)
    values_[outputs[i]].given = inputs_ + static_cast<uint32_t>(i);
  find_groups();
  assign_memory();
  const auto settle = [&](Address& address) {
    const Info& info = values_[address.base];
    address.base = info.given == kNone ? 0 : 1 + info.given;
    address.offset += info.offset;
  };
  for (Action& action : actions_) {
    settle(action.out);
    for (Address& operand : action.operands) settle(operand);
  }
  values_.clear();
}

// Neighbours of one size. A loop that reads one number of what the group makes waits for all of it.
void StraightProgram::find_groups() {
  std::vector<bool> made(values_.size());  // by the last group
  const auto reads_number = [&](const Action& action) {
    return std::any_of(action.operands.begin(), action.operands.end(),
                       [&](const Address& x) { return x.number() && made[x.base]; });
  };
  for (uint32_t i = 0; i < actions_.size(); ++i) {
    const Action& action = actions_[i];
    const bool joins = i > 0 && action.kind != Action::Kind::Move &&
                       actions_[i - 1].kind != Action::Kind::Move &&
                       action.count == groups_.back().count && !reads_number(action);
    if (!joins) {
      if (i > 0) std::fill(made.begin(), made.end(), false);
      groups_.push_back({i, i, action.count});
    }
    made[action.out.base] = true;
    groups_.back().end = i + 1;
  }
}

// Scratch memory is free again after the last action that reads or writes it. Memory from before a
// group is free after all of the group, whose later tiles read it.
void StraightProgram::assign_memory() {
  std::map<int64_t, std::vector<int64_t>> free;  // by size
  std::vector<bool> placed(values_.size());
  std::vector<std::vector<Value>> ending(actions_.size());
  std::vector<uint32_t> ends(actions_.size());  // of the action's group
  for (const Group& group : groups_)
    std::fill_n(&ends[group.begin], group.end - group.begin, group.end);
  for (uint32_t i = 0; i < actions_.size(); ++i) {
    const Value out = actions_[i].out.base;
    Info& made = values_[out];
    if (made.given == kNone && !placed[out]) {
      const int64_t line = made.bytes < 64 ? 16 : 64;
      made.bytes = (made.bytes + line - 1) / line * line;
      std::vector<int64_t>& places = free[made.bytes];
      if (places.empty()) {
        places.push_back((scratch_bytes_ + line - 1) / line * line);
        scratch_bytes_ = places.back() + made.bytes;
      }
      made.offset = places.back();
      places.pop_back();
      placed[out] = true;
      const bool within = made.last_use < ends[i];
      ending[within ? made.last_use : ends[made.last_use] - 1].push_back(out);
    }
    for (Value value : ending[i]) free[values_[value].bytes].push_back(values_[value].offset);
  }
}

void StraightProgram::run(std::span<char* const> memory) const {
  const Scratch<char> scratch(std::max<int64_t>(scratch_bytes_, 1));
  const Scratch<char*> bases(static_cast<int64_t>(memory.size() + 1));
  bases[0] = scratch.get();
  std::copy(memory.begin(), memory.end(), bases.get() + 1);
  for (const Group& group : groups_) {
    for (int64_t begin = 0; begin < group.count; begin += kTile) {
      const int64_t n = std::min(kTile, group.count - begin);
      for (uint32_t i = group.begin; i < group.end; ++i)
        run_action(actions_[i], bases.get(), begin, n);
    }
  }
}

inline void StraightProgram::run_action(const Action& action, char* const* bases, int64_t begin,
                                        int64_t n) const {
  const auto at = [&](const Address& x) { return bases[x.base] + x.offset + begin * x.itemsize; };
  const auto& [x, y, z] = action.operands;
  switch (action.kind) {
    case Action::Kind::Unary:
      return action.unary(at(action.out), at(x), n);
    case Action::Kind::Binary:
      return action.binary(at(action.out), at(x), at(y), n, x.number(), y.number());
    case Action::Kind::Where:
      return action.where(at(action.out), reinterpret_cast<const bool*>(at(x)), at(y), at(z), n,
                          y.number(), z.number());
    case Action::Kind::Move:
      if (begin == 0) run_move(action, bases);
  }
}

void StraightProgram::run_move(const Action& action, char* const* bases) const {
  const Move& move = moves_[action.move];
  const auto at = [&](const Address& x) { return bases[x.base] + x.offset; };
  visit_size(move.itemsize, [&](auto tag) {
    using T = typename decltype(tag)::type;
    move_elements(move.nest, 0, action.count, reinterpret_cast<T*>(at(action.out)), 0,
                  reinterpret_cast<const T*>(at(action.operands[0])), 0);
  });
}

}  // namespace pyautograd::kernels
