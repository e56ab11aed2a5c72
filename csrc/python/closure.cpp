#include "python/closure.h"

#include <cstring>
#include <optional>

#include "autograd/algebra.h"
#include "ops/ops.h"
#include "python/apart.h"
#include "python/autograd_bind.h"
#include "python/caster.h"
#include "python/gil.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

Closure::Policy to_policy(const py::object& policy) {
  if (policy.is_none()) return nullptr;
  return [policy](const Closure::Candidate& candidate) {
    const WithGil locked;
    const int64_t bytes = count_elements(candidate.output.shape) * itemsize(candidate.output.dtype);
    const py::object label =
        candidate.label.empty() ? py::object(py::none()) : py::object(py::str(candidate.label));
    return py::bool_(call_python(policy, candidate.op, label, bytes, candidate.cost)).cast<bool>();
  };
}

// One run of a function under closure conversion: entered and left by `with`.
class PyClosure {
 public:
  PyClosure(py::object trace, std::optional<std::pair<uint64_t, uint64_t>> mark,
            const py::object& outside, const py::object& replacements, py::object policy)
      : trace_(std::move(trace)), first_(!mark), policy_(std::move(policy)) {
    if (first_) return;
    mark_ = {mark->first, mark->second};
    outside_ = to_tensors(outside, "[checkpoint] captured tensors:");
    replacements_ = to_tensors(replacements, "[checkpoint] replacements:");
  }
  void enter() {
    Trace& trace = trace_.cast<Trace&>();
    if (first_) {
      closure_.emplace(trace, to_policy(std::exchange(policy_, py::none())));
    } else {
      closure_.emplace(trace, mark_, outside_, replacements_);
    }
  }
  void exit() {
    if (!closure_) return;
    if (first_) outside_ = Tensors(closure_->outside().begin(), closure_->outside().end());
    closure_.reset();
  }
  Closure& running() {
    if (!closure_) runtime_error("[checkpoint] the run has ended");
    return *closure_;
  }
  py::list outside() const {
    return to_list(closure_ && first_ ? TensorSpan(closure_->outside()) : TensorSpan(outside_));
  }

 private:
  const py::object trace_;
  const bool first_;
  py::object policy_;  // until the run begins: the trace, which a graph owns, must not hold it
  Closure::Mark mark_{};
  Tensors outside_, replacements_;
  std::optional<Closure> closure_;
};

// At which mirrored levels x is mapped.
py::list mapped_levels(PyClosure& self, const Tensor& x) {
  const auto mirrors = self.running().mirrors();
  py::list found;
  Tensor part = x;
  while (!part.is_array()) {
    const Batched& batched = as_batched(part);
    for (size_t i = 0; i < mirrors.size(); ++i) {
      if (mirrors[i] == batched.level && batched.dim != kNotMapped) found.append(i);
    }
    part = Tensor(batched.value);
  }
  return found;
}

py::tuple peel(PyClosure& self, const Tensor& x, size_t level) {
  if (x.is_array() || x.level() != self.running().mirrors()[level].get())
    return py::make_tuple(x, py::none());
  const Batched& batched = as_batched(x);
  if (batched.dim == kNotMapped) return py::make_tuple(batched.value, py::none());
  return py::make_tuple(batched.value, batched.dim);
}

py::list mirrored(PyClosure& self) {
  py::list out;
  for (const Ref<Level>& level : self.running().mirrors())
    out.append(py::make_tuple(level->size, randomness_name(level->randomness)));
  return out;
}

// Hides the running levels in a `with` block.
struct PyHiddenLevels {
  std::optional<HiddenLevels> scope;
};
struct PyAside {
  std::optional<Closure::Aside> scope;
};
struct PyApart {
  std::optional<Apart> scope;
};

uint64_t mix_words(uint64_t seed, const std::byte* data, size_t bytes) {
  constexpr uint64_t kFactor = 0x9e3779b97f4a7c15u;
  uint64_t lanes[4] = {seed, ~seed, seed * kFactor, kFactor};
  size_t i = 0;
  for (; i + 32 <= bytes; i += 32) {
    uint64_t words[4];
    std::memcpy(words, data + i, 32);
    for (size_t k = 0; k < 4; ++k) {
      lanes[k] = (lanes[k] ^ words[k]) * kFactor;
      lanes[k] ^= lanes[k] >> 29;
    }
  }
  for (; i < bytes; ++i) lanes[i % 4] = (lanes[i % 4] ^ uint64_t(data[i])) * kFactor;
  uint64_t out = bytes;
  for (uint64_t lane : lanes) out = (out ^ lane ^ (lane >> 31)) * kFactor;
  return out;
}

// The bits of an array on a device as unsigned integers, which one wrapping sum makes a number that
// depends on every one of them and on where it stands.
Tensor sum_of_bits(const Tensor& contiguous) {
  const Array& x = contiguous.array();
  const int64_t width = is_complex(x.dtype) ? itemsize(x.dtype) / 2 : itemsize(x.dtype);
  const DType word = width == 1   ? DType::UInt8
                     : width == 2 ? DType::UInt16
                     : width == 4 ? DType::UInt32
                                  : DType::UInt64;
  const int64_t n = x.size() * itemsize(x.dtype) / width,
                first = x.offset * itemsize(x.dtype) / width;
  const Tensor bits(make_ref<Array>(x.storage, Dims{n}, Dims{1}, first, word));
  const Tensor place = ops::arange(1, static_cast<double>(n) + 1, 1, DType::UInt64, x.device);
  const Tensor mixed = ops::add(ops::astype(bits, DType::UInt64), place);
  return ops::to_device(ops::sum(ops::multiply(mixed, mixed), {}), {});
}

uint64_t fingerprint(const py::object& tensors) {
  if (Capture::current()) return 0;  // the same ops, which have no numbers yet
  uint64_t out = 0;
  for (const Tensor& x : to_tensors(tensors, "[checkpoint] outputs:")) {
    if (!x || !x.is_array()) type_error("[checkpoint] outputs: expected arrays");
    Tensor plain = x.array().contiguous() ? x : algebra::copy(x.untracked());
    if (plain.device().kind != Device::Kind::CPU) plain = sum_of_bits(plain);
    out = mix_words(out, plain.array().data<std::byte>(),
                    static_cast<size_t>(plain.size() * itemsize(plain.dtype())));
  }
  return out;
}

}  // namespace

PyObject* note_results(const char* op, PyObject* results) {
  py::object owned = py::reinterpret_steal<py::object>(results);  // a run that diverges raises
  const auto note = [&](const Tensor& x) {
    if (Closure* closure = Closure::current()) closure->note_call(op, x);
    if (Capture* capture = Capture::current()) capture->note_made(x);
  };
  if (is_tensor(results)) {
    note(unwrap(results));
  } else if (PyTuple_Check(results) || PyList_Check(results)) {
    for (py::handle part : py::reinterpret_borrow<py::sequence>(results)) {
      if (is_tensor(part.ptr())) note(unwrap(part.ptr()));
    }
  }
  return owned.release().ptr();
}

void bind_closures(py::module_& module) {
  py::class_<Trace>(module, "Trace", "What the first run of a checkpointed function did.")
      .def(py::init<bool>(), py::kw_only(), py::arg("compares") = true)
      .def_property_readonly("calls", [](const Trace& trace) { return trace.calls.size(); })
      .def_property_readonly("kept", [](const Trace& trace) {
        size_t count = 0;
        for (const auto& evaluation : trace.evaluations) count += !evaluation.kept.empty();
        return count;
      });
  py::class_<PyClosure>(module, "Closure",
                        "A run of a function that finds, or replaces, what it captures.")
      .def(py::init<py::object, std::optional<std::pair<uint64_t, uint64_t>>, const py::object&,
                    const py::object&, py::object>(),
           py::arg("trace"), py::arg("mark") = std::nullopt, py::arg("outside") = py::tuple(),
           py::arg("replacements") = py::tuple(), py::kw_only(), py::arg("policy") = py::none())
      .def("__enter__",
           [](py::object self) {
             self.cast<PyClosure&>().enter();
             return self;
           })
      .def("__exit__", [](PyClosure& self, const py::args&) { self.exit(); })
      .def(
          "adopt", [](PyClosure& self, const Tensor& x) { return self.running().adopt(x); },
          py::arg("x"))
      .def(
          "resolve", [](PyClosure& self, const Tensor& x) { return self.running().resolve(x); },
          py::arg("x"))
      .def("finish", [](PyClosure& self) { self.running().finish(); })
      .def("mapped_levels", &mapped_levels, py::arg("x"))
      .def("peel", &peel, py::arg("x"), py::arg("level"))
      .def_property_readonly("mirrored", &mirrored)
      .def_property_readonly("outside", &PyClosure::outside);
  py::class_<PyHiddenLevels>(module, "HiddenLevels", "No transform runs in this `with` block.")
      .def(py::init<>())
      .def("__enter__", [](PyHiddenLevels& self) { self.scope.emplace(); })
      .def("__exit__", [](PyHiddenLevels& self, const py::args&) { self.scope.reset(); });
  py::class_<PyAside>(module, "Aside", "What runs in this `with` block no later run must repeat.")
      .def(py::init<>())
      .def("__enter__", [](PyAside& self) { self.scope.emplace(); })
      .def("__exit__", [](PyAside& self, const py::args&) { self.scope.reset(); });
  py::class_<PyApart>(module, "Apart", "In this `with` block the thread is as a new one.")
      .def(py::init<>())
      .def("__enter__", [](PyApart& self) { self.scope.emplace(); })
      .def("__exit__", [](PyApart& self, const py::args&) { self.scope.reset(); });
  module.def(
      "in_closure", [] { return Closure::current() != nullptr; },
      "Whether a checkpointed function runs.");
  module.def("closure_mark", [] {
    const Closure::Mark mark = Closure::Mark::now();
    return std::pair(mark.sequence, mark.level);
  });
  module.def(
      "mapped_dummy",
      [](size_t index) {
        size_t seen = 0;
        for (const Ref<Level>& level : live_levels()) {
          if (level->kind == Level::Kind::Vmap && seen++ == index)
            return make_batched(level, algebra::zeros({Dims{level->size}, DType::Bool, {}}), 0);
        }
        runtime_error("[checkpoint] there is no such level");
      },
      py::arg("index"), "A tensor that is mapped at the index-th running vmap.");
  module.def("resolved", &Closure::resolved, py::arg("x"),
             "The tensor, or what stands in its place in the checkpointed function that runs.");
  module.def("fresh", &Closure::fresh, py::arg("x"), "The same array without its origin.");
  module.def("fingerprint", &fingerprint, py::arg("tensors"), "A hash of the bits of arrays.");
  module.def(
      "label_value",
      [](const Tensor& x, const std::string& text) {
        if (Closure* closure = Closure::current()) closure->label(x, text);
      },
      py::arg("x"), py::arg("text"));
}

}  // namespace pyautograd::python
