#include "core/counters.h"

#include <algorithm>
#include <utility>

namespace pyautograd {

namespace {

std::atomic<int64_t> reported{0};
std::atomic<int64_t> unreported{0};  // by all threads, when the peak was last reset
std::atomic<int64_t> peak{0};

}  // namespace

int64_t live(Live what) noexcept {
  int64_t total = 0;
  PerThread<ThreadCounters>::for_each([&](ThreadCounters& thread) { total += thread.get(what); });
  return total;
}

void ThreadCounters::report() noexcept {
  const int64_t now = get(Live::Bytes);
  const int64_t amount = now - std::exchange(reported_, now);
  raise_peak_bytes(reported.fetch_add(amount, std::memory_order_relaxed) + amount +
                   unreported.load(std::memory_order_relaxed));
}

int64_t peak_bytes() noexcept {
  return std::max(peak.load(std::memory_order_relaxed), live(Live::Bytes));
}

void raise_peak_bytes(int64_t at_least) noexcept {
  int64_t now = peak.load(std::memory_order_relaxed);
  while (at_least > now && !peak.compare_exchange_weak(now, at_least, std::memory_order_relaxed))
    continue;
}

void reset_peak_bytes() noexcept {
  PerThread<ThreadCounters>::get().report();
  const int64_t now = live(Live::Bytes);
  unreported.store(now - reported.load(std::memory_order_relaxed), std::memory_order_relaxed);
  peak.store(now, std::memory_order_relaxed);
}

}  // namespace pyautograd
