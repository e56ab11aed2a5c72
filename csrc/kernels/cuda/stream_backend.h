#pragma once

#include <array>
#include <atomic>
#include <mutex>

#include "kernels/cuda/memory.h"
#include "kernels/cuda/pinned.h"

namespace pyautograd::kernels::cuda {

// One device: its streams and its memory, for any thread.
struct Runtime {
  Runtime(int index, System& system) : index(index), system(system) {}

  const int index;
  System& system;
  std::mutex mutex;  // of the following two
  Timeline timeline{system};
  CachingAllocator allocator{system, timeline};
  std::atomic<bool> several{false};  // streams
};

// What the runtime and the emulation have in common: all but their systems and kernels.
class StreamBackend : public Backend {
 public:
  void* allocate(int device, size_t bytes) override;
  void free(int device, void* data, size_t bytes) noexcept override;
  void free_shared(int device, void* data, size_t bytes) noexcept override;
  size_t release_cached(int device) override;
  DeviceMemory memory(int device) override;
  void reset_peak(int device) override;

  void to_device(int device, void* to, const void* from, size_t bytes) override;
  void to_device_later(int device, void* to, const void* from, size_t bytes) override;
  void to_host(int device, void* to, const void* from, size_t bytes) override;
  void between(int to_device, void* to, int from_device, const void* from, size_t bytes) override;
  void synchronize(int device) override;

  void* allocate_pinned(size_t bytes) override;
  void free_pinned(void* data) noexcept override;
  bool is_pinned(const void* data) override { return pinned_.is_one(data); }

  int make_stream(int device, int priority) override;
  void drop_stream(int device, int stream) noexcept override;
  int own_stream(int device) override;
  int current_stream(int device) override;
  void set_current_stream(int device, int stream) override;
  uintptr_t stream_handle(int device, int stream) override;
  bool stream_idle(int device, int stream) override;
  void wait_for_stream(int device, int stream) override;
  void follow_stream(int device, int stream, int other) override;

  DeviceEvent* make_event(int device, bool timed) override;
  void drop_event(DeviceEvent* event) noexcept override;
  void record_event(DeviceEvent& event, int stream) override;
  void follow_event(int device, int stream, const DeviceEvent& event) override;
  bool event_reached(const DeviceEvent& event) override;
  void wait_for_event(const DeviceEvent& event) override;
  double milliseconds(const DeviceEvent& begin, const DeviceEvent& end) override;

  bool orders_work(int device) override;
  void before(int device, Places written, Places read) override;
  void after(int device, Places written, Places read) noexcept override;

  void begin_capture(int device) override;
  DeviceGraph* end_capture() override;
  void abandon_capture() noexcept override;
  bool capturing() noexcept override;
  bool made_by_capture(int device, const void* data) override;
  void* captured_flag(int device, Fault fault) override;
  void replay(DeviceGraph& graph) override;
  Fault check(DeviceGraph& graph, bool wait) override;
  void drop_graph(DeviceGraph* graph) noexcept override;

  void look_in(std::vector<std::string> folders) override;
  std::vector<Found> libraries() override;

  // The system's name of this thread's stream.
  void* current_handle(int device);
  // Raises for what no captured call can do.
  void refuse_capture(const char* what);

 protected:
  StreamBackend();
  ~StreamBackend() = default;

  // Of a device that is there; made at its first use, and kept until the process ends.
  virtual System& open_system(int device) = 0;
  void check_process() const;
  bool forked() const noexcept { return forked_; }

 private:
  friend class ThreadStreams;
  static constexpr size_t kMostDevices = 256;

  Runtime& at(int device);
  Runtime& opened();
  Runtime& checked(int device, int stream);
  void copy(Runtime& runtime, void* to, const void* from, size_t bytes, Direction direction);
  bool finished(int device, Use use);
  void note_pinned(Runtime& runtime, const void* data, int stream);
  int open_stream(Runtime& runtime, int priority, bool captures);
  void leave_capture(Capture& capture);
  void clear_flags(DeviceGraph& graph);

  static inline std::atomic<bool> forked_{false};
  std::mutex mutex_;
  std::array<std::atomic<Runtime*>, kMostDevices> runtimes_{};
  PinnedPool pinned_;
};

}  // namespace pyautograd::kernels::cuda
