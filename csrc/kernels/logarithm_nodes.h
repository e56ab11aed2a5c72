#pragma once

#include <array>
#include <cstddef>

namespace pyautograd::kernels {

// Nodes and weights on (0, 1) by which the Pade approximant of log(1 + x) is a sum of fractions,
// weight x / (1 + node x) (Dieci, Morini and Papini 1996).
struct LogarithmNodes {
  static constexpr size_t kCount = 7;
  static constexpr double kNear = 0.264;  // up to this norm of x they are exact to roundoff
  static constexpr std::array<double, kCount> kNodes = {
      0.5 - 0.4745539561713793, 0.5 - 0.3707655927996972, 0.5 - 0.2029225756886985, 0.5,
      0.5 + 0.2029225756886985, 0.5 + 0.3707655927996972, 0.5 + 0.4745539561713793};
  static constexpr std::array<double, kCount> kWeights = {
      0.0647424830844348, 0.1398526957446384, 0.1909150252525595, 0.2089795918367347,
      0.1909150252525595, 0.1398526957446384, 0.0647424830844348};
};

}  // namespace pyautograd::kernels
