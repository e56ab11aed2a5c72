#pragma once

// The memory of the devices. The host holds addresses that nothing but the machine can read: it
// goes to a second mapping of the same pages.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "races.h"

namespace ptx {

inline constexpr int kDevices = 2;
inline constexpr size_t kArenaBytes = size_t{1} << 26;

// A piece of memory that a kernel may touch.
struct Extent {
  uint64_t begin, end;
};
using Extents = std::vector<Extent>;  // by address

class Arena {
 public:
  Arena();
  void* take(size_t bytes);  // null where there is none left
  void give(void* data) noexcept;
  size_t free_bytes();
  bool holds(uint64_t address) const { return address - guarded_ < kArenaBytes; }
  std::byte* backing(uint64_t address) const { return open_ + (address - guarded_); }
  Shadow* shadow(uint64_t address) const { return shadow_ + (address - guarded_); }
  // Lets code of the host that stands for a library of the device read and write.
  void unlock(bool open);
  void collect(Extents& out);
  // Whether all of it lies in one block, in use or not.
  bool has_block(uint64_t address, size_t bytes);
  // Within a block of this size less may be in use.
  void limit(uint64_t address, size_t bytes);

 private:
  std::mutex mutex_;
  uint64_t guarded_;
  std::byte* open_;
  Shadow* shadow_;
  struct Taken {
    size_t reserved, used;
  };
  std::map<size_t, Taken> taken_;
};

// The devices' arenas, and after them that of the modules' variables.
Arena& arena(int which);
inline constexpr int kVariables = kDevices;

// All that may be touched now.
std::shared_ptr<const Extents> live_extents();
void forget_extents();  // some have changed
bool is_live(const void* data, size_t bytes);
Arena* arena_of(uint64_t address);

}  // namespace ptx
