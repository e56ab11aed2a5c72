#include "kernels/cuda/emulated/streams.h"

#include <utility>

namespace pyautograd::kernels::cuda::emulated {

namespace {

constexpr size_t kMostWaiting = 1 << 12;

void (*tell_of_work)(bool begins) = nullptr;

class WorkScope {
 public:
  WorkScope() {
    if (depth_++ == 0 && tell_of_work) tell_of_work(true);
  }
  ~WorkScope() {
    if (--depth_ == 0 && tell_of_work) tell_of_work(false);
  }
  WorkScope(const WorkScope&) = delete;
  WorkScope& operator=(const WorkScope&) = delete;

 private:
  static inline int depth_ = 0;
};

// Does the work of a stream until the condition holds or none is left, and that of others for
// which it waits.
void run(Stream& stream, const std::function<bool()>& enough) {
  const std::lock_guard lock(work_mutex());
  const WorkScope scope;
  while (!stream.work.empty() && !enough()) {
    const Work work = std::move(stream.work.front());
    stream.work.pop_front();
    if (work.event) {
      Event& event = *work.event;
      run(*event.stream, [&] { return event.reached >= work.times; });
    }
    if (!work.run) continue;
    try {
      work.run();
    } catch (...) {
      // Nor does a device go on; what is left may write to memory of the host that is gone.
      stream.work.clear();
      throw;
    }
  }
}

}  // namespace

std::recursive_mutex& work_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

void around_work(void (*tell)(bool begins)) { tell_of_work = tell; }

void push(Stream& stream, Work work) {
  const std::lock_guard lock(work_mutex());
  if (stream.capture) {
    stream.capture->push_back(std::move(work.run));
    return;
  }
  stream.work.push_back(std::move(work));
  if (stream.work.size() > kMostWaiting) run_all(stream);
}

void run_all(Stream& stream) {
  run(stream, [] { return false; });
}

void run_until(Event& event) {
  if (event.stream) run(*event.stream, [&] { return event.reached == event.recorded; });
}

bool step(Stream& stream) {
  const std::lock_guard lock(work_mutex());
  if (stream.work.empty()) return true;
  const size_t before = stream.work.size();
  run(stream, [&] { return stream.work.size() < before; });
  return stream.work.empty();
}

void record(const std::shared_ptr<Event>& event, Stream& stream) {
  const std::lock_guard lock(work_mutex());
  event->stream = &stream;
  const uint64_t times = ++event->recorded;
  push(stream, {[event, times] {
                  event->reached = times;
                  event->time = std::chrono::steady_clock::now();
                },
                nullptr, 0});
}

}  // namespace pyautograd::kernels::cuda::emulated
