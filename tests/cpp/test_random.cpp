#include <set>

#include "check.hpp"
#include "fastpg/core/pcg64.hpp"
#include "fastpg/core/philox.hpp"

using namespace fastpg;

// Random123's known answers.
CASE(philox_known_answers) {
  const Philox4x32::Counter zero = Philox4x32::generate({0, 0, 0, 0}, {0, 0});
  CHECK((zero == Philox4x32::Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t f = 0xffffffff;
  const Philox4x32::Counter ones = Philox4x32::generate({f, f, f, f}, {f, f});
  CHECK((ones == Philox4x32::Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  const Philox4x32::Counter pi = Philox4x32::generate(
      {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0});
  CHECK((pi == Philox4x32::Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

CASE(uniforms_stay_inside_the_open_interval) {
  CHECK(to_uniform(0) > 0.0);
  CHECK(to_uniform(0xffffffff) < 1.0);
}

CASE(streams_of_purposes_lanes_and_steps_are_distinct) {
  std::set<double> seen;
  for (const Purpose purpose : {Purpose::action, Purpose::shuffle, Purpose::evaluation}) {
    const LaneStream stream(7, purpose);
    for (std::uint32_t lane = 0; lane < 10; ++lane) {
      for (std::uint64_t step = 0; step < 10; ++step) seen.insert(stream.uniform(lane, step));
    }
  }
  CHECK(seen.size() == 300);
}

// numpy.random.default_rng(0).random(3) and default_rng(12345678901234567890).random()
CASE(pcg64_gives_numpy_doubles) {
  const std::uint32_t zero[] = {0};
  Pcg64 stream{SeedSequence(zero)};
  CHECK(stream.uniform() == 0.6369616873214543);
  CHECK(stream.uniform() == 0.2697867137638703);
  CHECK(stream.uniform() == 0.04097352393619469);
}

CASE(wide_multiplication_carries) {
  const UInt128 square = UInt128{0, ~0ull} * UInt128{0, ~0ull};
  CHECK((square == UInt128{~0ull - 1, 1}));
  CHECK((UInt128{0, ~0ull} + UInt128{0, 1} == UInt128{1, 0}));
}
