#pragma once

#include <Python.h>

#include <vector>

#include "ops/registry.h"
#include "python/convert.h"

namespace pyautograd::python {

// An op with what Python needs for its calls, prepared once.
struct BoundOp {
  explicit BoundOp(const OpInfo& op);

  const OpInfo* op;
  std::vector<PyObject*> names;  // of the parameters, interned; never released
  size_t positional = 0;         // how many may be given by position
  std::vector<bool> operands;    // which parameters decide on the dtype of Python's scalars
  Ints ints = Ints::MustFit;
  const BoundOp* alone = nullptr;  // what a call with one argument means, if that is another op
  mutable PyObject* result_type = nullptr;  // looked up at the first result; never released
};

// A call in vectorcall form: positional arguments, then the values of the keywords.
struct CallArguments {
  PyObject* const* values;
  size_t positional;
  PyObject* keywords;  // tuple of str, or null
};

// Parses the arguments, runs the op, wraps the result (new reference). Throws TypeError naming op
// and parameter.
PyObject* call_op(const BoundOp& bound, const CallArguments& arguments);

// "(x, /, axis=None, *, keepdims=False)" as `inspect.signature` reads it; with `self`, the first
// parameter is written as $self.
std::string signature_text(const OpInfo& op, bool self);

}  // namespace pyautograd::python
