#include "core/counters.h"

#include <mutex>

namespace pyautograd {

namespace {

struct Registry {
  std::mutex mutex;
  ThreadCounters* head = nullptr;
  std::array<int64_t, kLiveCount> retired{};  // sums of threads that ended
};

Registry& registry() {
  static Registry* instance = new Registry;
  return *instance;
}

}  // namespace

thread_local ThreadCounters thread_counters;

ThreadCounters::ThreadCounters() {
  Registry& all = registry();
  std::lock_guard lock(all.mutex);
  next_ = all.head;
  if (next_) next_->previous_ = this;
  all.head = this;
}

ThreadCounters::~ThreadCounters() {
  Registry& all = registry();
  std::lock_guard lock(all.mutex);
  for (size_t i = 0; i < kLiveCount; ++i) all.retired[i] += get(static_cast<Live>(i));
  (previous_ ? previous_->next_ : all.head) = next_;
  if (next_) next_->previous_ = previous_;
}

int64_t live(Live what) noexcept {
  Registry& all = registry();
  std::lock_guard lock(all.mutex);
  int64_t total = all.retired[static_cast<size_t>(what)];
  for (const ThreadCounters* t = all.head; t; t = t->next_) total += t->get(what);
  return total;
}

}  // namespace pyautograd
