#pragma once

#include "autograd/capture.h"
#include "autograd/closure.h"
#include "python/tensor_type.h"

namespace pyautograd::python {

PyObject* note_results(const char* op, PyObject* results);

// What an op called from Python returns, on its way there.
inline PyObject* noted(const char* op, PyObject* results) {
  if ((Closure::current() || Capture::current()) && results) [[unlikely]]
    return note_results(op, results);
  return results;
}

}  // namespace pyautograd::python
