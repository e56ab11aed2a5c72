#pragma once

#include "autograd/capture.h"
#include "autograd/closure.h"
#include "python/tensor_type.h"

namespace pyautograd::python {

PyObject* note_results(Closure& closure, const char* op, PyObject* results);
PyObject* note_made(PyObject* results);

// What an op called from Python returns, on its way there.
inline PyObject* noted(const char* op, PyObject* results) {
  if (Closure* closure = Closure::current(); closure && results) [[unlikely]]
    results = note_results(*closure, op, results);
  if (Capture::current() && results) [[unlikely]]
    return note_made(results);
  return results;
}

}  // namespace pyautograd::python
