// Streams, events, pinned memory and captured calls of devices: what pyautograd/cuda/__init__.py
// and pyautograd/cuda/_captured.py are made of.

#include "autograd/drawn_streams.h"
#include "core/backend.h"
#include "core/captured_writes.h"
#include "kernels/kernels.h"
#include "python/caster.h"
#include "python/gil.h"
#include "python/module.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

int cuda_index(const std::string& op, const std::string& name) {
  const Device device = parse_device(name);
  if (device.kind != Device::Kind::CUDA)
    value_error("[", op, "] expected a cuda device, got '", name, "'");
  return device.index;
}

// A stream with a number of its own, or one that a thread began with.
class PyStream {
 public:
  PyStream(const std::string& device, int priority)
      : device_(cuda_index("cuda.Stream", device)),
        number_(backend().make_stream(device_, priority)),
        owned_(true) {}
  PyStream(int device, int number) : device_(device), number_(number), owned_(false) {}
  ~PyStream() {
    if (owned_) backend().drop_stream(device_, number_);
  }
  PyStream(const PyStream&) = delete;
  PyStream& operator=(const PyStream&) = delete;

  int index() const { return device_; }
  int number() const { return number_; }
  std::string device() const {
    return name_of({Device::Kind::CUDA, static_cast<uint8_t>(device_)});
  }
  uintptr_t handle() const { return backend().stream_handle(device_, number_); }
  bool idle() const { return backend().stream_idle(device_, number_); }
  void wait() const {
    const WithoutGil released;
    backend().wait_for_stream(device_, number_);
  }
  void follow(const PyStream& other) const {
    if (other.device_ != device_)
      value_error("[wait_stream] the streams are of ", device(), " and ", other.device(),
                  ": wait for an event");
    backend().follow_stream(device_, number_, other.number_);
  }
  void make_current() const { backend().set_current_stream(device_, number_); }

 private:
  const int device_, number_;
  const bool owned_;
};

class PyEvent {
 public:
  PyEvent(const std::string& device, bool timed)
      : event_(backend().make_event(cuda_index("cuda.Event", device), timed)), device_(device) {}
  ~PyEvent() { backend().drop_event(event_); }
  PyEvent(const PyEvent&) = delete;
  PyEvent& operator=(const PyEvent&) = delete;

  void record(const PyStream& stream) const {
    if (parse_device(device_).index != stream.index())
      value_error("[record] the event is of ", device_, ", the stream of ", stream.device());
    backend().record_event(*event_, stream.number());
  }
  void follow(const PyStream& stream) const {
    backend().follow_event(stream.index(), stream.number(), *event_);
  }
  bool reached() const { return backend().event_reached(*event_); }
  void wait() const {
    const WithoutGil released;
    backend().wait_for_event(*event_);
  }
  double milliseconds(const PyEvent& end) const {
    return backend().milliseconds(*event_, *end.event_);
  }

 private:
  DeviceEvent* const event_;
  const std::string device_;
};

class PyGraph {
 public:
  explicit PyGraph(const std::string& device)
      : device_(cuda_index("cuda.graph", device)), drawn_([this] { return next_words(); }) {}
  ~PyGraph() {
    if (graph_) backend().drop_graph(graph_);
  }
  PyGraph(const PyGraph&) = delete;
  PyGraph& operator=(const PyGraph&) = delete;

  void begin() {
    // Apart from what the call frees and uses again, which each replay would write first.
    words_ = Array::empty({kMostGenerators, kernels::kPlaceWords}, DType::UInt64,
                          {Device::Kind::CUDA, static_cast<uint8_t>(device_)});
    backend().begin_capture(device_);
    note_writes_in(&writes_);
    DrawnStreams::note_in(&drawn_);
  }
  void end() {
    if (graph_) runtime_error("[cuda.graph] the call is captured already");
    note_nowhere();
    graph_ = backend().end_capture();
  }
  void abandon() {
    note_nowhere();
    backend().abandon_capture();
  }
  void replay() {
    DeviceGraph& graph = captured();
    const std::vector<RandomSource::Place> places = drawn_.take();
    try {
      for (size_t i = 0; i < places.size(); ++i)
        kernels::write_place(drawn_.all()[i].words.device_view(), places[i]);
      backend().replay(graph);
    } catch (const Error&) {
      drawn_.give_back(places);
      throw;
    }
    for (const Ref<Storage>& storage : writes_) storage->bump_version();
  }
  const char* check(bool wait) {
    DeviceGraph& graph = captured();
    const WithoutGil released;
    switch (backend().check(graph, wait)) {
      case Backend::Fault::Index:
        return "index";
      case Backend::Fault::Matrix:
        return "matrix";
      case Backend::Fault::Value:
        return "value";
      default:
        return "";
    }
  }

 private:
  static constexpr int64_t kMostGenerators = 64;

  Tensor next_words() const {
    const auto used = static_cast<int64_t>(drawn_.all().size());
    if (used == kMostGenerators)
      runtime_error("a captured call cannot draw from more than ", used, " generators");
    return Tensor(words_->with_layout({kernels::kPlaceWords}, {1}, used * kernels::kPlaceWords));
  }
  DeviceGraph& captured() {
    if (!graph_) runtime_error("[cuda.graph] nothing is captured yet");
    return *graph_;
  }
  static void note_nowhere() {
    note_writes_in(nullptr);
    DrawnStreams::note_in(nullptr);
  }
  const int device_;
  DeviceGraph* graph_ = nullptr;
  CapturedWrites writes_;
  Ref<Array> words_;
  DrawnStreams drawn_;
};

const Array& plain_array(const char* op, const Tensor& x) {
  if (!x.is_array() || x.tracked()) {
    runtime_error("[", op, "] the tensor is part of a recorded graph or inside a transform: use ",
                  "x.detach()");
  }
  if (x.device().kind != Device::Kind::CPU)
    value_error("[", op, "] the tensor lies on ", name_of(x.device()), ": only the host's memory ",
                "can be pinned");
  return x.array();
}

bool is_pinned(const Tensor& x) {
  return x.is_array() && x.device().kind == Device::Kind::CPU && devices_in_use() &&
         backend().is_pinned(x.array().address());
}

Tensor pin_memory(const Tensor& x) {
  const Array& from = plain_array("pin_memory", x);
  if (is_pinned(x) && from.contiguous()) return x;
  const size_t bytes = checked_bytes(from.shape, from.dtype);
  void* data = backend().allocate_pinned(std::max<size_t>(bytes, 1));
  Ref<Storage> storage =
      Storage::wrap(data, bytes, {}, true, [data] { backend().free_pinned(data); });
  Ref<Array> out =
      make_ref<Array>(std::move(storage), from.shape, contiguous_strides(from.shape), from.dtype);
  kernels::copy(out->view(), from.view());
  return Tensor(std::move(out));
}

void bind_stream(py::module_& module) {
  py::class_<PyStream>(module, "DeviceStream")
      .def(py::init<const std::string&, int>(), py::arg("device"), py::arg("priority"),
           py::pos_only())
      .def_property_readonly("device", &PyStream::device)
      .def_property_readonly("number", &PyStream::number)
      .def_property_readonly("handle", &PyStream::handle)
      .def("idle", &PyStream::idle)
      .def("wait", &PyStream::wait)
      .def("follow", &PyStream::follow, py::arg("other"), py::pos_only())
      .def("make_current", &PyStream::make_current);
  module.def(
      "device_current_stream",
      [](const std::string& device) {
        const int index = cuda_index("cuda.current_stream", device);
        return std::make_unique<PyStream>(index, backend().current_stream(index));
      },
      py::arg("device"), py::pos_only());
  module.def(
      "device_own_stream",
      [](const std::string& device) {
        const int index = cuda_index("cuda.default_stream", device);
        return std::make_unique<PyStream>(index, backend().own_stream(index));
      },
      py::arg("device"), py::pos_only());
}

void bind_event(py::module_& module) {
  py::class_<PyEvent>(module, "DeviceEvent")
      .def(py::init<const std::string&, bool>(), py::arg("device"), py::arg("timed"),
           py::pos_only())
      .def("record", &PyEvent::record, py::arg("stream"), py::pos_only())
      .def("follow", &PyEvent::follow, py::arg("stream"), py::pos_only())
      .def("reached", &PyEvent::reached)
      .def("wait", &PyEvent::wait)
      .def("milliseconds", &PyEvent::milliseconds, py::arg("end"), py::pos_only());
}

void bind_graph(py::module_& module) {
  py::class_<PyGraph>(module, "DeviceGraph")
      .def(py::init<const std::string&>(), py::arg("device"), py::pos_only())
      .def("begin", &PyGraph::begin)
      .def("end", &PyGraph::end)
      .def("abandon", &PyGraph::abandon)
      .def("replay", &PyGraph::replay)
      .def("check", &PyGraph::check, py::arg("wait"), py::pos_only());
  module.def("device_capturing", [] { return devices_in_use() && backend().capturing(); });
}

}  // namespace

void bind_cuda_streams(py::module_& module) {
  bind_stream(module);
  bind_event(module);
  bind_graph(module);
  module.def("pin_memory", &pin_memory, py::arg("x"), py::pos_only());
  module.def("is_pinned", &is_pinned, py::arg("x"), py::pos_only());
}

}  // namespace pyautograd::python
