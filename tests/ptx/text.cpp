#include "text.h"

#include <array>
#include <cstdlib>
#include <utility>

namespace ptx {

uint64_t parse_number(std::string_view word) {
  const std::string text(word);
  const bool negative = text.starts_with('-');
  const char* digits = text.c_str() + (negative ? 1 : 0);
  char* end = nullptr;
  uint64_t out = 0;
  if (digits[0] == '0' &&
      (digits[1] == 'f' || digits[1] == 'F' || digits[1] == 'd' || digits[1] == 'D')) {
    out = std::strtoull(digits + 2, &end, 16);
    if (negative) fault("PTX: a sign before the bits ", text);
  } else {
    out = std::strtoull(digits, &end, 0);
  }
  if (*end == 'U') ++end;
  if (end == digits || *end != '\0') fault("PTX: not a number: ", text);
  return negative ? 0 - out : out;
}

uint32_t bytes_of_type(std::string_view type) {
  if (type == ".pred") return 1;
  const size_t digits = type.find_first_of("0123456789");
  if (digits == std::string_view::npos) fault("PTX: unknown type ", type);
  return static_cast<uint32_t>(parse_number(type.substr(digits))) / 8;
}

Declaration parse_declaration(Reader& reader) {
  Declaration out;
  uint32_t lanes = 1;
  for (;;) {
    const std::string_view word = reader.word();
    if (word.empty()) fault("PTX: a declaration without a name: ", reader.rest().substr(0, 60));
    if (word == ".align") {
      out.alignment = static_cast<uint32_t>(parse_number(reader.word()));
    } else if (word == ".v2" || word == ".v4") {
      lanes = word == ".v2" ? 2 : 4;
    } else if (word == ".ptr") {
      fault("PTX: attributes of pointers are not read");
    } else if (word.front() == '.') {
      if (word == ".visible" || word == ".weak" || word == ".extern") continue;
      (out.space.empty() ? out.space : out.type) = word;
    } else {
      out.name = word;
      break;
    }
  }
  const uint32_t size = bytes_of_type(out.type) * lanes;
  out.bytes = size;
  out.alignment = std::max(out.alignment, size);
  if (reader.take('<')) {
    out.numbered = static_cast<uint32_t>(parse_number(reader.word()));
    reader.expect('>');
  }
  while (reader.take('[')) {
    const std::string_view count = reader.word();
    reader.expect(']');
    if (count.empty()) {
      out.open_ended = true;
      out.bytes = 0;
    } else {
      out.bytes *= static_cast<uint32_t>(parse_number(count));
    }
  }
  return out;
}

}  // namespace ptx
