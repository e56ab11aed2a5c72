#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "autograd/primitive.h"

// Values of level 0 may be dropped while a memory budget is set and are made again from what they
// were made from, when somebody wants them. Every op, of every transform, ends in level 0, so one
// mechanism under `apply` serves all of them:
//
//   storage -> Provenance -> Recipe -> the arrays that the op read -> their storages
//
// A Provenance says how one storage was made, and which recipes read it; a Recipe is the op:
// primitive and inputs, shared by the op's outputs. Recipes keep storages alive, not their numbers,
// which may be dropped as well. Numbers stay where they cannot be made again exactly: leaves,
// memory that a user's handle shows or can write, results of Python code, and what was written in
// place. Which to drop is the business of the Budget (budget.h), how to make
// it again that of rematerialise.h.
namespace pyautograd {

class Keeper;
class Recipe;
template <class T>
class DeadList;

// Provenances and recipes of all threads change under this lock. Nothing that may run Python is
// done or released while it is held.
std::recursive_mutex& rematerialisation_mutex() noexcept;

// Sum of the costs of dropped storages that hang together: making one may need all of them. Joined
// as sets are, with a root; a member that is made again only takes its cost away.
struct Hole : RefCounted {
  double cost = 0;
  uint32_t rank = 0;
  Ref<Hole> parent;
};

class Provenance final : public Lineage {
 public:
  Provenance(const Array& array, Keeper& owner, uint64_t serial);

  void restore(Storage&) override;
  void before_write(Storage&) override;
  void forget(Storage&) noexcept override;

  struct Reader {
    Recipe* recipe;
    uint32_t input;
  };

  Storage* const storage;
  const Dims shape;  // as first seen, for error messages
  const DType dtype;
  Keeper& owner;       // the thread that may drop the numbers
  Ref<Recipe> recipe;  // null: the numbers cannot be made again
  std::vector<Reader> readers;
  Ref<Hole> hole;  // while dropped
  const uint64_t serial;
  std::string op;
  const std::string* place = nullptr;
  uint64_t last_use = 0;
  size_t known = 0;      // where Keeper::known_ has it
  size_t candidate = 0;  // where Keeper::candidates_ has it, counted from one
  uint64_t birth = 0;    // among the values that the budget may drop
  uint32_t pins = 0;

  // The provenance of these numbers, if they have one.
  static Provenance* of(const Array& array) noexcept;
  // Nobody but recipes can ask for the numbers any more.
  bool only_read_by_recipes() const noexcept { return storage->use_count() == readers.size(); }
};

class Recipe final : public RefCounted {
 public:
  struct Input {
    Ref<Array> array;
    uint32_t version;
    size_t reader;  // index in Provenance::readers
  };

  Recipe(Ref<const Primitive> primitive, Specs specs, double cost)
      : primitive(std::move(primitive)), specs(std::move(specs)), cost(cost) {}

  // Needs the lock.
  void read(const Array& array);

  // Every output is there, or nobody can ask for it.
  bool settled() const noexcept;

  const Ref<const Primitive> primitive;
  const Specs specs;
  const double cost;
  SmallVector<Input, 2> inputs;
  SmallVector<Provenance*, 1> outputs;  // one per output; null where it has no recipe any more

 private:
  friend class DeadList<Recipe>;
  ~Recipe() override;
  void destroy() noexcept override;
  Recipe* next_dead_ = nullptr;
};

// Drops what kept the value from being for good. Needs the lock; let the garbage go without it.
void forget_recipe(Provenance& value, SmallVector<Ref<Recipe>, 4>& garbage);

// Budgets that are set and storages whose numbers are dropped, in all threads: while there are
// none, nothing below needs to be called.
extern std::atomic<int64_t> rematerialisations;
inline bool may_rematerialise() noexcept {
  return rematerialisations.load(std::memory_order_relaxed) != 0;
}

// What x shows is read by this thread, and not only by ops: if another thread made it, it stays.
void claim(const Body& body);
// What x shows stays from now on, if it is there; no recipe is kept for it.
void keep(const Body& body) noexcept;
// Where nobody else but recipes reads the memory of x, they leave it.
void separate_from_recipes(const Array& x);
// Remembers where a value was made, for error messages.
void note_place(const Body& body, const std::string* (*place)());

}  // namespace pyautograd
