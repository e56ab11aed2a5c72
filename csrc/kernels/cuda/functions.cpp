#include "kernels/cuda/functions.h"

namespace pyautograd::kernels::cuda {

void* Resolver::find(const std::string& name, bool needed) {
  void* found = library_.there() ? library_.find(name) : nullptr;
  if (!found && needed && lacking_.empty()) lacking_ = name;
  return found;
}

void Resolver::check() const {
  if (complete()) return;
  const FoundLibrary& found = find_library(which_);
  const std::string why = found.handle ? concat(found.place, " has no ", lacking_) : found.place;
  throw MissingLibrary(concat("needs NVIDIA's ", name_of(which_), ": ", why, ". Install it with ",
                              "pip install ", package_of(which_), " or with the CUDA toolkit"));
}

void resolve(ProductFunctions& f, Resolver& resolve) {
  resolve(f.create, "cublasCreate_v2");
  resolve(f.set_stream, "cublasSetStream_v2");
  resolve(f.set_workspace, "cublasSetWorkspace_v2");
  resolve(f.set_math, "cublasSetMathMode");
  resolve(f.gemm, "cublasGemmStridedBatchedEx");
}

void resolve(FourierFunctions& f, Resolver& resolve) {
  resolve(f.make, "cufftPlan1d");
  resolve(f.set_stream, "cufftSetStream");
  resolve(f.run_single, "cufftExecC2C");
  resolve(f.run_double, "cufftExecZ2Z");
  resolve(f.destroy, "cufftDestroy");
}

void resolve(ConvolutionFunctions& f, Resolver& resolve) {
  resolve(f.create, "cudnnCreate");
  resolve(f.set_stream, "cudnnSetStream");
  resolve(f.create_tensor, "cudnnCreateTensorDescriptor");
  resolve(f.set_tensor, "cudnnSetTensorNdDescriptor");
  resolve(f.destroy_tensor, "cudnnDestroyTensorDescriptor");
  resolve(f.create_filter, "cudnnCreateFilterDescriptor");
  resolve(f.set_filter, "cudnnSetFilterNdDescriptor");
  resolve(f.destroy_filter, "cudnnDestroyFilterDescriptor");
  resolve(f.create_windows, "cudnnCreateConvolutionDescriptor");
  resolve(f.set_windows, "cudnnSetConvolutionNdDescriptor");
  resolve(f.set_math, "cudnnSetConvolutionMathType");
  resolve(f.set_groups, "cudnnSetConvolutionGroupCount");
  resolve(f.destroy_windows, "cudnnDestroyConvolutionDescriptor");
  const auto direction = [&](ConvolutionFunctions::Direction& to, const std::string& name) {
    resolve(to.choose, "cudnnGetConvolution" + name + "Algorithm_v7");
    resolve(to.work_size, "cudnnGetConvolution" + name + "WorkspaceSize");
    resolve(to.run, "cudnnConvolution" + name);
  };
  direction(f.to_x, "BackwardData");
  direction(f.to_weight, "BackwardFilter");
  direction(f.to_y, "Forward");
}

namespace solver {

void resolve_blas(Functions& f, Resolver& resolve) {
  resolve(f.blas_create, "cublasCreate_v2");
  resolve(f.blas_set_stream, "cublasSetStream_v2");
  resolve(f.blas_set_workspace, "cublasSetWorkspace_v2");
  resolve(f.trsm, "cublas", "trsm_v2");
  resolve(f.trsm_batched, "cublas", "trsmBatched");
  resolve(f.getrf_batched, "cublas", "getrfBatched");
}

void resolve_dense(Functions& f, Resolver& resolve) {
  const std::string prefix = "cusolverDn", size = "_bufferSize";
  resolve(f.create, "cusolverDnCreate");
  resolve(f.set_stream, "cusolverDnSetStream");
  resolve(f.create_params, "cusolverDnCreateParams");
  resolve(f.create_syevj_settings, "cusolverDnCreateSyevjInfo");
  resolve(f.create_gesvdj_settings, "cusolverDnCreateGesvdjInfo");
  resolve(f.getrf, "cusolverDnXgetrf");
  resolve(f.getrf_size, "cusolverDnXgetrf" + size);
  resolve(f.potrf, "cusolverDnXpotrf");
  resolve(f.potrf_size, "cusolverDnXpotrf" + size);
  resolve(f.geqrf, "cusolverDnXgeqrf");
  resolve(f.geqrf_size, "cusolverDnXgeqrf" + size);
  resolve(f.syevd, "cusolverDnXsyevd");
  resolve(f.syevd_size, "cusolverDnXsyevd" + size);
  resolve.optional(f.geev, "cusolverDnXgeev");
  resolve.optional(f.geev_size, "cusolverDnXgeev" + size);
  resolve(f.potrf_batched, prefix, "potrfBatched");
  resolve(f.ungqr, prefix, "orgqr", "ungqr");
  resolve(f.ungqr_size, prefix, "orgqr" + size, "ungqr" + size);
  resolve(f.heevj_batched, prefix, "syevjBatched", "heevjBatched");
  resolve(f.heevj_batched_size, prefix, "syevjBatched" + size, "heevjBatched" + size);
  resolve(f.gesvdj, prefix, "gesvdj");
  resolve(f.gesvdj_size, prefix, "gesvdj" + size);
  resolve(f.gesvdj_batched, prefix, "gesvdjBatched");
  resolve(f.gesvdj_batched_size, prefix, "gesvdjBatched" + size);
}

}  // namespace solver

}  // namespace pyautograd::kernels::cuda
