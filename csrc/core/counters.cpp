#include "core/counters.h"

#include <algorithm>
#include <utility>

namespace pyautograd {

namespace {

std::atomic<int64_t> reported{0};
std::atomic<int64_t> peak{0};

}  // namespace

int64_t live(Live what) noexcept {
  int64_t total = 0;
  PerThread<ThreadCounters>::for_each([&](ThreadCounters& thread) { total += thread.get(what); });
  return total;
}

void ThreadCounters::report() noexcept {
  const int64_t amount = std::exchange(unreported_, 0);
  const int64_t total = reported.fetch_add(amount, std::memory_order_relaxed) + amount;
  int64_t highest = peak.load(std::memory_order_relaxed);
  while (total > highest && !peak.compare_exchange_weak(highest, total, std::memory_order_relaxed))
    continue;
}

int64_t peak_bytes() noexcept {
  return std::max(peak.load(std::memory_order_relaxed), live(Live::Bytes));
}

void reset_peak_bytes() noexcept { peak.store(live(Live::Bytes), std::memory_order_relaxed); }

}  // namespace pyautograd
