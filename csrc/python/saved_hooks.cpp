#include "python/saved_hooks.h"

#include <algorithm>
#include <unordered_map>

#include "autograd/closure.h"
#include "autograd/node.h"
#include "python/autograd_bind.h"
#include "python/caster.h"
#include "python/custom_function.h"
#include "python/gil.h"
#include "python/graph_exit.h"

namespace py = pybind11;

namespace pyautograd::python {

namespace {

// Hooks may leave the graph as they like: they see numbers only.
class CallScope {
 public:
  ~CallScope() { graph_exits = exits_; }

 private:
  CallOfUsers call_;
  HookScope hooks_;
  Closure::Suspended closure_;  // what hooks do is no part of a checkpointed function
  uint64_t exits_ = graph_exits;
};

// Packings still alive, by the number that their array remembers. Used under the GIL.
class Packings {
 public:
  std::shared_ptr<const Packing> find(const Array& array) const {
    const auto found = known_.find(array.packing.load(std::memory_order_relaxed));
    if (found == known_.end()) return nullptr;
    std::shared_ptr<const Packing> packing = found->second.lock();
    return packing && packing->version == array.storage->version() ? packing : nullptr;
  }
  void add(const Array& array, const std::shared_ptr<const Packing>& packing) {
    if (known_.size() >= sweep_at_) {
      std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
      sweep_at_ = std::max(kFewest, 2 * known_.size());
    }
    static std::atomic<uint32_t> last{0};
    const uint32_t number = last.fetch_add(1, std::memory_order_relaxed) + 1;
    known_[number] = packing;
    array.packing.store(number, std::memory_order_relaxed);
  }

 private:
  static constexpr size_t kFewest = 64;
  std::unordered_map<uint32_t, std::weak_ptr<const Packing>> known_;
  size_t sweep_at_ = kFewest;
};

struct Selection {
  bool leaves = true;    // leaves and constants, too
  size_t smallest = 0;   // bytes of the memory that keeping an array would keep
  bool expanded = true;  // arrays with more elements than their memory has room for, too
  bool selects(const Array& array, bool computed) const {
    const size_t memory = array.storage->bytes();
    const auto bytes = static_cast<size_t>(array.size() * itemsize(array.dtype));
    return (leaves || computed) && memory >= smallest && (expanded || bytes <= memory);
  }
};

class PythonHooks final : public SavedTensorHooks {
 public:
  PythonHooks(py::handle pack, py::handle unpack, Selection selection)
      : pack_(pack.ptr()), unpack_(unpack.ptr()), selection_(selection) {}

  Ref<PackedArray> pack(const Ref<Array>& array, bool computed) override {
    if (!selection_.selects(*array, computed)) return nullptr;
    const CallScope scope;
    std::shared_ptr<const Packing> packing = known_.find(*array);
    if (!packing) {
      packing = make(array);
      known_.add(*array, packing);
    }
    return make_ref<PythonPacked>(*array, std::move(packing));
  }

 private:
  std::shared_ptr<const Packing> make(const Ref<Array>& array) const {
    auto packing = std::make_shared<Packing>();
    packing->version = array->storage->version();
    const uint32_t owners = array->storage->use_count();
    {
      // A body of its own: whether the hook keeps the memory shows in the owners.
      const py::object argument =
          py::cast(Tensor(array->with_layout(array->shape, array->strides, array->offset)));
      const py::object packed = call_python(pack_.get(), argument);
      if (!packed.is(argument))
        packing->object = HeldObject(packed.ptr());
      else
        packing->array = array;
    }
    if (array->storage->use_count() > owners) packing->array = array;
    packing->unpack = HeldObject(unpack_.get());
    return packing;
  }

  const HeldObject pack_, unpack_;
  const Selection selection_;
  Packings known_;
};

// `with`: the hooks act on what this thread records inside.
class PyHooks {
 public:
  PyHooks(py::handle pack, py::handle unpack, Selection selection) {
    for (py::handle hook : {pack, unpack}) {
      if (!PyCallable_Check(hook.ptr())) {
        type_error("[saved_tensors_hooks] pack and unpack must be callable, got ",
                   Py_TYPE(hook.ptr())->tp_name);
      }
    }
    hooks_ = make_ref<PythonHooks>(pack, unpack, selection);
  }
  void enter() { enter_saved_tensor_hooks(hooks_); }
  void exit() noexcept { leave_saved_tensor_hooks(hooks_.get()); }

 private:
  Ref<PythonHooks> hooks_;
};

// What a custom function saves that is neither its input nor its output.
struct PySaved {
  SavedTensor saved;
};

// None where no hooks act or they keep all of it.
py::object pack_saved(const Tensor& x) {
  const Ref<SavedTensorHooks> hooks(saved_tensor_hooks());
  if (!hooks) return py::none();
  PySaved packed{SavedTensor(x, true)};
  packed.saved.pack(*hooks, true);
  return packed.saved.packed() ? py::cast(std::move(packed)) : py::none();
}

Tensor unpack_saved(const PySaved& self, std::string reader) {
  return self.saved.unpack(*make_ref<CustomPrimitive>(std::move(reader), py::handle(), false));
}

int traverse_saved(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  const auto* owner = constructed<PySaved>(self);
  if (!owner || !owner->saved) return 0;
  const SavedTensor& saved = owner->saved;
  int stop = 0;
  try {
    saved.each_packed([&](const PackedArray& array) {
      const auto* packed = dynamic_cast<const PythonPacked*>(&array);
      if (!stop && packed && packed->packing().use_count() == 1)
        stop = packed->traverse(visit, arg);
    });
  } catch (const std::bad_alloc&) {  // as in visit_owned
    return 0;
  }
  const auto* node = static_cast<const Node*>(saved.node_ref().get());
  return stop ? stop : visit_owned({&node, 1}, visit, arg);
}

int clear_saved(PyObject* self) {
  if (auto* owner = constructed<PySaved>(self)) owner->saved = {};
  return 0;
}

}  // namespace

int PythonPacked::traverse(visitproc visit, void* arg) const {
  Py_VISIT(packing_->object.get());
  Py_VISIT(packing_->unpack.get());
  return 0;
}

Tensor PythonPacked::restore(const Primitive& reader) const {
  const CallScope scope;
  const Packing& packing = *packing_;
  if (!packing.object) check_version(reader, *packing.array, packing.version);
  const py::object packed = packing.object
                                ? py::reinterpret_borrow<py::object>(packing.object.get())
                                : py::cast(Tensor(packing.array));
  const py::object made = call_python(packing.unpack.get(), packed);
  if (!is_tensor(made.ptr())) {
    type_error("[saved_tensors_hooks] unpack must return a tensor, not ",
               Py_TYPE(made.ptr())->tp_name);
  }
  Tensor x = unwrap(made.ptr()).untracked();
  if (packing.array && x.is_array() && may_share_memory(x.array(), *packing.array))
    check_version(reader, *packing.array, packing.version);
  return x;
}

void bind_saved_hooks(py::module_& module) {
  py::class_<PyHooks>(module, "SavedTensorsHooks")
      .def(py::init(
               [](py::handle pack, py::handle unpack, bool leaves, size_t smallest, bool expanded) {
                 return PyHooks(pack, unpack, {leaves, smallest, expanded});
               }),
           py::arg("pack"), py::arg("unpack"), py::kw_only(), py::arg("leaves") = true,
           py::arg("smallest") = 0, py::arg("expanded") = true)
      .def("enter", &PyHooks::enter)
      .def("exit", &PyHooks::exit);
  py::class_<PySaved>(module, "SavedTensor",
                      py::custom_type_setup(collectable<traverse_saved, clear_saved>))
      .def("unpack", &unpack_saved, py::arg("reader"), py::pos_only());
  module.def("pack_saved", &pack_saved, py::arg("x"), py::pos_only());
  module.def("packs_saved", [] { return saved_tensor_hooks() != nullptr; });
}

}  // namespace pyautograd::python
