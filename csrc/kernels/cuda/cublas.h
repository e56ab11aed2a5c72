#pragma once

#include <cuda_runtime.h>
#include <library_types.h>

#include "kernels/cuda/queue.h"

namespace pyautograd::kernels::cuda {

// One matrix of a product as cuBLAS takes it: columns one after the other, transposed or not.
struct CublasMatrix {
  const void* data;
  bool transposed;
  int64_t leading;  // from one column to the next
  int64_t step;     // from one matrix of the batch to the next
};
// c[i] = a[i] b[i]; c has m rows and n columns, whose leading dimension is m.
struct CublasProduct {
  int64_t m, n, k, count;
  CublasMatrix a, b;
  void* c;
  cudaDataType type;
  bool tf32;  // whether factors in float32 may be rounded
};

// cuBLAS is opened when a product first needs it. False where there is none.
bool run_cublas(const Queue& queue, const CublasProduct& product);

}  // namespace pyautograd::kernels::cuda
