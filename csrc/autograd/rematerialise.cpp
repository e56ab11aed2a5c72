#include "autograd/rematerialise.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "autograd/budget.h"
#include "autograd/engine.h"
#include "core/dead_list.h"

namespace pyautograd {

namespace {

using Lock = std::lock_guard<std::recursive_mutex>;
using Garbage = SmallVector<Ref<Recipe>, 4>;

Provenance* provenance_in(const Array& array) noexcept {
  Lineage* lineage = array.storage->lineage();
  return lineage && lineage->kind == Lineage::Kind::Provenance ? static_cast<Provenance*>(lineage)
                                                               : nullptr;
}

void keep_numbers(Provenance& value) {
  Garbage garbage;
  while (true) {
    {
      const Lock lock(rematerialisation_mutex());
      if (value.storage->present()) return forget_recipe(value, garbage);
    }
    Keeper::mine().materialise(value);
  }
}

// What recipes read moves to memory that nobody writes.
void move_readers(Provenance& from, const Ref<Storage>& frozen) {
  std::vector<Ref<Array>> arrays;  // first the new ones, then, to go without the lock, the former
  const Lock lock(rematerialisation_mutex());
  if (from.readers.empty()) return;
  std::memcpy(frozen->data(), from.storage->data(), frozen->bytes());
  for (const Provenance::Reader& reader : from.readers) {
    const Array& array = *reader.recipe->inputs[reader.input].array;
    arrays.push_back(
        make_ref<Array>(frozen, array.shape, array.strides, array.offset, array.dtype));
  }
  Provenance& to = Keeper::mine().provenance_of(*arrays[0]);
  to.readers.swap(from.readers);
  for (size_t i = 0; i < arrays.size(); ++i) {
    Recipe::Input& input = to.readers[i].recipe->inputs[to.readers[i].input];
    std::swap(input.array, arrays[i]);
    input.version = frozen->version();
  }
}

// What is to be made for one wanted value: each once, and after what it reads, depth first, which
// keeps together what is used together. What is made stays until the last of these that reads it is
// made. All but moving and destroying one needs the lock.
class Job {
 public:
  explicit Job(Provenance& target) : target_(&target) {
    std::vector<std::pair<Item, size_t>> path;
    auto want = [&](Provenance& value) {
      const auto [found, fresh] = uses_.try_emplace(&value, 0);
      ++found->second;
      if (fresh) path.push_back({{&value, value.recipe}, 0});
    };
    want(target);  // read once more: by whoever wants it
    while (!path.empty()) {
      auto& [item, next] = path.back();
      if (next < item.recipe->inputs.size()) {
        const Array& array = *item.recipe->inputs[next++].array;
        if (!array.storage->present()) want(*provenance_in(array));
      } else {
        items_.push_back(std::move(item));
        path.pop_back();
      }
    }
  }

  Provenance& target() const noexcept { return *target_; }
  bool done() const noexcept { return next_ == items_.size(); }
  const Provenance& next() const noexcept { return *items_[next_].value; }
  const Ref<Recipe>& recipe() const noexcept { return items_[next_].recipe; }

  void hold(Provenance& value) {
    held_.push_back(&value);
    ++value.pins;
  }
  void finish_next() {
    Item& item = items_[next_++];
    item.made = true;
    item.value->pins += uses_[item.value];
    for (const Recipe::Input& input : item.recipe->inputs) {
      const auto found = uses_.find(provenance_in(*input.array));
      if (found == uses_.end()) continue;
      --found->second;
      --found->first->pins;
    }
    let_go();
  }
  void abandon() noexcept {
    let_go();
    for (Item& item : items_) {
      if (std::exchange(item.made, false)) item.value->pins -= uses_[item.value];
    }
  }

 private:
  struct Item {
    Provenance* value;
    Ref<Recipe> recipe;  // it keeps the values it reads
    bool made = false;
  };

  void let_go() noexcept {
    for (Provenance* value : held_) --value->pins;
    held_.clear();
  }

  Provenance* target_;
  std::vector<Item> items_;
  std::unordered_map<Provenance*, uint32_t> uses_;  // by items that are still to be made
  SmallVector<Provenance*, 4> held_;                // for the next item
  size_t next_ = 0;
};

// A job may find that something it relied on was dropped meanwhile: that is a job of its own.
class Jobs {
 public:
  ~Jobs() {
    const Lock lock(rematerialisation_mutex());
    for (Job& job : stack_) job.abandon();
  }
  bool empty() const noexcept { return stack_.empty(); }
  Job& top() noexcept { return stack_.back(); }
  void push(Provenance& target) { stack_.emplace_back(target); }
  // The job that comes back holds recipes, which are to be let go without the lock.
  Job pop() {
    Job job = std::move(stack_.back());
    stack_.pop_back();
    if (!stack_.empty()) top().hold(job.target());
    job.abandon();
    return job;
  }

 private:
  std::vector<Job> stack_;
};

Provenance* first_missing(const Recipe& recipe) {
  for (const Recipe::Input& input : recipe.inputs) {
    if (!input.array->storage->present()) return provenance_in(*input.array);
  }
  return nullptr;
}

Tensors held_inputs(Job& job, const Recipe& recipe) {
  Tensors inputs;
  for (const Recipe::Input& input : recipe.inputs) {
    if (input.array->storage->version() != input.version) {
      runtime_error("[", recipe.primitive->name(), "] a value of shape ",
                    shape_string(input.array->shape),
                    " was modified in place, and what was made from it cannot be made again");
    }
    job.hold(*provenance_in(*input.array));
    inputs.push_back(Tensor(input.array));
  }
  return inputs;
}

}  // namespace

std::atomic<int64_t> rematerialisations{0};

std::recursive_mutex& rematerialisation_mutex() noexcept {
  static auto* mutex = new std::recursive_mutex;
  return *mutex;
}

Provenance::Provenance(const Array& array, Keeper& owner, uint64_t serial)
    : Lineage(Kind::Provenance),
      storage(array.storage.get()),
      shape(array.shape),
      dtype(array.dtype),
      owner(owner),
      serial(serial) {}

void Provenance::restore(Storage&) {
  Keeper& mine = Keeper::mine();
  if (&owner != &mine) return keep_numbers(*this);
  mine.materialise(*this);
}

void Provenance::before_write(Storage&) {
  keep_numbers(*this);
  Garbage garbage;
  {
    const Lock lock(rematerialisation_mutex());
    bool settled = true;
    for (const Reader& reader : readers) settled = settled && reader.recipe->settled();
    if (settled) {
      for (const Reader& reader : readers) {
        for (Provenance* made : reader.recipe->outputs) {
          if (made) forget_recipe(*made, garbage);
        }
      }
      return;
    }
  }
  move_readers(*this, Storage::allocate(storage->bytes(), storage->device()));
}

void Provenance::forget(Storage&) noexcept {
  Garbage garbage;
  {
    const Lock lock(rematerialisation_mutex());
    owner.remove(*this);
    forget_recipe(*this, garbage);
  }
  delete this;
}

void Recipe::read(const Array& array) {
  std::vector<Provenance::Reader>& readers = Keeper::mine().provenance_of(array).readers;
  if (readers.size() == readers.capacity()) readers.reserve(2 * readers.size() + 2);
  inputs.push_back({array.with_layout(array.shape, array.strides, array.offset),
                    array.storage->version(), readers.size()});
  readers.push_back({this, static_cast<uint32_t>(inputs.size() - 1)});
}

bool Recipe::settled() const noexcept {
  for (const Provenance* made : outputs) {
    if (made && !made->storage->present()) return false;
  }
  return true;
}

void Recipe::destroy() noexcept { DeadList<Recipe>::add(this); }

Recipe::~Recipe() {
  const Lock lock(rematerialisation_mutex());
  for (const Input& input : inputs) {
    std::vector<Provenance::Reader>& readers = provenance_in(*input.array)->readers;
    readers[input.reader] = readers.back();
    readers[input.reader].recipe->inputs[readers[input.reader].input].reader = input.reader;
    readers.pop_back();
  }
}

// After the first constructor the destructor runs whatever happens here.
Pins::Pins(TensorSpan inputs) : Pins() {
  Keeper& keeper = Keeper::mine();
  for (size_t i = 0; i < inputs.size();) {
    Provenance* missing = nullptr;
    {
      const Lock lock(rematerialisation_mutex());
      for (; i < inputs.size(); ++i) {
        Provenance* source = provenance_in(inputs[i].array());
        if (!source) continue;
        if (!source->storage->present()) {
          missing = source;
          break;
        }
        pinned_.push_back(source);
        ++source->pins;
        source->owner.touch(*source);
      }
    }
    if (missing) keeper.materialise(*missing);
  }
}

Pins::~Pins() {
  if (pinned_.empty()) return;
  const Lock lock(rematerialisation_mutex());
  for (Provenance* source : pinned_) --source->pins;
}

Tensors evaluate_on_budget(const Ref<const Primitive>& primitive, TensorSpan inputs,
                           const Specs& specs) {
  Keeper& keeper = Keeper::mine();
  if (keeper.depth > 0) return primitive->eval(inputs, specs);
  for (const Tensor& x : inputs) Deferral::settle(*x.array().storage);
  const Pins pins(inputs);
  if (!primitive->recomputable()) return primitive->eval(inputs, specs);
  Tensors outputs = keeper.run(*primitive, inputs, specs);
  keeper.attach(primitive, inputs, specs, outputs);
  return outputs;
}

void claim(const Body& body) {
  for_each_array(body, [](const Array& array) {
    Provenance* source = provenance_in(array);
    if (source && &source->owner != &Keeper::mine()) keep_numbers(*source);
  });
}

void keep(const Body& body) noexcept {
  Garbage garbage;
  const Lock lock(rematerialisation_mutex());
  for_each_array(body, [&](const Array& array) {
    Provenance* source = provenance_in(array);
    if (source && source->storage->present()) forget_recipe(*source, garbage);
  });
}

void separate_from_recipes(const Array& x) {
  Provenance* source = provenance_in(x);
  if (source && x.storage->use_count() == 1 + source->readers.size())
    source->before_write(*x.storage);
}

void note_place(const Body& body, const std::string* (*place)()) {
  Keeper& keeper = Keeper::mine();
  if (keeper.limit() == 0 || keeper.depth > 0) return;
  for_each_array(body, [&](const Array& array) {
    if (!Storage::droppable(array.storage->bytes())) return;
    Deferral::settle(*array.storage);
    const std::string* found = nullptr;
    for (int turn = 0; turn < 2; ++turn) {
      {
        const Lock lock(rematerialisation_mutex());
        Provenance& source = keeper.provenance_of(array);
        if (!source.place) source.place = found;
        if (source.place) return;
      }
      found = place();
    }
  });
}

void Keeper::materialise(Provenance& target) {
  Jobs jobs;
  {
    const Lock lock(rematerialisation_mutex());
    if (target.storage->present()) return;
    jobs.push(target);
  }
  InterruptPoll poll_interrupt;
  while (!jobs.empty()) {
    poll_interrupt();
    std::optional<Job> finished;
    Garbage garbage;
    Ref<Recipe> recipe;
    Tensors inputs;
    {
      const Lock lock(rematerialisation_mutex());
      Job& job = jobs.top();
      if (job.done()) {
        finished = jobs.pop();
        continue;
      }
      if (job.next().storage->present()) {
        job.finish_next();
        continue;
      }
      recipe = job.recipe();
      if (Provenance* missing = first_missing(*recipe)) {
        jobs.push(*missing);
        continue;
      }
      inputs = held_inputs(job, *recipe);
    }
    const Tensors outputs = run(*recipe->primitive, inputs, recipe->specs);
    inputs.clear();
    const Lock lock(rematerialisation_mutex());
    install(*recipe, outputs, garbage);
    jobs.top().finish_next();
    for (const Recipe::Input& input : recipe->inputs) drop_if_idle(*provenance_in(*input.array));
  }
}

void Keeper::install(Recipe& recipe, const Tensors& outputs, Garbage& garbage) {
  for (size_t i = 0; i < recipe.outputs.size(); ++i) {
    Provenance* made = recipe.outputs[i];
    if (!made || made->storage->present()) continue;
    Storage& fresh = *outputs[i].array().storage;
    if (fresh.use_count() != 1 || !fresh.owned() || fresh.bytes() != made->storage->bytes())
      runtime_error("[", recipe.primitive->name(), "] made something else the second time");
    made->storage->adopt_data(fresh);
    close_hole(*made);
    made->owner.touch(*made);
    ++counts_.made_again;
    if (made->owner.limit() > 0) {
      made->owner.add_candidate(*made);
    } else {
      forget_recipe(*made, garbage);
    }
  }
}

TransientScope::TransientScope(bool transient) noexcept
    : former_(std::exchange(Keeper::mine().transient, transient)) {}
TransientScope::~TransientScope() { Keeper::mine().transient = former_; }

void note_recording() noexcept { Keeper::mine().transient = false; }

}  // namespace pyautograd
