#pragma once

#include <array>
#include <string>

#include "core/backend.h"
#include "kernels/cuda/library_search.h"

namespace pyautograd::kernels::cuda {

// Looks functions up in a library of NVIDIA's. The emulated device has stand-ins in their place.
class SharedLibrary {
 public:
  explicit SharedLibrary(Library which);
  // Null where there is no such function.
  void* find(const std::string& function) const;
  bool there() const { return handle_ != nullptr; }

 private:
  void* handle_ = nullptr;
};

// Of the functions for one dtype each, in the order of LAPACK's letters: S, D, C, Z.
template <class F>
using Typed = std::array<F*, 4>;

// Fills tables of functions, and says what was missing.
class Resolver {
 public:
  explicit Resolver(Library which) : which_(which), library_(which) {}

  template <class F>
  void operator()(F*& function, const std::string& name) {
    function = reinterpret_cast<F*>(find(name, true));
  }
  template <class F>
  void optional(F*& function, const std::string& name) {
    function = reinterpret_cast<F*>(find(name, false));
  }
  // One for each letter; those for complex numbers may have another name.
  template <class F>
  void operator()(Typed<F>& functions, const std::string& prefix, const std::string& name,
                  const std::string& complex_name) {
    const char* const letters = "SDCZ";
    for (size_t i = 0; i < 4; ++i)
      (*this)(functions[i], prefix + letters[i] + (i < 2 ? name : complex_name));
  }
  template <class F>
  void operator()(Typed<F>& functions, const std::string& prefix, const std::string& name) {
    (*this)(functions, prefix, name, name);
  }

  bool complete() const { return lacking_.empty(); }
  // Raises MissingLibrary where something is.
  void check() const;

 private:
  void* find(const std::string& name, bool needed);

  const Library which_;
  const SharedLibrary library_;
  std::string lacking_;
};

}  // namespace pyautograd::kernels::cuda
