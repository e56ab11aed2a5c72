#include "core/counters.h"

namespace pyautograd {

int64_t live(Live what) noexcept {
  int64_t total = 0;
  PerThread<ThreadCounters>::for_each([&](ThreadCounters& thread) { total += thread.get(what); });
  return total;
}

}  // namespace pyautograd
