// A gridworld of 8 x 8 places with walls and a goal in a corner; moves into walls are masked.
#include <fastpg/env.hpp>

struct Gridworld {
  static constexpr const char* id = "Gridworld-v0";
  static constexpr int max_episode_steps = 100, side = 8;
  static constexpr const char* map =  // # wall, G goal
      "...#...."
      ".#.#.##."
      ".#...#.."
      ".####.#."
      "......#."
      ".##.#..."
      "...#.##."
      ".#.....G";

  struct Params {
    double slip = 0.1;
  };
  static void params(auto& p, auto visit) {
    visit("slip", p.slip, "probability of another allowed move", 0.0, 1.0);
  }

  struct State {
    std::int64_t row, column;
  };
  static void state(auto& s, auto visit) {
    visit("row", s.row);
    visit("column", s.column);
  }

  static constexpr auto actions = fastpg::discrete(4);  // up, right, down, left
  static constexpr int observation_size = side * side;  // one-hot
  static constexpr float observation_low = 0.0f, observation_high = 1.0f;

  static bool open(std::int64_t row, std::int64_t column) {
    return row >= 0 && row < side && column >= 0 && column < side &&
           map[row * side + column] != '#';
  }
  static State after(const State& s, std::int64_t a) {
    return {s.row + (a == 2) - (a == 0), s.column + (a == 1) - (a == 3)};
  }

  static void reset(State& s, const Params&, fastpg::Stream& rng) {
    do {
      s = {rng.integer(side), rng.integer(side)};
    } while (!open(s.row, s.column) || map[s.row * side + s.column] == 'G');
  }

  static void observe(const State& s, const Params&, fastpg::Observation out) {
    out[s.row * side + s.column] = 1.0f;
  }

  static void mask(const State& s, const Params&, fastpg::Mask allowed) {
    for (int a = 0; a < 4; ++a) {
      const State next = after(s, a);
      allowed[a] = open(next.row, next.column);
    }
  }

  static fastpg::Step step(State& s, int action, const Params& p, fastpg::Stream& rng) {
    const bool slips = rng.uniform() < p.slip;
    const State next = after(s, slips ? rng.integer(4) : action);
    if (open(next.row, next.column)) s = next;
    const bool goal = map[s.row * side + s.column] == 'G';
    return {goal ? 1.0 : -0.02, goal};
  }
};
FASTPG_ENV(Gridworld);
