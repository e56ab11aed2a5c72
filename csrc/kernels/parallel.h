#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace pyautograd::kernels {

// A borrowed callable (begin, end): never allocates, and must not outlive what it refers to.
class RangeBody {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, RangeBody>)
  RangeBody(F&& body) noexcept
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(body)))),
        call_([](void* object, int64_t begin, int64_t end) {
          (*static_cast<std::remove_reference_t<F>*>(object))(begin, end);
        }) {}
  void operator()(int64_t begin, int64_t end) const { call_(object_, begin, end); }

 private:
  void* object_;
  void (*call_)(void*, int64_t, int64_t);
};

// Calls body(begin, end) over disjoint ranges that cover [0, n), each of at least `grain` items but
// the last. The ranges depend on n and grain only, so a result never depends on the number of
// threads. Nested calls and calls made while the pool is busy run in the calling thread. The first
// exception is rethrown.
void parallel_for(int64_t n, int64_t grain, const RangeBody& body);

void set_num_threads(int count);
int num_threads();

}  // namespace pyautograd::kernels
