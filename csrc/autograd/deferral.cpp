#include "autograd/deferral.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "autograd/layout.h"
#include "autograd/op_log.h"
#include "core/per_thread.h"
#include "core/strides.h"
#include "kernels/fused_plan.h"

namespace pyautograd {

namespace {

// What is put off keeps alive what it reads, so there must be an end to it.
constexpr size_t kMost = 128;
constexpr uint32_t kNone = ~uint32_t{0};
// Of what ops that wait for it read, as this is all written in the end.
constexpr size_t kMostWaitingBytes = size_t{1} << 27;

using Lock = std::lock_guard<std::recursive_mutex>;

// The numbers of what an op has just made, in memory that another storage can adopt.
Ref<Storage> memory_apart(const Array& made) {
  const size_t bytes = checked_bytes(made.shape, made.dtype);
  if (made.contiguous() && made.offset == 0 && made.storage->use_count() == 1 &&
      made.storage->owned() && made.storage->bytes() == bytes && Storage::droppable(bytes))
    return made.storage;
  Ref<Storage> memory = Storage::allocate_apart(bytes);
  kernels::copy({memory->data(), made.dtype, made.shape, contiguous_strides(made.shape)},
                made.view());
  return memory;
}

bool is_number(const Array& x) { return shows_one_number(x.shape, x.strides); }

bool any_exposed(TensorSpan xs) noexcept {
  return std::any_of(xs.begin(), xs.end(),
                     [](const Tensor& x) { return x.array().storage->exposed(); });
}

}  // namespace

struct Deferral::Number {
  int64_t itemsize;
  alignas(kMaxItemsize) std::array<std::byte, kMaxItemsize> bytes;
};

// What a step reads: a number, what an earlier step makes, element by element, or an array. The
// array may show the memory that an earlier step will fill, in another layout.
struct Deferral::Operand {
  std::optional<Number> number = {};
  uint32_t step = kNone;
  Ref<Array> array = {};  // in the shape of the step that reads it
};

struct Deferral::Step {
  DType dtype;
  int64_t count;
  kernels::ElementLoop loop = {};
  SmallVector<Operand, 2> operands = {};
  Storage* result = nullptr;  // null: nobody but later steps can ask for it
};

struct Deferral::Undone {
  Ref<const Primitive> primitive;
  Tensors inputs;
  Specs specs;
  Storage* result;
  bool until_finish;  // and no longer

  size_t bytes() const {
    size_t sum = 0;
    for (const Tensor& x : inputs) sum += checked_bytes(x.shape(), x.dtype());
    return sum;
  }
  bool reads(const Storage& storage) const noexcept {
    return std::any_of(inputs.begin(), inputs.end(),
                       [&](const Tensor& x) { return x.array().storage.get() == &storage; });
  }
  bool reads_exposed() const noexcept { return any_exposed(inputs); }
};

// The numbers of each step that has a result.
std::vector<Ref<Storage>> Deferral::run(const std::vector<Step>& steps) {
  std::vector<kernels::PlannedStep> planned;
  std::vector<char*> pieces;
  std::vector<Ref<Storage>> results;
  using Kind = kernels::PlannedOperand::Kind;
  const auto give = [&](const void* memory) {
    pieces.push_back(static_cast<char*>(const_cast<void*>(memory)));
    return static_cast<uint32_t>(pieces.size() - 1);
  };
  for (const Step& step : steps) {
    kernels::PlannedStep& out = planned.emplace_back(step.count, itemsize(step.dtype), step.loop);
    for (const Operand& operand : step.operands) {
      if (operand.number) {
        const Number& number = *operand.number;
        out.operands.push_back({Kind::Number, false, give(number.bytes.data()), number.itemsize});
      } else if (!operand.array) {
        out.operands.push_back(
            {Kind::Elements, true, operand.step, itemsize(steps[operand.step].dtype)});
      } else {
        const Array& x = *operand.array;
        const bool made = operand.step != kNone;
        const int64_t item = itemsize(x.dtype), offset = made ? x.offset * item : 0;
        const uint32_t index = made ? operand.step : give(x.address());
        out.operands.push_back({Kind::Layout, made, index, item, offset, x.shape, x.strides});
      }
    }
    if (!step.result) continue;
    out.result = static_cast<uint32_t>(results.size());
    results.push_back(Storage::allocate_apart(static_cast<size_t>(step.count * out.itemsize)));
  }
  const kernels::FusedPlan plan(planned, pieces.size());
  for (const Ref<Storage>& storage : results) give(storage->data());
  plan.run(pieces);
  return results;
}

std::atomic<int64_t> Deferral::least{int64_t{1} << 14};

Deferral& Deferral::mine() { return PerThread<Deferral>::get(); }

Deferral::Deferral() : Lineage(Kind::Deferral) {}
Deferral::~Deferral() = default;

void Deferral::leave() noexcept {
  if (--scopes_ > 0) return;
  Deferral& mine = Deferral::mine();
  if (mine.pending_.load(std::memory_order_acquire) == 0) return;
  try {
    mine.finish();
  } catch (const std::exception&) {  // whoever asks for the numbers will get the error
  }
}

Tensors Deferral::put_off(const Ref<const Primitive>& primitive, TensorSpan inputs,
                          const Specs& specs) {
  const Spec& spec = specs[0];
  Step step{spec.dtype, count_elements(spec.shape)};
  // A mask made a number waits for nothing: what was put off with it kept more arrays alive, and
  // took longer.
  const bool from_mask =
      inputs.size() == 1 && is_inexact(spec.dtype) && !is_inexact(inputs[0].dtype());
  if (from_mask || logging_ops.load(std::memory_order_relaxed) ||
      !primitive->find_loop(inputs, step.loop) || step.loop.function)
    return {};
  for (const Tensor& x : inputs) {
    if (!may_read(x.array())) return {};
  }
  for (const Tensor& x : inputs) make(*x.array().storage);
  // After that, steps have their numbers.
  if (pending_ >= kMost || std::any_of(inputs.begin(), inputs.end(), [](const Tensor& x) {
        return is_number(x.array()) && !x.array().storage->present();
      })) {
    finish();
  }
  // A loop runs through its result's memory; a splice finds its places in row-major order.
  const AxisOrder order = step.loop.splice ? AxisOrder() : elementwise_order(inputs, spec.shape);
  const Lock lock(mutex_);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Array& x = inputs[i].array();
    const bool is_part = step.loop.is_part(i);
    if (step.loop.takes_number(i) && is_number(x)) {
      Number& number = step.operands.emplace_back().number.emplace(itemsize(x.dtype));
      std::memcpy(number.bytes.data(), x.address(), static_cast<size_t>(number.itemsize));
      continue;
    }
    step.operands.push_back(operand_of(x, is_part ? x.shape : spec.shape, order, !is_part));
    const bool memory = step.operands.back().step == kNone;
    if (memory && !x.storage->take_lineage(*this)) return {};  // another thread was faster
  }
  const Ref<Storage> storage = Storage::absent(checked_bytes(spec.shape, spec.dtype), *this);
  step.result = storage.get();
  steps_.push_back(std::move(step));
  pending_.store(static_cast<uint32_t>(steps_.size()), std::memory_order_release);
  return Tensors::of(Tensor(
      make_ref<Array>(storage, spec.shape, dense_strides(spec.shape, order), 0, spec.dtype)));
}

// Nobody may write the memory without before_write.
bool Deferral::may_read(const Array& x) const noexcept {
  const Lineage* lineage = x.storage->lineage();
  return !x.storage->exposed() && (!lineage || lineage == this);
}

uint32_t Deferral::step_of(const Storage& storage) const noexcept {
  if (storage.present()) return kNone;
  for (uint32_t i = static_cast<uint32_t>(steps_.size()); i-- > 0;) {
    if (steps_[i].result == &storage) return i;
  }
  return kNone;
}

Deferral::Operand Deferral::operand_of(const Array& x, const Dims& shape, const AxisOrder& order,
                                       bool by_element) {
  Operand operand{.step = step_of(*x.storage)};
  Dims strides = broadcast_strides(x.shape, x.strides, shape);
  if (!order.empty()) strides = in_order(strides, order);
  Dims axes = in_order(shape, order);
  if (operand.step != kNone && by_element) {
    const Step& source = steps_[operand.step];
    const int64_t count = count_elements(shape);
    const bool whole = x.offset == 0 && x.dtype == source.dtype && x.size() == count;
    if (whole && source.count == count && is_contiguous(axes, strides)) return operand;
  }
  operand.array = x.with_layout(std::move(axes), std::move(strides), x.offset);
  return operand;
}

void Deferral::finish() {
  finish_undone([](const Undone&) { return false; });
}

void Deferral::run_steps() {
  std::vector<Step> done;  // goes after the lock
  const Lock lock(mutex_);
  if (steps_.empty()) return;
  const std::vector<Ref<Storage>> results = run(steps_);
  done.swap(steps_);
  pending_.store(0, std::memory_order_release);
  size_t next = 0;
  for (const Step& step : done) {
    for (const Operand& operand : step.operands) {
      if (operand.array && operand.step == kNone) let_go(*operand.array->storage);
    }
    if (!step.result) continue;
    step.result->adopt_data(*results[next++]);
    let_go(*step.result);
  }
}

bool Deferral::joins_steps(TensorSpan inputs) const {
  if (std::none_of(inputs.begin(), inputs.end(),
                   [&](const Tensor& x) { return step_of(*x.array().storage) != kNone; }))
    return false;
  size_t bytes = 0;
  for (const Tensor& x : inputs) bytes += checked_bytes(x.shape(), x.dtype());
  for (const Undone& op : undone_) bytes += op.until_finish ? op.bytes() : 0;
  return bytes <= kMostWaitingBytes;
}

Tensors Deferral::leave_undone(const Ref<const Primitive>& primitive, TensorSpan inputs,
                               const Specs& specs) {
  if (specs.size() != 1 || count_elements(specs[0].shape) == 0 || !primitive->may_wait() ||
      logging_ops.load(std::memory_order_relaxed))
    return {};
  int64_t elements = 0;
  for (const Tensor& x : inputs) elements += x.size();
  // Of fewer the op is done sooner than it is noted.
  if (elements < least.load(std::memory_order_relaxed) / 8) return {};
  // A function may write exposed memory before somebody reads the result. Between a sweep whose
  // results are only differentiated and the next one, which reads such memory as well, nobody does.
  if (unread_sweeps_ == 0 && any_exposed(inputs)) return {};
  const Lock lock(mutex_);
  const bool until_finish = sparing_ == 0;
  if (undone_.size() == kMost || (until_finish && !joins_steps(inputs))) return {};
  const bool alone = std::all_of(inputs.begin(), inputs.end(), [&](const Tensor& x) {
    return x.array().storage->take_lineage(*this);
  });
  if (!alone) {  // another thread was faster
    for (const Tensor& x : inputs) let_go(*x.array().storage);
    return {};
  }
  const Spec& spec = specs[0];
  const Ref<Storage> storage = Storage::absent(checked_bytes(spec.shape, spec.dtype), *this);
  Tensors kept;
  for (const Tensor& x : inputs) kept.push_back(x.untracked());
  undone_.push_back({primitive, std::move(kept), specs, storage.get(), until_finish});
  return Tensors::of(
      Tensor(make_ref<Array>(storage, spec.shape, contiguous_strides(spec.shape), spec.dtype)));
}

template <class Which>
bool Deferral::finish_undone(Which&& which) {
  for (bool any = false;; any = true) {
    run_steps();  // makes what they read
    Undone done;  // goes after the lock
    const Lock lock(mutex_);
    auto found = std::find_if(undone_.begin(), undone_.end(),
                              [&](const Undone& op) { return op.until_finish || which(op); });
    if (found == undone_.end()) return any;
    if (!steps_.empty()) continue;
    for (auto first = found; first != undone_.end(); first = maker_of_input(*found)) found = first;
    const Tensors made = found->primitive->eval(found->inputs, found->specs);
    const Ref<Storage> memory = memory_apart(made[0].array());
    done = std::move(*found);
    undone_.erase(found);
    done.result->adopt_data(*memory);
    let_go(*done.result);
    for (const Tensor& x : done.inputs) let_go(*x.array().storage);
  }
}

// Of an op left undone another one that makes what it reads.
std::vector<Deferral::Undone>::iterator Deferral::maker_of_input(const Undone& op) {
  return std::find_if(undone_.begin(), undone_.end(),
                      [&](const Undone& other) { return op.reads(*other.result); });
}

bool Deferral::make(Storage& storage) {
  if (storage.present() || storage.lineage() != this) return false;
  const auto makes = [&](const Undone& op) { return op.result == &storage; };
  {
    const Lock lock(mutex_);
    if (std::none_of(undone_.begin(), undone_.end(), makes)) return false;
  }
  return finish_undone(makes);
}

void Deferral::finish_everything() {
  finish_undone([](const Undone&) { return true; });
}

void Deferral::finish_exposed() {
  {
    const Lock lock(mutex_);
    if (std::none_of(undone_.begin(), undone_.end(), std::mem_fn(&Undone::reads_exposed))) return;
  }
  finish_undone(std::mem_fn(&Undone::reads_exposed));
}

bool Deferral::concerns(const Storage& storage) const noexcept {
  const auto reads = [&](const Operand& operand) {
    return operand.array && operand.array->storage.get() == &storage;
  };
  return std::any_of(undone_.begin(), undone_.end(),
                     [&](const Undone& op) { return op.reads(storage); }) ||
         std::any_of(steps_.begin(), steps_.end(), [&](const Step& step) {
           return std::any_of(step.operands.begin(), step.operands.end(), reads);
         });
}

void Deferral::let_go(Storage& storage) noexcept {
  if (storage.present() && !concerns(storage)) storage.drop_lineage(*this);
}

void Deferral::settle(Storage& storage) {
  Lineage* lineage = storage.lineage();
  if (!lineage || lineage->kind != Kind::Deferral) return;
  lineage->before_write(storage);
  storage.drop_lineage(*lineage);
}

void Deferral::restore(Storage& storage) {
  if (!make(storage)) finish();
}

void Deferral::before_write(Storage& storage) {
  finish_undone([&](const Undone& op) { return op.result == &storage || op.reads(storage); });
}

void Deferral::forget(Storage& storage) noexcept {
  Undone dropped;  // goes after the lock
  const Lock lock(mutex_);
  for (Step& step : steps_) {
    if (step.result == &storage) step.result = nullptr;
  }
  const auto found = std::find_if(undone_.begin(), undone_.end(),
                                  [&](const Undone& op) { return op.result == &storage; });
  if (found == undone_.end()) return;
  dropped = std::move(*found);
  undone_.erase(found);
  for (const Tensor& x : dropped.inputs) let_go(*x.array().storage);
}

}  // namespace pyautograd
