#include "kernels/cpu/lapack.h"

#include <dlfcn.h>

#include <memory>
#include <string>

#include "kernels/cpu/blas.h"
#include "kernels/linalg.h"

namespace pyautograd::kernels {

namespace {

template <class T>
constexpr char letter() {
  constexpr bool is_double = sizeof(RealOf<T>) == 8;
  if constexpr (is_complex_type<T>) return is_double ? 'z' : 'c';
  return is_double ? 'd' : 's';
}

template <class T>
class Resolver {
 public:
  explicit Resolver(void* handle) : handle_(handle) {}

  template <class F>
  void operator()(F*& function, const char* name) {
    const std::string symbol = std::string("scipy_") + letter<T>() + name + "_";
    function = reinterpret_cast<F*>(dlsym(handle_, symbol.c_str()));
    complete_ &= function != nullptr;
  }
  bool complete() const { return complete_; }

 private:
  void* handle_;
  bool complete_ = true;
};

template <class T>
std::unique_ptr<LapackFunctions<T>> resolve_all() {
  void* handle = blas().handle;
  if (handle == nullptr) return nullptr;
  auto f = std::make_unique<LapackFunctions<T>>();
  Resolver<T> resolve(handle);
  resolve(f->gemm, "gemm");
  resolve(f->trsm, "trsm");
  resolve(f->herk, is_complex_type<T> ? "herk" : "syrk");
  resolve(f->trtri, "trtri");
  resolve(f->getrf, "getrf");
  resolve(f->getrs, "getrs");
  resolve(f->potrf, "potrf");
  resolve(f->geqrf, "geqrf");
  resolve(f->ungqr, is_complex_type<T> ? "ungqr" : "orgqr");
  resolve(f->trsyl, "trsyl");
  resolve(f->gesdd, "gesdd");
  resolve(f->heevd, is_complex_type<T> ? "heevd" : "syevd");
  resolve(f->gees, "gees");
  resolve(f->geev, "geev");
  resolve(f->gelsd, "gelsd");
  return resolve.complete() ? std::move(f) : nullptr;
}

}  // namespace

template <class T>
const LapackFunctions<T>* lapack() {
  static const std::unique_ptr<LapackFunctions<T>> functions = resolve_all<T>();
  return functions.get();
}
template const LapackFunctions<float>* lapack<float>();
template const LapackFunctions<double>* lapack<double>();
template const LapackFunctions<std::complex<float>>* lapack<std::complex<float>>();
template const LapackFunctions<std::complex<double>>* lapack<std::complex<double>>();

bool has_lapack() { return lapack<double>() != nullptr; }

}  // namespace pyautograd::kernels
