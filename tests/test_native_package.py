"""examples/native_env: a package of a user's own, built against the headers of this fastpg."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import fastpg
from native_builds import require_compiler
from processes import GUARD

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "native_env"
PIP = ("-m", "pip", "--disable-pip-version-check")


def run(*arguments, cwd, first=None):
    """This interpreter, with the folder `first` and this fastpg before other packages."""
    paths = [first, str(Path(fastpg.__file__).parents[1])]
    kept = os.pathsep.join(str(path) for path in paths if path is not None)
    done = subprocess.run(
        [sys.executable, "-P", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": kept, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=GUARD,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The folder in which the example's wheel is installed."""
    require_compiler()
    for module in ("pip", "scikit_build_core"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    if shutil.which("cmake") is None:
        pytest.skip("there is no cmake")
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(EXAMPLE, folder / "source")
    run(*PIP, "wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", folder,
        folder / "source", cwd=folder)  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    run(*PIP, "install", "--no-deps", "--no-index", "--target", folder / "site", wheel, cwd=folder)
    return folder


@pytest.mark.slow
def test_the_wheel_has_the_library_and_no_header(package):
    (wheel,) = package.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"swing_up/__init__.py", "swing_up/twin.py"} < set(names)
    assert len([name for name in names if name.startswith("swing_up/swing_up.")]) == 1
    assert wheel.name.startswith("swing_up_env-0.1.0-py3-none-")


@pytest.mark.slow
def test_its_own_tests_pass(package):
    out = run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=package / "source",
              first=package / "site")  # fmt: skip
    assert "4 passed" in out


@pytest.mark.slow
def test_the_command_trains_in_it_and_other_processes_find_it(package):
    out = run("-m", "fastpg", "train", "trpo", "swing_up:SwingUp-v0", "--total-timesteps", 4000,
              "--out", "swing.fpg", cwd=package, first=package / "site")  # fmt: skip
    assert "SwingUp-v0" in out
    code = (
        "import pickle, sys, swing_up; text = pickle.dumps(swing_up.ENV);"
        "assert swing_up.ENV.module == 'swing_up'; assert b'swing_up' in text;"
        "open('env.pickle', 'wb').write(text)"
    )
    run("-c", code, cwd=package, first=package / "site")
    code = (
        "import fastpg, pickle; env = pickle.load(open('env.pickle', 'rb'));"
        "algo = fastpg.load('swing.fpg', env=env); print(algo.predict([0.0] * 5)[0].shape)"
    )
    assert run("-c", code, cwd=package, first=package / "site") == "(1,)\n"


def test_the_build_file_is_short():
    lines = (EXAMPLE / "CMakeLists.txt").read_text().splitlines()
    assert len(lines) < 15
    assert len((EXAMPLE / "src" / "swing_up.hpp").read_text().splitlines()) <= 60
