#include "kernels/device_linalg.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "core/array.h"
#include "kernels/device.h"

namespace pyautograd::kernels {

namespace {

// Arrays of a device as the host has them for a while.
class OnHost {
 public:
  explicit OnHost(Device device) : device_(device) {
    if (has_lapack()) return;
    throw MissingLibrary(
        "is computed on the host, which needs LAPACK: install the package scipy-openblas32");
  }
  Matrices in(const Matrices& x) { return matrices(x, true, false); }
  Matrices out(const Matrices& x) { return matrices(x, false, true); }
  Matrices in_out(const Matrices& x) { return matrices(x, true, true); }
  void* out(void* x, int64_t bytes) { return copy(x, static_cast<size_t>(bytes), false, true); }
  void give_back() const {
    for (const Copy& c : copies_)
      if (c.results) backend().to_device(device_.index, c.there, c.here.get(), c.bytes);
  }

 private:
  struct Copy {
    void* there;
    std::unique_ptr<std::byte[]> here;
    size_t bytes;
    bool results;
  };

  void* copy(void* there, size_t bytes, bool read, bool results) {
    copies_.push_back({there, std::make_unique<std::byte[]>(bytes), bytes, results && bytes > 0});
    void* here = copies_.back().here.get();
    if (read && bytes > 0) backend().to_host(device_.index, here, there, bytes);
    return here;
  }
  Matrices matrices(const Matrices& x, bool read, bool results) {
    const int64_t bytes = x.count * x.rows * x.columns * itemsize(x.dtype);
    return {copy(x.data, static_cast<size_t>(bytes), read, results), x.dtype, x.count, x.rows,
            x.columns};
  }

  const Device device_;
  std::vector<Copy> copies_;
};

// det(a) a^-T, the first derivative, where all matrices are so well-conditioned that next to
// nothing is lost; false elsewhere.
class Cofactors {
 public:
  explicit Cofactors(const Matrices& a)
      : a_(a), n_(a.rows), shape_{a.count, n_, n_}, strides_{n_ * n_, n_, 1} {}

  bool write(const Matrices& out) const {
    const Ref<Array> factors = numbers(shape_), pivots = numbers({a_.count, n_}, DType::Int32);
    copy(factors->device_view(), view(a_, strides_));
    Matrices lu_of_a = a_;
    lu_of_a.data = factors->address();
    auto* exchanges = static_cast<int32_t*>(pivots->address());
    std::vector<int32_t> info(static_cast<size_t>(a_.count));
    lu(lu_of_a, exchanges, info.data());
    if (std::any_of(info.begin(), info.end(), [](int32_t i) { return i != 0; })) return false;
    const Ref<Array> determinants = numbers({a_.count});
    det(lu_of_a, exchanges, nullptr, nullptr, determinants->address());
    lu_inverse(lu_of_a, exchanges);
    if (!well_conditioned(view(lu_of_a, strides_), determinants)) return false;
    // By columns the inverse is a^-T by rows.
    const Dims transposed{n_ * n_, 1, n_}, per_matrix{1, 0, 0};
    const View factor{determinants->address(), a_.dtype, shape_, per_matrix, a_.device};
    binary(fn_id<Multiply>(), view(out, strides_), view(lu_of_a, transposed), factor);
    return true;
  }

 private:
  Ref<Array> numbers(const Dims& shape) const { return numbers(shape, a_.dtype); }
  Ref<Array> numbers(const Dims& shape, DType dtype) const {
    return Array::empty(shape, dtype, a_.device);
  }
  View view(const Matrices& x, const Dims& strides) const {
    return {x.data, x.dtype, shape_, strides, x.device};
  }
  // As the host decides it, by the product of Frobenius norms.
  bool well_conditioned(const View& inverse, const Ref<Array>& determinants) const {
    const std::vector<double> own = norms(view(a_, strides_)), others = norms(inverse);
    const std::vector<double> sizes =
        norms({determinants->address(), a_.dtype, column_, column_steps_, a_.device});
    for (size_t i = 0; i < own.size(); ++i) {
      const bool usable = std::isfinite(sizes[i]) && sizes[i] > 0;
      if (!usable || !(own[i] * others[i] <= 100.0 * static_cast<double>(n_))) return false;
    }
    return true;
  }
  std::vector<double> norms(const View& x) const {
    const Ref<Array> sizes = Array::empty(Dims(x.shape), real_of(x.dtype), x.device);
    unary(fn_id<Absolute>(), sizes->device_view(), x);
    const Ref<Array> squares = Array::empty({x.shape[0], 1, 1}, sizes->dtype, x.device);
    reduce(Reduce::SumOfSquares, squares->device_view(), sizes->device_view());
    const Ref<Array> here = Array::empty(squares->shape, DType::Float64);
    copy(here->view(), squares->device_view());
    std::vector<double> out(here->data<double>(), here->data<double>() + x.shape[0]);
    for (double& norm : out) norm = std::sqrt(norm);
    return out;
  }

  const Matrices a_;
  const int64_t n_;
  const Dims shape_, strides_, column_{a_.count, 1, 1}, column_steps_{1, 1, 1};
};

}  // namespace

void det_derivative_on_device(const Matrices& a, std::span<const Matrices> directions,
                              const Matrices& out) {
  if (a.count == 0 || a.rows == 0) return;
  if (directions.empty() && Cofactors(a).write(out)) return;
  OnHost host(a.device);
  std::vector<Matrices> here;
  for (const Matrices& x : directions) here.push_back(host.in(x));
  det_derivative(host.in(a), here, host.out(out));
  host.give_back();
}

void eig_on_device(const Matrices& a, void* w, const Matrices* v, int32_t* info) {
  if (LinalgCall(a.device, a.data, w, data_of(v))->eig(a, w, v, info)) return;
  OnHost host(a.device);
  Matrices vectors;
  if (v) vectors = host.out(*v);
  eig(host.in(a), host.out(w, a.count * a.rows * itemsize(complex_of(a.dtype))),
      v ? &vectors : nullptr, info);
  host.give_back();
}

void solve_sylvester_by_host(const Matrices& a, const Matrices& b, const Matrices& q,
                             int32_t* info) {
  OnHost host(q.device);
  solve_sylvester(host.in(a), host.in(b), host.in_out(q), info);
  host.give_back();
}

void solve_banded_by_host(const Matrices& diagonals, const Matrices& b, const int64_t* which,
                          Band band, int32_t* info) {
  OnHost host(b.device);
  solve_banded(host.in(diagonals), host.in_out(b), which, band, info);
  host.give_back();
}

void function_by_host(const Matrices& a, void (*function)(const Matrices& a)) {
  OnHost host(a.device);
  function(host.in_out(a));
  host.give_back();
}

}  // namespace pyautograd::kernels
