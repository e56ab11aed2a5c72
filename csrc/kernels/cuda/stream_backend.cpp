#include "kernels/cuda/stream_backend.h"

#include <pthread.h>

#include <cstring>
#include <utility>

#include "core/error.h"
#include "kernels/cuda/library_search.h"
#include "kernels/cuda/thread_streams.h"

namespace pyautograd {

struct DeviceEvent {
  int device;
  bool timed;
  void* event;
  int stream = -1;  // where it was recorded; -1: nowhere
  kernels::cuda::Clocks clocks;
};

}  // namespace pyautograd

namespace pyautograd::kernels::cuda {

namespace {

ThreadStreams& mine() { return ThreadStreams::mine(); }

}  // namespace

StreamBackend::StreamBackend() {
  pthread_atfork(nullptr, nullptr, [] { forked_ = true; });
}

void StreamBackend::check_process() const {
  if (forked_) {
    runtime_error(
        "cuda cannot be used in a process that was forked after its first use: start "
        "processes with multiprocessing's 'spawn'");
  }
}

Runtime& StreamBackend::at(int device) {
  check_process();
  std::atomic<Runtime*>& place = runtimes_[static_cast<size_t>(device)];
  if (Runtime* found = place.load(std::memory_order_acquire)) return *found;
  const std::lock_guard lock(mutex_);
  if (!place.load(std::memory_order_relaxed))
    place.store(new Runtime(device, open_system(device)), std::memory_order_release);
  return *place.load(std::memory_order_relaxed);
}

// Memory.

void* StreamBackend::allocate(int device, size_t bytes) {
  Runtime& runtime = at(device);
  const int stream = current_stream(device);
  Capture* capture = mine().capture.get();
  if (capture && capture->device != device) refuse_capture("use a second device");
  const std::lock_guard lock(runtime.mutex);
  return runtime.allocator.allocate(device, bytes, stream, capture).data;
}

void StreamBackend::free(int device, void* data, size_t bytes) noexcept {
  if (forked_) return;  // a child has none of its parent's memory to free
  Runtime& runtime = at(device);
  const int stream = mine().current(device);
  const std::lock_guard lock(runtime.mutex);
  runtime.allocator.free(data, bytes, stream);
}

// This thread's own stream, which no capture makes its own, comes after what the default one was
// asked, and the block's next user after a use by that stream.
void StreamBackend::free_shared(int device, void* data, size_t bytes) noexcept {
  if (forked_) return;
  try {
    const int stream = own_stream(device);
    Runtime& runtime = at(device);
    const std::lock_guard lock(runtime.mutex);
    runtime.timeline.follow_default(stream);
    if (Block* block = runtime.allocator.find(data)) block->note_read(runtime.timeline.now(stream));
  } catch (const Error&) {  // a failed device works no more
  }
  free(device, data, bytes);
}

size_t StreamBackend::release_cached(int device) {
  Runtime& runtime = at(device);
  pinned_.release([this](int where, Use use) { return finished(where, use); },
                  [&](void* data) { runtime.system.give_pinned(data); });
  const std::lock_guard lock(runtime.mutex);
  return runtime.allocator.release_cached();
}

bool StreamBackend::finished(int device, Use use) {
  Runtime& runtime = at(device);
  const std::lock_guard lock(runtime.mutex);
  return runtime.timeline.finished(use);
}

DeviceMemory StreamBackend::memory(int device) {
  Runtime& runtime = at(device);
  const std::lock_guard lock(runtime.mutex);
  return runtime.allocator.memory();
}

void StreamBackend::reset_peak(int device) {
  Runtime& runtime = at(device);
  const std::lock_guard lock(runtime.mutex);
  runtime.allocator.reset_peak();
}

// Every device reads pinned memory: one that is in use allocates it, as the first use of another
// would cost memory there.
Runtime& StreamBackend::opened() {
  for (const std::atomic<Runtime*>& place : runtimes_)
    if (Runtime* found = place.load(std::memory_order_acquire)) return at(found->index);
  return at(0);
}

void* StreamBackend::allocate_pinned(size_t bytes) {
  Runtime& runtime = opened();
  void* data = pinned_.allocate(
      bytes, [this](int device, Use use) { return finished(device, use); },
      [&](size_t size) { return runtime.system.take_pinned(size); });
  if (!data) fail(Error::Kind::Memory, "cannot allocate ", bytes, " bytes of pinned memory");
  return data;
}

void StreamBackend::free_pinned(void* data) noexcept {
  if (!forked_) pinned_.free(data);
}

void StreamBackend::note_pinned(Runtime& runtime, const void* data, int stream) {
  Use use;
  {
    const std::lock_guard lock(runtime.mutex);
    use = runtime.timeline.now(stream);
  }
  pinned_.note(data, runtime.index, use);
}

// Copies.

void StreamBackend::copy(Runtime& runtime, void* to, const void* from, size_t bytes,
                         Direction direction) {
  const void* const place = direction == Direction::ToHost ? from : to;
  const Places touched(&place, 1);
  const Places written = direction == Direction::ToDevice ? touched : Places();
  const Places read = direction == Direction::ToHost ? touched : Places();
  const bool ordered = orders_work(runtime.index);
  if (ordered) before(runtime.index, written, read);
  runtime.system.copy(current_handle(runtime.index), to, from, bytes, direction);
  if (ordered) after(runtime.index, written, read);
}

// Pageable memory of the host may change when this returns, so somebody waits, or copies it.
void StreamBackend::to_device(int device, void* to, const void* from, size_t bytes) {
  Runtime& runtime = at(device);
  if (Capture* capture = mine().capture.get()) {
    void* kept = allocate_pinned(bytes);
    capture->pinned.push_back(kept);
    std::memcpy(kept, from, bytes);
    return copy(runtime, to, kept, bytes, Direction::ToDevice);
  }
  copy(runtime, to, from, bytes, Direction::ToDevice);
  runtime.system.wait(current_handle(device));
}

void StreamBackend::to_device_later(int device, void* to, const void* from, size_t bytes) {
  if (capturing()) return to_device(device, to, from, bytes);
  Runtime& runtime = at(device);
  copy(runtime, to, from, bytes, Direction::ToDevice);
  note_pinned(runtime, from, current_stream(device));
}

void StreamBackend::to_host(int device, void* to, const void* from, size_t bytes) {
  refuse_capture("read numbers on the host, as float(x), printing, boolean masks and branches do");
  Runtime& runtime = at(device);
  copy(runtime, to, from, bytes, Direction::ToHost);
  runtime.system.wait(current_handle(device));
}

void StreamBackend::between(int to_device, void* to, int from_device, const void* from,
                            size_t bytes) {
  refuse_capture("copy between devices");
  Runtime& runtime = at(to_device);
  synchronize(from_device);
  const void* const written[] = {to};
  const bool ordered = orders_work(to_device);
  if (ordered) before(to_device, written, {});
  runtime.system.copy_from(current_handle(to_device), to, from_device, from, bytes);
  if (ordered) after(to_device, written, {});
  runtime.system.wait(current_handle(to_device));
}

void StreamBackend::synchronize(int device) {
  refuse_capture("wait for the device");
  Runtime& runtime = at(device);
  std::vector<void*> handles;
  {
    const std::lock_guard lock(runtime.mutex);
    for (int s = 0; s < runtime.timeline.count(); ++s)
      if (!runtime.timeline.is_captured(s)) handles.push_back(runtime.timeline.handle(s));
  }
  for (void* handle : handles) runtime.system.wait(handle);
}

// Streams.

int StreamBackend::open_stream(Runtime& runtime, int priority, bool captures) {
  const std::lock_guard lock(runtime.mutex);
  const int stream = runtime.timeline.open(priority, captures);
  // So far all work was the first one's, and none of it was noted.
  if (stream > 0 && !captures && !runtime.several.exchange(true)) runtime.allocator.note_all(0);
  return stream;
}

int StreamBackend::make_stream(int device, int priority) {
  return open_stream(at(device), priority, false);
}

void StreamBackend::drop_stream(int device, int stream) noexcept {
  if (forked_) return;
  Runtime& runtime = at(device);
  const std::lock_guard lock(runtime.mutex);
  runtime.timeline.close(stream);
}

int StreamBackend::own_stream(int device) { return mine().at(*this, device).own; }
int StreamBackend::current_stream(int device) { return mine().at(*this, device).current; }
void* StreamBackend::current_handle(int device) { return mine().at(*this, device).handle; }

Runtime& StreamBackend::checked(int device, int stream) {
  Runtime& runtime = at(device);
  const std::lock_guard lock(runtime.mutex);
  if (!runtime.timeline.is_open(stream))
    value_error("[stream] cuda:", device, " has no stream ", stream);
  return runtime;
}

void StreamBackend::set_current_stream(int device, int stream) {
  refuse_capture("change the stream");
  checked(device, stream);
  ThreadStreams::set(*this, mine().at(*this, device), device, stream);
}

uintptr_t StreamBackend::stream_handle(int device, int stream) {
  return reinterpret_cast<uintptr_t>(handle_of(checked(device, stream), stream));
}

bool StreamBackend::stream_idle(int device, int stream) {
  refuse_capture("look at a stream");
  Runtime& runtime = checked(device, stream);
  return runtime.system.idle(handle_of(runtime, stream));
}

void StreamBackend::wait_for_stream(int device, int stream) {
  refuse_capture("wait for a stream");
  Runtime& runtime = checked(device, stream);
  runtime.system.wait(handle_of(runtime, stream));
}

void StreamBackend::follow_stream(int device, int stream, int other) {
  refuse_capture("wait for a stream");
  checked(device, other);
  Runtime& runtime = checked(device, stream);
  const std::lock_guard lock(runtime.mutex);
  runtime.timeline.order(stream, runtime.timeline.now(other));
}

// Events.

DeviceEvent* StreamBackend::make_event(int device, bool timed) {
  return new DeviceEvent{device, timed, at(device).system.make_event(timed), -1, {}};
}

void StreamBackend::drop_event(DeviceEvent* event) noexcept {
  if (!forked_) at(event->device).system.drop_event(event->event);
  delete event;
}

void StreamBackend::record_event(DeviceEvent& event, int stream) {
  refuse_capture("record an event");
  Runtime& runtime = checked(event.device, stream);
  const std::lock_guard lock(runtime.mutex);
  runtime.system.record(event.event, runtime.timeline.handle(stream));
  event.clocks = runtime.timeline.before_event(stream);
  event.stream = stream;
}

void StreamBackend::follow_event(int device, int stream, const DeviceEvent& event) {
  refuse_capture("wait for an event");
  if (event.stream < 0) return;
  Runtime& runtime = checked(device, stream);
  const std::lock_guard lock(runtime.mutex);
  runtime.system.follow(runtime.timeline.handle(stream), event.event);
  // The clocks of another device say nothing here.
  if (device == event.device) runtime.timeline.join(stream, event.clocks);
}

bool StreamBackend::event_reached(const DeviceEvent& event) {
  refuse_capture("look at an event");
  return event.stream < 0 || at(event.device).system.reached(event.event);
}

void StreamBackend::wait_for_event(const DeviceEvent& event) {
  refuse_capture("wait for an event");
  if (event.stream >= 0) at(event.device).system.wait_for_event(event.event);
}

double StreamBackend::milliseconds(const DeviceEvent& begin, const DeviceEvent& end) {
  for (const DeviceEvent* event : {&begin, &end}) {
    if (!event->timed) runtime_error("[elapsed_time] make both events with enable_timing=True");
    if (event->stream < 0) runtime_error("[elapsed_time] both events must have been recorded");
  }
  if (begin.device != end.device)
    value_error("[elapsed_time] the events are of cuda:", begin.device, " and cuda:", end.device);
  wait_for_event(end);
  return at(begin.device).system.milliseconds(begin.event, end.event);
}

// NVIDIA's libraries.

void StreamBackend::look_in(std::vector<std::string> folders) {
  set_library_folders(std::move(folders));
}

std::vector<Backend::Found> StreamBackend::libraries() {
  std::vector<Found> out;
  for (Library library : kLibraries) {
    const FoundLibrary& found = find_library(library);
    out.push_back({name_of(library), found.place, found.handle != nullptr});
  }
  return out;
}

// Order.

bool StreamBackend::orders_work(int device) {
  const Runtime* runtime = runtimes_[static_cast<size_t>(device)].load(std::memory_order_acquire);
  if (!runtime) return false;
  if (mine().capture) return true;
  // The first call of a thread opens its stream.
  return current_stream(device) > 0 || runtime->several.load(std::memory_order_relaxed);
}

void StreamBackend::before(int device, Places written, Places read) {
  Runtime& runtime = at(device);
  Capture* capture = mine().capture.get();
  const int stream = current_stream(device);
  const std::lock_guard lock(runtime.mutex);
  const auto touch = [&](const void* data, bool writes) {
    Block* block = runtime.allocator.find(data);
    if (capture) {
      if (block) return runtime.allocator.hold(*capture, *block);
      runtime_error(
          "a captured call cannot use memory of another library, which may free it: copy the "
          "tensor first");
    }
    // Nobody told us who uses memory of another library.
    if (!block) return runtime.timeline.order_after_all(stream);
    runtime.timeline.order(stream, block->written);
    if (!writes) return;
    for (const Use& use : block->read) runtime.timeline.order(stream, use);
  };
  for (const void* data : written) touch(data, true);
  for (const void* data : read) touch(data, false);
}

void StreamBackend::after(int device, Places written, Places read) noexcept {
  if (mine().capture) return;
  Runtime& runtime = at(device);
  const int stream = current_stream(device);
  const std::lock_guard lock(runtime.mutex);
  const Use now = runtime.timeline.now(stream);
  for (const void* data : written) {
    Block* block = runtime.allocator.find(data);
    if (!block) continue;
    block->written = now;
    block->read.clear();
  }
  for (const void* data : read) {
    if (Block* block = runtime.allocator.find(data)) block->note_read(now);
  }
}

}  // namespace pyautograd::kernels::cuda
