#pragma once

// What a stand-in of a routine of cuBLAS or cuSOLVER knows of its handles, and asks of its
// arguments.

#include <cstring>

#include "kernels/cuda/emulated/solvers.h"
#include "kernels/cuda/emulated/streams.h"
#include "kernels/cuda/solvers.h"

namespace pyautograd::kernels::cuda::emulated {

using solver::Handle;

inline constexpr size_t kHostBytes = 24;  // what every routine asks for on the host

struct Object {
  enum class Kind { Blas, Solver, Params, SyevjSettings, GesvdjSettings } kind;
  void* stream = nullptr;
  bool has_workspace = false;

  // Within a capture cuBLAS must not work in memory that another stream uses, and cuSOLVER not at
  // all.
  bool can_be_captured() const {
    return !static_cast<const Stream*>(stream)->capture || (kind == Kind::Blas && has_workspace);
  }
};
template <Object::Kind kind>
int create(Handle* out) {
  *out = new Object{kind};
  return solver::kSuccess;
}
template <Object::Kind kind>
int set_stream(Handle handle, void* stream) {
  auto* object = static_cast<Object*>(handle);
  if (!object || object->kind != kind) return 1;
  object->stream = stream;
  object->has_workspace = false;
  return solver::kSuccess;
}
inline int set_workspace(Handle handle, void* memory, size_t bytes) {
  auto* object = static_cast<Object*>(handle);
  if (!object || object->kind != Object::Kind::Blas || !is_device_memory(memory, bytes)) return 1;
  object->has_workspace = true;
  return solver::kSuccess;
}

// The checks of one call.
class Arguments {
 public:
  Arguments(Handle handle, Object::Kind kind) {
    const auto* object = static_cast<const Object*>(handle);
    require(object && object->kind == kind);
    require(object &&
            (object->stream || (kind != Object::Kind::Blas && kind != Object::Kind::Solver)));
  }
  void require(bool holds) { valid_ &= holds; }
  void object(Handle handle, Object::Kind kind) { require(Arguments(handle, kind).valid_); }
  template <class T>
  void array(const T* data, int64_t count) {
    require(data && count > 0 && is_device_memory(data, static_cast<size_t>(count) * sizeof(T)));
  }
  template <class T>
  void matrix(const void* data, int64_t rows, int64_t columns, int64_t leading) {
    require(rows > 0 && columns > 0 && leading >= rows);
    if (valid_) array(static_cast<const T*>(data), leading * (columns - 1) + rows);
  }
  void choice(int value) { require(value == 0 || value == 1); }
  // Workspaces of at least the sizes that were asked for, which nothing is kept in.
  void work(void* device, size_t bytes, size_t wanted) {
    require(bytes >= wanted);
    if (wanted > 0) array(static_cast<std::byte*>(device), static_cast<int64_t>(bytes));
    if (valid_) std::memset(device, 0xA5, bytes);
  }
  void host_work(void* data, size_t bytes) {
    require(bytes >= kHostBytes && data && !is_device_memory(data, 1));
    if (valid_) std::memset(data, 0xA5, bytes);
  }
  explicit operator bool() const { return valid_; }

 private:
  bool valid_ = true;
};

inline Arguments blas_call(Handle handle) { return Arguments(handle, Object::Kind::Blas); }
inline Arguments solver_call(Handle handle) { return Arguments(handle, Object::Kind::Solver); }
inline Arguments solver_call(Handle handle, Handle params) {
  Arguments check(handle, Object::Kind::Solver);
  check.object(params, Object::Kind::Params);
  return check;
}

}  // namespace pyautograd::kernels::cuda::emulated
