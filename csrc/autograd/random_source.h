#pragma once

#include <mutex>

#include "core/ref.h"
#include "kernels/random.h"

namespace pyautograd {

// The words of a random stream: their key, and how many blocks of four words are used up. Draws
// from several threads get different blocks.
class RandomSource final : public RefCounted {
 public:
  using Place = kernels::RandomPlace;

  explicit RandomSource(const Place& place, uint64_t capture = 0)
      : capture(capture), place_(place) {}

  Place place() const {
    const std::lock_guard lock(mutex_);
    return place_;
  }
  void move_to(const Place& place) {
    const std::lock_guard lock(mutex_);
    place_ = place;
  }
  void seek(uint64_t block) {
    const std::lock_guard lock(mutex_);
    place_.block = block;
  }
  // The first of so many blocks, which nobody else will get.
  Place take(uint64_t blocks) {
    const std::lock_guard lock(mutex_);
    const Place first = place_;
    place_.block += blocks;
    return first;
  }
  // What was taken last, unless others have drawn since.
  void give_back(const Place& first, uint64_t blocks) {
    const std::lock_guard lock(mutex_);
    const bool last = place_.key == first.key && place_.block == first.block + blocks;
    if (last) place_ = first;
  }

  // The serial number of the captured call that made it (drawn_streams.h), whose every run starts
  // with it anew; or 0.
  const uint64_t capture;

 private:
  mutable std::mutex mutex_;
  Place place_;
};

}  // namespace pyautograd
