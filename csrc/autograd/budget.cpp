#include "autograd/budget.h"

#include <algorithm>
#include <array>

#include "autograd/capture.h"
#include "autograd/costs.h"
#include "autograd/deferral.h"

namespace pyautograd {

namespace {

using Lock = std::lock_guard<std::recursive_mutex>;
using Garbage = SmallVector<Ref<Recipe>, 4>;

// Among more candidates than this only some are looked at.
constexpr size_t kSample = 96;
// What is read by more recipes is not looked into.
constexpr size_t kManyReaders = 32;
constexpr size_t kSweepAfter = 4096;
constexpr size_t kNamed = 6;

Hole* root_of(const Ref<Hole>& member) {
  Hole* hole = member.get();
  while (Hole* parent = hole->parent.get()) {
    if (parent->parent) hole->parent = Ref<Hole>(parent->parent);
    hole = hole->parent.get();
  }
  return hole;
}

Ref<Hole> joined(const Ref<Hole>& first, const Ref<Hole>& second) {
  Ref<Hole> a(root_of(first)), b(root_of(second));
  if (a == b) return a;
  if (a->rank < b->rank) std::swap(a, b);
  if (a->rank == b->rank) ++a->rank;
  a->cost += b->cost;
  b->parent = a;
  return a;
}

// The dropped values next to this one, either way.
template <class Visit>
void each_dropped_neighbour(const Provenance& value, const Visit& visit) {
  for (const Recipe::Input& input : value.recipe->inputs) {
    const auto* source = static_cast<const Provenance*>(input.array->storage->lineage());
    if (source->hole) visit(source->hole);
  }
  const size_t readers = std::min(value.readers.size(), kManyReaders);
  for (size_t i = 0; i < readers; ++i) {
    for (const Provenance* made : value.readers[i].recipe->outputs) {
      if (made && made->hole) visit(made->hole);
    }
  }
}

class DepthScope {
 public:
  explicit DepthScope(Keeper& keeper) noexcept : keeper_(keeper) { ++keeper_.depth; }
  ~DepthScope() { --keeper_.depth; }
  DepthScope(const DepthScope&) = delete;
  DepthScope& operator=(const DepthScope&) = delete;

 private:
  Keeper& keeper_;
};

const char* reason_to_stay(const Provenance& value) {
  if (value.storage->handles() > 0) return "held by the program";
  if (value.pins > 0) return "in use";
  return value.recipe ? "droppable"
                      : "which cannot be made again: Python code made it, or memory that another "
                        "library can write went into it (pa.tensor copies such memory)";
}

// Made by this very op, and by no other thread or user seen.
bool is_fresh(const Tensor& y) {
  if (!y.is_array() || y.body()->use_count() != 1) return false;
  const Storage& storage = *y.array().storage;
  return storage.use_count() == 1 && storage.owned() && !storage.lineage() &&
         storage.version() == 0 && storage.handles() == 0 && Storage::droppable(storage.bytes());
}

}  // namespace

uint64_t Keeper::enter(size_t limit, bool always) {
  const uint64_t id = ++serial_;
  if (limits_.empty()) {
    Deferral::mine().finish_everything();
    counts_ = {};
    births_ = 0;
    random_ = 0x9e3779b97f4a7c15u;
    rematerialisations.fetch_add(1, std::memory_order_relaxed);
    set_room_maker(this);
  }
  limits_.push_back({id, limit, always});
  update_limit();
  return id;
}

void Keeper::leave(uint64_t budget) {
  const auto found = std::find_if(limits_.begin(), limits_.end(),
                                  [&](const Limit& limit) { return limit.id == budget; });
  if (found == limits_.end()) return;
  limits_.erase(found);
  update_limit();
  if (!limits_.empty()) return;
  rematerialisations.fetch_sub(1, std::memory_order_relaxed);
  set_room_maker(nullptr);
  let_go_of_held_values(true);
}

void Keeper::update_limit() {
  size_t least = 0;
  always_ = false;
  for (const Limit& limit : limits_) {
    least = least ? std::min(least, limit.bytes) : limit.bytes;
    always_ |= limit.always;
  }
  limit_.store(least, std::memory_order_relaxed);
}

void Keeper::make_room(size_t bytes) {
  size_t used = static_cast<size_t>(live(Live::Bytes)) + bytes;
  if (used <= limit() && !always_) return;
  if (always_) {
    const Lock lock(rematerialisation_mutex());
    while (Provenance* least = choose()) drop(*least);
    return;
  }
  bool swept = false;
  while (used > limit()) {
    {
      const Lock lock(rematerialisation_mutex());
      if (Provenance* least = choose()) {
        used -= least->storage->bytes();
        drop(*least);
        continue;
      }
    }
    // What only recipes of held values keep alive may be what is in the way.
    if (std::exchange(swept, true)) fail_to_fit(bytes);
    let_go_of_held_values(false);
    used = static_cast<size_t>(live(Live::Bytes)) + bytes;
  }
}

bool Keeper::idle(const Provenance& value) const noexcept {
  return value.pins == 0 && value.storage->handles() == 0;
}

double Keeper::score(const Provenance& value) const {
  std::array<const Hole*, 8> met;
  size_t count = 0;
  double cost = value.recipe->cost;
  each_dropped_neighbour(value, [&](const Ref<Hole>& hole) {
    const Hole* root = root_of(hole);
    const auto end = met.begin() + count;
    if (count == met.size() || std::find(met.begin(), end, root) != end) return;
    met[count++] = root;
    cost += root->cost;
  });
  const auto staleness = static_cast<double>(clock_ - value.last_use + 1);
  return cost / (static_cast<double>(value.storage->bytes()) * staleness);
}

Provenance* Keeper::choose() {
  Provenance* best = nullptr;
  double least = 0;
  auto consider = [&](Provenance* value) {
    if (!idle(*value)) return;
    const double score = this->score(*value);
    if (best && (score > least || (score == least && value->serial > best->serial))) return;
    best = value;
    least = score;
  };
  if (candidates_.size() > kSample) {
    for (size_t i = 0; i < kSample; ++i) {
      random_ = random_ * 6364136223846793005u + 1442695040888963407u;
      consider(candidates_[(random_ >> 33) % candidates_.size()]);
    }
  }
  if (!best) std::for_each(candidates_.begin(), candidates_.end(), consider);
  return best;
}

void Keeper::drop(Provenance& value) {
  Ref<Hole> hole = make_ref<Hole>();
  hole->cost = value.recipe->cost;
  each_dropped_neighbour(value, [&](const Ref<Hole>& other) { hole = joined(hole, other); });
  value.hole = std::move(hole);
  remove_candidate(value);
  value.storage->drop_data();
  rematerialisations.fetch_add(1, std::memory_order_relaxed);
  ++counts_.dropped;
  counts_.trace = (counts_.trace ^ value.birth) * 1099511628211u;
}

void Keeper::drop_if_idle(Provenance& value) {
  if (&value.owner != this || !value.candidate || !idle(value) || !value.only_read_by_recipes())
    return;
  if (value.readers.size() > kManyReaders) return;
  for (const Provenance::Reader& reader : value.readers) {
    if (!reader.recipe->settled()) return;
  }
  drop(value);
}

void Keeper::add_candidate(Provenance& value) {
  if (value.candidate) return;
  candidates_.push_back(&value);
  value.candidate = candidates_.size();
}

void Keeper::remove_candidate(Provenance& value) noexcept {
  if (!value.candidate) return;
  candidates_[value.candidate - 1] = candidates_.back();
  candidates_.back()->candidate = value.candidate;
  candidates_.pop_back();
  value.candidate = 0;
}

void Keeper::remove(Provenance& value) noexcept {
  known_[value.known] = known_.back();
  known_[value.known]->known = value.known;
  known_.pop_back();
  std::replace(newest_.begin(), newest_.end(), &value, static_cast<Provenance*>(nullptr));
  if (value.hole) close_hole(value);
}

void Keeper::close_hole(Provenance& value) noexcept {
  root_of(value.hole)->cost -= value.recipe->cost;
  value.hole = nullptr;
  rematerialisations.fetch_sub(1, std::memory_order_relaxed);
}

void Keeper::welcome_back(Provenance& value, Garbage& garbage) {
  ++counts_.made_again;
  close_hole(value);
  value.owner.touch(value);
  if (value.owner.limit() > 0) {
    value.owner.add_candidate(value);
  } else {
    forget_recipe(value, garbage);
  }
}

Provenance& Keeper::provenance_of(const Array& array) {
  Storage& storage = *array.storage;
  if (Lineage* lineage = storage.lineage()) return static_cast<Provenance&>(*lineage);
  auto made = std::make_unique<Provenance>(array, *this, ++serial_);
  made->known = known_.size();
  known_.push_back(made.get());
  storage.set_lineage(made.get());
  return *made.release();
}

Tensors Keeper::run(const Primitive& primitive, TensorSpan inputs, const Specs& specs) {
  const DepthScope scope(*this);
  return primitive.eval(inputs, specs);
}

bool Keeper::worth_recipes() const noexcept {
  return limit() > 0 && !transient && recording(depth_of(innermost_level()));
}

void Keeper::attach(const Ref<const Primitive>& primitive, TensorSpan inputs, const Specs& specs,
                    const Tensors& outputs) {
  if (!worth_recipes() || std::none_of(outputs.begin(), outputs.end(), is_fresh)) return;
  for (const Tensor& x : inputs) {
    if (x.array().storage->exposed() || Capture::captured(*x.array().storage)) return;
  }
  forget_the_past();
  const Ref<Recipe> recipe =
      make_ref<Recipe>(primitive, specs, time_of(primitive->name(), inputs, outputs));
  const Lock lock(rematerialisation_mutex());
  for (const Tensor& x : inputs) recipe->read(x.array());
  recipe->outputs.resize(outputs.size(), nullptr);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!is_fresh(outputs[i])) continue;
    Provenance& made = provenance_of(outputs[i].array());
    made.op = primitive->name();
    made.recipe = recipe;
    made.birth = ++births_;
    recipe->outputs[i] = &made;
    add_candidate(made);
    touch(made);
    if (newest_.size() < 16) newest_.resize(16, nullptr);
    newest_[next_newest_++ % 16] = &made;
  }
  for (Provenance*& value : newest_) {
    if (value && value->candidate) drop_if_idle(*value);
    if (value && !value->candidate) value = nullptr;
  }
}

void Keeper::forget_the_past() {
  {
    const Lock lock(rematerialisation_mutex());
    known_at_last_sweep_ = std::min(known_at_last_sweep_, known_.size());
    if (known_.size() <= 2 * known_at_last_sweep_ + kSweepAfter) return;
  }
  let_go_of_held_values(false);
  const Lock lock(rematerialisation_mutex());
  known_at_last_sweep_ = known_.size();
}

// Recipes of what users hold, which stays anyway, keep alive what those values were made from; now
// and then they must go, or a loop would remember all of its past. Likewise when the budget ends.
void Keeper::let_go_of_held_values(bool everything) {
  std::vector<Ref<Recipe>> released;
  const Lock lock(rematerialisation_mutex());
  Garbage garbage;
  for (size_t i = candidates_.size(); i-- > 0;) {
    Provenance& value = *candidates_[i];
    if (everything || value.storage->handles() > 0) forget_recipe(value, garbage);
    for (Ref<Recipe>& recipe : garbage) released.push_back(std::move(recipe));
    garbage.clear();
  }
}

void Keeper::fail_to_fit(size_t bytes) const {
  const Lock lock(rematerialisation_mutex());
  std::vector<const Provenance*> largest;
  for (const Provenance* value : known_) {
    if (value->storage->present()) largest.push_back(value);
  }
  const size_t named = std::min(kNamed, largest.size());
  std::partial_sort(largest.begin(), largest.begin() + static_cast<ptrdiff_t>(named), largest.end(),
                    [](const Provenance* a, const Provenance* b) {
                      const size_t x = a->storage->bytes(), y = b->storage->bytes();
                      return x != y ? x > y : a->serial < b->serial;
                    });
  std::string list;
  for (size_t i = 0; i < named; ++i) {
    const Provenance& value = *largest[i];
    // What no op under the budget made is only known by the place where one first read it.
    const std::string maker = value.op.empty() ? "first read" : "made by [" + value.op + "]";
    const std::string place = value.place ? " at " + *value.place : " under the budget";
    list += concat("\n  ", value.storage->bytes(), " bytes: ", name_of(value.dtype), " of shape ",
                   shape_string(value.shape), ", ", maker, place, ", ", reason_to_stay(value));
  }
  fail(Error::Kind::Memory, "[memory_budget] the budget of ", limit(),
       " bytes cannot be met: ", live(Live::Bytes), " bytes are live, ", bytes,
       " more are wanted, and no other value can be dropped and made again",
       list.empty() ? "" : ". The largest of those that ops under the budget have met:", list);
}

TransientScope::TransientScope(bool transient) noexcept
    : former_(std::exchange(Keeper::mine().transient, transient)) {}
TransientScope::~TransientScope() { Keeper::mine().transient = former_; }

void note_recording() noexcept { Keeper::mine().transient = false; }

}  // namespace pyautograd
