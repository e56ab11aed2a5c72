#include "python/custom_function.h"

#include "autograd/algebra.h"
#include "autograd/closure.h"
#include "autograd/deferral.h"
#include "core/error.h"
#include "ops/ops.h"
#include "python/autograd_bind.h"
#include "python/caster.h"
#include "python/gil.h"
#include "python/graph_exit.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

// What one recorded call keeps: the `ctx` of its rules, and what they save of inputs and outputs.
class CustomContext final : public RefCounted, public HoldsPython {
 public:
  CustomContext(py::handle object, Saves saves, Specs outputs, bool materialize)
      : object(object.ptr()), saves(saves), outputs(std::move(outputs)), materialize(materialize) {}
  int traverse(visitproc visit, void* arg) const override {
    return object ? visit(object.get(), arg) : 0;
  }

  const HeldObject object;
  const Saves saves;
  const Specs outputs;
  const bool materialize;  // rules see zeros in place of absent cotangents
};

py::list to_dims(std::span<const int> dims) {
  py::list out;
  for (int dim : dims) out.append(dim == kNotMapped ? py::none() : py::object(py::int_(dim)));
  return out;
}

py::list to_bools(std::span<const bool> values) {
  py::list out;
  for (bool value : values) out.append(py::bool_(value));
  return out;
}

// The depth that no result of a rule for these tensors lies above.
template <class... Spans>
uint64_t greatest_depth(const Spans&... spans) {
  uint64_t depth = 0;
  const auto meet = [&](const auto& tensors) {
    for (const Tensor& x : tensors)
      if (x) depth = std::max(depth, x.depth());
  };
  (meet(spans), ...);
  return depth;
}

BatchResult batch_result(const std::string& name, int64_t size, Tensors outputs,
                         const py::list& dims) {
  BatchResult result{std::move(outputs), {}};
  for (py::handle dim : dims) result.dims.push_back(dim.is_none() ? kNotMapped : dim.cast<int>());
  bool fits = result.dims.size() == result.outputs.size();
  for (size_t i = 0; fits && i < result.dims.size(); ++i) {
    const Tensor& y = result.outputs[i];
    const int dim = result.dims[i];
    fits = y && (dim == kNotMapped ||
                 (dim >= 0 && dim < y.ndim() && y.shape()[static_cast<size_t>(dim)] == size));
  }
  if (!fits) value_error("[", name, "] vmap: outputs and their mapped dimensions do not match");
  return result;
}

}  // namespace

template <class... Args>
py::object CustomPrimitive::ask(const char* method, Args&&... args) const {
  const Closure::Suspended outside;
  const Deferral::Interlude interlude;
  const py::object rule = py::handle(rules_.get()).attr(method);
  return call_python(rule, std::forward<Args>(args)...);
}

Tensors CustomPrimitive::eval(TensorSpan inputs, const Specs&) const {
  const RecordingScope scope = RecordingScope::none();
  const LevelCeiling ceiling(0);
  const WithGil locked;
  Tensors plain;
  for (const Tensor& x : inputs) plain.push_back(x.untracked());
  Tensors outputs = to_tensors(ask("forward", to_list(plain)), name_.c_str());
  for (Tensor& y : outputs) {
    if (!y) type_error("[", name_, "] forward must return tensors, not None");
    y = y.untracked();  // a captured leaf that comes back as it is must not bring its edge
  }
  return outputs;
}

Ref<RefCounted> CustomPrimitive::context(TensorSpan inputs, TensorSpan outputs) const {
  const LevelCeiling ceiling(greatest_depth(inputs, outputs));
  const WithGil locked;
  const py::tuple made = ask("record", to_list(inputs), to_list(outputs));
  const Saves saves{made[1].cast<uint32_t>(), made[2].cast<uint32_t>(), false};
  Specs specs;
  for (const Tensor& y : outputs) specs.push_back(y.spec());
  return make_ref<CustomContext>(made[0], saves, std::move(specs), made[3].cast<bool>());
}

Saves CustomPrimitive::saves_with(const RefCounted& context) const {
  return static_cast<const CustomContext&>(context).saves;
}

Tensors CustomPrimitive::vjp(const VjpArgs& args) const {
  const auto& context = static_cast<const CustomContext&>(*args.context);
  Tensors cotangents(args.cotangents.begin(), args.cotangents.end());
  for (size_t i = 0; i < cotangents.size(); ++i) {
    if (cotangents[i])
      cotangents[i] = algebra::conj(cotangents[i]);
    else if (context.materialize)
      cotangents[i] = algebra::zeros(context.outputs[i]);
  }
  const LevelCeiling ceiling(greatest_depth(cotangents, args.inputs, args.outputs));
  const WithGil locked;
  Tensors gradients = to_tensors(
      ask("backward", py::handle(context.object.get()), to_list(cotangents), to_list(args.inputs),
          to_list(args.outputs), to_bools(args.wants), args.differentiable),
      name_.c_str());
  for (Tensor& gradient : gradients) gradient = algebra::conj(gradient);
  return gradients;
}

Tensors CustomPrimitive::jvp(TensorSpan primals, TensorSpan tangents, TensorSpan outputs) const {
  const LevelCeiling ceiling(greatest_depth(primals, tangents));
  const WithGil locked;
  return to_tensors(ask("jvp", to_list(primals), to_list(tangents), to_list(outputs)),
                    name_.c_str());
}

BatchResult CustomPrimitive::batch(int64_t size, TensorSpan values,
                                   std::span<const int> dims) const {
  {
    const LevelCeiling ceiling(greatest_depth(values));
    const WithGil locked;
    const py::object made = ask("batch", size, to_list(values), to_dims(dims),
                                randomness_name(level_in_batch()->randomness));
    if (!made.is_none()) {
      const py::tuple pair = made;
      return batch_result(name_, size, to_tensors(pair[0], name_.c_str()), py::list(pair[1]));
    }
  }
  return size > 0 ? Primitive::batch(size, values, dims) : batch_of_nothing(values, dims);
}

// With nothing to run, the outputs' shapes come from one run on zeros.
BatchResult CustomPrimitive::batch_of_nothing(TensorSpan values, std::span<const int> dims) const {
  Tensors probe;
  for (size_t i = 0; i < values.size(); ++i) {
    Spec spec = values[i].spec();
    if (dims[i] != kNotMapped) spec.shape.erase(static_cast<size_t>(dims[i]));
    probe.push_back(algebra::zeros(spec));
  }
  BatchResult result;
  for (const Tensor& y : eval(probe, {})) {
    Spec spec = y.spec();
    spec.shape.insert(0, 0);
    result.outputs.push_back(algebra::zeros(spec));
    result.dims.push_back(0);
  }
  return result;
}

Dependence CustomPrimitive::dependence(const DependenceArgs& args) const {
  if (!core_ndim_) return {};
  const auto core = static_cast<size_t>(*core_ndim_);
  const auto batch_of = [&](const Dims& shape) {
    return Dims(shape.begin(), shape.end() - std::min(core, shape.size()));
  };
  const Dims &x = args.x.shape, batch = batch_of(args.outputs[0].shape);
  for (const Spec& y : args.outputs) {
    if (std::min(x.size(), y.shape.size()) < core || batch_of(y.shape) != batch ||
        ops::broadcast_shapes(name_, batch_of(x), batch) != batch)
      value_error("[", name_, "] ", core == 0 ? "elementwise is set" : "core_ndim is set",
                  ", and an output has shape ", shape_string(y.shape), " where an argument has ",
                  shape_string(x));
  }
  Dims together;
  for (size_t i = x.size() - core; i < x.size(); ++i) together.push_back(static_cast<int64_t>(i));
  return Dependence::over(together, x.size(), batch.size() + core - x.size());
}

int CustomPrimitive::traverse(visitproc visit, void* arg) const {
  return rules_ ? visit(rules_.get(), arg) : 0;
}

void bind_custom(py::module_& module) {
  module.def(
      "apply_custom",
      [](std::string name, py::handle rules, py::handle inputs, std::optional<int64_t> core_ndim) {
        const Tensors tensors = to_tensors(inputs, name.c_str());
        const auto primitive = make_ref<CustomPrimitive>(std::move(name), rules, core_ndim);
        return to_list(apply(primitive, tensors));
      },
      py::arg("name"), py::arg("rules"), py::arg("inputs"), py::arg("core_ndim") = py::none());
  module.def(
      "graph_exits", [] { return graph_exits; },
      "How often, on this thread, a value has left the graph: detach, numpy, no_grad.");
}

}  // namespace pyautograd::python
