#pragma once

#include "ops/index.h"

// What the ops over ordered elements share. nan counts as larger than every number.
namespace pyautograd::ops {

Tensor sort(const Tensor& x, std::optional<int64_t> axis = -1, bool descending = false,
            bool stable = true);
Tensor argsort(const Tensor& x, std::optional<int64_t> axis = -1, bool descending = false,
               bool stable = true);
Tensor searchsorted(const Tensor& x1, const Tensor& x2, std::string_view side = "left",
                    const std::optional<Tensor>& sorter = {});

void register_sorting(Registry& registry);
void register_counting(Registry& registry);

}  // namespace pyautograd::ops
