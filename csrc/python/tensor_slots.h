#pragma once

#include <Python.h>

#include <span>

namespace pyautograd::python {

// The parts of the type, one file each.
std::span<const PyType_Slot> number_slots();     // tensor_number.cpp
std::span<const PyType_Slot> container_slots();  // indexing.cpp
std::span<const PyType_Slot> attribute_slots();  // tensor_attributes.cpp
std::span<const PyType_Slot> method_slots();     // tensor_methods.cpp

// Methods that are ops of the registry: x.sum(axis=0).
void add_op_methods();  // op_functions.cpp

}  // namespace pyautograd::python
