#include "modules.h"

#include <cstdint>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "fault.h"

namespace ptx {

namespace {

// What an object registers, and the beginnings of what that points to: a file of several entries.
struct Wrapper {
  int magic, version;
  const std::byte* data;
  void* rest;
};
struct File {
  uint32_t magic;
  uint16_t version, header_bytes;
  uint64_t bytes;  // of all entries
};
struct Entry {
  uint16_t kind, version;
  uint32_t header_bytes;
  uint64_t bytes;
};
constexpr int kWrapperMagic = 0x466243B1;
constexpr uint32_t kFileMagic = 0xBA55ED50;
constexpr uint16_t kPtx = 1;

template <class T>
T read(const std::byte* at) {
  T out;
  std::memcpy(&out, at, sizeof(T));
  return out;
}

std::string_view find_ptx(const Wrapper& wrapper) {
  if (wrapper.magic != kWrapperMagic) fault("an unknown kind of fat binary");
  const auto file = read<File>(wrapper.data);
  if (file.magic != kFileMagic) fault("an unknown kind of fat binary");
  const std::byte* at = wrapper.data + file.header_bytes;
  const std::byte* const end = at + file.bytes;
  while (at < end) {
    const auto entry = read<Entry>(at);
    const auto* text = reinterpret_cast<const char*>(at + entry.header_bytes);
    if (entry.kind == kPtx) {
      const std::string_view found(text, strnlen(text, entry.bytes));
      if (found.find(".version") == std::string_view::npos)
        fault("compressed PTX: compile with --no-compress");
      return found;
    }
    at += entry.header_bytes + entry.bytes;
  }
  fault("a fat binary without PTX");
}

struct Registered {
  std::mutex mutex;
  std::unordered_map<const void*, Kernel> kernels;
};
Registered& registered() {
  static auto* all = new Registered;
  return *all;
}

}  // namespace

Module* register_module(const void* fat_binary) {
  return new Module(find_ptx(*static_cast<const Wrapper*>(fat_binary)));
}

void register_kernel(Module* module, const void* host_function, const char* name) {
  const std::lock_guard lock(registered().mutex);
  registered().kernels[host_function] = {module, name};
}

Kernel* find_kernel(const void* host_function) {
  const std::lock_guard lock(registered().mutex);
  const auto found = registered().kernels.find(host_function);
  return found == registered().kernels.end() ? nullptr : &found->second;
}

}  // namespace ptx
