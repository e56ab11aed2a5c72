#pragma once

#include <array>
#include <complex>
#include <cstdint>
#include <string_view>

#include "core/error.h"

namespace pyautograd {

enum class DType : uint8_t {
  Bool,
  Int8,
  Int16,
  Int32,
  Int64,
  UInt8,
  UInt16,
  UInt32,
  UInt64,
  Float32,
  Float64,
  Complex64,
  Complex128,
  Float16,
  BFloat16,
};
inline constexpr int kDTypeCount = 15;

inline constexpr std::array<uint8_t, kDTypeCount> kItemsizes{1, 1, 2, 4, 8,  1, 2, 4,
                                                             8, 4, 8, 8, 16, 2, 2};
constexpr int64_t itemsize(DType dtype) noexcept { return kItemsizes[static_cast<size_t>(dtype)]; }
inline constexpr int64_t kMaxItemsize = 16;
std::string_view name_of(DType dtype) noexcept;  // "float64"

constexpr bool is_bool(DType d) noexcept { return d == DType::Bool; }
// float16 and bfloat16 are kept in memory and computed with as float32 (ops/in_single.h).
constexpr bool is_half(DType d) noexcept { return d >= DType::Float16; }
// The real floating-point numbers.
constexpr bool is_floating(DType d) noexcept {
  return d == DType::Float32 || d == DType::Float64 || is_half(d);
}
constexpr bool is_complex(DType d) noexcept {
  return d == DType::Complex64 || d == DType::Complex128;
}
constexpr bool is_integer(DType d) noexcept { return d > DType::Bool && d < DType::Float32; }
constexpr bool is_signed_integer(DType d) noexcept { return d >= DType::Int8 && d <= DType::Int64; }
// Only tensors of these dtypes can be differentiated.
constexpr bool is_inexact(DType d) noexcept { return d >= DType::Float32; }

// The dtype of the real part: a complex dtype's own, and of every other one itself.
constexpr DType real_of(DType d) noexcept {
  if (!is_complex(d)) return d;
  return d == DType::Complex64 ? DType::Float32 : DType::Float64;
}
// The complex dtype whose parts hold d's numbers.
constexpr DType complex_of(DType d) noexcept {
  return d == DType::Float32 || d == DType::Complex64 || is_half(d) ? DType::Complex64
                                                                    : DType::Complex128;
}

// The array API's promotion table; integers with floats promote as NumPy does (int64 + float32 =
// float64), and with complex numbers as with their parts (int64 + complex64 = complex128). Integers
// with float16 or bfloat16 make that, these two together float32.
DType promote(DType a, DType b) noexcept;
// The dtype in which an op that needs floating point computes: itself if inexact, else float64.
constexpr DType to_floating(DType d) noexcept { return is_inexact(d) ? d : DType::Float64; }

// How the two are stored; kernels/scalar/half.h converts them.
struct Float16 {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

// The real type of a number, and the complex one.
template <class T>
struct Parts {
  using Real = T;
  using Complex = std::complex<T>;
};
template <class T>
struct Parts<std::complex<T>> {
  using Real = T;
  using Complex = std::complex<T>;
};
template <class T>
using RealOf = typename Parts<T>::Real;
template <class T>
using ComplexOf = typename Parts<T>::Complex;
template <class T>
inline constexpr bool is_complex_type = !std::is_same_v<T, RealOf<T>>;

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::Bool;
};
template <>
struct DTypeOf<int8_t> {
  static constexpr DType value = DType::Int8;
};
template <>
struct DTypeOf<int16_t> {
  static constexpr DType value = DType::Int16;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::Int32;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr DType value = DType::Int64;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::UInt8;
};
template <>
struct DTypeOf<uint16_t> {
  static constexpr DType value = DType::UInt16;
};
template <>
struct DTypeOf<uint32_t> {
  static constexpr DType value = DType::UInt32;
};
template <>
struct DTypeOf<uint64_t> {
  static constexpr DType value = DType::UInt64;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::Float32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::Float64;
};
template <>
struct DTypeOf<std::complex<float>> {
  static constexpr DType value = DType::Complex64;
};
template <>
struct DTypeOf<std::complex<double>> {
  static constexpr DType value = DType::Complex128;
};
template <>
struct DTypeOf<Float16> {
  static constexpr DType value = DType::Float16;
};
template <>
struct DTypeOf<BFloat16> {
  static constexpr DType value = DType::BFloat16;
};
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

template <class T>
struct TypeTag {
  using type = T;
};

// There are no loops over such elements: raises TypeError.
[[noreturn]] void no_loops(DType dtype);

// Calls f(TypeTag<T>{}) with the C++ type that stores `dtype`, which is not complex: what needs an
// order.
template <class F>
decltype(auto) visit_real_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::Bool:
      return f(TypeTag<bool>{});
    case DType::Int8:
      return f(TypeTag<int8_t>{});
    case DType::Int16:
      return f(TypeTag<int16_t>{});
    case DType::Int32:
      return f(TypeTag<int32_t>{});
    case DType::Int64:
      return f(TypeTag<int64_t>{});
    case DType::UInt8:
      return f(TypeTag<uint8_t>{});
    case DType::UInt16:
      return f(TypeTag<uint16_t>{});
    case DType::UInt32:
      return f(TypeTag<uint32_t>{});
    case DType::UInt64:
      return f(TypeTag<uint64_t>{});
    case DType::Float32:
      return f(TypeTag<float>{});
    case DType::Float64:
      return f(TypeTag<double>{});
    default:
      no_loops(dtype);
  }
}

// The same for every dtype that is computed with.
template <class F>
decltype(auto) visit_dtype(DType dtype, F&& f) {
  if (dtype == DType::Complex64) return f(TypeTag<std::complex<float>>{});
  if (dtype == DType::Complex128) return f(TypeTag<std::complex<double>>{});
  return visit_real_dtype(dtype, f);
}

template <class F>
decltype(auto) visit_half(DType dtype, F&& f) {
  return dtype == DType::Float16 ? f(TypeTag<Float16>{}) : f(TypeTag<BFloat16>{});
}

// The same for every dtype.
template <class F>
decltype(auto) visit_stored_dtype(DType dtype, F&& f) {
  return is_half(dtype) ? visit_half(dtype, f) : visit_dtype(dtype, f);
}

struct Device {
  enum class Kind : uint8_t { CPU, CUDA };
  Kind kind = Kind::CPU;
  uint8_t index = 0;
  friend bool operator==(Device, Device) = default;
};

}  // namespace pyautograd
