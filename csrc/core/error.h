#pragma once

#include <cstdint>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>

namespace pyautograd {

// Every error the library raises. `kind` decides the Python exception type at the boundary.
class Error : public std::runtime_error {
 public:
  enum class Kind {
    Value,
    Type,
    Index,
    Axis,
    Runtime,
    Memory,
    Overflow,
    LinAlg,
    Escaped,
    NotImplemented
  };

  Error(Kind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

// (3, 4) or (3,), as Python prints a tuple.
std::string shape_string(std::span<const int64_t> dims);

// Concatenates anything that streams.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn]] void fail(Error::Kind kind, const Parts&... parts) {
  throw Error(kind, concat(parts...));
}
template <class... Parts>
[[noreturn]] void value_error(const Parts&... parts) {
  fail(Error::Kind::Value, parts...);
}
template <class... Parts>
[[noreturn]] void type_error(const Parts&... parts) {
  fail(Error::Kind::Type, parts...);
}
template <class... Parts>
[[noreturn]] void index_error(const Parts&... parts) {
  fail(Error::Kind::Index, parts...);
}
template <class... Parts>
[[noreturn]] void axis_error(const Parts&... parts) {
  fail(Error::Kind::Axis, parts...);
}
template <class... Parts>
[[noreturn]] void runtime_error(const Parts&... parts) {
  fail(Error::Kind::Runtime, parts...);
}

}  // namespace pyautograd
