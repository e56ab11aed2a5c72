#pragma once

#include <cstdint>

namespace pyautograd::python {

// Counts, per thread, the ways by which a value leaves the graph: detach, conversion to NumPy or to
// Python numbers, no_grad. A custom backward that used one of them and returns something untracked
// has probably lost a derivative, and says so when that derivative is asked for.
inline thread_local uint64_t graph_exits = 0;
inline void note_graph_exit() noexcept { ++graph_exits; }

}  // namespace pyautograd::python
