#include "autograd/deferral.h"

#include <algorithm>
#include <bitset>
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

bool is_number(const Array& x) { return shows_one_number(x.shape, x.strides); }

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
  for (size_t i = 0; i < steps_.size(); ++i) {
    for (const Operand& operand : steps_[i].operands) {
      if (operand.array && operand.step == kNone) operand.array->storage->drop_lineage(*this);
    }
    Storage* result = steps_[i].result;
    if (!result) continue;
    result->adopt_data(run.memory(i));
    result->drop_lineage(*this);
  }
  done.swap(steps_);
  pending_.store(0, std::memory_order_release);
}

void Deferral::settle(Storage& storage) {
  Lineage* lineage = storage.lineage();
  if (!lineage || lineage->kind != Kind::Deferral) return;
  static_cast<Deferral*>(lineage)->finish();
  storage.drop_lineage(*lineage);
}

void Deferral::restore(Storage&) { finish(); }
void Deferral::before_write(Storage&) { finish(); }

void Deferral::forget(Storage& storage) noexcept {
  const Lock lock(mutex_);
  for (Step& step : steps_) {
    if (step.result == &storage) step.result = nullptr;
  }
}

}  // namespace pyautograd
