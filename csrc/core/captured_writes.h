#pragma once

#include <vector>

#include "core/storage.h"

namespace pyautograd {

// The memory that a captured call writes in place, other than what it makes: so does each replay.
using CapturedWrites = std::vector<Ref<Storage>>;

// To be called when the memory of a storage was written in place: its version changes.
void note_write(Storage& storage);

// Has this thread's writes to devices be noted there, too; null: nowhere.
void note_writes_in(CapturedWrites* writes) noexcept;

}  // namespace pyautograd
