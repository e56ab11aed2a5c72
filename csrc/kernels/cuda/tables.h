#pragma once

#include "kernels/device.h"

namespace pyautograd::kernels::cuda {

// Each file of this folder adds its kernels.
void install_unary(DeviceKernels& table);
void install_binary(DeviceKernels& table);
void install_copy(DeviceKernels& table);
void install_reduce(DeviceKernels& table);
void install_scan(DeviceKernels& table);
void install_softmax(DeviceKernels& table);
void install_matmul(DeviceKernels& table);
void install_index(DeviceKernels& table);
void install_order(DeviceKernels& table);
void install_random(DeviceKernels& table);
void install_fft(DeviceKernels& table);
void install_products(DeviceKernels& table);
void install_windows(DeviceKernels& table);
void install_special(DeviceKernels& table);
void install_factor(DeviceKernels& table);
void install_spectra(DeviceKernels& table);

bool copy_on_device(const View& out, const View& x);

inline DeviceKernels all_kernels() {
  DeviceKernels table{};
  install_unary(table);
  install_binary(table);
  install_copy(table);
  install_reduce(table);
  install_scan(table);
  install_softmax(table);
  install_matmul(table);
  install_index(table);
  install_order(table);
  install_random(table);
  install_fft(table);
  install_products(table);
  install_windows(table);
  install_special(table);
  install_factor(table);
  install_spectra(table);
  return table;
}

}  // namespace pyautograd::kernels::cuda
