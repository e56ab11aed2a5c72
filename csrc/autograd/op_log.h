#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace pyautograd {

class Primitive;

// The ops that ran on arrays, in all threads, and the bytes alive after each: the timeline of a
// memory profile. While nobody keeps a log, it costs `apply` one load.
struct OpLog {
  struct Event {
    uint32_t op;    // index of its name
    uint32_t part;  // 1 + index of the op whose derivative it is part of; 0: of none
    int64_t nanoseconds;
    int64_t bytes;
  };
  std::vector<std::string> names;
  std::vector<Event> events;
};

extern std::atomic<bool> logging_ops;
void log_op(const Primitive& primitive);
// False if somebody keeps a log already.
bool start_op_log();
OpLog stop_op_log();

}  // namespace pyautograd
