#include "check.hpp"
#include "fastpg/estimators/returns.hpp"

using namespace fastpg;

// One lane, three steps, gamma = lambda = 1/2, worked by hand; the last step terminates.
CASE(gae_by_hand) {
  const double rewards[] = {1, 2, 3}, values[] = {4, 8, 16}, next_values[] = {8, 16, 100};
  const bool terminated[] = {false, false, true}, ended[] = {false, false, true};
  double advantages[3], targets[3];
  gae({3, 1}, rewards, values, next_values, terminated, ended, 0.5, 0.5, advantages, targets);
  CHECK_CLOSE(advantages[2], 3.0 - 16.0, 0.0);
  CHECK_CLOSE(advantages[1], (2.0 + 8.0 - 8.0) + 0.25 * -13.0, 0.0);
  CHECK_CLOSE(advantages[0], (1.0 + 4.0 - 4.0) + 0.25 * -1.25, 0.0);
  CHECK_CLOSE(targets[0], advantages[0] + 4.0, 0.0);
}

CASE(truncation_bootstraps_and_cuts) {
  const double rewards[] = {1, 1000}, values[] = {0, 0}, next_values[] = {10, 0};
  const bool terminated[] = {false, true}, ended[] = {true, true};
  double advantages[2], targets[2], returns[2];
  gae({2, 1}, rewards, values, next_values, terminated, ended, 0.9, 0.9, advantages, targets);
  CHECK_CLOSE(advantages[0], 1.0 + 0.9 * 10.0, 1e-15);
  discounted_returns({2, 1}, rewards, next_values, terminated, ended, 0.9, returns);
  CHECK_CLOSE(returns[0], 1.0 + 0.9 * 10.0, 1e-15);
  CHECK_CLOSE(returns[1], 1000.0, 0.0);
}
