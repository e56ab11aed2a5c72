#include "core/dtype.h"

#include <algorithm>
#include <array>

namespace pyautograd {

namespace {

constexpr std::array<std::string_view, kDTypeCount> kNames{
    "bool",   "int8",    "int16",   "int32",     "int64",      "uint8",   "uint16",  "uint32",
    "uint64", "float32", "float64", "complex64", "complex128", "float16", "bfloat16"};

DType signed_with_size(int64_t bytes) {
  return bytes == 1   ? DType::Int8
         : bytes == 2 ? DType::Int16
         : bytes == 4 ? DType::Int32
                      : DType::Int64;
}

DType promote_integers(DType a, DType b) {
  if (is_signed_integer(a) == is_signed_integer(b)) return itemsize(a) >= itemsize(b) ? a : b;
  DType with_sign = is_signed_integer(a) ? a : b;
  DType without = is_signed_integer(a) ? b : a;
  if (itemsize(with_sign) > itemsize(without)) return with_sign;
  // NumPy has no integer that holds both int64 and uint64.
  return itemsize(without) == 8 ? DType::Float64 : signed_with_size(itemsize(without) * 2);
}

}  // namespace

std::string_view name_of(DType dtype) noexcept { return kNames[static_cast<size_t>(dtype)]; }

void no_loops(DType dtype) {
  type_error("there is no kernel for dtype ", name_of(dtype), ": convert to float32 first");
}

DType promote(DType a, DType b) noexcept {
  if (a == b) return a;
  if (is_bool(a)) return b;
  if (is_bool(b)) return a;
  if (is_complex(a) || is_complex(b)) return complex_of(promote(real_of(a), real_of(b)));
  if (is_integer(a) && is_integer(b)) return promote_integers(a, b);
  if (is_half(a) && is_half(b)) return DType::Float32;
  if (is_half(a)) return is_floating(b) ? b : a;
  if (is_half(b)) return is_floating(a) ? a : b;
  if (is_floating(a) && is_floating(b)) return std::max(a, b);
  DType integer = is_integer(a) ? a : b;
  DType floating = is_integer(a) ? b : a;
  return itemsize(integer) <= 2 ? floating : DType::Float64;
}

std::string shape_string(std::span<const int64_t> dims) {
  std::string out = "(";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) out += ", ";
    out += std::to_string(dims[i]);
  }
  return out + (dims.size() == 1 ? ",)" : ")");
}

}  // namespace pyautograd
