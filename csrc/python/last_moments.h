#pragma once

#include <cxxabi.h>
#include <unistd.h>

namespace pyautograd::python {

// What may run Python code or wait for the GIL. While the interpreter goes down, Python up to 3.13
// ends other threads there, by unwinding their stacks; but destructors of ours would need the GIL,
// and some functions let nothing through. So such a thread waits for the end of the process, as
// Python has it do from 3.14 on.
template <class F>
auto waiting_at_exit(F&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const abi::__forced_unwind&) {
    while (true) pause();
  }
}

}  // namespace pyautograd::python
