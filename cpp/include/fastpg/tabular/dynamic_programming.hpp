// Exact values and state distributions of a policy in a finite MDP: backward and forward recursion
// over a horizon, and linear solves for the discounted and the average-reward case.
//
// pi: (states, actions) for a policy that does not see the time, or (horizon * states, actions).
// r: (states, actions).
#pragma once

#include "fastpg/tabular/transitions.hpp"

namespace fastpg {

// Values at every step: V (horizon + 1, states), V_horizon = 0, and Q (horizon * states, actions).
struct FiniteValues {
  Matrix v;
  Matrix q;
};

FiniteValues finite_values(const Transitions& p, const ConstMatrix& r, const ConstMatrix& pi,
                           Index horizon, double gamma);

// The best policy's values at every step; its actions are where Q is largest.
FiniteValues finite_optimum(const Transitions& p, const ConstMatrix& r, Index horizon,
                            double gamma);

// The distribution of the state at every step, (horizon, states).
Matrix finite_visits(const Transitions& p, const ConstVector& start, const ConstMatrix& pi,
                     Index horizon);

// V (states), Q (states, actions) and a distribution of states that sums to one.
struct StationaryValues {
  Vector v;
  Matrix q;
  Vector visits;
  double average;  // average reward; the discounted case leaves it 0
};

// Discounted: V = (I - gamma P_pi)^-1 r_pi, visits = (1 - gamma) (I - gamma P_pi^T)^-1 start.
StationaryValues discounted_values(const Transitions& p, const ConstMatrix& r,
                                   const ConstMatrix& pi, const ConstVector& start, double gamma);

// Average reward: the stationary distribution rho, the average rho . r_pi, and differential values
// with rho . V = 0. std::invalid_argument where there is more than one recurrent class. Classes
// that communicate rarely cost a solve its digits, and are eliminated instead, which is slower.
StationaryValues average_values(const Transitions& p, const ConstMatrix& r, const ConstMatrix& pi);

}  // namespace fastpg
