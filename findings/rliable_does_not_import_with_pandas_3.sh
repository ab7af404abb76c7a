#!/usr/bin/env bash
# Guess: the newest rliable works with the newest packages that its requirements allow.
# Fact: it asks for any pandas from 1.0 on, and for arch before 8; with pandas 3 that arch raises a
# TypeError while it is imported, so that `import rliable.library` fails. With pandas 2 it works.
# Version: rliable 1.2.0, arch 7.2.0, pandas 3.0.0 and 2.3.3.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
cat > "$folder/imported.py" <<'PY'
import importlib.metadata
import sys

for name in ("rliable", "arch", "pandas"):
    print(name, importlib.metadata.version(name))
try:
    import rliable.library

    found = "imported"
except TypeError as error:
    found = "TypeError"
    print(error)
print("import rliable.library:", found)
sys.exit(found != sys.argv[1])
PY
install rliable==1.2.0 arch==7.2.0 pandas==3.0.0
"$folder/venv/bin/python" "$folder/imported.py" TypeError
install pandas==2.3.3
"$folder/venv/bin/python" "$folder/imported.py" imported
