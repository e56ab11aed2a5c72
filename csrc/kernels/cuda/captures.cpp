// Calls that are written down as graphs, and replayed.

#include <cstring>
#include <utility>

#include "core/error.h"
#include "kernels/cuda/thread_streams.h"

namespace pyautograd {

struct DeviceGraph {
  int device;
  void* graph;
  std::unordered_set<kernels::cuda::Block*> held;
  std::vector<void*> pinned;
  kernels::cuda::Block* flags;  // one for each Fault
  bool* seen_flags;             // on the host
  int last_stream = -1;
};

}  // namespace pyautograd

namespace pyautograd::kernels::cuda {

namespace {

using Fault = Backend::Fault;
constexpr Fault kFaults[] = {Fault::Index, Fault::Matrix, Fault::Value};
constexpr size_t kFlagBytes = Capture::kFlagBytes;
static_assert(static_cast<size_t>(Fault::Value) < kFlagBytes);

ThreadStreams& mine() { return ThreadStreams::mine(); }

}  // namespace

bool StreamBackend::capturing() noexcept { return mine().capture != nullptr; }

void StreamBackend::refuse_capture(const char* what) {
  if (!capturing()) return;
  runtime_error("a captured call cannot ", what,
                ": it is written down now and run later; do that outside of the function");
}

void StreamBackend::begin_capture(int device) {
  ThreadStreams& thread = mine();
  refuse_capture("capture another one");
  Runtime& runtime = at(device);
  const int former = current_stream(device), stream = open_stream(runtime, 0, true);
  auto capture = std::make_unique<Capture>();
  capture->device = device;
  capture->stream = stream;
  set_current_stream(device, stream);
  try {
    const std::lock_guard lock(runtime.mutex);
    capture->flags = &runtime.allocator.allocate(device, kFlagBytes, stream, capture.get());
    runtime.system.begin_capture(runtime.timeline.handle(stream));
    runtime.timeline.set_captured(stream, true);
  } catch (...) {
    set_current_stream(device, former);
    drop_stream(device, stream);
    throw;
  }
  thread.before_capture = former;
  thread.capture = std::move(capture);
}

namespace {

// What a graph keeps in common with the capture that it comes from.
DeviceGraph* graph_of(Capture& capture, void* graph) {
  return new DeviceGraph{capture.device, graph,  std::move(capture.held), std::move(capture.pinned),
                         capture.flags,  nullptr};
}

}  // namespace

void StreamBackend::leave_capture(Capture& capture) {
  Runtime& runtime = at(capture.device);
  {
    const std::lock_guard lock(runtime.mutex);
    runtime.timeline.set_captured(capture.stream, false);
    runtime.allocator.end(capture);
  }
  set_current_stream(capture.device, mine().before_capture);
  drop_stream(capture.device, capture.stream);
}

DeviceGraph* StreamBackend::end_capture() {
  if (!capturing()) runtime_error("nothing is being captured");
  const std::unique_ptr<Capture> capture = std::move(mine().capture);
  Runtime& runtime = at(capture->device);
  void* graph = nullptr;
  try {
    graph = runtime.system.end_capture(handle_of(runtime, capture->stream));
  } catch (...) {
    leave_capture(*capture);
    drop_graph(graph_of(*capture, nullptr));
    throw;
  }
  leave_capture(*capture);
  DeviceGraph* out = graph_of(*capture, graph);
  if (!capture->flagged) return out;
  out->seen_flags = static_cast<bool*>(allocate_pinned(kFlagBytes));
  out->pinned.push_back(out->seen_flags);
  clear_flags(*out);
  return out;
}

void StreamBackend::abandon_capture() noexcept {
  if (!capturing() || forked_) return;
  const std::unique_ptr<Capture> capture = std::move(mine().capture);
  at(capture->device).system.abandon_capture(mine().at(*this, capture->device).handle);
  leave_capture(*capture);
  drop_graph(graph_of(*capture, nullptr));
}

bool StreamBackend::made_by_capture(int device, const void* data) {
  const Capture* capture = mine().capture.get();
  Runtime& runtime = at(device);
  const std::lock_guard lock(runtime.mutex);
  const Block* block = runtime.allocator.find(data);
  return capture && block && block->capture == capture;
}

void* StreamBackend::captured_flag(int device, Fault fault) {
  Capture* capture = mine().capture.get();
  if (!capture) return nullptr;
  if (capture->device != device) refuse_capture("use a second device");
  capture->flagged = true;
  return capture->flags->data + static_cast<size_t>(fault);
}

void StreamBackend::clear_flags(DeviceGraph& graph) {
  Runtime& runtime = at(graph.device);
  std::memset(graph.seen_flags, 0, kFlagBytes);
  const void* const written[] = {graph.flags->data};
  before(graph.device, written, {});
  runtime.system.clear(current_handle(graph.device), graph.flags->data, kFlagBytes);
  after(graph.device, written, {});
}

void StreamBackend::replay(DeviceGraph& graph) {
  refuse_capture("replay another one");
  Runtime& runtime = at(graph.device);
  const int stream = current_stream(graph.device);
  void* handle = current_handle(graph.device);
  const std::lock_guard lock(runtime.mutex);
  for (Block* block : graph.held) {
    runtime.timeline.order(stream, block->written);
    for (const Use& use : block->read) runtime.timeline.order(stream, use);
  }
  runtime.system.launch(graph.graph, handle);
  if (graph.seen_flags) {
    runtime.system.copy(handle, graph.seen_flags, graph.flags->data, kFlagBytes, Direction::ToHost);
  }
  const Use now = runtime.timeline.now(stream);
  for (Block* block : graph.held) {
    block->written = now;
    block->read.clear();
  }
  graph.last_stream = stream;
}

Backend::Fault StreamBackend::check(DeviceGraph& graph, bool wait) {
  if (!graph.seen_flags || graph.last_stream < 0) return Fault::None;
  Runtime& runtime = at(graph.device);
  const auto wait_for_replays = [&] {
    refuse_capture("wait for a stream");
    runtime.system.wait(handle_of(runtime, graph.last_stream));
  };
  if (wait) wait_for_replays();
  const volatile bool* flags = graph.seen_flags;
  Fault found = Fault::None;
  for (Fault fault : kFaults)
    if (found == Fault::None && flags[static_cast<size_t>(fault)]) found = fault;
  if (found == Fault::None) return found;
  if (!wait) wait_for_replays();  // or the copy of a later one would bring them back
  clear_flags(graph);
  return found;
}

void StreamBackend::drop_graph(DeviceGraph* graph) noexcept {
  const std::unique_ptr<DeviceGraph> mine(graph);
  if (forked_) return;
  Runtime& runtime = at(graph->device);
  try {
    if (graph->last_stream >= 0) runtime.system.wait(handle_of(runtime, graph->last_stream));
  } catch (const Error&) {  // a failed device works no more
  }
  if (graph->graph) runtime.system.drop_graph(graph->graph);
  for (void* data : graph->pinned) pinned_.free(data);
  const std::lock_guard lock(runtime.mutex);
  runtime.allocator.release(graph->held);
}

}  // namespace pyautograd::kernels::cuda
