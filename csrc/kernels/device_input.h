#pragma once

#include "core/array.h"
#include "kernels/device.h"

namespace pyautograd::kernels {

// An input where the others lie: its view, or that of one number of the host which is moved there.
class DeviceInput {
 public:
  DeviceInput(const View& x, Device device);
  const View& view() const { return view_; }

 private:
  Ref<Array> moved_;
  View view_;
};

}  // namespace pyautograd::kernels
