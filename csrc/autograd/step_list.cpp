#include "autograd/step_list.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>

#include "autograd/engine.h"
#include "autograd/evaluate.h"
#include "autograd/op_log.h"

namespace pyautograd {

namespace {

using Value = StepList::Value;
using Step = StepList::Step;

constexpr uint32_t kNone = ~uint32_t{0};

// Inputs of one step after the other, side by side, without touching their reference counts.
class Row {
 public:
  explicit Row(size_t most) : places_(SmallVector<Place, 8>::uninitialized(most)) {}
  void start() noexcept { count_ = 0; }
  void add(const Tensor& x) noexcept { std::memcpy(&places_[count_++], &x, sizeof(Tensor)); }
  TensorSpan span() const noexcept {
    return {std::launder(reinterpret_cast<const Tensor*>(places_.data())), count_};
  }

 private:
  struct Place {
    alignas(Tensor) std::byte bytes[sizeof(Tensor)];
  };
  SmallVector<Place, 8> places_;
  size_t count_ = 0;
};

// The memory of which values a result may show.
std::vector<bool> find_escaping(const StepList& list) {
  std::vector<bool> escapes(list.made);
  for (const Value& value : list.results) {
    if (value.kind == Value::Kind::Made) escapes[value.index] = true;
  }
  for (size_t i = list.steps.size(); i-- > 0;) {
    const Step& step = list.steps[i];
    if (!step.primitive->may_view() || !escapes[step.first_made]) continue;
    const Value& x = step.inputs[0];
    if (x.kind == Value::Kind::Made) escapes[x.index] = true;
  }
  return escapes;
}

// The first one of those that hold the same number; itself for all else.
std::vector<uint32_t> first_equal(const std::vector<Tensor>& constants,
                                  const std::vector<bool>& fixed) {
  std::vector<uint32_t> first(constants.size());
  std::map<std::string, uint32_t> known;
  for (uint32_t i = 0; i < constants.size(); ++i) {
    first[i] = i;
    const Array& x = constants[i].array();
    if (!fixed[i] || x.size() != 1) continue;
    std::string key(x.data<char>(), static_cast<size_t>(itemsize(x.dtype)));
    key.push_back(static_cast<char>(x.dtype));
    key.append(x.shape.size(), '1');
    first[i] = known.try_emplace(std::move(key), i).first->second;
  }
  return first;
}

}  // namespace

bool one_by_one() { return may_rematerialise() || logging_ops.load(std::memory_order_relaxed); }

uint32_t StepList::push(Ref<const Primitive> primitive, Specs specs, SmallVector<Value, 2> inputs,
                        const StepList* parts) {
  const uint32_t first = made;
  made += static_cast<uint32_t>(specs.size());
  most_inputs = std::max(most_inputs, inputs.size());
  steps.push_back({std::move(primitive), std::move(specs), std::move(inputs), first, parts});
  return first;
}

std::vector<uint32_t> StepList::makers() const {
  std::vector<uint32_t> makers;
  makers.reserve(made);
  for (uint32_t i = 0; i < steps.size(); ++i) makers.insert(makers.end(), steps[i].specs.size(), i);
  return makers;
}

void StepList::note_last_reads() {
  std::vector<bool> read_later(made);
  for (const Value& value : results) {
    if (value.kind == Value::Kind::Made) read_later[value.index] = true;
  }
  for (size_t i = steps.size(); i-- > 0;) {
    Step& step = steps[i];
    const auto note = [&](uint32_t index) {
      if (!read_later[index]) step.last_read.push_back(index);
      read_later[index] = true;
    };
    for (uint32_t k = 0; k < step.specs.size(); ++k) note(step.first_made + k);
    for (const Value& value : step.inputs) {
      if (value.kind == Value::Kind::Made) note(value.index);
    }
  }
}

Tensors StepList::run(TensorSpan given) const {
  SmallVector<Tensor, 16> values(made);
  const auto at = [&](const Value& value) -> const Tensor& {
    return value.kind == Value::Kind::Made       ? values[value.index]
           : value.kind == Value::Kind::Constant ? constants[value.index]
                                                 : given[value.index];
  };
  Row inputs(most_inputs);
  InterruptPoll poll_interrupt;
  for (const Step& step : steps) {
    poll_interrupt();
    inputs.start();
    for (const Value& value : step.inputs) inputs.add(at(value));
    const bool apart = step.parts && one_by_one();
    Tensors outputs = apart ? step.parts->run(inputs.span())
                            : evaluate(step.primitive, inputs.span(), step.specs);
    if (!step.parts && logging_ops.load(std::memory_order_relaxed)) [[unlikely]]
      log_op(*step.primitive);
    for (size_t i = 0; i < outputs.size(); ++i) values[step.first_made + i] = std::move(outputs[i]);
    for (uint32_t i : step.last_read) values[i] = Tensor();
  }
  Tensors out;
  for (const Value& value : results) out.push_back(at(value));
  return out;
}

SmallVector<Tensor, 16> StepList::inputs_of(const Step& step, TensorSpan given) const {
  SmallVector<Tensor, 16> inputs;
  for (const Value& value : step.inputs)
    inputs.push_back(value.kind == Value::Kind::Constant ? constants[value.index]
                                                         : given[value.index]);
  return inputs;
}

std::vector<std::string_view> StepList::names() const {
  std::vector<std::string_view> names;
  for (const Step& step : steps) {
    if (!step.parts) {
      names.push_back(step.primitive->name());
      continue;
    }
    const std::vector<std::string_view> inner = step.parts->names();
    names.insert(names.end(), inner.begin(), inner.end());
  }
  return names;
}

void merge_repeated(StepList& list, const std::vector<bool>& fixed) {
  std::vector<bool> escapes = find_escaping(list);
  const std::vector<uint32_t> constants = first_equal(list.constants, fixed);
  std::vector<uint32_t> places(list.made);
  for (uint32_t i = 0; i < list.made; ++i) places[i] = i;
  const auto replace = [&](Value& value) {
    if (value.kind == Value::Kind::Constant) value.index = constants[value.index];
    if (value.kind == Value::Kind::Made) value.index = places[value.index];
  };
  const auto escape = [&](const Step& step) {
    const auto first = escapes.begin() + step.first_made;
    return std::find(first, first + static_cast<ptrdiff_t>(step.specs.size()), true) !=
           first + static_cast<ptrdiff_t>(step.specs.size());
  };
  std::map<std::pair<const Primitive*, std::vector<Value>>, const Step*> known;
  for (Step& step : list.steps) {
    for (Value& value : step.inputs) replace(value);
    const std::vector<Value> inputs(step.inputs.begin(), step.inputs.end());
    const auto [found, fresh] = known.try_emplace({step.primitive.get(), inputs}, &step);
    if (fresh) continue;
    const Step& first = *found->second;
    // Results that are made twice are two arrays for whoever writes into one.
    if (escape(first) && escape(step)) continue;
    for (uint32_t k = 0; k < step.specs.size(); ++k) {
      places[step.first_made + k] = first.first_made + k;
      if (escapes[step.first_made + k]) escapes[first.first_made + k] = true;
    }
  }
  for (Value& value : list.results) replace(value);
}

void combine_with_makers(StepList& list) {
  const std::vector<uint32_t> makers = list.makers();
  constexpr uint32_t kSeveral = kNone - 1, kResult = kNone - 2;
  std::vector<uint32_t> readers(list.steps.size(), kNone);
  const auto note = [&](const Value& value, uint32_t reader) {
    if (value.kind != Value::Kind::Made) return;
    uint32_t& known = readers[makers[value.index]];
    known = known == kNone || known == reader ? reader : kSeveral;
  };
  for (uint32_t i = 0; i < list.steps.size(); ++i)
    for (const Value& value : list.steps[i].inputs) note(value, i);
  for (const Value& value : list.results) note(value, kResult);
  for (uint32_t i = 0; i < list.steps.size(); ++i) {
    Step& step = list.steps[i];
    for (const Value& value : step.inputs) {
      if (value.kind != Value::Kind::Made || readers[makers[value.index]] != i) continue;
      const Primitive& maker = *list.steps[makers[value.index]].primitive;
      Primitive::Combined combined = step.primitive->with_maker(maker, step.specs);
      if (!combined.primitive) continue;
      SmallVector<Value, 2> inputs;
      for (const uint8_t place : combined.inputs) inputs.push_back(step.inputs[place]);
      step.primitive = std::move(combined.primitive);
      step.inputs = std::move(inputs);
      break;
    }
  }
}

StepList without_unread(StepList list) {
  std::vector<bool> made_read(list.made), constant_read(list.constants.size());
  const auto note = [&](const Value& value) {
    if (value.kind == Value::Kind::Made) made_read[value.index] = true;
    if (value.kind == Value::Kind::Constant) constant_read[value.index] = true;
  };
  for (const Value& value : list.results) note(value);
  std::vector<bool> needed(list.steps.size());
  for (size_t i = list.steps.size(); i-- > 0;) {
    const Step& step = list.steps[i];
    for (uint32_t k = 0; k < step.specs.size(); ++k)
      needed[i] = needed[i] || made_read[step.first_made + k];
    if (!needed[i]) continue;
    for (const Value& value : step.inputs) note(value);
  }
  StepList kept;
  kept.arguments = std::move(list.arguments);
  std::vector<uint32_t> places(list.made, kNone), constants(list.constants.size(), kNone);
  for (size_t i = 0; i < list.constants.size(); ++i) {
    if (!constant_read[i]) continue;
    constants[i] = static_cast<uint32_t>(kept.constants.size());
    kept.constants.push_back(list.constants[i]);
  }
  const auto renumber = [&](Value& value) {
    if (value.kind == Value::Kind::Constant) value.index = constants[value.index];
    if (value.kind == Value::Kind::Made) value.index = places[value.index];
  };
  for (size_t i = 0; i < list.steps.size(); ++i) {
    if (!needed[i]) continue;
    Step& step = list.steps[i];
    for (Value& value : step.inputs) renumber(value);
    const size_t count = step.specs.size();
    const uint32_t first = kept.push(step.primitive, std::move(step.specs), std::move(step.inputs));
    for (uint32_t k = 0; k < count; ++k) places[step.first_made + k] = first + k;
  }
  kept.results = std::move(list.results);
  for (Value& value : kept.results) renumber(value);
  return kept;
}

}  // namespace pyautograd
