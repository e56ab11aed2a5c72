#pragma once

#include "core/array.h"

namespace pyautograd {

// Another number where somebody wrote other numbers into the memory, noticed or not: of small
// arrays every element counts, of larger ones some hundred, so that it costs little beside what
// reads them.
uint32_t fingerprint(const Array& x) noexcept;

}  // namespace pyautograd
