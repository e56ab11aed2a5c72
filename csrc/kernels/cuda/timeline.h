#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/cuda/system.h"

namespace pyautograd::kernels::cuda {

// Work of a stream up to a tick of its clock. Ticks begin with 1: the default has always been.
struct Use {
  int stream = 0;
  uint64_t tick = 0;
};

// For each stream, the tick up to which its work comes before.
using Clocks = std::vector<uint64_t>;

// The streams of a device and what each comes after, as vector clocks (Mattern, 1989, Virtual time
// and global states of distributed systems): a stream waits for another only for work that it does
// not come after already. Not for several threads at a time.
class Timeline {
 public:
  explicit Timeline(System& system) : system_(system) {}

  // One that was closed, or a new one. Those for captures serve nothing else: no use names them, so
  // that nobody waits for one while it is captured.
  int open(int priority, bool captures = false);
  void close(int stream) noexcept { at(stream).open = false; }
  bool is_open(int stream) const;
  int count() const { return static_cast<int>(streams_.size()); }
  void* handle(int stream) { return at(stream).handle; }

  // What was asked of the stream so far.
  Use now(int stream) { return {stream, at(stream).tick}; }
  // Whether the stream's next work comes after the use anyway.
  bool ordered(int stream, Use use);
  void order(int stream, Use use);
  void order_after_all(int stream);
  // After what other libraries asked of the device without a stream of their own.
  void follow_default(int stream);
  bool finished(Use use);

  // What comes before an event that is recorded now, and a stream that waits for such an event.
  Clocks before_event(int stream);
  void join(int stream, const Clocks& clocks);

  // A stream that is being captured is not waited for.
  void set_captured(int stream, bool captured) { at(stream).captured = captured; }
  bool is_captured(int stream) { return at(stream).captured; }
  void wait_for_all();

 private:
  struct Stream {
    void* handle = nullptr;
    void* tail = nullptr;  // an event, for other streams to wait for
    void* mark = nullptr;  // an event, to see how far it is
    int priority = 0;
    bool open = true, captures = false, captured = false;
    uint64_t tick = 1, done = 0, marked = 0;
    Clocks seen;
  };

  Stream& at(int stream) { return *streams_[static_cast<size_t>(stream)]; }
  static uint64_t& entry(Clocks& clocks, int stream);

  System& system_;
  std::vector<std::unique_ptr<Stream>> streams_;
  void* others_ = nullptr;  // an event of the default stream
};

}  // namespace pyautograd::kernels::cuda
