// A device that is this host, for tests. Its memory can be touched by nothing but its work, so that
// host code that reads it crashes here as it would there.

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>

#include "kernels/cuda/batches.h"
#include "kernels/cuda/emulated/solvers.h"
#include "kernels/cuda/emulated/streams.h"
#include "kernels/cuda/pair_sort.h"
#include "kernels/cuda/queue.h"
#include "kernels/cuda/stream_backend.h"
#include "kernels/cuda/tables.h"

namespace pyautograd::kernels::cuda {

namespace {

using namespace emulated;

constexpr size_t kArena = size_t{1} << 26;
constexpr size_t kPage = 4096;
constexpr int kDevices = 2;

class Arena {
 public:
  Arena() {
    base_ =
        static_cast<char*>(mmap(nullptr, kArena, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }
  void* take(size_t bytes) {
    bytes = (bytes + kPage - 1) / kPage * kPage;
    const std::lock_guard lock(mutex_);
    size_t at = 0;
    for (const auto& [begin, size] : taken_) {
      if (begin - at >= bytes) break;
      at = begin + size;
    }
    if (at + bytes > kArena) return nullptr;
    taken_[at] = bytes;
    return base_ + at;
  }
  void give(void* data) noexcept {
    const std::lock_guard lock(mutex_);
    const auto block = taken_.find(static_cast<size_t>(static_cast<char*>(data) - base_));
    // Every page that there is makes protecting the arena slower.
    madvise(data, block->second, MADV_DONTNEED);
    taken_.erase(block);
  }
  DeviceMemory totals() {
    const std::lock_guard lock(mutex_);
    DeviceMemory out;
    out.total = out.free = kArena;
    for (const auto& [begin, size] : taken_) out.free -= static_cast<int64_t>(size);
    return out;
  }
  // Whether all of it lies in one block.
  bool holds(const void* data, size_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto at = static_cast<size_t>(static_cast<const char*>(data) - base_);
    const auto after = taken_.upper_bound(at);
    if (at >= kArena || after == taken_.begin()) return false;
    const auto& [begin, size] = *std::prev(after);
    return at + bytes <= begin + size;
  }
  void protect(int access) { mprotect(base_, kArena, access); }

 private:
  char* base_;
  std::mutex mutex_;
  std::map<size_t, size_t> taken_;
};

Arena& arena(int device) {
  static Arena* arenas = new Arena[kDevices];
  return arenas[device];
}

// Only work may touch the memory.
void protect(bool work_begins) {
  for (int d = 0; d < kDevices; ++d)
    arena(d).protect(work_begins ? PROT_READ | PROT_WRITE : PROT_NONE);
}

// What another library asks for.
Stream& others() {
  static Stream* stream = new Stream;
  return *stream;
}

class EmulatedSystem final : public System {
 public:
  explicit EmulatedSystem(int device) : device_(device) {}

  void* take(size_t bytes) override { return arena(device_).take(bytes); }
  void give(void* data) noexcept override { arena(device_).give(data); }
  DeviceMemory totals() override { return arena(device_).totals(); }
  void* take_pinned(size_t bytes) override { return std::malloc(bytes); }
  void give_pinned(void* data) noexcept override { std::free(data); }

  void* make_stream(int) override { return new Stream; }
  void* default_stream() override { return &others(); }
  bool idle(void* stream) override { return step(stream_of(stream)); }
  void wait(void* stream) override {
    Stream& mine = stream_of(stream);
    if (mine.capture) throw DeviceFailure("a stream that is being captured was waited for");
    run_all(mine);
  }
  void copy(void* stream, void* to, const void* from, size_t bytes, Direction) override {
    submit(stream, [to, from, bytes] { std::memcpy(to, from, bytes); });
  }
  void copy_from(void* stream, void* to, int, const void* from, size_t bytes) override {
    copy(stream, to, from, bytes, Direction::Within);
  }
  void clear(void* stream, void* data, size_t bytes) override {
    submit(stream, [data, bytes] { std::memset(data, 0, bytes); });
  }

  void* make_event(bool) override { return new std::shared_ptr<Event>(std::make_shared<Event>()); }
  void drop_event(void* event) noexcept override {
    delete static_cast<std::shared_ptr<Event>*>(event);
  }
  void record(void* event, void* stream) override {
    emulated::record(event_of(event), stream_of(stream));
  }
  void follow(void* stream, void* event) override {
    const std::lock_guard lock(work_mutex());
    const std::shared_ptr<Event>& mine = event_of(event);
    if (stream_of(stream).capture || mine->stream->capture)
      throw DeviceFailure("a captured stream and another one wait for each other");
    push(stream_of(stream), {nullptr, mine, mine->recorded});
  }
  bool reached(void* event) override {
    const std::lock_guard lock(work_mutex());
    Event& mine = *event_of(event);
    if (mine.reached < mine.recorded) step(*mine.stream);
    return mine.reached == mine.recorded;
  }
  void wait_for_event(void* event) override {
    const std::lock_guard lock(work_mutex());
    run_until(*event_of(event));
  }
  double milliseconds(void* begin, void* end) override {
    return std::chrono::duration<double, std::milli>(event_of(end)->time - event_of(begin)->time)
        .count();
  }

  void begin_capture(void* stream) override {
    stream_of(stream).capture = std::make_unique<Graph>();
  }
  void* end_capture(void* stream) override { return stream_of(stream).capture.release(); }
  void abandon_capture(void* stream) noexcept override { stream_of(stream).capture.reset(); }
  void launch(void* graph, void* stream) override {
    for (const auto& work : *static_cast<Graph*>(graph)) submit(stream, work);
  }
  void drop_graph(void* graph) noexcept override { delete static_cast<Graph*>(graph); }

 private:
  static Stream& stream_of(void* stream) { return *static_cast<Stream*>(stream); }
  static const std::shared_ptr<Event>& event_of(void* event) {
    return *static_cast<std::shared_ptr<Event>*>(event);
  }

  const int device_;
};

class EmulatedBackend final : public StreamBackend {
 public:
  int device_count() override {
    check_process();
    return kDevices;
  }
  std::string name(int) override { return "emulated on the host"; }
  const DeviceKernels& kernels() const noexcept override { return kernels_; }

 private:
  System& open_system(int device) override { return *new EmulatedSystem(device); }
  const DeviceKernels kernels_ = all_kernels();
};

EmulatedBackend& instance() {
  static EmulatedBackend* backend = [] {
    around_work(&protect);
    return new EmulatedBackend;
  }();
  return *backend;
}

}  // namespace

Backend& own_backend() { return instance(); }
bool is_device_memory(const void* data, size_t bytes) {
  for (int d = 0; d < kDevices; ++d)
    if (arena(d).holds(data, bytes)) return true;
  return false;
}

void submit(void* stream, std::function<void()> work) {
  push(*static_cast<Stream*>(stream), {std::move(work), nullptr, 0});
}

Queue::Queue(Device device)
    : stream_(instance().current_handle(device.index)), device_(device.index) {}
Queue::~Queue() = default;
bool Queue::captured() const { return instance().capturing(); }
void Queue::asked(const char*) const {}

Pairs radix_sort(Queue& queue, Pairs items, Pairs spare, int64_t count, int bits) {
  submit(queue.stream(), [=] {
    const auto digits = [&](int64_t key) {
      const auto number = static_cast<uint64_t>(key);
      return bits == 64 ? number ^ (uint64_t{1} << 63) : number & ((uint64_t{1} << bits) - 1);
    };
    std::vector<int64_t> order(static_cast<size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return digits(items.keys[a]) < digits(items.keys[b]);
    });
    for (int64_t i = 0; i < count; ++i) {
      spare.keys[i] = items.keys[order[static_cast<size_t>(i)]];
      spare.places[i] = items.places[order[static_cast<size_t>(i)]];
    }
  });
  return spare;
}

}  // namespace pyautograd::kernels::cuda

extern "C" [[gnu::visibility("default")]] pyautograd::Backend* pyautograd_cuda_backend(
    uint32_t version) {
  if (version != pyautograd::kBackendVersion) return nullptr;
  return &pyautograd::kernels::cuda::instance();
}

// For tests: another library, whose work is put off as ours is.
extern "C" [[gnu::visibility("default")]] void pyautograd_others_copy(void* to, const void* from,
                                                                      size_t bytes) {
  using namespace pyautograd::kernels::cuda;
  submit(&others(), [=] { std::memcpy(to, from, bytes); });
}
extern "C" [[gnu::visibility("default")]] void pyautograd_others_wait() {
  using namespace pyautograd::kernels::cuda;
  emulated::run_all(others());
}
