#include "autograd/rematerialise.h"

#include <optional>
#include <unordered_map>

#include "autograd/budget.h"
#include "autograd/engine.h"

namespace pyautograd {

namespace {

using Lock = std::lock_guard<std::recursive_mutex>;
using Garbage = SmallVector<Ref<Recipe>, 4>;

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
        if (!array.storage->present()) want(*Provenance::of(array));
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
      const auto found = uses_.find(Provenance::of(*input.array));
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
    if (!input.array->storage->present()) return Provenance::of(*input.array);
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
    job.hold(*Provenance::of(*input.array));
    inputs.push_back(Tensor(input.array));
  }
  return inputs;
}

void install(Keeper& keeper, Recipe& recipe, const Tensors& outputs, Garbage& garbage) {
  for (size_t i = 0; i < recipe.outputs.size(); ++i) {
    Provenance* made = recipe.outputs[i];
    if (!made || made->storage->present()) continue;
    Storage& fresh = *outputs[i].array().storage;
    if (fresh.use_count() != 1 || !fresh.owned() || fresh.bytes() != made->storage->bytes())
      runtime_error("[", recipe.primitive->name(), "] made something else the second time");
    made->storage->adopt_data(fresh);
    keeper.welcome_back(*made, garbage);
  }
}

}  // namespace

void materialise(Provenance& target) {
  Keeper& mine = Keeper::mine();
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
    const Tensors outputs = mine.run(*recipe->primitive, inputs, recipe->specs);
    inputs.clear();
    const Lock lock(rematerialisation_mutex());
    install(mine, *recipe, outputs, garbage);
    jobs.top().finish_next();
    for (const Recipe::Input& input : recipe->inputs)
      mine.drop_if_idle(*Provenance::of(*input.array));
  }
}

// After the first constructor the destructor runs whatever happens here.
Pins::Pins(TensorSpan inputs) : Pins() {
  for (size_t i = 0; i < inputs.size();) {
    Provenance* missing = nullptr;
    {
      const Lock lock(rematerialisation_mutex());
      for (; i < inputs.size(); ++i) {
        Provenance* source = Provenance::of(inputs[i].array());
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
    if (missing) materialise(*missing);
  }
}

Pins::~Pins() {
  if (pinned_.empty()) return;
  const Lock lock(rematerialisation_mutex());
  for (Provenance* source : pinned_) --source->pins;
}

}  // namespace pyautograd
