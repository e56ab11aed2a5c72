#pragma once

// What cuBLAS and cuSOLVER leave to be done around them, for whole batches of matrices.

#include <algorithm>
#include <optional>

#include "kernels/cuda/elementwise.h"
#include "kernels/cuda/solvers.h"

namespace pyautograd::kernels::cuda {

inline bool is_empty(const Matrices& x) { return x.count == 0 || x.rows == 0 || x.columns == 0; }
inline int64_t size_of(const Matrices& x) { return x.rows * x.columns; }
inline size_t bytes_of(const Matrices& x) {
  return static_cast<size_t>(x.count * size_of(x) * itemsize(x.dtype));
}
inline std::byte* matrix_at(const Matrices& x, int64_t i) {
  return static_cast<std::byte*>(x.data) + i * size_of(x) * itemsize(x.dtype);
}

// Which matrix each of a batch meets: `which` of linalg.h, or null where they go along.
class Which {
 public:
  struct Map {
    const int64_t* numbers;  // null: the same one for all, or one after the other
    int64_t step;
    PYAUTOGRAD_HD int64_t operator()(int64_t i) const { return numbers ? numbers[i] : i * step; }
  };
  Which(solver::Session& session, const int64_t* which, int64_t count);
  const Map& map() const { return map_; }

 private:
  std::optional<Scratch> memory_;
  Map map_{nullptr, 1};
};

// An array on the device of where matrices begin: of all of them or, for i < count, of number
// which(i).
class Pointers {
 public:
  Pointers(solver::Session& session, const Matrices& x, int64_t count, const Which::Map& which);
  Pointers(solver::Session& session, const Matrices& x)
      : Pointers(session, x, x.count, {nullptr, 1}) {}
  void** get() const { return memory_.as<void*>(); }

 private:
  Scratch memory_;
};

template <class T>
PYAUTOGRAD_HD T conjugate(T x) {
  if constexpr (is_complex_type<T>)
    return T(x.real(), -x.imag());
  else
    return x;
}
template <class T>
PYAUTOGRAD_HD RealOf<T> real_part(T x) {
  if constexpr (is_complex_type<T>)
    return x.real();
  else
    return x;
}

// As visit_scalar, with the type of the numbers' real parts.
template <class F>
void visit_parts(DType dtype, F&& f) {
  if (real_of(dtype) == DType::Float32)
    f(TypeTag<float>{});
  else
    f(TypeTag<double>{});
}

// The first columns of matrices with as many rows, into all of those of others.
void copy_plain(Queue& queue, const Matrices& out, const Matrices& x);

// Clears one triangle of every matrix, without the diagonal.
void clear_triangle(Queue& queue, const Matrices& x, bool upper);

// What routines report of every matrix, beside whether it is finite, read with one wait. In a
// captured call the graph is told of matrices at fault after a replay, and the host of none.
class Reports {
 public:
  Reports(solver::Session& session, int64_t count);
  int* info(int64_t i) const { return memory_.as<int>() + i; }

  enum class Part : uint8_t { Whole, Lower, Upper };
  // Remembers which matrices are not finite and clears these, which no iteration would stop for.
  void take_out_non_finite(const Matrices& x, Part part);
  // nan for everything that belongs to such a matrix.
  void spoil(const Matrices& x) const;
  // Of what is not finite, what fails gets kNotFinite. Into null: nobody asks.
  enum class Fails : uint8_t { Nothing, Nan, All };
  void read(int32_t* info, Fails fails = Fails::Nothing) const;
  static constexpr int32_t kNotFinite = -4;

 private:
  solver::Session& session_;
  const int64_t count_;
  Scratch memory_;  // info, whether there is an infinity, whether there is a nan
};

}  // namespace pyautograd::kernels::cuda
