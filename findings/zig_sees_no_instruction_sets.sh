#!/usr/bin/env bash
# Guess: __builtin_cpu_supports gives the same answer with every compiler that has it.
# Fact: linked by `zig c++`, it is 0 for every instruction set, also after __builtin_cpu_init(): zig's
# runtime library defines __cpu_model, and nothing fills it. A library that chooses its kernels at
# run time then takes the slowest ones, silently. GCC's libgcc.a on the command line mends it.
# Version: ziglang 0.17.1, on x86-64 Linux with GCC installed.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ziglang==0.17.1
export ZIG_GLOBAL_CACHE_DIR="$folder/cache"
cat > "$folder/sse2.cpp" <<'CPP'
#include <cstdio>
int main() {
  __builtin_cpu_init();
  std::printf("%d\n", __builtin_cpu_supports("sse2") != 0);  // every x86-64 processor has it
}
CPP
zig() { "$folder/venv/bin/python" -m ziglang "$@"; }
echo "ziglang $(zig version)"
cd "$folder"
zig c++ -target x86_64-linux-gnu.2.17 sse2.cpp -o by_zig
zig c++ -target x86_64-linux-gnu.2.17 sse2.cpp "$(gcc -print-libgcc-file-name)" -o with_libgcc
echo "SSE2 by zig: $(./by_zig)"
echo "SSE2 by zig with libgcc.a: $(./with_libgcc)"
[ "$(./by_zig) $(./with_libgcc)" = "0 1" ]
