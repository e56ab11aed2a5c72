#include "kernels/parallel.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>

namespace pyautograd::kernels {

namespace {

constexpr int64_t kMaxChunks = 64;
constexpr int64_t kMostThreads = 1024;

// One region: threads claim chunks until none is left.
struct Job {
  Job(const RangeBody& b, int64_t count, int64_t step) : body(b), n(count), chunk(step) {}

  const RangeBody& body;
  int64_t n, chunk;
  std::atomic<int64_t> next{0};
  std::mutex failure_lock;
  std::exception_ptr failure;

  void work() {
    for (int64_t begin; (begin = next.fetch_add(chunk, std::memory_order_relaxed)) < n;) {
      try {
        body(begin, std::min(n, begin + chunk));
      } catch (...) {
        std::lock_guard guard(failure_lock);
        if (!failure) failure = std::current_exception();
      }
    }
  }
};

thread_local bool inside_region = false;

// Looks at a condition for a few microseconds before the caller goes to sleep over it.
template <class Condition>
void spin(const Condition& met) {
  for (int i = 0; i < 400 && !met(); ++i) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
}

class Pool {
 public:
  explicit Pool(int64_t threads) { resize(threads); }

  int threads() const { return threads_.load(std::memory_order_relaxed); }
  void resize(int64_t threads) {
    threads_.store(static_cast<int>(std::clamp(threads, int64_t{1}, kMostThreads)),
                   std::memory_order_relaxed);
  }

  // False if another thread is using the pool.
  bool run(Job& job) {
    std::unique_lock owner(owner_, std::try_to_lock);
    if (!owner) return false;
    const int helpers = threads() - 1;
    start(helpers);
    {
      std::lock_guard guard(lock_);
      job_ = &job;
      helpers_ = helpers;
      ++epoch_;
    }
    wake_.notify_all();
    inside_region = true;
    job.work();
    inside_region = false;
    spin([&] { return active_.load(std::memory_order_acquire) == 0; });
    std::unique_lock guard(lock_);
    job_ = nullptr;  // whoever wakes from now on finds nothing to do
    done_.wait(guard, [&] { return active_ == 0; });
    return true;
  }

 private:
  // Where the system gives no more threads there are fewer: those there are claim every chunk.
  void start(int helpers) noexcept {
    try {
      for (; started_ < helpers; ++started_)
        std::thread([this, id = started_] { serve(id); }).detach();
    } catch (const std::exception&) {
    }
  }
  void serve(int id) {
    inside_region = true;
    uint64_t seen = 0;
    std::unique_lock guard(lock_);
    while (true) {
      guard.unlock();
      spin([&] { return epoch_.load(std::memory_order_relaxed) != seen; });
      guard.lock();
      wake_.wait(guard, [&] { return epoch_ != seen; });
      seen = epoch_;
      if (job_ == nullptr || id >= helpers_) continue;
      Job* job = job_;
      ++active_;
      guard.unlock();
      job->work();
      guard.lock();
      if (--active_ == 0) done_.notify_one();
    }
  }

  std::mutex owner_, lock_;
  std::condition_variable wake_, done_;
  std::atomic<int> threads_{1};
  int started_ = 0, helpers_ = 0;
  std::atomic<int> active_{0};  // these two change under lock_; spinning reads them without
  std::atomic<uint64_t> epoch_{0};
  Job* job_ = nullptr;
};

std::atomic<Pool*> the_pool{nullptr};

// Threads do not survive a fork. The child starts over and leaves the old pool, whose locks may be
// held, alone.
void renew_after_fork() {
  if (Pool* old = the_pool.load()) the_pool.store(new Pool(old->threads()));
  inside_region = false;
}

// PYAUTOGRAD_NUM_THREADS where that is a positive number, else one for each processor.
int64_t threads_at_start() {
  const char* asked = std::getenv("PYAUTOGRAD_NUM_THREADS");
  const int64_t count = asked == nullptr ? 0 : std::strtol(asked, nullptr, 10);
  return count > 0 ? count : std::thread::hardware_concurrency();
}

Pool& pool() {
  static const bool ready = [] {
    the_pool.store(new Pool(threads_at_start()));
    pthread_atfork(nullptr, nullptr, renew_after_fork);
    return true;
  }();
  (void)ready;
  return *the_pool.load(std::memory_order_acquire);
}

}  // namespace

void parallel_for(int64_t n, int64_t grain, const RangeBody& body) {
  if (n <= 0) return;
  int64_t chunk = std::max({int64_t{1}, grain, (n + kMaxChunks - 1) / kMaxChunks});
  if (chunk >= n) return body(0, n);
  Job job(body, n, chunk);
  if (inside_region || pool().threads() == 1 || !pool().run(job)) job.work();
  if (job.failure) std::rethrow_exception(job.failure);
}

void set_num_threads(int count) { pool().resize(count); }
int num_threads() { return pool().threads(); }

}  // namespace pyautograd::kernels
