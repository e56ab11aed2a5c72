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
// The most bytes of tensor data alive at once since the process started or since reset_peak_bytes.
int64_t peak_bytes() noexcept;
void reset_peak_bytes() noexcept;
void raise_peak_bytes(int64_t at_least) noexcept;

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
  // The peak needs a total that all threads share, which costs a locked instruction. Small blocks
  // reach it in lots: it may be off by kLot bytes a thread.
  void add_bytes(int64_t amount) noexcept {
    add(Live::Bytes, amount);
    const int64_t now = get(Live::Bytes);
    if (static_cast<uint64_t>(now - reported_ + kLot) > 2 * kLot) report();
  }
  void report() noexcept;

 private:
  static constexpr int64_t kLot = 4096;

  std::array<std::atomic<int64_t>, kLiveCount> values_{};
  int64_t reported_ = 0;
};

inline void count(Live what, int64_t amount) noexcept {
  PerThread<ThreadCounters>::get().add(what, amount);
}
inline void count_bytes(int64_t amount) noexcept {
  PerThread<ThreadCounters>::get().add_bytes(amount);
}

}  // namespace pyautograd
