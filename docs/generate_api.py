"""Write docs/api.md, docs/tabular.md and docs/environments from the docstrings and signatures."""

from __future__ import annotations

import functools
import inspect
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import fastpg
from fastpg import callbacks, loggers, monitor, playing, plots, tabular, tuning
from fastpg.algorithms import ALGORITHMS, schedules
from fastpg.algorithms.base import Algorithm
from fastpg.algorithms.option_texts import described
from fastpg.envs import NATIVE
from fastpg.experiments import statistics
from fastpg.policies.base import Policy

HEAD = """# API

Written by `python docs/generate_api.py` from the docstrings; a test checks that it is up to date.
Shapes use these letters: T steps, N environments, d numbers in an observation, n samples.
[glossary.md](glossary.md) explains the terms.
"""


INTERNAL = (
    "state",
    "restore",
    "actor",
    "native",
    "observe",
    "for_environment",
    "fresh",
    "from_core",
    "in_core",
    "core",
)
# Modules with public names of their own, which `import fastpg` does not load.
MODULES = (plots, playing, monitor, statistics)
COMMON = ("learn", "log", "predict", "save", "use_env")


def api_page() -> str:
    """The page docs/api.md."""
    parts = [HEAD]
    for name in fastpg.__all__:
        value = getattr(fastpg, name)
        if name.lower() in ALGORITHMS:
            parts.append(_algorithm_section(name, value))
        elif inspect.isclass(value):
            parts.append(_class_section(name, value))
        elif inspect.isfunction(value):
            parts.append(_function_section(f"fastpg.{name}", value, 2))
    parts.append(_common_section())
    for module in (callbacks, loggers):
        for name in module.__all__:
            parts.append(_class_section(name, getattr(module, name), module.__name__))
    for name in sorted(set(tuning.__all__) - set(fastpg.__all__)):
        value = getattr(tuning, name)
        if inspect.isclass(value):
            parts.append(_class_section(name, value, "fastpg.tuning"))
        else:
            parts.append(_function_section(f"fastpg.tuning.{name}", value, 2))
    parts += [_module_section(module) for module in MODULES]
    return "\n".join(parts)


TABULAR_HEAD = """# fastpg.tabular

Written by `python docs/generate_api.py` from the docstrings. Shapes use these letters: S states, A
actions, H steps. [glossary.md](glossary.md) explains the terms.

## Units

Sums over a trajectory and means per step differ by the factor of the mean length of an episode:

| what | unit by default | other unit |
|---|---|---|
| `fisher`, `kl`, `kl_gradient`, `kl_hessian`, also of `LocalModel` | `per="trajectory"` | "step" |
| `gradient`, `performance_difference`, `LocalModel.surrogate` | trajectory | |
| `target_kl` and recorded KLs of `pg`, `npg`, `trpo` and others | `kl_per="step"` | "trajectory" |
| `kl_coef` of `ppo_penalty` | the lecture's lambda: the same in both | |
| `cg_damping` of `tabular.npg` | absolute, added to the diagonal of F | |
| `cg_damping` of `NPG`, `TRPO`, `natural_gradient` | relative to the mean of F's diagonal | |
"""


def tabular_page() -> str:
    """The page docs/tabular.md."""
    parts = [TABULAR_HEAD]
    for name in tabular.__all__:
        value = getattr(tabular, name)
        if inspect.isclass(value):
            parts.append(_class_section(name, value, "fastpg.tabular"))
        else:
            parts.append(_function_section(f"fastpg.tabular.{name}", value, 2))
    return "\n".join(parts)


ENVIRONMENT = """# {name}

{text}

**Use**

```python
env = fastpg.make_vec("{id}", num_envs=16)  # a gymnasium.vector.VectorEnv
env = gymnasium.make_vec("fastpg:fastpg/{id}", num_envs=16)  # the same
env = gymnasium.make("fastpg:fastpg/{id}")  # a single gymnasium.Env
```

{exact}Written by `python docs/generate_api.py` from the docstring.
"""


AS_GYMNASIUM = """With `exact=True`, the default, observations, rewards and flags equal those of
`gymnasium.vector.SyncVectorEnv` bit for bit.

"""


def environment_pages() -> dict[str, str]:
    """The page of each native environment, by file name."""
    own = [spec for spec in NATIVE.values() if not spec.environment.from_user]
    latest = {type(spec.environment): spec.id for spec in own}
    return {
        f"{kind.kernel}.md": ENVIRONMENT.format(
            name=kind.kernel,
            text=inspect.getdoc(kind),
            id=env_id,
            exact="" if kind.drawn_by is None else AS_GYMNASIUM,
        )
        for kind, env_id in latest.items()
    }


def _module_section(module: Any) -> str:
    """The public names of a module that is imported by itself."""
    parts = [f"## `{module.__name__}`\n\n{_text(module)}\n"]
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value):
            section = _class_section(name, value, module.__name__)
            parts.append(section.replace("\n### ", "\n#### ").replace("## ", "### ", 1))
        else:
            parts.append(_function_section(f"{module.__name__}.{name}", value, 3))
    return "\n".join(parts)


def _algorithm_section(name: str, kind: Any) -> str:
    return (
        f"## `fastpg.{name}(policy, env, *, policy_kwargs=None, seed=None, **options)`\n\n"
        f"{inspect.cleandoc(vars(kind)['__doc__'].text)}\n\n{_options_table(kind)}\n"
        "Arguments and methods: [every algorithm](#every-algorithm).\n"
    )


def _common_section() -> str:
    parts = [f"## Every algorithm\n\n{_text(Algorithm)}\n"]
    parts += [_function_section(f"algo.{name}", getattr(Algorithm, name), 3) for name in COMMON]
    parts.append(f"## Policy\n\n{_text(Policy)}\n")
    parts.append(f"## Schedules\n\n{_text(schedules)}\n")
    return "\n".join(parts)


def _function_section(title: str, function: Any, level: int) -> str:
    return f"{'#' * level} `{title}{_signature(function)}`\n\n{_text(function)}\n"


def _class_section(name: str, kind: type, package: str = "fastpg") -> str:
    arguments = "" if issubclass(kind, Exception) or is_dataclass(kind) else _signature(kind)
    parts = [f"## `{package}.{name}{arguments}`\n\n{_text(kind)}\n"]
    if is_dataclass(kind):
        parts.append(_fields(kind))
    if issubclass(kind, Exception):
        return parts[0]
    for member, value in _members(kind).items():
        if isinstance(value, classmethod):
            parts.append(_function_section(f"{name}.{member}", getattr(kind, member), 3))
        elif inspect.isfunction(value):
            parts.append(_function_section(f"{name}.{member}", value, 3))
        elif isinstance(value, property | functools.cached_property):
            parts.append(f"### `{name}.{member}`\n\n{_text(value)}\n")
    return "\n".join(parts)


def _members(kind: type) -> dict[str, Any]:
    """Public members of a class and of its bases in fastpg; those of the bases come first."""
    members: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("fastpg"):
            members |= {n: v for n, v in vars(base).items() if not n.startswith("_")}
    return {n: v for n, v in members.items() if n not in INTERNAL}


def _fields(kind: type) -> str:
    """A dataclass's fields with their comments."""
    lines = []
    for line in inspect.getsource(kind).splitlines():
        field, _, comment = line.strip().partition("  # ")
        if ": " in field and line.startswith("    ") and comment:
            lines.append(f"- `{field.split(':')[0]}` {comment}")
    return "\n".join(lines) + "\n"


def _options_table(kind: Any) -> str:
    rows = ["| option | default | range | meaning | searched by `tune` |", "|---|---|---|---|---|"]
    for spec in described(kind.options_class):
        doc = spec.doc.replace("|", "\\|")
        if spec.is_schedule:
            doc += "; a [schedule](#schedules)"
        search = "" if spec.search is None else f"`{spec.search}`"
        if spec.mlp_search != spec.search:
            search += f"; with policy mlp `{spec.mlp_search}`"
        rows.append(f"| `{spec.name}` | {spec.default} | {spec.limits or ''} | {doc} | {search} |")
    return "\n".join(rows) + "\n"


def _signature(function: Any) -> str:
    signature = inspect.signature(function)
    parameters = [
        p.replace(annotation=inspect.Parameter.empty)
        for p in signature.parameters.values()
        if p.name != "self"
    ]
    text = str(signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty))
    text = text.replace("<AutoresetMode.NEXT_STEP: 'NextStep'>", "AutoresetMode.NEXT_STEP")
    return text.replace("<class 'numpy.float64'>", "numpy.float64")


def _text(value: Any) -> str:
    """The docstring, with Args, Returns and Raises as lists."""
    lines: list[str] = []
    inside = False
    for line in (inspect.getdoc(value) or "").splitlines():
        if line in ("Args:", "Returns:", "Raises:", "Attributes:"):
            lines.append(f"**{line[:-1]}**\n")
            inside = True
        elif inside and line.startswith("    ") and not line.startswith("     "):
            lines.append(f"- {line.strip()}")
        elif inside and line.startswith("     "):
            lines.append(f"  {line.strip()}")
        else:
            inside = inside and not line.strip()
            lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    docs = Path(__file__).parent
    (docs / "api.md").write_text(api_page(), encoding="utf-8")
    (docs / "tabular.md").write_text(tabular_page(), encoding="utf-8")
    (docs / "environments").mkdir(exist_ok=True)
    for name, text in environment_pages().items():
        (docs / "environments" / name).write_text(text, encoding="utf-8")
    print("wrote api.md, tabular.md and environments/")
