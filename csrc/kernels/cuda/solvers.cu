#include <limits>
#include <map>
#include <utility>

#include "core/error.h"
#include "kernels/cuda/solvers.h"

#ifndef PYAUTOGRAD_CUDA_EMULATION
#include <library_types.h>
#endif

namespace pyautograd::kernels::cuda::solver {

namespace {

#ifndef PYAUTOGRAD_CUDA_EMULATION
static_assert(int{kReal32} == CUDA_R_32F && int{kReal64} == CUDA_R_64F &&
              int{kComplex32} == CUDA_C_32F && int{kComplex64} == CUDA_C_64F);
#endif
void* stream_of(const Queue& queue) { return queue.stream(); }

struct Handles {
  Handle blas = nullptr, dense = nullptr, params = nullptr;
  Handle syevj_settings = nullptr, gesvdj_settings = nullptr;
};

struct Libraries {
  Libraries() {
    Resolver blas(Library::Cublas), dense(Library::Cusolver);
    resolve_blas(f, blas);
    resolve_dense(f, dense);
    blas.check();
    dense.check();
  }
  Functions f{};
  std::mutex mutex;
  // For each stream, as a handle's own workspace serves one at a time.
  std::map<std::pair<int, void*>, Handles> handles;
};

Libraries& libraries() {
  static Libraries* opened = new Libraries;  // the handles outlive every caller
  return *opened;
}

size_t letter_of(DType dtype) {
  return (real_of(dtype) == DType::Float64 ? 1 : 0) + (is_complex(dtype) ? 2 : 0);
}

Type type_of(DType dtype) {
  constexpr Type kTypes[] = {kReal32, kReal64, kComplex32, kComplex64};
  return kTypes[letter_of(dtype)];
}

}  // namespace

int as_int(int64_t size) {
  if (size > std::numeric_limits<int>::max())
    value_error("a size of ", size, " is too large for cuSOLVER");
  return static_cast<int>(size);
}

Session::Session(Device device, DType dtype)
    : f(libraries().f),
      letter(letter_of(dtype)),
      type(type_of(dtype)),
      real_type(type_of(real_of(dtype))),
      lock_(libraries().mutex),
      queue(device) {
  auto& handles = libraries().handles;
  auto place = handles.end();
  // A stream that is being captured is lent those of another one, as making some takes calls that a
  // capture forbids.
  if (queue.captured()) place = handles.lower_bound({device.index, nullptr});
  if (place == handles.end() || place->first.first != device.index)
    place = handles.try_emplace({device.index, stream_of(queue)}).first;
  Handles& mine = place->second;
  if (!mine.dense) {
    Handles made;
    const auto make = [&](int none_left, auto* create, Handle* out, const char* what) {
      check_status(call_with_memory(device.index, none_left, [&] { return create(out); }), what);
    };
    make(ProductFunctions::kNoMemory, f.blas_create, &made.blas, "cublasCreate");
    make(kNoMemory, f.create, &made.dense, "cusolverDnCreate");
    check_status(f.create_params(&made.params), "cusolverDnCreateParams");
    check_status(f.create_syevj_settings(&made.syevj_settings), "cusolverDnCreateSyevjInfo");
    check_status(f.create_gesvdj_settings(&made.gesvdj_settings), "cusolverDnCreateGesvdjInfo");
    mine = made;
  }
  check_status(f.blas_set_stream(mine.blas, stream_of(queue)), "cublasSetStream");
  blas = mine.blas;
  if (queue.captured()) {
    home_ = place->first.second;
    lent_memory_.emplace(device.index, kBlasMemory);
    check_status(f.blas_set_workspace(blas, lent_memory_->as<void>(), kBlasMemory),
                 "cublasSetWorkspace");
  } else {
    check_status(f.set_stream(mine.dense, stream_of(queue)), "cusolverDnSetStream");
  }
  dense = mine.dense;
  params = mine.params;
  syevj_settings = mine.syevj_settings;
  gesvdj_settings = mine.gesvdj_settings;
}

// Setting the stream brings the handle's own memory back.
Session::~Session() {
  if (lent_memory_) f.blas_set_stream(blas, home_);
}

void Session::need_cusolver() const {
  if (queue.captured())
    runtime_error("a captured call cannot use cuSOLVER, whose routines cannot be captured");
}

Work::Work(Session& session, size_t device_bytes, size_t host_bytes)
    : device_bytes(device_bytes),
      host_bytes(host_bytes),
      device_(session.queue.device(), device_bytes),
      host_(session.host_memory_.emplace_back(host_bytes).data()) {}

}  // namespace pyautograd::kernels::cuda::solver
