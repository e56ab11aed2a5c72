#include "autograd/deferral.h"

#include <algorithm>
#include <bitset>
#include <functional>
#include <optional>

#include "autograd/layout.h"
#include "autograd/op_log.h"
#include "core/per_thread.h"
#include "core/strides.h"
#include "kernels/fused.h"

namespace pyautograd {

using kernels::FusedProgram;

namespace {

// What is put off keeps alive what it reads, so there must be an end to it.
constexpr size_t kMost = 128;
constexpr uint32_t kNone = ~uint32_t{0};

using Lock = std::lock_guard<std::recursive_mutex>;

// Ops that take long, run nobody's code and fail for want of memory only.
bool may_wait(std::string_view op) {
  static constexpr std::string_view kOps[] = {"matmul", "sum", "sum_to", "convolve"};
  return std::find(std::begin(kOps), std::end(kOps), op) != std::end(kOps);
}

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

  bool reads(const Storage& storage) const noexcept {
    return std::any_of(inputs.begin(), inputs.end(),
                       [&](const Tensor& x) { return x.array().storage.get() == &storage; });
  }
  bool reads_exposed() const noexcept { return any_exposed(inputs); }
};

// Cuts steps into programs and runs them. The steps of a program have the same number of elements
// and read each other's results element by element; what reads one in another way waits for the
// whole program.
class Deferral::Run {
 public:
  explicit Run(const std::vector<Step>& steps) : steps_(steps), places_(steps.size()) {
    find_needed();
    for (uint32_t i = 0; i < steps_.size(); ++i) {
      if (places_[i].needed) place(i);
    }
    for (size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      if (step.result || places_[i].stored) {
        places_[i].memory =
            Storage::allocate_apart(static_cast<size_t>(step.count * itemsize(step.dtype)));
      }
    }
  }

  void operator()() {
    std::vector<bool> done(parts_.size());
    for (size_t left = parts_.size(); left > 0;) {
      for (size_t i = 0; i < parts_.size(); ++i) {
        if (done[i] || !ready(parts_[i], done)) continue;
        run(parts_[i]);
        done[i] = true;
        --left;
      }
    }
  }

  Storage& memory(size_t step) { return *places_[step].memory; }

 private:
  using PartSet = std::bitset<kMost>;
  struct Part {
    std::vector<uint32_t> steps;
    PartSet waits_for;  // directly or not
  };
  struct Place {
    bool needed = false;
    bool stored = false;  // another part reads it
    uint32_t part = kNone;
    Ref<Storage> memory = {};
    FusedProgram::Operand made = 0;
  };

  void find_needed() {
    for (size_t i = steps_.size(); i-- > 0;) {
      places_[i].needed |= steps_[i].result != nullptr;
      if (!places_[i].needed) continue;
      for (const Operand& operand : steps_[i].operands) {
        if (operand.step != kNone) places_[operand.step].needed = true;
      }
    }
  }

  void place(uint32_t i) {
    const uint32_t part = places_[i].part = find_part(steps_[i]);
    if (part == parts_.size()) parts_.emplace_back();
    PartSet before;
    for (const Operand& operand : steps_[i].operands) {
      if (operand.step == kNone) continue;
      Place& source = places_[operand.step];
      if (source.part == part) continue;
      source.stored = true;
      before |= parts_[source.part].waits_for;
      before.set(source.part);
    }
    parts_[part].steps.push_back(i);
    parts_[part].waits_for |= before;
    for (Part& other : parts_) {
      if (other.waits_for[part]) other.waits_for |= before;
    }
  }

  // The last one that need not wait for itself then.
  uint32_t find_part(const Step& step) const {
    for (size_t p = parts_.size(); p-- > 0;) {
      if (steps_[parts_[p].steps[0]].count != step.count) continue;
      const bool fits =
          std::all_of(step.operands.begin(), step.operands.end(), [&](const Operand& operand) {
            if (operand.step == kNone) return true;
            const uint32_t source = places_[operand.step].part;
            return source == p ? !operand.array : !parts_[source].waits_for[p];
          });
      if (fits) return static_cast<uint32_t>(p);
    }
    return static_cast<uint32_t>(parts_.size());
  }

  static bool ready(const Part& part, const std::vector<bool>& done) {
    for (size_t i = 0; i < done.size(); ++i) {
      if (part.waits_for[i] && !done[i]) return false;
    }
    return true;
  }

  void run(const Part& part) {
    FusedProgram program(steps_[part.steps[0]].count);
    for (uint32_t i : part.steps) {
      const Step& step = steps_[i];
      Place& place = places_[i];
      void* out = place.memory ? place.memory->data() : nullptr;
      const FusedProgram::Operand first = operand_in(program, step.operands[0], place.part);
      if (step.loop.splice) {
        place.made = program.splice(*step.loop.splice, first, view_of(step.operands[1]), out);
        continue;
      }
      SmallVector<FusedProgram::Operand, 3> operands{first};
      for (size_t k = 1; k < step.operands.size(); ++k)
        operands.push_back(operand_in(program, step.operands[k], place.part));
      place.made = program.step(step.loop, operands, step.dtype, out);
    }
    program.run();
  }

  FusedProgram::Operand operand_in(FusedProgram& program, const Operand& operand,
                                   uint32_t part) const {
    if (operand.number) return program.constant(operand.number->bytes.data());
    if (operand.array) return program.memory(view_of(operand));
    const Place& source = places_[operand.step];
    return source.part == part
               ? source.made
               : program.memory(source.memory->data(), itemsize(steps_[operand.step].dtype));
  }

  View view_of(const Operand& operand) const {
    const Array& array = *operand.array;
    if (operand.step == kNone) return array.view();
    auto* start = static_cast<std::byte*>(places_[operand.step].memory->data());
    return {start + array.offset * itemsize(array.dtype), array.dtype, array.shape, array.strides};
  }

  const std::vector<Step>& steps_;
  std::vector<Place> places_;
  std::vector<Part> parts_;
};

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
  if (logging_ops.load(std::memory_order_relaxed) || !primitive->find_loop(inputs, step.loop))
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
    const bool is_part = step.loop.splice && i == 1;
    const bool takes_number = !is_part && !step.loop.unary && !(step.loop.where && i == 0);
    if (takes_number && is_number(x)) {
      Operand& operand = step.operands.emplace_back();
      std::memcpy(operand.number.emplace().bytes.data(), x.address(),
                  static_cast<size_t>(itemsize(x.dtype)));
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
  std::vector<Step> done;  // goes after the lock
  const Lock lock(mutex_);
  if (steps_.empty()) return;
  Run run(steps_);
  run();
  done.swap(steps_);
  pending_.store(0, std::memory_order_release);
  for (size_t i = 0; i < done.size(); ++i) {
    for (const Operand& operand : done[i].operands) {
      if (operand.array && operand.step == kNone) let_go(*operand.array->storage);
    }
    Storage* result = done[i].result;
    if (!result) continue;
    result->adopt_data(run.memory(i));
    let_go(*result);
  }
}

Tensors Deferral::leave_undone(const Ref<const Primitive>& primitive, TensorSpan inputs,
                               const Specs& specs) {
  if (specs.size() != 1 || count_elements(specs[0].shape) == 0 || !may_wait(primitive->name()) ||
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
  if (undone_.size() == kMost) return {};
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
  undone_.push_back({primitive, std::move(kept), specs, storage.get()});
  return Tensors::of(
      Tensor(make_ref<Array>(storage, spec.shape, contiguous_strides(spec.shape), spec.dtype)));
}

template <class Which>
bool Deferral::finish_undone(Which&& which) {
  for (bool any = false;; any = true) {
    finish();     // makes what they read
    Undone done;  // goes after the lock
    const Lock lock(mutex_);
    auto found = std::find_if(undone_.begin(), undone_.end(), which);
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
