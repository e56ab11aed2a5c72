#include "autograd/node.h"
#include "python/autograd_bind.h"
#include "python/autograd_hooks.h"
#include "python/caster.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

// `grad_fn`: compared by the node it shows.
struct PyNode {
  Ref<Node> node;
};

py::tuple next_functions(const PyNode& self) {
  py::tuple out(self.node->edges.size());
  for (size_t i = 0; i < self.node->edges.size(); ++i) {
    const Edge& edge = self.node->edges[i];
    py::object next = edge ? py::cast(PyNode{edge.node}) : py::none();
    out[i] = py::make_tuple(std::move(next), edge.output);
  }
  return out;
}

py::dict metadata(const PyNode& self) {
  py::dict out;
  const NodeExtras* extra = self.node->extras_if_any();
  if (extra && !extra->trace.empty()) out["trace"] = extra->trace;
  return out;
}

py::tuple shape_and_dtype(const Dims& shape, DType dtype) {
  py::tuple sizes(shape.size());
  for (size_t i = 0; i < shape.size(); ++i) sizes[i] = shape[i];
  return py::make_tuple(sizes, py::reinterpret_steal<py::object>(numpy_dtype(dtype)));
}

py::list outputs(const PyNode& self) {
  py::list out;
  for (const Spec& spec : self.node->outputs) out.append(shape_and_dtype(spec.shape, spec.dtype));
  return out;
}

py::dict saved_storages(const PyNode& self) {
  py::dict found;
  for (const SavedTensor& saved : self.node->saved().values) {
    for_each_array(saved.body(), [&](const Array& array) {
      const Storage& storage = *array.storage;
      found[py::int_(reinterpret_cast<uintptr_t>(&storage))] = storage.bytes();
    });
  }
  return found;
}

// A leaf runs no derivative, so that nothing happens before or after it.
Node& require_op(const char* what, const PyNode& self) {
  if (self.node->is_leaf())
    runtime_error("[", what, "] a leaf has no derivative to run hooks around; use ",
                  "tensor.register_hook or tensor.register_post_accumulate_grad_hook");
  return *self.node;
}

// The object owns one reference to its node.
int traverse_node(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  const auto* node = constructed<PyNode>(self);
  if (!node) return 0;
  const Node* reference = node->node.get();
  return visit_owned({&reference, 1}, visit, arg);
}

int clear_node(PyObject* self) {
  if (auto* node = constructed<PyNode>(self)) node->node = nullptr;
  return 0;
}

}  // namespace

PyObject* wrap_node(Node* node) {
  if (!node) Py_RETURN_NONE;
  return py::cast(PyNode{Ref<Node>(node)}).release().ptr();
}

void bind_nodes(py::module_& module) {
  py::class_<PyNode>(module, "Node", py::custom_type_setup(collectable<traverse_node, clear_node>),
                     "A recorded operation: what ``x.grad_fn`` shows.\n\n"
                     "Equal to another Node if both show the same operation.")
      .def(
          "name", [](const PyNode& self) { return self.node->name(); }, "E.g. ``MulBackward``.")
      .def_property_readonly("next_functions", &next_functions,
                             "One ``(node, output index)`` per input; ``(None, 0)`` where the "
                             "input is not tracked.")
      .def_property_readonly("outputs", &outputs, "Shape and dtype of each output.")
      .def_property_readonly("saved_storages", &saved_storages,
                             "Blocks of memory that the derivative needs: a dict from an "
                             "identity, by which nodes can be seen to share, to bytes.")
      .def_property_readonly("metadata", &metadata,
                             "``trace``: where the operation was recorded, under detect_anomaly.")
      .def_property_readonly(
          "sequence_number", [](const PyNode& self) { return self.node->sequence; },
          "Counts up with every recorded operation.")
      .def(
          "register_hook",
          [](const PyNode& self, py::object hook) {
            return add_after_hook(require_op("register_hook", self), std::move(hook));
          },
          py::arg("hook"),
          "Call ``hook(grad_inputs, grad_outputs)`` after the derivative of this operation ran.\n\n"
          "Both are tuples with None for absent gradients, in the shapes of the inputs and "
          "outputs. "
          "A returned tuple, of the same shapes, replaces ``grad_inputs``.")
      .def(
          "register_prehook",
          [](const PyNode& self, py::object hook) {
            return add_before_hook(require_op("register_prehook", self), std::move(hook));
          },
          py::arg("hook"),
          "Call ``hook(grad_outputs)`` before the derivative of this operation runs.\n\n"
          "A returned tuple, of the same shapes, replaces ``grad_outputs``.")
      .def("__eq__",
           [](const PyNode& self, py::handle other) {
             return py::isinstance<PyNode>(other) && other.cast<PyNode&>().node == self.node;
           })
      .def("__hash__",
           [](const PyNode& self) { return reinterpret_cast<uintptr_t>(self.node.get()) >> 4; })
      .def("__repr__", [](const PyNode& self) { return "<" + self.node->name() + ">"; });
}

}  // namespace pyautograd::python
