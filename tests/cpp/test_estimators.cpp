#include <cmath>
#include <limits>
#include <vector>

#include "check.hpp"
#include "fastpg/estimators/gae.hpp"
#include "fastpg/estimators/returns.hpp"

using namespace fastpg;

// One lane, three steps, gamma = lambda = 1/2, worked by hand; the last step terminates.
CASE(gae_by_hand) {
  const double rewards[] = {1, 2, 3}, values[] = {4, 8, 16}, next_values[] = {8, 16, 100};
  const Flag terminated[] = {0, 0, 1}, ended[] = {0, 0, 255};
  double advantages[3], targets[3];
  CHECK(gae({{3, 1}, rewards, values, next_values, terminated, ended, advantages, targets}, 0.5,
            0.5, 1));
  CHECK_CLOSE(advantages[2], 3.0 - 16.0, 0.0);
  CHECK_CLOSE(advantages[1], (2.0 + 8.0 - 8.0) + 0.25 * -13.0, 0.0);
  CHECK_CLOSE(advantages[0], (1.0 + 4.0 - 4.0) + 0.25 * -1.25, 0.0);
  CHECK_CLOSE(targets[0], advantages[0] + 4.0, 0.0);
}

CASE(truncation_bootstraps_and_cuts) {
  const double rewards[] = {1, 1000}, values[] = {0, 0}, next_values[] = {10, 0};
  const Flag terminated[] = {0, 7}, ended[] = {1, 1};
  double advantages[2], targets[2], returns[2];
  CHECK(gae({{2, 1}, rewards, values, next_values, terminated, ended, advantages, targets}, 0.9,
            0.9, 1));
  CHECK_CLOSE(advantages[0], 1.0 + 0.9 * 10.0, 1e-15);
  CHECK(discounted_returns({{2, 1}, rewards, next_values, terminated, ended, returns}, 0.9, 1));
  CHECK_CLOSE(returns[0], 1.0 + 0.9 * 10.0, 1e-15);
  CHECK_CLOSE(returns[1], 1000.0, 0.0);
}

// Every panel width at once, and more lanes than one chunk holds.
CASE(lanes_are_independent_of_their_neighbours) {
  constexpr std::ptrdiff_t steps = 5, lanes = 4096 + 127;
  constexpr std::size_t count = steps * lanes;
  std::vector<double> rewards(count), values(count), next_values(count);
  std::vector<Flag> terminated(count), ended(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double x = static_cast<double>(i);
    rewards[i] = std::sin(x), values[i] = std::cos(x), next_values[i] = std::sin(3 * x);
    terminated[i] = i % 7 == 0 ? 128 : 0;
    ended[i] = terminated[i] != 0 || i % 5 == 0 ? 3 : 0;
  }
  std::vector<double> advantages(count), targets(count), returns(count);
  CHECK(gae({{steps, lanes},
             rewards.data(),
             values.data(),
             next_values.data(),
             terminated.data(),
             ended.data(),
             advantages.data(),
             targets.data()},
            0.9, 0.8, 3));
  CHECK(discounted_returns({{steps, lanes},
                            rewards.data(),
                            next_values.data(),
                            terminated.data(),
                            ended.data(),
                            returns.data()},
                           0.9, 3));
  for (std::ptrdiff_t n = 0; n < lanes; ++n) {
    double advantage = 0.0, follows = 0.0;
    for (std::ptrdiff_t t = steps - 1; t >= 0; --t) {
      const auto i = static_cast<std::size_t>(t * lanes + n);
      const double bootstrap = terminated[i] != 0 ? 0.0 : next_values[i];
      const double carried = ended[i] != 0 ? 0.0 : 0.9 * 0.8 * advantage;
      advantage = rewards[i] + 0.9 * bootstrap - values[i] + carried;
      follows = rewards[i] + 0.9 * (ended[i] != 0 || t == steps - 1 ? bootstrap : follows);
      CHECK(advantages[i] == advantage && targets[i] == advantage + values[i]);
      CHECK(returns[i] == follows);
    }
  }
}

CASE(what_is_wrong_is_seen) {
  for (const std::ptrdiff_t lanes : {1, 2, 4, 8, 16, 32, 64}) {
    const auto count = static_cast<std::size_t>(lanes);
    std::vector<double> good(count, 1.0), bad(count, 1.0), out(count), other(count);
    std::vector<Flag> none(count, 0), one(count, 0);
    bad[count - 1] = std::numeric_limits<double>::quiet_NaN();
    one[count - 1] = 2;
    const double *g = good.data(), *b = bad.data();
    const Flag *f = none.data(), *s = one.data();
    const TimeByLane shape{1, lanes};
    CHECK(gae({shape, g, g, g, f, s, out.data(), other.data()}, 0.9, 0.9, 1));
    CHECK(!gae({shape, b, g, g, f, s, out.data(), other.data()}, 0.9, 0.9, 1));
    CHECK(!gae({shape, g, b, g, f, s, out.data(), other.data()}, 0.9, 0.9, 1));
    CHECK(!gae({shape, g, g, b, s, s, out.data(), other.data()}, 0.9, 0.9, 1));
    CHECK(!gae({shape, g, g, g, s, f, out.data(), other.data()}, 0.9, 0.9, 1));
    CHECK(!discounted_returns({shape, b, g, f, s, out.data()}, 0.9, 1));
    CHECK(!discounted_returns({shape, g, b, s, s, out.data()}, 0.9, 1));
    CHECK(!discounted_returns({shape, g, g, s, f, out.data()}, 0.9, 1));
    CHECK(discounted_returns({shape, g, nullptr, f, f, out.data()}, 0.9, 1) && out[0] == 1.0);
  }
}
