#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace pyautograd {

// Live objects, always compiled in, so that every test can assert "back to the baseline".
enum class Live : uint8_t { Nodes, Bodies, Storages, Bytes };
inline constexpr size_t kLiveCount = 4;

int64_t live(Live what) noexcept;

// Each thread counts on its own cache line and only readers sum: counting costs no locked
// instruction.
class ThreadCounters {
 public:
  ThreadCounters();
  ~ThreadCounters();
  void add(Live what, int64_t amount) noexcept {
    std::atomic<int64_t>& slot = values_[static_cast<size_t>(what)];
    slot.store(slot.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  int64_t get(Live what) const noexcept {
    return values_[static_cast<size_t>(what)].load(std::memory_order_relaxed);
  }

 private:
  friend int64_t live(Live) noexcept;
  std::array<std::atomic<int64_t>, kLiveCount> values_{};
  ThreadCounters* previous_ = nullptr;
  ThreadCounters* next_ = nullptr;
};

extern thread_local ThreadCounters thread_counters;

inline void count(Live what, int64_t amount) noexcept { thread_counters.add(what, amount); }

}  // namespace pyautograd
