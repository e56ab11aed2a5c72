#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "core/per_thread.h"

namespace pyautograd {

// Live objects, always compiled in, so that every test can assert "back to the baseline".
enum class Live : uint8_t { Nodes, Bodies, Storages, Bytes };
inline constexpr size_t kLiveCount = 4;

int64_t live(Live what) noexcept;

// Each thread counts for itself and only readers sum: counting costs no locked instruction.
class ThreadCounters {
 public:
  void add(Live what, int64_t amount) noexcept {
    std::atomic<int64_t>& slot = values_[static_cast<size_t>(what)];
    slot.store(slot.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  int64_t get(Live what) const noexcept {
    return values_[static_cast<size_t>(what)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<int64_t>, kLiveCount> values_{};
};

inline void count(Live what, int64_t amount) noexcept {
  PerThread<ThreadCounters>::get().add(what, amount);
}

}  // namespace pyautograd
