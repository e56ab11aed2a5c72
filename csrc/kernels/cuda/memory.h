#pragma once

#include <map>
#include <unordered_set>
#include <vector>

#include "kernels/cuda/timeline.h"

namespace pyautograd::kernels::cuda {

struct Capture;

// Memory of a device in one piece, and who touched it last. The numbers of the uses are those of
// its Timeline.
struct Block {
  char* data = nullptr;
  size_t bytes = 0;
  Use written;
  std::vector<Use> read;       // since then, one for each stream
  bool live = false;           // a tensor has it
  int holds = 0;               // by captured graphs
  Capture* capture = nullptr;  // the one, not yet ended, in which it was given out

  void note_read(Use use);
};

// The call that is being captured: a graph in the making. What it touches keeps its place while the
// graph lives; what it allocates and frees again serves its own later allocations only.
struct Capture {
  // A flag for each Backend::Fault.
  static constexpr size_t kFlagBytes = 4 * sizeof(bool);

  int device = 0, stream = 0;
  std::unordered_set<Block*> held;
  std::map<size_t, std::vector<Block*>> spare;
  std::vector<void*> pinned;  // what is copied to the device at each replay
  Block* flags = nullptr;
  bool flagged = false;  // kernels have been given some of these
};

// Keeps freed blocks by size class, so that a loop over equal shapes asks the system for none. A
// block may be given out again while kernels of the same stream still use it. Not for several
// threads at a time.
class CachingAllocator {
 public:
  CachingAllocator(System& system, Timeline& timeline) : system_(system), timeline_(timeline) {}

  // Memory for the stream's next work, or for the captured call's.
  Block& allocate(int device, size_t bytes, int stream, Capture* capture);
  // By a thread with that stream, or with none, -1.
  void free(void* data, size_t bytes, int stream) noexcept;
  // The block around a place in it, or null.
  Block* find(const void* place);

  // Notes a use of every block: while a device has one stream nobody notes any.
  void note_all(int stream);
  void hold(Capture& capture, Block& block);
  // What the call has freed is nobody's to reuse any more.
  void end(Capture& capture) noexcept;
  void release(const std::unordered_set<Block*>& held) noexcept;

  size_t release_cached();
  DeviceMemory memory();
  void reset_peak() { counted_.peak = counted_.live; }

  static size_t size_class(size_t bytes);

 private:
  Block* take_spare(size_t bytes, Capture& capture);
  template <class Condition>
  Block* take_cached(size_t bytes, const Condition& condition);
  Block* take_new(size_t bytes);
  void refresh(Block& block, int stream);
  void cache(Block& block) noexcept;
  bool all_of(const Block& block, const auto& condition);

  System& system_;
  Timeline& timeline_;
  std::map<const char*, Block> blocks_;  // by address
  std::map<size_t, std::vector<Block*>> cached_;
  DeviceMemory counted_;
};

}  // namespace pyautograd::kernels::cuda
