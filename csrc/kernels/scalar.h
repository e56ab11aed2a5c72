#pragma once

// Every scalar formula, once, for host and device. functors.h lists them.

#include "kernels/scalar_binary.h"
#include "kernels/scalar_complex.h"
#include "kernels/scalar_numeric.h"
#include "kernels/scalar_unary.h"
