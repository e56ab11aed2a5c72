#pragma once

// Every scalar formula, once, for host and device. functors.h lists them.

#include "kernels/scalar/binary.h"
#include "kernels/scalar/complex.h"
#include "kernels/scalar/numeric.h"
#include "kernels/scalar/unary.h"
