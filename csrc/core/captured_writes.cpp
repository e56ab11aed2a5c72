#include "core/captured_writes.h"

#include <algorithm>

#include "core/backend.h"

namespace pyautograd {

namespace {

constinit thread_local CapturedWrites* noted = nullptr;

}  // namespace

void note_writes_in(CapturedWrites* writes) noexcept { noted = writes; }

void note_write(Storage& storage) {
  storage.bump_version();
  if (!noted || storage.device().kind == Device::Kind::CPU) return;
  if (backend().made_by_capture(storage.device().index, storage.data())) return;
  const auto same = [&](const Ref<Storage>& known) { return known.get() == &storage; };
  if (std::none_of(noted->begin(), noted->end(), same)) noted->push_back(Ref<Storage>(&storage));
}

}  // namespace pyautograd
