#include "autograd/recipe.h"

#include <cstring>

#include "autograd/budget.h"
#include "autograd/capture.h"
#include "autograd/deferral.h"
#include "autograd/rematerialise.h"
#include "core/dead_list.h"

namespace pyautograd {

namespace {

using Lock = std::lock_guard<std::recursive_mutex>;
using Garbage = SmallVector<Ref<Recipe>, 4>;

void keep_numbers(Provenance& value) {
  Garbage garbage;
  while (true) {
    {
      const Lock lock(rematerialisation_mutex());
      if (value.storage->present()) return forget_recipe(value, garbage);
    }
    materialise(value);
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

}  // namespace

std::atomic<int64_t> rematerialisations{0};

std::recursive_mutex& rematerialisation_mutex() noexcept {
  static auto* mutex = new std::recursive_mutex;
  return *mutex;
}

void forget_recipe(Provenance& value, Garbage& garbage) {
  if (!value.recipe) return;
  for (Provenance*& made : value.recipe->outputs) {
    if (made == &value) made = nullptr;
  }
  value.owner.remove_candidate(value);
  garbage.push_back(std::move(value.recipe));
}

Provenance* Provenance::of(const Array& array) noexcept {
  Lineage* lineage = array.storage->lineage();
  return lineage && lineage->kind == Kind::Provenance ? static_cast<Provenance*>(lineage) : nullptr;
}

Provenance::Provenance(const Array& array, Keeper& owner, uint64_t serial)
    : Lineage(Kind::Provenance),
      storage(array.storage.get()),
      shape(array.shape),
      dtype(array.dtype),
      owner(owner),
      serial(serial) {}

void Provenance::restore(Storage&) {
  if (&owner != &Keeper::mine()) return keep_numbers(*this);
  materialise(*this);
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
    std::vector<Provenance::Reader>& readers = Provenance::of(*input.array)->readers;
    readers[input.reader] = readers.back();
    readers[input.reader].recipe->inputs[readers[input.reader].input].reader = input.reader;
    readers.pop_back();
  }
}

void claim(const Body& body) {
  for_each_array(body, [](const Array& array) {
    Provenance* source = Provenance::of(array);
    if (source && &source->owner != &Keeper::mine()) keep_numbers(*source);
  });
}

void keep(const Body& body) noexcept {
  Garbage garbage;
  const Lock lock(rematerialisation_mutex());
  for_each_array(body, [&](const Array& array) {
    Provenance* source = Provenance::of(array);
    if (source && source->storage->present()) forget_recipe(*source, garbage);
  });
}

void separate_from_recipes(const Array& x) {
  Provenance* source = Provenance::of(x);
  if (source && x.storage->use_count() == 1 + source->readers.size())
    source->before_write(*x.storage);
}

void note_place(const Body& body, const std::string* (*place)()) {
  Keeper& keeper = Keeper::mine();
  if (keeper.limit() == 0 || keeper.depth > 0) return;
  for_each_array(body, [&](const Array& array) {
    if (!Storage::droppable(array.storage->bytes()) || Capture::captured(*array.storage)) return;
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

}  // namespace pyautograd
