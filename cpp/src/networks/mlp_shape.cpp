#include "fastpg/networks/mlp_shape.hpp"

#include <algorithm>

#include "fastpg/core/checks.hpp"

namespace fastpg {

std::vector<MlpLayer> MlpShape::layers() const {
  std::vector<MlpLayer> out;
  Index fan_in = inputs, begin = 0;
  const auto add = [&](Index fan_out) {
    require(fan_in >= 1 && fan_out >= 1,
            {"widths: expected integers of at least 1, got ", std::min(fan_in, fan_out)});
    out.push_back({fan_in, fan_out, begin});
    begin = out.back().end();
    fan_in = fan_out;
  };
  for (const Index width : hidden) add(width);
  add(outputs);
  return out;
}

}  // namespace fastpg
