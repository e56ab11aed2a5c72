#pragma once

// The doors of linalg.h for devices, and what of them the host does for a device.

#include "kernels/linalg.h"

namespace pyautograd::kernels {

// As in linalg.h: matrices, pivots and results lie on the device, `which` and `info` on the host.
struct DeviceLinalg {
  void (*lu)(const Matrices& a, int32_t* pivots, int32_t* info);
  void (*det)(const Matrices& lu, const int32_t* pivots, void* sign, void* logabsdet, void* det);
  void (*lu_solve)(const Matrices& lu, const int32_t* pivots, const Matrices& b,
                   const int64_t* which, Side side);
  void (*lu_inverse)(const Matrices& lu, const int32_t* pivots);
  void (*cholesky)(const Matrices& a, bool upper, int32_t* info);
  void (*solve_triangular)(const Matrices& a, const Matrices& b, const int64_t* which,
                           Triangle triangle);
  void (*qr)(const Matrices& a, const Matrices* q);
  void (*svd)(const Matrices& a, void* s, const Matrices* u, const Matrices* vh, int32_t* info);
  void (*eigh)(const Matrices& a, void* w, bool lower, bool vectors, int32_t* info);
  // False where the device's libraries are too old to have it.
  bool (*eig)(const Matrices& a, void* w, const Matrices* v, int32_t* info);
};

inline bool on_device(const Matrices& x) { return x.device.kind != Device::Kind::CPU; }
inline const void* data_of(const Matrices* x) { return x ? x->data : nullptr; }

// By products, solves and inverses on the device; roots, logarithms and Sylvester's equation by the
// host where these would not do.
void expm_on_device(const Matrices& a);
void logm_on_device(const Matrices& a);
void sqrtm_on_device(const Matrices& a);
void solve_sylvester_on_device(const Matrices& a, const Matrices& b, const Matrices& q,
                               int32_t* info);

// What no library of a device has: the matrices go to the host and the results back. The cofactors
// of well-conditioned matrices, which need no singular values, stay on the device.
void det_derivative_on_device(const Matrices& a, std::span<const Matrices> directions,
                              const Matrices& out);
void eig_on_device(const Matrices& a, void* w, const Matrices* v, int32_t* info);
void solve_sylvester_by_host(const Matrices& a, const Matrices& b, const Matrices& q,
                             int32_t* info);
void solve_banded_by_host(const Matrices& diagonals, const Matrices& b, const int64_t* which,
                          Band band, int32_t* info);
void function_by_host(const Matrices& a, void (*function)(const Matrices& a));

}  // namespace pyautograd::kernels
