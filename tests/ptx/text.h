#pragma once

// Words of PTX.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fault.h"

namespace ptx {

inline bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
inline bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || c == '%' || c == '.' || c == ':';
}

// Reads a text from its beginning, past spaces and comments.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) { skip(); }
  bool done() const { return at_ >= text_.size(); }
  size_t position() const { return at_; }
  char peek() const { return done() ? '\0' : text_[at_]; }
  std::string_view rest() const { return text_.substr(at_); }
  std::string_view between(size_t begin, size_t end) const {
    return text_.substr(begin, end - begin);
  }

  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    skip();
    return true;
  }
  void expect(char c) {
    if (!take(c)) fault("PTX: expected '", c, "' before: ", rest().substr(0, 60));
  }
  // A name, a number, a directive or an opcode; empty where there is none.
  std::string_view word() {
    const size_t begin = at_;
    if (peek() == '-') ++at_;
    while (!done() && is_name(text_[at_])) ++at_;
    const std::string_view out = text_.substr(begin, at_ - begin);
    skip();
    return out;
  }
  // To the place after the next one of these, which is not part of it.
  std::string_view until(char c) {
    const size_t begin = at_, end = text_.find(c, at_);
    if (end == std::string_view::npos) fault("PTX: no '", c, "' after: ", rest().substr(0, 60));
    at_ = end + 1;
    skip();
    return text_.substr(begin, end - begin);
  }
  // A piece in braces, which may hold others, without the outer ones.
  std::string_view braces() {
    expect('{');
    const size_t begin = at_;
    for (int depth = 1; depth > 0; ++at_) {
      if (done()) fault("PTX: a brace is not closed");
      if (text_[at_] == '"') {
        at_ = text_.find('"', at_ + 1);
        if (at_ == std::string_view::npos) fault("PTX: a string is not closed");
      } else if (text_[at_] == '{') {
        ++depth;
      } else if (text_[at_] == '}') {
        --depth;
      }
    }
    const std::string_view out = text_.substr(begin, at_ - 1 - begin);
    skip();
    return out;
  }

 private:
  void skip() {
    while (!done()) {
      if (is_space(text_[at_])) {
        ++at_;
      } else if (text_.compare(at_, 2, "//") == 0) {
        while (!done() && text_[at_] != '\n') ++at_;
      } else if (text_.compare(at_, 2, "/*") == 0) {
        const size_t end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
      } else {
        break;
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

// The bits of a number, of which the last ones count.
uint64_t parse_number(std::string_view word);

// What a .reg, .param, .global, ... says, up to its name or names.
struct Declaration {
  std::string_view space, type, name;
  uint32_t alignment = 1, bytes = 0;
  bool open_ended = false;  // name[]
  uint32_t numbered = 0;    // name<n>
};
Declaration parse_declaration(Reader& reader);
uint32_t bytes_of_type(std::string_view type);

}  // namespace ptx
