#pragma once

#include <memory>
#include <vector>

#include "core/per_thread.h"
#include "kernels/cuda/stream_backend.h"

namespace pyautograd::kernels::cuda {

// The streams of a thread, which serve another one after it.
class ThreadStreams {
 public:
  struct Place {
    int own = -1, current = -1;
    void* handle = nullptr;
  };

  static ThreadStreams& mine() { return PerThread<ThreadStreams>::get(); }

  Place& at(StreamBackend& backend, int device) {
    const size_t d = static_cast<size_t>(device);
    if (places_.size() <= d) places_.resize(d + 1);
    Place& place = places_[d];
    if (place.own < 0) {
      place.own = backend.make_stream(device, 0);
      set(backend, place, device, place.own);
    }
    return place;
  }
  // -1: the thread has none so far.
  int current(int device) const {
    const size_t d = static_cast<size_t>(device);
    return d < places_.size() ? places_[d].current : -1;
  }
  static void set(StreamBackend& backend, Place& place, int device, int stream) {
    Runtime& runtime = backend.at(device);
    const std::lock_guard lock(runtime.mutex);
    place.current = stream;
    place.handle = runtime.timeline.handle(stream);
  }

  std::unique_ptr<Capture> capture;
  int before_capture = -1;  // the stream to go back to

 private:
  std::vector<Place> places_;
};

// The name by which the system knows a stream.
inline void* handle_of(Runtime& runtime, int stream) {
  const std::lock_guard lock(runtime.mutex);
  return runtime.timeline.handle(stream);
}

}  // namespace pyautograd::kernels::cuda
