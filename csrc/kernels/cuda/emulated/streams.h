#pragma once

// Streams, events and captured graphs of devices that are none. Work is put off until somebody
// waits for it, one stream after the other, so that a stream which forgets to wait for another one
// finds wrong numbers.

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace pyautograd::kernels::cuda::emulated {

struct Stream;

struct Event {
  Stream* stream = nullptr;
  uint64_t recorded = 0, reached = 0;  // how often
  std::chrono::steady_clock::time_point time;
};

// Done when the event, if there is one, was reached as often as this.
struct Work {
  std::function<void()> run;
  std::shared_ptr<Event> event;
  uint64_t times = 0;
};

using Graph = std::vector<std::function<void()>>;

struct Stream {
  std::deque<Work> work;
  std::unique_ptr<Graph> capture;
};

// One thread at a time does work or asks for it.
std::recursive_mutex& work_mutex();
// Around all work that is done at a time: true before, false after.
void around_work(void (*tell)(bool begins));

void push(Stream& stream, Work work);
void run_all(Stream& stream);
// Until the event was reached as often as it was recorded.
void run_until(Event& event);
// Does a piece of work, as time goes by. Whether none is left.
bool step(Stream& stream);
void record(const std::shared_ptr<Event>& event, Stream& stream);

}  // namespace pyautograd::kernels::cuda::emulated
