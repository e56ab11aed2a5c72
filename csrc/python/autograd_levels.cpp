#include <optional>
#include <thread>

#include "autograd/algebra.h"
#include "autograd/closure.h"
#include "autograd/deferral.h"
#include "autograd/engine.h"
#include "autograd/jet.h"
#include "python/autograd_bind.h"
#include "python/caster.h"
#include "python/graph_exit.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

using MaybeTensor = std::optional<Tensor>;
using Parts = std::pair<Tensor, Tensor>;

// A transform that runs: entered by `with`, ended whichever way the block is left.
class PyLevel {
 public:
  PyLevel(std::string_view kind, int64_t size, std::string_view randomness,
          const py::object& directions)
      : size_(size) {
    if (kind != "jvp" && kind != "vmap" && kind != "taylor")
      value_error("[Level] kind must be 'jvp', 'vmap' or 'taylor', got '", kind, "'");
    if (size < 0) value_error("[Level] size must not be negative, got ", size);
    kind_ = kind == "jvp"    ? Level::Kind::Jvp
            : kind == "vmap" ? Level::Kind::Vmap
                             : Level::Kind::Taylor;
    // As an object, since pybind11 raises and drops an error to find out that None is no PyLevel.
    if (!directions.is_none()) {
      directions_ = directions.cast<const PyLevel&>().running("Level");
      if (kind_ != Level::Kind::Taylor || directions_->kind != Level::Kind::Vmap)
        value_error("[Level] only a taylor level has directions, and they are a vmap level");
    }
    randomness_ = randomness == "different" ? Randomness::Different
                  : randomness == "same"    ? Randomness::Same
                                            : Randomness::Error;
  }

  void enter() {
    if (level_) runtime_error("[Level] a level is entered only once");
    thread_ = std::this_thread::get_id();
    scope_.emplace(kind_, size_, randomness_, directions_);
    Deferral::enter();
    level_ = scope_->level();
  }
  void exit() {
    if (!scope_) return;
    const bool innermost = innermost_level() == level_.get();
    const bool same_thread = thread_ == std::this_thread::get_id();
    scope_.reset();
    if (same_thread) Deferral::leave();
    if (!same_thread) runtime_error("[Level] a level was left by another thread than entered it");
    if (!innermost) runtime_error("[Level] levels must be left in reverse order of entering");
  }

  // For wrapping: raises unless the level runs.
  const Ref<Level>& running(const char* op) const {
    if (!level_ || !level_->alive())
      fail(Error::Kind::Escaped, "[", op, "] the level is not entered or has already ended");
    return level_;
  }
  const Level* level() const noexcept { return level_.get(); }
  uint64_t id() const noexcept { return depth_of(level_.get()); }
  bool alive() const noexcept { return level_ && level_->alive(); }
  const char* kind() const noexcept {
    return kind_ == Level::Kind::Jvp ? "jvp" : kind_ == Level::Kind::Vmap ? "vmap" : "taylor";
  }
  int64_t size() const noexcept { return size_; }

 private:
  Level::Kind kind_ = Level::Kind::Jvp;
  int64_t size_;
  Randomness randomness_;
  Ref<Level> directions_;
  std::thread::id thread_;
  std::optional<LevelScope> scope_;
  Ref<Level> level_;
};

void require_below(const char* op, const Tensor& part, const Level& level) {
  if (part.depth() >= level.id)
    value_error("[", op, "] a part of a tensor must lie below its level ", level.id,
                ", got one at level ", part.depth());
}

// What may stand beside a primal: a tangent or a coefficient, brought to its dtype.
Tensor checked_part(const char* op, const Level& level, const Tensor& primal, const Tensor& part) {
  require_below(op, part, level);
  if (!is_inexact(primal.dtype()))
    type_error("[", op, "] only floating-point tensors have tangents, got ",
               name_of(primal.dtype()));
  if (!(part.shape() == primal.shape()))
    value_error("[", op, "] tangent of shape ", shape_string(part.shape()),
                " does not match the primal's shape ", shape_string(primal.shape()));
  return algebra::expand_to(part, primal.spec());
}

Tensor bind_dual(const PyLevel& owner, const Tensor& given, const MaybeTensor& given_tangent) {
  const Ref<Level>& level = owner.running("make_dual");
  const Tensor primal = Closure::resolved(given);
  const MaybeTensor tangent =
      given_tangent ? MaybeTensor(Closure::resolved(*given_tangent)) : std::nullopt;
  require_below("make_dual", primal, *level);
  if (!tangent) return make_dual(level, primal, Tensor());
  return make_dual(level, primal, checked_part("make_dual", *level, primal, *tangent));
}

Parts unwrap_dual(const PyLevel& owner, const Tensor& x) {
  if (x.is_array() || x.level() != owner.level()) return {x, Tensor()};
  return {as_dual(x).primal, as_dual(x).tangent};
}

Tensor bind_jet(const PyLevel& owner, const Tensor& given,
                const std::vector<MaybeTensor>& coefficients) {
  const Ref<Level>& level = owner.running("make_jet");
  const Tensor primal = Closure::resolved(given);
  require_below("make_jet", primal, *level);
  Tensors parts;
  for (const MaybeTensor& part : coefficients)
    parts.push_back(part ? checked_part("make_jet", *level, primal, Closure::resolved(*part))
                         : Tensor());
  return make_jet(level, primal, std::move(parts));
}

// The value and the coefficients from the first on, absent where zero.
std::pair<Tensor, std::vector<Tensor>> unwrap_jet(const PyLevel& owner, const Tensor& x) {
  std::vector<Tensor> coefficients;
  for (int64_t k = 1; k <= owner.size(); ++k)
    coefficients.push_back(coefficient_of(owner.level(), x, static_cast<size_t>(k)));
  return {coefficient_of(owner.level(), x, 0), std::move(coefficients)};
}

Tensor bind_batched(const PyLevel& owner, const Tensor& given, std::optional<int64_t> dim) {
  const Ref<Level>& level = owner.running("make_batched");
  const Tensor value = Closure::resolved(given);
  require_below("make_batched", value, *level);
  if (!dim) return make_batched(level, value, kNotMapped);
  const int64_t ndim = value.ndim();
  const int64_t axis = *dim < 0 ? *dim + ndim : *dim;
  if (axis < 0 || axis >= ndim)
    index_error("[vmap] mapped dimension ", *dim, " is out of range for shape ",
                shape_string(value.shape()));
  if (value.shape()[static_cast<size_t>(axis)] != level->size)
    value_error("[vmap] mapped dimension ", *dim, " of shape ", shape_string(value.shape()),
                " has another length than the others, ", level->size);
  return make_batched(level, value, static_cast<int>(axis));
}

std::pair<Tensor, std::optional<int>> unwrap_batched(const PyLevel& owner, const Tensor& x) {
  if (x.is_array() || x.level() != owner.level()) return {x, std::nullopt};
  const Batched& batched = as_batched(x);
  if (batched.dim == kNotMapped) return {batched.value, std::nullopt};
  return {batched.value, batched.dim};
}

// Switches recording and returns what to hand to set_disabled_through afterwards.
template <RecordingScope (*Make)()>
int64_t switch_recording() {
  const int64_t former = disabled_through();
  int64_t wanted;
  {
    const RecordingScope scope = Make();
    wanted = disabled_through();
  }
  if (wanted > former) note_graph_exit();
  set_disabled_through(wanted);
  return former;
}

// Of a function that is about to be evaluated: what it does on large arrays is put off, and what
// nobody may read waits for readers.
int64_t begin_recording(bool unread) {
  const int64_t former = switch_recording<RecordingScope::at_innermost>();
  Deferral::enter();
  if (unread) Deferral::begin_sparing();
  return former;
}

void end_recording(int64_t former, bool unread) {
  if (unread) Deferral::end_sparing();
  Deferral::leave();
  set_disabled_through(former);
}

}  // namespace

void bind_levels(py::module_& module) {
  py::class_<PyLevel>(module, "Level")
      .def(py::init<std::string_view, int64_t, std::string_view, const py::object&>(),
           py::arg("kind"), py::arg("size") = 0, py::arg("randomness") = "same",
           py::arg("directions") = py::none())
      .def("__enter__",
           [](py::object self) {
             self.cast<PyLevel&>().enter();
             return self;
           })
      .def("__exit__", [](PyLevel& self, const py::args&) { self.exit(); })
      .def_property_readonly("id", &PyLevel::id)
      .def_property_readonly("kind", &PyLevel::kind)
      .def_property_readonly("size", &PyLevel::size)
      .def_property_readonly("alive", &PyLevel::alive);
  module.def("make_dual", &bind_dual, py::arg("level"), py::arg("primal"), py::arg("tangent"));
  module.def("unwrap_dual", &unwrap_dual, py::arg("level"), py::arg("x"));
  module.def("make_jet", &bind_jet, py::arg("level"), py::arg("primal"), py::arg("coefficients"));
  module.def("unwrap_jet", &unwrap_jet, py::arg("level"), py::arg("x"));
  module.def("make_batched", &bind_batched, py::arg("level"), py::arg("value"), py::arg("dim"));
  module.def("unwrap_batched", &unwrap_batched, py::arg("level"), py::arg("x"));
  module.def("depth", [](const Tensor& x) { return x.depth(); }, py::arg("x"));
  module.def("level_name", [](const Tensor& x) { return x.level()->name(); }, py::arg("x"));
  module.def("innermost_depth", [] { return depth_of(innermost_level()); });

  module.def("is_grad_enabled", [] { return recording(depth_of(innermost_level())); });
  module.def("disabled_through", [] { return disabled_through(); });
  module.def("set_disabled_through", &set_disabled_through, py::arg("depth"));
  module.def("disable_recording", &switch_recording<RecordingScope::none>);
  module.def("enable_recording", &switch_recording<RecordingScope::all>);
  module.def("begin_recording", &begin_recording, py::arg("unread") = false,
             "Records at the innermost level; returns what to hand to end_recording.");
  module.def("end_recording", &end_recording, py::arg("former"), py::arg("unread") = false);

  module.def("begin_deferral", &Deferral::enter,
             "From here on elementwise ops on large arrays of this thread are put off.");
  module.def("end_deferral", &Deferral::leave);
  module.def("begin_sparing", &Deferral::begin_sparing,
             "From here on products and sums of this thread wait until somebody reads them.");
  module.def("end_sparing", &Deferral::end_sparing);
  module.def(
      "set_least_deferred", [](int64_t elements) { return Deferral::least.exchange(elements); },
      py::arg("elements"),
      "How many elements a result has at least that is put off; returns the former number.");
}

}  // namespace pyautograd::python
