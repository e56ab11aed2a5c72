#pragma once

#include <atomic>
#include <string>

#include "core/dtype.h"

namespace pyautograd {

std::string name_of(Device device);  // "cpu", "cuda:0"
// The device of that name, which exists. Looking for any but the host opens their library
// (core/backend.h).
Device parse_device(const std::string& name);

// Whether that library is open: until then every array lies on the host.
extern std::atomic<bool> backend_open;
inline bool devices_in_use() noexcept { return backend_open.load(std::memory_order_relaxed); }

// The host was asked for numbers that lie elsewhere.
class NotOnHost : public Error {
 public:
  explicit NotOnHost(Device device);
};
[[noreturn]] void not_on_host(Device device);
inline void check_on_host(Device device) {
  if (device.kind != Device::Kind::CPU) [[unlikely]]
    not_on_host(device);
}

}  // namespace pyautograd
