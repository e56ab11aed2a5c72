#pragma once

#include <string>
#include <string_view>

namespace pyautograd {

// The docstring of an op, with an example behind it if that is not among what the docstring is made
// of: those of ops that are rows of a table differ in little else.
std::string with_example(std::string_view op, std::string_view doc);

}  // namespace pyautograd
