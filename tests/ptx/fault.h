#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace ptx {

// What a kernel must not do, or what this machine cannot.
struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Parts>
[[noreturn]] void fault(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw Fault(text.str());
}

}  // namespace ptx
