"""Environments in C++ of the tests, compiled once for a run of the tests."""

import shutil
import sys
from pathlib import Path

import pytest

import fastpg
from fastpg.native_envs.compiler import KNOWN

HEADERS = Path(__file__).parent / "native_headers"


def require_compiler():
    if sys.platform == "win32":
        pytest.skip("compilers of Windows were not tried")
    if not any(shutil.which(name) for name in KNOWN):
        pytest.skip(f"there is no C++ compiler: {', '.join(KNOWN)}")


def built(name, cache, **options):
    return fastpg.build_env(HEADERS / f"{name}.hpp", cache=cache, **options)


# A whole environment whose constant and whose words are to be replaced.
WALK = """\
#include <fastpg/env.hpp>
#include "length.hpp"
struct Walk {
  static constexpr const char* id = "HeaderWalk-v0";
  struct State { double x; };
  static void state(auto& s, auto visit) { visit("x", s.x); }
  static constexpr auto actions = fastpg::discrete(2);
  static constexpr int observation_size = 1;
  static constexpr int max_episode_steps = 20;
  static void reset(State& s, fastpg::Stream& rng) { s.x = rng.uniform(-1, 1); }
  static void observe(const State& s, fastpg::Observation out) { out[0] = float(s.x); }
  static fastpg::Step step(State& s, int action) {
    static int calls = 0;
    ++calls;
    s.x += action == 1 ? LENGTH : -LENGTH;
    return {-s.x * s.x + (calls > 1000000 ? 1 : 0), s.x > 50};
  }
};
FASTPG_ENV(Walk)
"""


def write_walk(folder, length=0.5, text=WALK):
    """The header in a folder of its own, with the header that it includes."""
    folder.mkdir(exist_ok=True)
    (folder / "length.hpp").write_text(f"#define LENGTH {length}\n")
    (folder / "walk.hpp").write_text(text)
    return folder / "walk.hpp"
