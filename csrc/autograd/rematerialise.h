#pragma once

#include "autograd/recipe.h"

namespace pyautograd {

// Makes the numbers again, with everything they need, without recursion.
void materialise(Provenance& target);

// While one exists the numbers of these inputs are there and stay.
class Pins {
 public:
  explicit Pins(TensorSpan inputs);
  ~Pins();
  Pins(const Pins&) = delete;
  Pins& operator=(const Pins&) = delete;

 private:
  Pins() noexcept = default;
  SmallVector<Provenance*, 4> pinned_;
};

}  // namespace pyautograd
