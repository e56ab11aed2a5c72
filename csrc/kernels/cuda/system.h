#pragma once

#include <cstddef>

#include "core/backend.h"

namespace pyautograd::kernels::cuda {

enum class Direction { ToDevice, ToHost, Within };

// One device as its system offers it: CUDA's runtime, or the emulation of the tests. What is asked
// of a stream is done later, in the order of the calls. Raises DeviceFailure.
class System {
 public:
  virtual void* take(size_t bytes) = 0;  // null where there is none left
  virtual void give(void* data) noexcept = 0;
  virtual DeviceMemory totals() = 0;  // free and total
  // Memory of the host that the device reads on its own.
  virtual void* take_pinned(size_t bytes) = 0;  // null where there is none left
  virtual void give_pinned(void* data) noexcept = 0;

  virtual void* make_stream(int priority) = 0;
  virtual void* default_stream() = 0;  // where others ask for work, and we for none
  virtual bool idle(void* stream) = 0;
  virtual void wait(void* stream) = 0;
  virtual void copy(void* stream, void* to, const void* from, size_t bytes,
                    Direction direction) = 0;
  virtual void copy_from(void* stream, void* to, int from_device, const void* from,
                         size_t bytes) = 0;
  virtual void clear(void* stream, void* data, size_t bytes) = 0;

  virtual void* make_event(bool timed) = 0;
  virtual void drop_event(void* event) noexcept = 0;
  virtual void record(void* event, void* stream) = 0;
  virtual void follow(void* stream, void* event) = 0;  // as the event was last recorded
  virtual bool reached(void* event) = 0;
  virtual void wait_for_event(void* event) = 0;
  virtual double milliseconds(void* begin, void* end) = 0;

  virtual void begin_capture(void* stream) = 0;
  virtual void* end_capture(void* stream) = 0;
  virtual void abandon_capture(void* stream) noexcept = 0;
  virtual void launch(void* graph, void* stream) = 0;
  virtual void drop_graph(void* graph) noexcept = 0;

 protected:
  ~System() = default;
};

}  // namespace pyautograd::kernels::cuda
