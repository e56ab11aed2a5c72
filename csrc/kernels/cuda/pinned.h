#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "kernels/cuda/timeline.h"

namespace pyautograd::kernels::cuda {

// Memory of the host that devices read on their own, kept by size class. A block is given out again
// when no device reads it any more. For any thread.
class PinnedPool {
 public:
  using Finished = std::function<bool(int device, Use use)>;
  using Take = std::function<void*(size_t bytes)>;

  // Null where there is none.
  void* allocate(size_t bytes, const Finished& finished, const Take& take);
  void free(void* data) noexcept;
  // Gives what nobody has or reads back to the system.
  void release(const Finished& finished, const std::function<void(void* data)>& give);
  bool is_one(const void* place);
  // A device reads the block around the place.
  void note(const void* place, int device, Use use);

 private:
  struct Block {
    size_t bytes = 0;
    bool live = false;
    std::vector<std::pair<int, Use>> read;  // the last of each stream
  };
  Block* around(const void* place);
  static bool is_idle(Block& block, const Finished& finished);

  std::mutex mutex_;
  std::map<const char*, Block> blocks_;
};

}  // namespace pyautograd::kernels::cuda
