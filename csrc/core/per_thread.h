#pragma once

#include <mutex>
#include <vector>

namespace pyautograd {

// One T per thread, reached through a single word of static thread-local storage: no guard, no
// call. When a thread ends its T goes, as it is, to the next thread that starts, so objects freed
// late still find a home. T must be usable by any thread that comes to own it.
template <class T>
class PerThread {
 public:
  static T& get() {
    T* object = mine_;
    return object ? *object : adopt();
  }
  // Visits the T of every thread, living or ended.
  template <class F>
  static void for_each(F&& visit) {
    Pool& pool = all();
    std::lock_guard lock(pool.mutex);
    for (T* object : pool.objects) visit(*object);
  }

 private:
  struct Pool {
    std::mutex mutex;
    std::vector<T*> objects;
    std::vector<T*> idle;
  };
  struct Lease {
    T* object;
    ~Lease() {
      Pool& pool = all();
      std::lock_guard lock(pool.mutex);
      pool.idle.push_back(object);
    }
  };

  static Pool& all() {
    static Pool* pool = new Pool;  // outlives every thread
    return *pool;
  }

  [[gnu::noinline]] static T& adopt() {
    Pool& pool = all();
    {
      std::lock_guard lock(pool.mutex);
      if (pool.idle.empty()) {
        pool.objects.reserve(pool.objects.size() + 1);
        pool.idle.reserve(pool.objects.size() + 1);
        pool.objects.push_back(new T);
        mine_ = pool.objects.back();
      } else {
        mine_ = pool.idle.back();
        pool.idle.pop_back();
      }
    }
    static thread_local Lease lease{mine_};
    return *lease.object;
  }

  // The loader has few bytes of such storage for libraries that are opened later, and the CUDA
  // runtime alone, which is linked to ours, asks for more.
#ifndef PYAUTOGRAD_OPENED_LATER
  [[gnu::tls_model("initial-exec")]]
#endif
  static inline constinit thread_local T* mine_ = nullptr;
};

}  // namespace pyautograd
