"""The package as a whole: exports, imported modules, and correct documents."""

import importlib.util
import inspect
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fastpg
from fastpg import _core
from fastpg.algorithms import ALGORITHMS
from fastpg.envs import NATIVE
from fastpg.policies.factory import POLICIES
from processes import python

ROOT = Path(__file__).resolve().parent.parent


def test_exports():
    assert fastpg.__all__ == [
        "NPG", "PPO", "REINFORCE", "TRPO", "BuildError", "CheckpointError", "EndlessEpisodeError",
        "EnvCheckError", "EnvState", "Identity", "ImportanceSamplingEstimate", "LinearBaseline",
        "LinearGaussian", "LinearSoftmax", "MeanBaseline", "MlpBaseline", "MlpGaussian",
        "MlpSoftmax", "NativeEnvError", "NativeVectorEnv", "NumbaEnv", "Polynomial",
        "RandomFourier", "Results", "Rollout", "RunningNormalizer", "TunedSettings", "Tuning",
        "UserEnvironment", "__version__", "build_env", "build_info", "check_env",
        "check_native_env", "collect", "conjugate_gradient", "diagnose", "discounted_returns",
        "effective_sample_size", "evaluate_policy", "export", "gae", "get_include",
        "importance_sampling_estimate", "importance_weights", "length_scale", "load", "load_env",
        "load_results", "make_vec", "natural_gradient", "numba_env", "register_env", "resume",
        "train", "train_many", "tune", "tuned_settings",
    ]  # fmt: skip
    assert all(hasattr(fastpg, name) for name in fastpg.__all__)
    policies = [kind for kinds in POLICIES.values() for kind in kinds.values()]
    algorithms = ALGORITHMS.values()
    assert {kind.__name__ for kind in (*policies, *algorithms)} <= set(fastpg.__all__)


def test_no_sentence_begins_with_a_symbol_in_upper_case():
    """A linter wants a capital letter where a docstring begins: no symbol may stand there."""
    pages = [ROOT / "docs" / "api.md", ROOT / "docs" / "tabular.md"]
    symbols = r"(?:Ln|Log|Exp|Theta|Pi|Phi|Eta|Alpha|Lambda|Gamma|Delta|Sigma|Rho|Nu|X|Kl)"
    for page in pages:
        assert not re.findall(rf"^{symbols}\b.*", page.read_text(), re.MULTILINE), page


def test_version_is_pyproject_s():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert fastpg.__version__ == _core.__version__ == project["version"]
    assert project["name"] == "fastpg-rl"
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text()


def names_only(value):
    return value if isinstance(value, str) else ""


def test_import_loads_numpy_and_gymnasium_alone():
    run = python(
        "import numpy, gymnasium.vector, sys; before = set(sys.modules); import fastpg;"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    )
    assert run.returncode == 0, run.stderr
    loaded = run.stdout.split()
    assert set(loaded) - set(sys.stdlib_module_names) == {"fastpg"}


def test_kernels_know_no_python():
    headers = list((ROOT / "cpp" / "include").rglob("*.hpp"))
    assert len(headers) > 20
    for header in headers:
        text = header.read_text()
        assert "pybind11" not in text, header
        assert "Python.h" not in text, header


def test_pybind11_is_included_once():
    including = [
        path.name
        for path in (ROOT / "cpp").rglob("*pp")
        if re.search(r"#include <pybind11", path.read_text())
    ]
    assert including == ["pybind.hpp"]


def test_algorithms_never_touch_the_core_and_never_each_other():
    from fastpg.algorithms import ALGORITHMS

    folder = ROOT / "python" / "fastpg" / "algorithms"
    for name in ALGORITHMS:
        text = (folder / f"{name}.py").read_text()
        assert "_core" not in text, name
        assert not any(f"fastpg.algorithms.{other} " in text for other in ALGORITHMS), name


def test_environment_code_is_built_without_contraction():
    assert "-ffp-contract=off" in (ROOT / "CMakeLists.txt").read_text()


KEEP = """
fastpg_keep_here("${CMAKE_CURRENT_LIST_DIR}/headers" "include/*;share/x/*" kept RESULT)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="these characters are in no name")
@pytest.mark.skipif(not shutil.which("cmake"), reason="there is no cmake")
@pytest.mark.parametrize("name", ["plain", "a [b]", "a*b?", "[?]"])
def test_the_build_finds_headers_in_any_folder(tmp_path, name):
    script, other = tmp_path / name / "keep.cmake", tmp_path / "axb1"
    for prefix in (script.parent / "headers", other / "headers"):
        for file in ("include/sub/a.h", "share/x/b.cmake", "share/y/c.h"):
            (prefix / file).parent.mkdir(parents=True)
            (prefix / file).write_text(prefix.parent.name)
    text = (ROOT / "CMakeLists.txt").read_text()
    function = re.search(r"^function\(fastpg_keep_here.*?^endfunction\(\)$", text, re.S | re.M)[0]
    script.write_text(function + KEEP)
    build = tmp_path / "build"
    build.mkdir()
    subprocess.run(["cmake", "-P", script], cwd=build, check=True)
    kept = {
        path.relative_to(build): path.read_text() for path in build.rglob("*") if path.is_file()
    }
    folder = Path("requirements", "kept")
    assert kept == {folder / "include/sub/a.h": name, folder / "share/x/b.cmake": name}


def is_property(node):
    return any(getattr(d, "id", "") == "property" for d in node.decorator_list)


def stub_functions():
    import ast

    tree = ast.parse((ROOT / "python" / "fastpg" / "_core.pyi").read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and not is_property(member):
                    yield f"{node.name}.{member.name}", member


@pytest.mark.parametrize(
    ("name", "node"), list(stub_functions()), ids=lambda x: x if isinstance(x, str) else ""
)
def test_stub_arguments_are_the_binding_s(name, node):
    """pybind11 writes the signature into the docstring: names, order and defaults agree."""
    target = _core
    for part in name.split("."):
        target = getattr(target, part)
    signature = target.__doc__.splitlines()[0]
    inside = signature[signature.index("(") + 1 : signature.rindex(") ->")]
    found = re.findall(r"(?:^|, )(\w+): ", inside)
    defaults = inside.count(" = ")
    assert found == [a.arg for a in (*node.args.args, *node.args.kwonlyargs)]
    assert defaults == len(node.args.defaults)


def test_every_kernel_has_a_docstring():
    for name, value in inspect.getmembers(_core):
        if not name.startswith("_") and callable(value):
            words = (value.__doc__ or "").split("\n\n")[-1].strip()
            assert words, name
            assert not words.startswith(name), f"{name}: a signature is not a docstring"


def documented():
    for name in fastpg.__all__:
        value = getattr(fastpg, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            yield name, value
        if inspect.isclass(value):
            for member, function in inspect.getmembers(value, inspect.isfunction):
                if not member.startswith("_"):
                    yield f"{name}.{member}", function


@pytest.mark.parametrize(
    ("name", "value"), list(documented()), ids=lambda x: x if isinstance(x, str) else ""
)
def test_public_names_have_docstrings(name, value):
    assert inspect.getdoc(value), name


def generator():
    spec = importlib.util.spec_from_file_location("api", ROOT / "docs" / "generate_api.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_api_page_is_up_to_date():
    assert (ROOT / "docs" / "api.md").read_text() == generator().api_page(), (
        "run python docs/generate_api.py"
    )


def test_tabular_page_is_up_to_date():
    assert (ROOT / "docs" / "tabular.md").read_text() == generator().tabular_page(), (
        "run python docs/generate_api.py"
    )


def test_environment_pages_are_up_to_date():
    pages = generator().environment_pages()
    folder = ROOT / "docs" / "environments"
    assert {path.name for path in folder.iterdir()} == set(pages)
    for name, text in pages.items():
        assert (folder / name).read_text() == text, "run python docs/generate_api.py"


def with_a_page():
    """Ids of fastpg's own environments; other tests register more."""
    pages = {path.stem for path in (ROOT / "docs" / "environments").iterdir()}
    return [env_id for env_id, spec in NATIVE.items() if spec.environment.kernel in pages]


@pytest.mark.parametrize("env_id", with_a_page())
def test_environment_pages_are_true(env_id):
    """Every option with its default, every observation with its bounds."""
    env = fastpg.make_vec(env_id)
    text = (ROOT / "docs" / "environments" / f"{env.environment.kernel}.md").read_text()
    named = dict(documented_options(text))
    values = {name: value for name, (value, _) in env.native.parameters().items()}
    assert set(named) == set(values)
    for name, value in values.items():
        written = eval(named[name], {"pi": 3.141592653589793})
        assert written == (pytest.approx(value, abs=1e-4) if isinstance(value, float) else value)
    space = env.single_observation_space
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| (\S[^|]*) \| (\S[^|]*) \|", text, re.MULTILINE)
    assert [int(row[0]) for row in rows] == list(range(space.shape[0]))
    names = {"pi": 3.141592653589793, "inf": float("inf")}
    for (_, *written), bounds in zip(rows, zip(space.low, space.high, strict=True), strict=True):
        for one, bound in zip(written, bounds, strict=True):
            assert eval(one.replace(" pi", "*pi"), names) == pytest.approx(bound, abs=1e-3)


def documented_options(text):
    for names, defaults in re.findall(r"^\| (`[^|]+`) \| ([^|]+) \|", text, re.MULTILINE):
        each = re.findall(r"`(\w+)`", names)
        defaults = defaults.strip().replace(" pi", "*pi")
        several = defaults.split(", ") if len(each) > 1 and ", " in defaults else None
        for k, name in enumerate(each):
            yield name, several[k] if several else defaults


def test_readme_has_the_two_commands_and_no_other_project_s_name():
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert "pip install . && fastpg train npg CartPole-v1" in lines
    assert "pip install '.[test]' && pytest" in lines
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        assert "pip install fastpg" not in page.read_text()


def test_readme_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "README.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 8
    namespace = {}
    for example in examples:
        exec(compile(example, "README.md", "exec"), namespace)


def test_every_logged_key_is_documented():
    from fastpg.algorithms import ALGORITHMS

    page = (ROOT / "docs" / "records.md").read_text()
    for name in ALGORITHMS:
        for options in ({}, {"objective": "kl_penalty"}) if name == "ppo" else ({},):
            for env_id in ("CartPole-v1", "Pendulum-v1"):
                algo = fastpg.train(
                    name, env_id, total_timesteps=8000, seed=0, tuned=False, **options
                )
                for key in algo.history[-1]:
                    assert f"`{key}`" in page, key
    assert f"`{fastpg.training.metrics.RAW_MEAN}`" in page


def test_options_table_of_the_docs_is_complete():
    from fastpg.algorithms import ALGORITHMS
    from fastpg.algorithms.option_texts import described

    page = (ROOT / "docs" / "api.md").read_text()
    for algorithm in ALGORITHMS.values():
        for spec in described(algorithm.options_class):
            assert f"`{spec.name}`" in page


def test_reproductions_are_short_and_have_their_figures():
    page = (ROOT / "docs" / "reproductions.md").read_text()
    commands = re.findall(
        r"^`python examples/(\w+)\.py docs/figures/(\w+)\.png`", page, re.MULTILINE
    )
    assert len(commands) == 3
    for script, figure in commands:
        assert len((ROOT / "examples" / f"{script}.py").read_text().splitlines()) < 30
        assert f"](figures/{figure}.png)" in page
        assert (ROOT / "docs" / "figures" / f"{figure}.png").stat().st_size > 10_000
