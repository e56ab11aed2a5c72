#include "kernels/small_program.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/array.h"
#include "kernels/cpu/loop_table.h"
#include "kernels/cpu/move.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/small_formulas.h"

namespace pyautograd::kernels {

namespace {

// Elements that a loop is called for.
constexpr int64_t kMostCalled = 64;
// Rows that are not put side by side before, nor is one that is alone.
constexpr int64_t kWide = 8;
static_assert(SmallProgram::kMostElements % kSmallBlock == 0);

template <class F>
bool is_loop_of(const ElementLoop& loop) {
  constexpr auto kDouble = int(DType::Float64);
  if constexpr (contains<F, SmallUnary>)
    return loop.unary && loop.unary == loops().unary[fn_id<F>()][kDouble];
  else
    return loop.binary && loop.binary == loops().binary[fn_id<F>() - kUnaryCount][kDouble];
}

// The length of the list if it is none of them.
template <class... F>
int formula_of(const ElementLoop& loop, List<F...>) {
  int index = 0;
  (void)(... || (is_loop_of<F>(loop) || (++index, false)));
  return index;
}

void run_loop(const ElementLoop& loop, const std::array<char*, 4>& at,
              const std::array<bool, 3>& numbers, int64_t n) {
  const auto& [out, x, y, z] = at;
  if (loop.unary) loop.unary(out, x, n);
  if (loop.binary) loop.binary(out, x, y, n, numbers[0], numbers[1]);
  if (loop.ternary) loop.ternary(out, x, y, z, n, numbers[1], numbers[2]);
  if (loop.function) {
    const void* const inputs[3] = {x, y, z};
    loop.function->run(out, inputs, numbers, n);
  }
}

// A row of the frame, or a number as often.
template <class T>
void copy_row(T* out, const T* x, bool number, int64_t width) {
  *out = *x;
  for (int64_t i = 0; i < width - 1; i += kSmallBlock) {
    for (int64_t j = i; j < i + kSmallBlock; ++j) out[j] = x[number ? 0 : j];
  }
}

}  // namespace

SmallProgram::SmallProgram(int64_t count)
    : count_(count),
      width_(count == 1 ? 1 : (count + kSmallBlock - 1) / kSmallBlock * kSmallBlock) {}

SmallProgram::Operand SmallProgram::load(Memory place, int64_t itemsize, int64_t count) {
  const auto [known, fresh] =
      known_.try_emplace({place.piece, place.offset, itemsize, count}, Operand{});
  if (fresh) {
    known->second = add({itemsize, count == 1});
    loads_.push_back({place, itemsize, count, known->second});
  }
  return known->second;
}

SmallProgram::Operand SmallProgram::number(Memory place, int64_t itemsize) {
  return load(place, itemsize, 1);
}

SmallProgram::Operand SmallProgram::memory(Memory place, int64_t itemsize) {
  return load(place, itemsize, count_);
}

SmallProgram::Operand SmallProgram::memory(const Layout& x) {
  if (is_contiguous(x.shape, x.strides)) return memory(x.first, x.itemsize);
  return gather(x);
}

SmallProgram::Operand SmallProgram::gather(const Layout& x) {
  const Operand row = add({x.itemsize});
  const Nest<1> layout(x.shape, {x.strides}, Order::RowMajor);
  loads_.push_back(
      {x.first, x.itemsize, layout.count(), row, static_cast<uint32_t>(gathers_.size())});
  layout.walk(0, layout.count(), [&](const auto& offsets, int64_t n) {
    for (int64_t i = 0; i < n; ++i)
      gathers_.push_back((offsets[0] + i * layout.stride(0)) * x.itemsize);
  });
  return row;
}

uint32_t SmallProgram::kind_of(const ElementLoop& loop, std::span<const Operand> operands,
                               int64_t itemsize) {
  const int formula = formula_of(loop, SmallFormulas{});
  uint32_t numbers = 0;
  for (size_t i = 0; i < operands.size(); ++i)
    numbers |= uint32_t{values_[operands[i]].is_number && count_ > 1} << i;
  if (formula < SmallFormulas::size && numbers < 3)
    return small_kind(formula, static_cast<NumberPlace>(numbers));
  const auto [known, fresh] = known_calls_.try_emplace(
      {loop.unary, loop.binary, loop.ternary, loop.function.get(), numbers}, 0);
  if (fresh) known->second = add_call(loop, operands, itemsize);
  return known->second;
}

uint32_t SmallProgram::add_call(ElementLoop loop, std::span<const Operand> operands,
                                int64_t itemsize) {
  Call call{std::move(loop), {itemsize}, {}, {}};
  for (size_t k = 0; k < operands.size(); ++k) {
    call.itemsizes.push_back(values_[operands[k]].itemsize);
    call.numbers[k] = values_[operands[k]].is_number;
  }
  calls_.push_back(std::move(call));
  return static_cast<uint32_t>(kFormulaKinds + calls_.size() - 1);
}

SmallProgram::Operand SmallProgram::push(uint32_t kind, std::span<const Operand> operands,
                                         int64_t itemsize, std::optional<Memory> out) {
  const Operand made = add({itemsize});
  steps_.push_back({kind, made, {operands.begin(), operands.end()}});
  for (Operand x : operands) ++values_[x].readers;
  if (out) {
    ++values_[made].readers;
    stores_.push_back({*out, itemsize, count_, made});
  }
  return made;
}

SmallProgram::Operand SmallProgram::step(const ElementLoop& loop, std::span<const Operand> operands,
                                         int64_t itemsize, std::optional<Memory> out) {
  return push(kind_of(loop, operands, itemsize), operands, itemsize, out);
}

SmallProgram::Operand SmallProgram::splice(const Placement& place, Operand x, const Layout& value,
                                           std::optional<Memory> out) {
  const Operand operands[] = {x, gather(value)};
  const uint32_t kind = add_call({.splice = place}, operands, value.itemsize);
  const Nest<1> places(value.shape, {place.strides}, Order::RowMajor);
  places.walk(0, places.count(), [&](const auto& offsets, int64_t n) {
    for (int64_t i = 0; i < n; ++i)
      calls_.back().targets.push_back(
          static_cast<uint32_t>(place.first + offsets[0] + i * places.stride(0)));
  });
  return push(kind, operands, value.itemsize, out);
}

// Formulas first, so that many rows wait for a call; of these the one that the longest chain waits
// for: meanwhile others become ready, and there are fewer groups than if those of which most are
// ready came first.
std::vector<SmallProgram::Group> SmallProgram::grouped() const {
  std::vector<uint32_t> maker(values_.size(), kNone), unmet(steps_.size());
  std::vector<std::vector<uint32_t>> readers(steps_.size());
  std::vector<std::vector<uint32_t>> ready(kFormulaKinds + calls_.size());
  std::vector<uint32_t> calls;  // of which some are ready
  std::vector<uint32_t> chain(steps_.size(), 1);
  std::array<uint32_t, kFormulaKinds> longest{};  // of those that are ready
  const auto enter = [&](uint32_t i) {
    const uint32_t kind = steps_[i].kind;
    if (kind >= kFormulaKinds && ready[kind].empty()) calls.push_back(kind);
    if (kind < kFormulaKinds) longest[kind] = std::max(longest[kind], chain[i]);
    ready[kind].push_back(i);
  };
  for (uint32_t i = 0; i < steps_.size(); ++i) {
    for (Operand x : steps_[i].operands) {
      if (maker[x] == kNone) continue;
      readers[maker[x]].push_back(i);
      ++unmet[i];
    }
    maker[steps_[i].out] = i;
  }
  for (uint32_t i = static_cast<uint32_t>(steps_.size()); i-- > 0;)
    for (uint32_t reader : readers[i]) chain[i] = std::max(chain[i], chain[reader] + 1);
  for (uint32_t i = 0; i < steps_.size(); ++i)
    if (unmet[i] == 0) enter(i);
  std::vector<Group> groups;
  const auto run = [&](uint32_t kind) {
    groups.push_back({kind, std::exchange(ready[kind], {})});
    if (kind < kFormulaKinds) longest[kind] = 0;
    for (uint32_t i : groups.back().steps) {
      for (uint32_t reader : readers[i]) {
        if (--unmet[reader] == 0) enter(reader);
      }
    }
  };
  while (true) {
    const auto first = std::max_element(longest.begin(), longest.end());
    if (*first > 0) {
      run(static_cast<uint32_t>(first - longest.begin()));
      continue;
    }
    if (calls.empty()) return groups;
    for (uint32_t kind : std::exchange(calls, {})) run(kind);
  }
}

// The place of a row is free again after the last group that reads it.
void SmallProgram::place_values(const std::vector<Group>& groups) {
  int64_t size = 8;
  for (const Value& value : values_) size = std::max(size, value.itemsize);
  std::vector<uint32_t> free;
  const auto place = [&](Value& value) {
    if (free.empty()) {
      free.push_back(static_cast<uint32_t>(frame_bytes_));
      frame_bytes_ += size * width_;
    }
    value.place = free.back();
    free.pop_back();
  };
  for (const Transfer& load : loads_) place(values_[load.place]);
  for (const Group& group : groups) {
    for (uint32_t i : group.steps) place(values_[steps_[i].out]);
    for (uint32_t i : group.steps) {
      for (Operand x : steps_[i].operands) {
        if (--values_[x].readers == 0) free.push_back(values_[x].place);
      }
    }
  }
  for (std::vector<Transfer>* transfers : {&loads_, &stores_})
    for (Transfer& transfer : *transfers) transfer.place = values_[transfer.place].place;
}

size_t SmallProgram::rows_in_a_call() const { return static_cast<size_t>(kMostCalled / width_); }

void SmallProgram::write_code(const std::vector<Group>& groups) {
  for (const Group& group : groups) {
    const size_t most = group.kind < kFormulaKinds ? group.steps.size() : rows_in_a_call();
    for (size_t begin = 0; begin < group.steps.size(); begin += most) {
      const size_t end = std::min(begin + most, group.steps.size());
      code_.push_back(group.kind);
      code_.push_back(static_cast<uint32_t>(end - begin));
      for (size_t i = begin; i < end; ++i) {
        const Step& step = steps_[group.steps[i]];
        code_.push_back(values_[step.out].place);
        for (Operand x : step.operands) code_.push_back(values_[x].place);
      }
    }
  }
}

void SmallProgram::finish() {
  const std::vector<Group> groups = grouped();
  place_values(groups);
  write_code(groups);
  values_.clear();
  steps_.clear();
  known_.clear();
  known_calls_.clear();
}

void SmallProgram::run(std::span<char* const> pieces) const {
  const Scratch<char, 4096> memory(frame_bytes_);
  char* const frame = memory.get();
  for (const Transfer& load : loads_) run_load(load, frame, pieces);
  const uint32_t* code = code_.data();
  const uint32_t* const end = code + code_.size();
  while ((code = loops().run_small(frame, code, end, width_)) != end)
    code = run_call(calls_[code[0] - kFormulaKinds], frame, code + 2, code[1]);
  for (const Transfer& store : stores_)
    move(store, pieces[store.memory.piece] + store.memory.offset, frame + store.place);
}

// Mostly of one float64.
void SmallProgram::move(const Transfer& transfer, char* to, const char* from) {
  if (transfer.count == 1 && transfer.itemsize == 8)
    std::memcpy(to, from, 8);
  else
    move_row(transfer.itemsize, to, 1, from, 1, transfer.count);
}

void SmallProgram::run_load(const Transfer& load, char* frame,
                            std::span<char* const> pieces) const {
  const char* const from = pieces[load.memory.piece] + load.memory.offset;
  char* const row = frame + load.place;
  if (load.gather == kNone) {
    move(load, row, from);
  } else {
    visit_size(load.itemsize, [&](auto tag) {
      using T = typename decltype(tag)::type;
      for (int64_t i = 0; i < load.count; ++i)
        reinterpret_cast<T*>(row)[i] =
            *reinterpret_cast<const T*>(from + gathers_[load.gather + size_t(i)]);
    });
  }
  if (load.count == count_) repeat_last(row, load.itemsize);
}

void SmallProgram::repeat_last(char* row, int64_t itemsize) const {
  for (int64_t i = count_; i < width_; ++i)
    std::memcpy(row + i * itemsize, row + (count_ - 1) * itemsize, size_t(itemsize));
}

void SmallProgram::run_splice(const Call& call, char* frame, const uint32_t* code) const {
  visit_size(call.itemsizes[0], [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* const out = reinterpret_cast<T*>(frame + code[0]);
    const T* const x = reinterpret_cast<const T*>(frame + code[1]);
    const T* const value = reinterpret_cast<const T*>(frame + code[2]);
    for (int64_t i = 0; i < width_; ++i) out[i] = x[call.numbers[0] ? 0 : i];
    for (size_t i = 0; i < call.targets.size(); ++i) out[call.targets[i]] = value[i];
    repeat_last(frame + code[0], call.itemsizes[0]);
  });
}

const uint32_t* SmallProgram::run_call(const Call& call, char* frame, const uint32_t* code,
                                       uint32_t count) const {
  const size_t operands = call.itemsizes.size();
  const uint32_t* const next = code + count * operands;
  if (call.loop.splice) {
    run_splice(call, frame, code);
  } else if (width_ >= kWide || count == 1) {
    for (; code != next; code += operands) {
      std::array<char*, 4> rows{};
      for (size_t k = 0; k < operands; ++k) rows[k] = frame + code[k];
      run_loop(call.loop, rows, call.numbers, width_);
    }
  } else {
    run_side_by_side(call, frame, code, count);
  }
  return next;
}

void SmallProgram::run_side_by_side(const Call& call, char* frame, const uint32_t* code,
                                    uint32_t count) const {
  alignas(64) char memory[4][kMostCalled * sizeof(Bytes16)];
  const size_t operands = call.itemsizes.size();
  const auto each = [&](size_t k, const auto& move) {
    visit_size(call.itemsizes[k], [&](auto tag) {
      using T = typename decltype(tag)::type;
      T* row = reinterpret_cast<T*>(memory[k]);
      const uint32_t* place = code + k;
      for (uint32_t i = 0; i < count; ++i, row += width_, place += operands)
        move(row, reinterpret_cast<T*>(frame + *place));
    });
  };
  for (size_t k = 1; k < operands; ++k)
    each(k, [&](auto* row, const auto* x) { copy_row(row, x, call.numbers[k - 1], width_); });
  run_loop(call.loop, {memory[0], memory[1], memory[2], memory[3]}, {}, count * width_);
  each(0, [&](const auto* row, auto* out) { copy_row(out, row, false, width_); });
}

}  // namespace pyautograd::kernels
