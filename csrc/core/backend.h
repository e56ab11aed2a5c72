#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/device.h"

namespace pyautograd {

namespace kernels {
struct DeviceKernels;
}

// In bytes. Live and peak are what tensors hold, cached is what the allocator keeps for the next
// ones, captured what graphs keep besides, free and total are the device's own.
struct DeviceMemory {
  int64_t live = 0, peak = 0, cached = 0, captured = 0, free = 0, total = 0;
};

// Opaque to the engine.
struct DeviceEvent;
struct DeviceGraph;

// What the engine needs of devices other than the host. Its implementation lies in a library of its
// own that is opened when such a device is first asked for, so that one package serves machines
// with and without them. Work is asynchronous, and in the order of the calls within a stream, of
// which every thread has one; memory that several streams touch orders them (before, after). Raises
// Error.
class Backend {
 public:
  virtual int device_count() = 0;
  virtual std::string name(int device) = 0;

  virtual void* allocate(int device, size_t bytes) = 0;
  virtual void free(int device, void* data, size_t bytes) noexcept = 0;
  // What other libraries have seen: they have let go of it, and what they asked of the device's
  // default stream may still use it.
  virtual void free_shared(int device, void* data, size_t bytes) noexcept = 0;
  // Gives cached blocks back to the system; the number of bytes.
  virtual size_t release_cached(int device) = 0;
  virtual DeviceMemory memory(int device) = 0;
  virtual void reset_peak(int device) = 0;

  // The host's memory may be reused when these return.
  virtual void to_device(int device, void* to, const void* from, size_t bytes) = 0;
  virtual void to_host(int device, void* to, const void* from, size_t bytes) = 0;
  virtual void between(int to_device, void* to, int from_device, const void* from,
                       size_t bytes) = 0;
  // As to_device, but memory that allocate_pinned gave is read later: it must stay as it is until
  // then. Freeing it is safe at any time.
  virtual void to_device_later(int device, void* to, const void* from, size_t bytes) = 0;
  // Waits for all streams.
  virtual void synchronize(int device) = 0;

  // Memory of the host that devices read on their own.
  virtual void* allocate_pinned(size_t bytes) = 0;
  virtual void free_pinned(void* data) noexcept = 0;
  virtual bool is_pinned(const void* data) = 0;

  // Streams have numbers, for each device its own. A thread starts with one that no other has.
  virtual int make_stream(int device, int priority) = 0;
  virtual void drop_stream(int device, int stream) noexcept = 0;
  virtual int own_stream(int device) = 0;
  virtual int current_stream(int device) = 0;
  virtual void set_current_stream(int device, int stream) = 0;
  // As other libraries name it.
  virtual uintptr_t stream_handle(int device, int stream) = 0;
  virtual bool stream_idle(int device, int stream) = 0;
  virtual void wait_for_stream(int device, int stream) = 0;
  // What is asked of the stream from now on comes after all that was asked of the other.
  virtual void follow_stream(int device, int stream, int other) = 0;

  virtual DeviceEvent* make_event(int device, bool timed) = 0;
  virtual void drop_event(DeviceEvent* event) noexcept = 0;
  virtual void record_event(DeviceEvent& event, int stream) = 0;
  virtual void follow_event(int device, int stream, const DeviceEvent& event) = 0;
  virtual bool event_reached(const DeviceEvent& event) = 0;
  virtual void wait_for_event(const DeviceEvent& event) = 0;
  virtual double milliseconds(const DeviceEvent& begin, const DeviceEvent& end) = 0;

  // Whether the two functions below do anything now.
  virtual bool orders_work(int device) = 0;
  // Around what is asked of this thread's stream: it comes after the work of other streams on the
  // memory that it touches, and their later work on it comes after it.
  using Places = std::span<const void* const>;
  virtual void before(int device, Places written, Places read) = 0;
  virtual void after(int device, Places written, Places read) noexcept = 0;

  // What this thread asks of the device is written down instead of done, until one of the next two.
  // The memory that it touches stays as it is while the graph lives.
  virtual void begin_capture(int device) = 0;
  virtual DeviceGraph* end_capture() = 0;
  virtual void abandon_capture() noexcept = 0;
  virtual bool capturing() noexcept = 0;
  // Whether the memory was given out since this thread's capture began.
  virtual bool made_by_capture(int device, const void* data) = 0;
  // What the host raises at once, but learns of captured calls only after a replay.
  enum class Fault : uint8_t { None, Index, Matrix, Value };
  // A bool of the device for kernels of the captured call to set where that happens: an index is
  // out of range, a matrix is singular or not positive definite, an op refuses a value. Null
  // outside of captures.
  virtual void* captured_flag(int device, Fault fault) = 0;
  virtual void replay(DeviceGraph& graph) = 0;
  // What a replay that is done by now has set a flag for. Forgets them.
  virtual Fault check(DeviceGraph& graph, bool wait) = 0;
  virtual void drop_graph(DeviceGraph* graph) noexcept = 0;

  virtual const kernels::DeviceKernels& kernels() const noexcept = 0;

  // The vendor's libraries that some kernels need are also looked for in these folders of packages.
  virtual void look_in(std::vector<std::string> folders) = 0;
  // Their names, and where each was found or was looked for in vain.
  struct Found {
    std::string name, place;
    bool found;
  };
  virtual std::vector<Found> libraries() = 0;

 protected:
  ~Backend() = default;
};

// What the library exports: null if it was built for another interface than the caller's.
inline constexpr uint32_t kBackendVersion = 8;
using BackendEntry = Backend* (*)(uint32_t version);
inline constexpr const char* kBackendEntry = "pyautograd_cuda_backend";

// The library to open at first use in the place of lib/libpyautograd_cuda.so beside this one: for
// tests.
void set_backend_library(std::string path);
// Says where packages are when the library is opened (look_in).
void set_package_search(std::vector<std::string> (*search)());
// Opens it; raises Error{Runtime} that says what is missing: the library, the driver or the device.
Backend& backend();

// The device's own library for what was asked is missing: `message` is what to do about it.
class MissingLibrary : public Error {
 public:
  explicit MissingLibrary(const std::string& message) : Error(Kind::Runtime, message) {}
};

// A call of the device's runtime failed, most often one made earlier.
class DeviceFailure : public Error {
 public:
  explicit DeviceFailure(const std::string& message) : Error(Kind::Runtime, message) {}
};

}  // namespace pyautograd
