// State of every kind, several masked choices, draws in steps, failures where a parameter says so.
#include <array>
#include <cstdint>
#include <fastpg/env.hpp>
#include <stdexcept>
#include <string>

struct Shop {
  static constexpr const char* id = "HeaderShop-v0";
  static constexpr int observation_size = 6;
  static constexpr float observation_low = 0;
  static constexpr std::array<const char*, 6> observation_names = {"first", "second", "price",
                                                                   "day",   "open",   "unused"};
  static constexpr auto actions = fastpg::multi_discrete(3, 4);
  static constexpr double reward_threshold = 100;

  struct Params {
    std::int64_t capacity = 5;
    bool generous = false;
    float cost = 0.1F;
    std::array<double, 2> prices = {1.5, 2.25};
    int fails_on = -1;
    int overflows_on = -1;
  };
  static void params(auto& p, auto visit) {
    visit("capacity", p.capacity, "units of each good", 1, 10);
    visit("generous", p.generous, "no costs");
    visit("cost", p.cost, "of a unit and day");
    visit("prices", p.prices, "of each good");
    visit("fails_on", p.fails_on, "day of an exception");
    visit("overflows_on", p.overflows_on, "day of a number that is too large");
  }

  struct State {
    std::array<std::int64_t, 2> stock;
    double sold;
    float price;
    std::int32_t day;
    bool open;
  };
  static void state(auto& s, auto visit) {
    visit("stock", s.stock);
    visit("sold", s.sold);
    visit("price", s.price);
    visit("day", s.day);
    visit("open", s.open);
  }

  struct Options {
    int first = 2;
  };
  static void options(auto& o, auto visit) { visit("first", o.first, "units", 0, 5); }

  static void reset(State& s, const Params& p, const Options& o, fastpg::Stream& rng) {
    s.stock = {o.first, rng.integer(p.capacity + 1)};
    s.price = float(rng.uniform(1, 2));
    s.open = true;
  }

  static void observe(const State& s, const Params&, fastpg::Observation out) {
    out[0] = float(s.stock[0]);
    out[1] = float(s.stock[1]);
    out[2] = s.price;
    out[3] = float(s.day);
    out[4] = s.open ? 1 : 0;
  }

  static void mask(const State& s, const Params& p, fastpg::Mask allowed) {
    for (int units = 1; units < 3; ++units) allowed[units] = s.stock[0] + units <= p.capacity;
    for (int units = 1; units < 4; ++units) allowed[3 + units] = s.stock[1] + units <= p.capacity;
  }

  static fastpg::Step step(State& s, const std::array<int, 2>& bought, const Params& p,
                           fastpg::Stream& rng) {
    double reward = 0;
    ++s.day;
    if (s.day == p.fails_on && s.stock[0] > 0) {
      throw std::runtime_error("day " + std::to_string(s.day) + ": ü burnt");
    }
    if (s.day == p.overflows_on) s.stock[1] = (std::int64_t{1} << 53) + 1;
    for (std::size_t k = 0; k < 2; ++k) {
      const std::int64_t wanted = rng.integer(4);
      if (s.day != p.overflows_on) s.stock[k] += bought[k];
      const std::int64_t gone = wanted < s.stock[k] ? wanted : s.stock[k];
      if (s.day != p.overflows_on) s.stock[k] -= gone;
      s.sold += double(gone);
      reward += double(gone) * p.prices[k] * s.price;
      if (!p.generous) reward -= double(p.cost) * double(s.stock[k]);
    }
    s.price = float(rng.uniform(1, 2));
    s.open = rng.uniform() < 0.95;
    return {reward, !s.open};
  }
};
FASTPG_ENV(Shop);
