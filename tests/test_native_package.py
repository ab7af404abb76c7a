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
from fastpg import _core
from native_builds import require_compiler
from processes import GUARD

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "native_env"
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
def require_tools():
    """Skip without what builds wheels."""
    for module in ("pip", "scikit_build_core"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    if shutil.which("cmake") is None:
        pytest.skip("there is no cmake")


@pytest.fixture(scope="module")
def package(tmp_path_factory, require_tools):
    """The folder in which the example's wheel is installed."""
    require_compiler()
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


@pytest.fixture(scope="module")
def own_wheel(tmp_path_factory, require_tools):
    """A wheel of this fastpg, packed as pyproject.toml says, with the compiled module as it is."""
    folder = tmp_path_factory.mktemp("own")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    (source / "python").mkdir()
    unwanted = shutil.ignore_patterns("__pycache__", "_core.*.so", "_core.*.pyd")
    shutil.copytree(ROOT / "python" / "fastpg", source / "python" / "fastpg", ignore=unwanted)
    (source / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.24)\nproject(fastpg LANGUAGES NONE)\n"
        f'install(FILES "{Path(_core.__file__).as_posix()}" DESTINATION fastpg)\n'
    )
    run(*PIP, "wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", folder, source,
        cwd=folder)  # fmt: skip
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_of_fastpg_has_the_headers(own_wheel):
    names = set(zipfile.ZipFile(own_wheel).namelist())
    headers = {path.name for path in (ROOT / "python/fastpg/include/fastpg").iterdir()}
    assert {f"fastpg/include/fastpg/{name}" for name in headers} <= names
    assert len(headers) >= 5
