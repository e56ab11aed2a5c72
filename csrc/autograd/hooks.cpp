#include "autograd/hooks.h"

#include <atomic>

namespace pyautograd {

void NodeExtras::remove(uint64_t id) {
  std::lock_guard lock(mutex);
  auto matches = [id](const auto& entry) { return entry.id == id; };
  std::erase_if(tensor_hooks, matches);
  std::erase_if(before, matches);
  std::erase_if(after, matches);
  std::erase_if(after_accumulation, matches);
}

uint64_t NodeExtras::next_id() noexcept {
  static std::atomic<uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace pyautograd
