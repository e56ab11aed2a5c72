// What we declare of NVIDIA's libraries, compared with their headers, and then looked up in the
// libraries themselves. test_cuda_libraries.py compiles it where the headers are installed:
//
//   nvidia_headers FOLDER...   where Python would look for packages

#include <cublas_v2.h>
#include <cudnn.h>
#include <cufft.h>
#include <cusolverDn.h>

#include <cstddef>
#include <cstdio>
#include <type_traits>

#include "kernels/cuda/functions.h"

namespace {

using namespace pyautograd::kernels::cuda;
using solver::Functions;

// Whether a caller may pass what the first type says where the second one is declared: the same
// numbers, and pointers that are constant in the same places. Ours are void where theirs say more.
template <class Ours, class Theirs>
constexpr bool same_argument() {
  using A = std::remove_cv_t<Ours>;
  using B = std::remove_cv_t<Theirs>;
  if constexpr (std::is_pointer_v<A> && std::is_pointer_v<B>) {
    using ToA = std::remove_pointer_t<A>;
    using ToB = std::remove_pointer_t<B>;
    if constexpr (std::is_const_v<ToA> != std::is_const_v<ToB>)
      return false;
    else if constexpr (std::is_void_v<ToA>)
      return !std::is_pointer_v<ToB>;
    else
      return same_argument<ToA, ToB>();
  } else if constexpr (std::is_enum_v<B>) {
    return std::is_same_v<A, int> && sizeof(B) == sizeof(int);
  } else if constexpr (std::is_integral_v<A> && std::is_integral_v<B>) {
    return sizeof(A) == sizeof(B) && std::is_signed_v<A> == std::is_signed_v<B>;
  } else {
    return std::is_same_v<A, B>;
  }
}

template <class Ours, class Theirs>
struct Same;
template <class OurResult, class... Ours, class TheirResult, class... Theirs>
struct Same<OurResult(Ours...), TheirResult(Theirs...)> {
  static constexpr bool value() {
    if constexpr (sizeof...(Ours) != sizeof...(Theirs))
      return false;
    else
      return same_argument<OurResult, TheirResult>() && (same_argument<Ours, Theirs>() && ...);
  }
};

template <class Ours, class... Theirs>
constexpr bool agrees(Theirs*...) {
  return (Same<Ours, Theirs>::value() && ...);
}
template <auto member>
struct Declared;
template <class Table, class F, F* Table::* member>
struct Declared<member> {
  using Type = F;
};
template <class Table, class F, Typed<F> Table::* member>
struct Declared<member> {
  using Type = F;
};
template <auto member>
using TypeOf = typename Declared<member>::Type;

// The comparison itself sees what it must: a number too wide, a constant too few, one too many.
static_assert(!agrees<int(int)>(static_cast<int (*)(long)>(nullptr)));
static_assert(!agrees<int(void*)>(static_cast<int (*)(const float*)>(nullptr)));
static_assert(!agrees<int(const void*)>(static_cast<int (*)(float**)>(nullptr)));
static_assert(!agrees<int(int, int)>(static_cast<int (*)(int)>(nullptr)));
static_assert(agrees<int(const void* const*)>(static_cast<int (*)(const float* const*)>(nullptr)));

using Product = ProductFunctions;
static_assert(agrees<TypeOf<&Product::create>>(cublasCreate_v2));
static_assert(agrees<TypeOf<&Product::set_stream>>(cublasSetStream_v2));
static_assert(agrees<TypeOf<&Product::set_workspace>>(cublasSetWorkspace_v2));
static_assert(agrees<TypeOf<&Product::set_math>>(cublasSetMathMode));
static_assert(Product::kWideSums == CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION);
using GemmOfC = cublasStatus_t(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int, int,
                               const void*, const void*, cudaDataType, int, long long, const void*,
                               cudaDataType, int, long long, const void*, void*, cudaDataType, int,
                               long long, int, cublasComputeType_t, cublasGemmAlgo_t);
static_assert(agrees<TypeOf<&Product::gemm>>(static_cast<GemmOfC*>(cublasGemmStridedBatchedEx)));
static_assert(Product::kCompute32 == CUBLAS_COMPUTE_32F);
static_assert(Product::kCompute64 == CUBLAS_COMPUTE_64F);
static_assert(Product::kComputeTf32 == CUBLAS_COMPUTE_32F_FAST_TF32);
static_assert(Product::kDefaultAlgorithm == CUBLAS_GEMM_DEFAULT);
static_assert(Product::kNoMemory == CUBLAS_STATUS_ALLOC_FAILED);

using Fourier = FourierFunctions;
static_assert(agrees<TypeOf<&Fourier::make>>(cufftPlan1d));
static_assert(agrees<TypeOf<&Fourier::set_stream>>(cufftSetStream));
static_assert(agrees<TypeOf<&Fourier::run_single>>(cufftExecC2C));
static_assert(agrees<TypeOf<&Fourier::run_double>>(cufftExecZ2Z));
static_assert(agrees<TypeOf<&Fourier::destroy>>(cufftDestroy));
static_assert(Fourier::kSingle == CUFFT_C2C && Fourier::kDouble == CUFFT_Z2Z);
static_assert(Fourier::kForward == CUFFT_FORWARD && Fourier::kInverse == CUFFT_INVERSE);

static_assert(Fourier::kNoMemory == CUFFT_ALLOC_FAILED);

using Convolution = ConvolutionFunctions;
static_assert(agrees<TypeOf<&Convolution::create>>(cudnnCreate));
static_assert(agrees<TypeOf<&Convolution::set_stream>>(cudnnSetStream));
static_assert(agrees<TypeOf<&Convolution::create_tensor>>(cudnnCreateTensorDescriptor));
static_assert(agrees<TypeOf<&Convolution::set_tensor>>(cudnnSetTensorNdDescriptor));
static_assert(agrees<TypeOf<&Convolution::destroy_tensor>>(cudnnDestroyTensorDescriptor));
static_assert(agrees<TypeOf<&Convolution::create_filter>>(cudnnCreateFilterDescriptor));
static_assert(agrees<TypeOf<&Convolution::set_filter>>(cudnnSetFilterNdDescriptor));
static_assert(agrees<TypeOf<&Convolution::destroy_filter>>(cudnnDestroyFilterDescriptor));
static_assert(agrees<TypeOf<&Convolution::create_windows>>(cudnnCreateConvolutionDescriptor));
static_assert(agrees<TypeOf<&Convolution::set_windows>>(cudnnSetConvolutionNdDescriptor));
static_assert(agrees<TypeOf<&Convolution::set_math>>(cudnnSetConvolutionMathType));
static_assert(agrees<TypeOf<&Convolution::set_groups>>(cudnnSetConvolutionGroupCount));
static_assert(agrees<TypeOf<&Convolution::destroy_windows>>(cudnnDestroyConvolutionDescriptor));
static_assert(agrees<Convolution::Choose>(cudnnGetConvolutionForwardAlgorithm_v7,
                                          cudnnGetConvolutionBackwardDataAlgorithm_v7,
                                          cudnnGetConvolutionBackwardFilterAlgorithm_v7));
static_assert(agrees<Convolution::WorkSize>(cudnnGetConvolutionForwardWorkspaceSize,
                                            cudnnGetConvolutionBackwardDataWorkspaceSize,
                                            cudnnGetConvolutionBackwardFilterWorkspaceSize));
static_assert(agrees<Convolution::Run>(cudnnConvolutionForward, cudnnConvolutionBackwardData,
                                       cudnnConvolutionBackwardFilter));
template <class Theirs>
constexpr bool is_choice() {
  using Ours = Convolution::Choice;
  return sizeof(Ours) == sizeof(Theirs) && offsetof(Ours, status) == offsetof(Theirs, status) &&
         offsetof(Ours, work_bytes) == offsetof(Theirs, memory) &&
         offsetof(Ours, determinism) == offsetof(Theirs, determinism);
}
static_assert(is_choice<cudnnConvolutionFwdAlgoPerf_t>());
static_assert(is_choice<cudnnConvolutionBwdDataAlgoPerf_t>());
static_assert(is_choice<cudnnConvolutionBwdFilterAlgoPerf_t>());
static_assert(Convolution::kFloat == CUDNN_DATA_FLOAT && Convolution::kHalf == CUDNN_DATA_HALF);
static_assert(Convolution::kBfloat16 == CUDNN_DATA_BFLOAT16);
static_assert(Convolution::kChannelsLast == CUDNN_TENSOR_NHWC);
static_assert(Convolution::kCrossCorrelation == CUDNN_CROSS_CORRELATION);
static_assert(Convolution::kDefaultMath == CUDNN_DEFAULT_MATH);
static_assert(Convolution::kTensorMath == CUDNN_TENSOR_OP_MATH);
static_assert(Convolution::kPlainMath == CUDNN_FMA_MATH);
static_assert(Convolution::kDeterministic == CUDNN_DETERMINISTIC);
static_assert(Convolution::kBadParameter == CUDNN_STATUS_BAD_PARAM);
static_assert(Convolution::kNotSupported == CUDNN_STATUS_NOT_SUPPORTED);
static_assert(Convolution::kNoMemory == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED);

static_assert(solver::kSuccess == CUBLAS_STATUS_SUCCESS);
static_assert(int{solver::kSuccess} == CUDNN_STATUS_SUCCESS);
static_assert(int{solver::kNoMemory} == CUSOLVER_STATUS_ALLOC_FAILED);
static_assert(int{solver::kSuccess} == CUSOLVER_STATUS_SUCCESS);
static_assert(int{solver::kSuccess} == CUFFT_SUCCESS);
static_assert(solver::kLower == CUBLAS_FILL_MODE_LOWER && solver::kUpper == CUBLAS_FILL_MODE_UPPER);
static_assert(solver::kPlain == CUBLAS_OP_N && solver::kTransposed == CUBLAS_OP_T);
static_assert(solver::kLeft == CUBLAS_SIDE_LEFT && solver::kRight == CUBLAS_SIDE_RIGHT);
static_assert(solver::kReadDiagonal == CUBLAS_DIAG_NON_UNIT);
static_assert(solver::kUnitDiagonal == CUBLAS_DIAG_UNIT);
static_assert(solver::kNoVectors == CUSOLVER_EIG_MODE_NOVECTOR);
static_assert(solver::kVectors == CUSOLVER_EIG_MODE_VECTOR);
static_assert(solver::kReal32 == int{CUDA_R_32F} && solver::kReal64 == int{CUDA_R_64F});
static_assert(solver::kComplex32 == int{CUDA_C_32F} && solver::kComplex64 == int{CUDA_C_64F});

static_assert(agrees<TypeOf<&Functions::blas_create>>(cublasCreate_v2));
static_assert(agrees<TypeOf<&Functions::blas_set_stream>>(cublasSetStream_v2));
static_assert(agrees<TypeOf<&Functions::blas_set_workspace>>(cublasSetWorkspace_v2));
static_assert(agrees<Functions::Trsm>(cublasStrsm_v2, cublasDtrsm_v2, cublasCtrsm_v2,
                                      cublasZtrsm_v2));
static_assert(agrees<Functions::TrsmBatched>(cublasStrsmBatched, cublasDtrsmBatched,
                                             cublasCtrsmBatched, cublasZtrsmBatched));
static_assert(agrees<Functions::GetrfBatched>(cublasSgetrfBatched, cublasDgetrfBatched,
                                              cublasCgetrfBatched, cublasZgetrfBatched));

static_assert(agrees<TypeOf<&Functions::create>>(cusolverDnCreate));
static_assert(agrees<TypeOf<&Functions::set_stream>>(cusolverDnSetStream));
static_assert(agrees<TypeOf<&Functions::create_params>>(cusolverDnCreateParams));
static_assert(agrees<TypeOf<&Functions::create_syevj_settings>>(cusolverDnCreateSyevjInfo));
static_assert(agrees<TypeOf<&Functions::create_gesvdj_settings>>(cusolverDnCreateGesvdjInfo));
static_assert(agrees<TypeOf<&Functions::getrf_size>>(cusolverDnXgetrf_bufferSize));
static_assert(agrees<TypeOf<&Functions::getrf>>(cusolverDnXgetrf));
static_assert(agrees<TypeOf<&Functions::potrf_size>>(cusolverDnXpotrf_bufferSize));
static_assert(agrees<TypeOf<&Functions::potrf>>(cusolverDnXpotrf));
static_assert(agrees<TypeOf<&Functions::geqrf_size>>(cusolverDnXgeqrf_bufferSize));
static_assert(agrees<TypeOf<&Functions::geqrf>>(cusolverDnXgeqrf));
static_assert(agrees<TypeOf<&Functions::syevd_size>>(cusolverDnXsyevd_bufferSize));
static_assert(agrees<TypeOf<&Functions::syevd>>(cusolverDnXsyevd));
#if CUSOLVER_VERSION >= 11701  // CUDA 12.6
static_assert(agrees<TypeOf<&Functions::geev_size>>(cusolverDnXgeev_bufferSize));
static_assert(agrees<TypeOf<&Functions::geev>>(cusolverDnXgeev));
#endif
static_assert(agrees<Functions::PotrfBatched>(cusolverDnSpotrfBatched, cusolverDnDpotrfBatched,
                                              cusolverDnCpotrfBatched, cusolverDnZpotrfBatched));
static_assert(agrees<Functions::UngqrSize>(cusolverDnSorgqr_bufferSize, cusolverDnDorgqr_bufferSize,
                                           cusolverDnCungqr_bufferSize,
                                           cusolverDnZungqr_bufferSize));
static_assert(agrees<Functions::Ungqr>(cusolverDnSorgqr, cusolverDnDorgqr, cusolverDnCungqr,
                                       cusolverDnZungqr));
static_assert(agrees<Functions::HeevjSize>(cusolverDnSsyevjBatched_bufferSize,
                                           cusolverDnDsyevjBatched_bufferSize,
                                           cusolverDnCheevjBatched_bufferSize,
                                           cusolverDnZheevjBatched_bufferSize));
static_assert(agrees<Functions::Heevj>(cusolverDnSsyevjBatched, cusolverDnDsyevjBatched,
                                       cusolverDnCheevjBatched, cusolverDnZheevjBatched));
static_assert(agrees<Functions::GesvdjSize>(cusolverDnSgesvdj_bufferSize,
                                            cusolverDnDgesvdj_bufferSize,
                                            cusolverDnCgesvdj_bufferSize,
                                            cusolverDnZgesvdj_bufferSize));
static_assert(agrees<Functions::Gesvdj>(cusolverDnSgesvdj, cusolverDnDgesvdj, cusolverDnCgesvdj,
                                        cusolverDnZgesvdj));
static_assert(agrees<Functions::GesvdjBatchedSize>(cusolverDnSgesvdjBatched_bufferSize,
                                                   cusolverDnDgesvdjBatched_bufferSize,
                                                   cusolverDnCgesvdjBatched_bufferSize,
                                                   cusolverDnZgesvdjBatched_bufferSize));
static_assert(agrees<Functions::GesvdjBatched>(cusolverDnSgesvdjBatched, cusolverDnDgesvdjBatched,
                                               cusolverDnCgesvdjBatched, cusolverDnZgesvdjBatched));

template <class Resolve>
void look_up(Library which, const Resolve& resolve) {
  Resolver resolver(which);
  resolve(resolver);
  try {
    resolver.check();
    std::printf("%s complete %s\n", name_of(which), find_library(which).place.c_str());
  } catch (const pyautograd::MissingLibrary& error) {
    std::printf("%s %s\n", name_of(which), error.what());
  }
}

}  // namespace

int main(int count, char** folders) {
  set_library_folders({folders + 1, folders + count});
  ProductFunctions products{};
  FourierFunctions transforms{};
  ConvolutionFunctions convolutions{};
  Functions dense{};
  look_up(Library::Cublas, [&](Resolver& r) { resolve(products, r), resolve_blas(dense, r); });
  look_up(Library::Cusolver, [&](Resolver& r) { resolve_dense(dense, r); });
  look_up(Library::Cufft, [&](Resolver& r) { resolve(transforms, r); });
  look_up(Library::Cudnn, [&](Resolver& r) { resolve(convolutions, r); });
  std::printf("cusolverDnXgeev %s\n", dense.geev && dense.geev_size ? "found" : "missing");
}
