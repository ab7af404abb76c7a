// A shop orders one product each day: lost sales, a fixed cost for an order, room for 20.
#include <cmath>
#include <fastpg/env.hpp>

struct Inventory {
  static constexpr const char* id = "Inventory-v0";
  static constexpr int max_episode_steps = 50, room = 20;

  struct Params {
    double demand = 5.0, price = 4.0, cost = 2.0, fixed = 4.0, holding = 0.5;
  };
  static void params(auto& p, auto visit) {
    visit("demand", p.demand, "mean of a day, Poisson", 0.0, 20.0);
    visit("price", p.price, "of a piece sold", 0.0, 100.0);
    visit("cost", p.cost, "of a piece ordered", 0.0, 100.0);
    visit("fixed", p.fixed, "cost of an order", 0.0, 100.0);
    visit("holding", p.holding, "cost of a piece for a night", 0.0, 100.0);
  }

  struct State {
    std::int64_t stock;
  };
  static void state(auto& s, auto visit) { visit("stock", s.stock); }

  static constexpr auto actions = fastpg::discrete(room + 1);  // pieces ordered
  static constexpr int observation_size = room + 1;            // one-hot
  static constexpr float observation_low = 0.0f, observation_high = 1.0f;

  static void reset(State& s, const Params&, fastpg::Stream& rng) {
    s.stock = rng.integer(room + 1);
  }

  static void observe(const State& s, const Params&, fastpg::Observation out) {
    out[s.stock] = 1.0f;
  }

  static void mask(const State& s, const Params&, fastpg::Mask allowed) {
    for (int order = 0; order <= room; ++order) allowed[order] = s.stock + order <= room;
  }

  static fastpg::Step step(State& s, int order, const Params& p, fastpg::Stream& rng) {
    const std::int64_t there = s.stock + order;
    std::int64_t wanted = 0;  // the inverse of Poisson's distribution function
    double left = rng.uniform(), chance = std::exp(-p.demand);
    while (left >= chance && wanted < there) {
      left -= chance;
      chance *= p.demand / static_cast<double>(++wanted);
    }
    s.stock = there - wanted;
    const double sales = p.price * static_cast<double>(wanted);
    const double costs = p.cost * order + (order > 0 ? p.fixed : 0.0);
    return {sales - costs - p.holding * static_cast<double>(s.stock), false};
  }
};
FASTPG_ENV(Inventory);
