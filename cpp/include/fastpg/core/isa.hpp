// Instruction sets: the same code compiled for each, one of them chosen when the module is loaded.
//
// dispatch(f) runs f in a copy of itself and of all it calls ("flatten"), compiled for the chosen
// set. What is inlined there is the baseline's source, so every function has one definition and
// none compiled for another set can be linked in its place. Nothing is contracted: where the order
// of operations is fixed, all sets give the same bits.
#pragma once

#include <string>
#include <vector>

#include "fastpg/core/checks.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#define FASTPG_X86_SETS 1
#define FASTPG_AVX2 "avx2,fma,bmi,bmi2"
#define FASTPG_AVX512 "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,fma,bmi,bmi2"
#ifdef __clang__
#define FASTPG_WIDE
#else
#define FASTPG_WIDE ",prefer-vector-width=512"
#endif
#else
#define FASTPG_X86_SETS 0
#endif

// For a function that is small loops over vectors: all that it calls becomes part of it.
#if defined(__GNUC__)
#define FASTPG_FLATTEN __attribute__((flatten))
#else
#define FASTPG_FLATTEN
#endif

namespace fastpg {

enum class Isa { baseline, avx2, avx512 };

inline const char* name(Isa isa) {
  constexpr const char* names[] = {"baseline", "avx2", "avx512"};
  return names[static_cast<int>(isa)];
}

// What this machine can run, narrowest first; the baseline is what the compiler was asked for.
inline std::vector<Isa> supported_isas() {
  std::vector<Isa> out = {Isa::baseline};
#if FASTPG_X86_SETS
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi2")) {
    out.push_back(Isa::avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
      out.push_back(Isa::avx512);
    }
  }
#endif
  return out;
}

// Set by the module's initialisation, before any kernel runs.
inline Isa active_isa = Isa::baseline;

inline Isa isa_named(const std::string& wanted) {
  std::string known;
  for (const Isa isa : supported_isas()) {
    if (wanted == name(isa)) return isa;
    known += std::string(known.empty() ? "" : ", ") + name(isa);
  }
  refuse({"FASTPG_ISA: expected an instruction set of this machine (", known, "), got '", wanted,
          "'"});
}

#if FASTPG_X86_SETS
namespace detail {

template <class Function>
__attribute__((target(FASTPG_AVX2), flatten, noinline)) auto run_avx2(Function& f) {
  return f();
}

template <class Function>
__attribute__((target(FASTPG_AVX512 FASTPG_WIDE), flatten, noinline)) auto run_avx512(Function& f) {
  return f();
}

// Not inlined: where one dispatch() runs in another, the function for wider registers would take in
// code that it never runs.
template <class Function>
__attribute__((noinline)) auto run_baseline(Function& f) {
  return f();
}

}  // namespace detail
#endif

template <class Function>
auto dispatch(Function&& f) {
#if FASTPG_X86_SETS
  if (active_isa == Isa::avx512) return detail::run_avx512(f);
  if (active_isa == Isa::avx2) return detail::run_avx2(f);
  return detail::run_baseline(f);
#else
  return f();
#endif
}

}  // namespace fastpg
