#include "python/dlpack.h"

#include "autograd/capture.h"
#include "core/backend.h"
#include "kernels/device.h"
#include "ops/ops.h"
#include "python/autograd_held.h"
#include "python/caster.h"
#include "python/convert.h"
#include "python/errors.h"
#include "python/gil.h"
#include "python/module.h"
#include "python/tensor_type.h"

namespace py = pybind11;

namespace pyautograd::python {
namespace dlpack {
namespace {

// Export.

// What one exported capsule keeps alive: the value and the arrays that the header points to.
template <class Managed>
struct Export {
  Managed managed{};
  Tensor value;
  Dims shape, strides;
};

template <class Managed>
void release_export(Managed* managed) {
  // A consumer may call this from any thread.
  if (!Py_IsInitialized()) return;
  const WithGil locked;
  auto* exported = static_cast<Export<Managed>*>(managed->context);
  exported->value.array().storage->add_handle(-1);
  delete exported;
}

DataType data_type(DType dtype) {
  const auto bits = static_cast<uint8_t>(itemsize(dtype) * 8);
  if (is_bool(dtype)) return {kBool, 8, 1};
  if (dtype == DType::BFloat16) return {kBfloat, bits, 1};
  if (is_floating(dtype)) return {kFloat, bits, 1};
  if (is_complex(dtype)) return {kComplex, bits, 1};
  return {is_signed_integer(dtype) ? kInt : kUInt, bits, 1};
}

template <class Managed>
constexpr const char* kName = "dltensor";
template <>
constexpr const char* kName<ManagedVersioned> = "dltensor_versioned";

template <class Managed>
void discard_capsule(PyObject* capsule) {
  // A consumer renames what it has taken over.
  if (!PyCapsule_IsValid(capsule, kName<Managed>)) return;
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, kName<Managed>));
  if (managed->deleter) managed->deleter(managed);
}

Device header_device(pyautograd::Device device) {
  return {device.kind == pyautograd::Device::Kind::CPU ? kCPU : kCUDA, device.index};
}

template <class Managed>
py::object export_capsule(const Tensor& x, [[maybe_unused]] uint64_t flags) {
  auto exported = std::make_unique<Export<Managed>>();
  exported->value = x.untracked();
  const Array& array = exported->value.array();
  Capture::looked_at(array);
  if (array.storage->writable()) {
    array.storage->prepare_write();
    array.storage->expose();
  }
  exported->shape = array.shape;
  exported->strides = array.strides;
  exported->managed.tensor = {array.address(),
                              header_device(array.device),
                              static_cast<int32_t>(array.shape.size()),
                              data_type(array.dtype),
                              exported->shape.data(),
                              exported->strides.data(),
                              0};
  exported->managed.context = exported.get();
  exported->managed.deleter = release_export<Managed>;
  if constexpr (std::is_same_v<Managed, ManagedVersioned>) {
    exported->managed.version = {1, 0};
    exported->managed.flags = flags;
  }
  py::object capsule = py::reinterpret_steal<py::object>(
      PyCapsule_New(&exported->managed, kName<Managed>, discard_capsule<Managed>));
  if (!capsule) throw_python_error();
  exported.release()->value.array().storage->add_handle(1);
  return capsule;
}

[[noreturn]] void buffer_error(const char* message) {
  PyErr_SetString(PyExc_BufferError, message);
  throw_python_error();
}

py::tuple device_tuple(Device device) {
  return py::make_tuple(static_cast<int>(device.type), device.index);
}

uintptr_t current_stream(pyautograd::Device device) {
  return backend().stream_handle(device.index, backend().current_stream(device.index));
}

// The consumer's stream may read from now on: everything that makes the numbers is done, which is
// right for every stream.
void wait_for_consumer(pyautograd::Device device, const py::object& stream) {
  if (device.kind == pyautograd::Device::Kind::CPU) {
    if (!stream.is_none())
      buffer_error("[__dlpack__] a cpu tensor has no stream: pass stream=None");
    return;
  }
  const int64_t number = stream.is_none() ? 1 : py::cast<int64_t>(stream);
  if (number == 0)
    buffer_error("[__dlpack__] stream 0 is ambiguous: pass 1 (legacy) or 2 (per thread)");
  if (number == -1) return;
  const WithoutGil released;
  backend().synchronize(device.index);
}

py::object to_dlpack(const Tensor& self, const py::object& stream, const py::object& max_version,
                     const py::object& device, const py::object& copy) {
  if (!self.is_array()) buffer_error("[__dlpack__] a tensor inside a transform cannot be exported");
  if (self.tracked())
    buffer_error("[__dlpack__] the tensor is part of a recorded graph: export x.detach()");
  const Device own = header_device(self.device());
  const bool leaves = !device.is_none() && !device.equal(device_tuple(own));
  if (leaves && !device.equal(device_tuple({kCPU, 0})))
    buffer_error("[__dlpack__] only the tensor's own device and the cpu, (1, 0), are supported");
  if (leaves && !copy.is_none() && !py::cast<bool>(copy))
    buffer_error("[__dlpack__] the cpu cannot see this memory without a copy");
  const bool copied = leaves || (!copy.is_none() && py::cast<bool>(copy));
  const Tensor x = leaves ? ops::to_device(self, {}) : copied ? ops::copy(self) : self;
  wait_for_consumer(x.device(), stream);
  const bool versioned = !max_version.is_none() && py::cast<int>(py::tuple(max_version)[0]) >= 1;
  const bool read_only = !x.array().storage->writable();
  if (versioned) {
    const uint64_t flags = (read_only ? kReadOnly : 0) | (copied ? kIsCopied : 0);
    return export_capsule<ManagedVersioned>(x, flags);
  }
  if (read_only)
    buffer_error("[__dlpack__] read-only memory needs a consumer of DLPack 1.0 or newer");
  return export_capsule<Managed>(x, 0);
}

// Import.

DType to_dtype(DataType type) {
  const int log2 = type.bits == 8    ? 0
                   : type.bits == 16 ? 1
                   : type.bits == 32 ? 2
                   : type.bits == 64 ? 3
                                     : -1;
  if (type.lanes == 1 && type.code == kComplex) {
    if (type.bits == 64) return DType::Complex64;
    if (type.bits == 128) return DType::Complex128;
  }
  if (type.lanes == 1 && log2 >= 0) {
    if (type.code == kBool && log2 == 0) return DType::Bool;
    if (type.code == kInt) return static_cast<DType>(static_cast<int>(DType::Int8) + log2);
    if (type.code == kUInt) return static_cast<DType>(static_cast<int>(DType::UInt8) + log2);
    if (type.code == kBfloat && log2 == 1) return DType::BFloat16;
    if (type.code == kFloat && log2 == 1) return DType::Float16;
    if (type.code == kFloat && log2 >= 2) return log2 == 2 ? DType::Float32 : DType::Float64;
  }
  type_error("[from_dlpack] elements of DLPack type code ", int{type.code}, " with ",
             int{type.bits}, " bits and ", type.lanes, " lanes are not supported");
}

// Opens the library of the device, if it has one.
pyautograd::Device place_of(Device device) {
  if (device.type == kCPU) return {};
  if (device.type != kCUDA)
    buffer_error("[from_dlpack] only memory of the cpu and of cuda devices is supported");
  return parse_device(concat("cuda:", device.index));
}

// The producer may use its memory again as soon as it is told to let go of it.
void finish_work(pyautograd::Device device) noexcept {
  if (device.kind == pyautograd::Device::Kind::CPU) return;
  try {
    backend().synchronize(device.index);
  } catch (const Error&) {  // a failed device works no more
  }
}

template <class Managed>
Tensor take_over(PyObject* capsule, const char* used_name, bool writable) {
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, kName<Managed>));
  if (!managed) throw_python_error();
  const TensorHeader& header = managed->tensor;
  const pyautograd::Device device = place_of(header.device);
  const DType dtype = to_dtype(header.dtype);
  Dims shape(header.shape, header.shape + header.ndim);
  Dims strides = header.strides ? Dims(header.strides, header.strides + header.ndim)
                                : contiguous_strides(shape);
  auto* data = static_cast<std::byte*>(header.data) + header.byte_offset;
  const size_t bytes = checked_bytes(shape, dtype);
  if (!is_aligned(data, dtype)) {
    value_error("[from_dlpack] the memory is not aligned to its element size");
  }
  Ref<Storage> storage = Storage::wrap(data, bytes, device, writable, [managed, device] {
    finish_work(device);
    // A producer written in Python may need the GIL to let go.
    if (managed->deleter && Py_IsInitialized()) {
      const WithGil locked;
      managed->deleter(managed);
    }
  });
  PyCapsule_SetName(capsule, used_name);
  return Tensor(
      make_ref<Array>(std::move(storage), std::move(shape), std::move(strides), 0, dtype));
}

// Where the producer's memory is, if not on the host: its work must be done before our stream's.
std::optional<pyautograd::Device> cuda_device_of(const py::object& producer) {
  if (!py::hasattr(producer, "__dlpack_device__")) return std::nullopt;
  const py::tuple place = producer.attr("__dlpack_device__")();
  if (place.size() != 2 || py::cast<int>(place[0]) != kCUDA) return std::nullopt;
  return place_of({kCUDA, py::cast<int32_t>(place[1])});
}

py::object request_capsule(const py::object& producer, std::optional<bool> copy) {
  py::dict options(py::arg("max_version") = py::make_tuple(1, 0));
  if (copy == false) options["copy"] = false;
  if (const std::optional<pyautograd::Device> device = cuda_device_of(producer))
    options["stream"] = current_stream(*device);
  try {
    return producer.attr("__dlpack__")(**options);
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_TypeError)) throw;
  }
  return producer.attr("__dlpack__")();
}

}  // namespace
}  // namespace dlpack

Tensor from_dlpack(PyObject* object, std::optional<bool> copy) {
  using namespace dlpack;
  const py::object producer = py::reinterpret_borrow<py::object>(object);
  if (!py::hasattr(producer, "__dlpack__")) {
    type_error("[from_dlpack] expected an object with __dlpack__, not ", Py_TYPE(object)->tp_name);
  }
  const py::object capsule = request_capsule(producer, copy);
  auto taken = [&](Tensor x) { return copy == true ? ops::copy(x) : x; };
  if (PyCapsule_IsValid(capsule.ptr(), kName<ManagedVersioned>)) {
    const auto* managed = static_cast<ManagedVersioned*>(
        PyCapsule_GetPointer(capsule.ptr(), kName<ManagedVersioned>));
    if (managed->version.major > 1) {
      PyErr_SetString(PyExc_BufferError,
                      "[from_dlpack] the producer speaks a newer DLPack than 1.x");
      throw_python_error();
    }
    const bool writable = (managed->flags & kReadOnly) == 0;
    return taken(take_over<ManagedVersioned>(capsule.ptr(), "used_dltensor_versioned", writable));
  }
  if (PyCapsule_IsValid(capsule.ptr(), kName<Managed>)) {
    return taken(take_over<Managed>(capsule.ptr(), "used_dltensor", true));
  }
  type_error("[from_dlpack] __dlpack__ did not return a fresh DLPack capsule");
}

namespace {

std::string type_string(DType dtype) {
  const char kind = is_bool(dtype)             ? 'b'
                    : is_complex(dtype)        ? 'c'
                    : is_floating(dtype)       ? 'f'
                    : is_signed_integer(dtype) ? 'i'
                                               : 'u';
  return concat(itemsize(dtype) == 1 ? "|" : "<", kind, itemsize(dtype));
}

// Version 3 of the interface of Numba's making, which names the stream to wait for.
py::dict cuda_array_interface(const Tensor& x) {
  const pyautograd::Device device = x.device();
  if (device.kind == pyautograd::Device::Kind::CPU) {
    PyErr_SetString(PyExc_AttributeError, "a tensor on the cpu has no __cuda_array_interface__");
    throw_python_error();
  }
  if (x.dtype() == DType::BFloat16) {
    PyErr_SetString(PyExc_AttributeError,
                    "__cuda_array_interface__ has no name for bfloat16: use __dlpack__");
    throw_python_error();
  }
  if (!x.is_array() || x.tracked()) {
    runtime_error(
        "[__cuda_array_interface__] a tensor inside a transform or a recorded graph cannot be "
        "exported: use x.detach()");
  }
  const Array& array = x.array();
  if (array.storage->writable()) {
    array.storage->prepare_write();
    array.storage->expose();
  }
  py::tuple shape(array.shape.size()), strides(array.shape.size());
  for (size_t d = 0; d < array.shape.size(); ++d) {
    shape[d] = array.shape[d];
    strides[d] = array.strides[d] * itemsize(array.dtype);
  }
  py::dict out;
  out["shape"] = shape;
  out["typestr"] = type_string(array.dtype);
  out["data"] =
      py::make_tuple(reinterpret_cast<uintptr_t>(array.size() ? array.address() : nullptr),
                     !array.storage->writable());
  out["strides"] = strides;
  // What comes next in this thread's stream comes after everything that made the numbers.
  const kernels::KernelScope scope(device, array.device_view());
  out["stream"] = dlpack::current_stream(device);
  out["version"] = 3;
  return out;
}

}  // namespace

void bind_dlpack(py::module_& module) {
  const py::handle type(reinterpret_cast<PyObject*>(tensor_type));
  py::setattr(type, "__dlpack__",
              py::cpp_function(dlpack::to_dlpack, py::is_method(type), py::name("__dlpack__"),
                               py::kw_only(), py::arg("stream") = py::none(),
                               py::arg("max_version") = py::none(),
                               py::arg("dl_device") = py::none(), py::arg("copy") = py::none()));
  py::setattr(type, "__dlpack_device__",
              py::cpp_function(
                  [](const Tensor& x) {
                    const bool host = x.device().kind == pyautograd::Device::Kind::CPU;
                    return py::make_tuple(static_cast<int>(host ? dlpack::kCPU : dlpack::kCUDA),
                                          int{x.device().index});
                  },
                  py::is_method(type), py::name("__dlpack_device__")));
  module.def(
      "from_dlpack",
      [](const py::object& producer, const py::object& device, std::optional<bool> copy) {
        const Tensor x = from_dlpack(producer.ptr(), copy);
        return device.is_none() ? x : ops::to_device(x, to_device(device.ptr()));
      },
      py::arg("x"), py::pos_only(), py::kw_only(), py::arg("device") = py::none(),
      py::arg("copy") = py::none(),
      "A tensor over the memory of any object with ``__dlpack__``.\n\n"
      "Without a copy, unless ``copy=True`` asks for one; ``copy=False`` has the producer raise\n"
      "``BufferError`` where it could not do without. ``device`` is where the tensor shall be, by\n"
      "default where the memory is.\n\n"
      ">>> pa.from_dlpack(np.arange(3.0)).tolist()\n"
      "[0.0, 1.0, 2.0]");
  const py::handle property(reinterpret_cast<PyObject*>(&PyProperty_Type));
  py::setattr(type, "__cuda_array_interface__",
              property(py::cpp_function(cuda_array_interface, py::is_method(type),
                                        py::name("__cuda_array_interface__"))));
}

}  // namespace pyautograd::python
