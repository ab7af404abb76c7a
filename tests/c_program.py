"""A program of exported C headers."""

import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

import fastpg
from fastpg.export.plan import Choices
from fastpg.export.reading import plan_of
from processes import GUARD

COMPILERS = {"c": ("gcc", "clang", "cc"), "c++": ("g++", "clang++", "c++")}
FLAGS = {"c": ["-std=c99"], "c++": ["-std=c++11", "-x", "c++"]}

_RUNNER = """\
#include <stdio.h>
#include <string.h>
%(includes)s

%(functions)s
int main(int count, char **words)
{
    FILE *in = fopen(words[2], "rb"), *out = fopen(words[3], "wb");
    if (count != 4 || in == NULL || out == NULL) return 3;
%(calls)s
    return fclose(out) != 0;
}
"""
_FUNCTION = """\
static void run_%(name)s(FILE *in, FILE *out)
{
    float observation[%(NAME)s_OBSERVATION_SIZE];
    long long step_index;
    unsigned char action_mask[%(NAME)s_OUTPUT_SIZE], masked;
    double random[%(NAME)s_ACTION_SIZE], number;
    %(name)s_real outputs[%(NAME)s_OUTPUT_SIZE];
    %(name)s_action action[%(NAME)s_ACTION_SIZE];
    int status, k;
    while (fread(observation, sizeof observation, 1, in) == 1
           && fread(&step_index, sizeof step_index, 1, in) == 1 && fread(&masked, 1, 1, in) == 1
           && fread(action_mask, sizeof action_mask, 1, in) == 1
           && fread(random, sizeof random, 1, in) == 1) {
        %(prepared)s
        for (k = 0; k < %(NAME)s_ACTION_SIZE; ++k) action[k] = 77;
        %(name)s_forward(observation, %(step)soutputs);
        for (k = 0; k < %(NAME)s_OUTPUT_SIZE; ++k) {
            number = outputs[k];
            fwrite(&number, sizeof number, 1, out);
        }
        status = %(name)s_act(observation, %(step)s%(mask)saction);
        for (k = -1; k < %(NAME)s_ACTION_SIZE; ++k) {
            number = k < 0 ? status : (double)action[k];
            fwrite(&number, sizeof number, 1, out);
        }
        status = %(name)s_sample(observation, %(step)s%(mask)s%(random)s, action);
        for (k = -1; k < %(NAME)s_ACTION_SIZE; ++k) {
            number = k < 0 ? status : (double)action[k];
            fwrite(&number, sizeof number, 1, out);
        }
    }
}
"""
_NORMALS = """\
%(name)s_real normals[%(NAME)s_ACTION_SIZE];
        for (k = 0; k < %(NAME)s_ACTION_SIZE; ++k) normals[k] = (%(name)s_real)random[k];"""


def _function(name, model):
    plan = plan_of(model, "double")
    discrete = isinstance(plan.head, Choices)
    names = {"name": name, "NAME": name.upper()}
    return _FUNCTION % (
        names
        | {
            "prepared": "" if discrete else _NORMALS % names,
            "step": "step_index, " if plan.time else "",
            "mask": "masked ? action_mask : NULL, " if discrete else "",
            "random": "random" if discrete else "normals",
        }
    )


def compiler(language):
    """The path of a compiler; without one the test is skipped."""
    for name in COMPILERS[language]:
        if found := shutil.which(name):
            return found
    pytest.skip(f"there is no compiler of {language}: {', '.join(COMPILERS[language])}")
    raise AssertionError


class CProgram:
    """One program of the headers of several policies, which thus have no name in common.

    models: algorithms by the name of their header; dtypes: given ones by this name.
    """

    def __init__(self, folder, models, dtypes=None, language="c"):
        self.folder, self.models = folder, models
        self.dtypes = dtypes or {}
        found = compiler(language)
        for name, algo in models.items():
            fastpg.export(algo, folder / f"{name}.h", dtype=self.dtypes.get(name))
        calls = "\n".join(
            f'    if (strcmp(words[1], "{name}") == 0) run_{name}(in, out);' for name in models
        )
        text = _RUNNER % {
            "includes": "\n".join(f'#include "{name}.h"' for name in models),
            "functions": "\n".join(_function(*each) for each in models.items()),
            "calls": calls,
        }
        source = folder / "program.c"
        source.write_text(text)
        self.program = folder / "program.exe"
        run = subprocess.run(
            [found, *FLAGS[language], "-Wall", "-Wextra", "-Werror", "-O0", str(source), "-x",
             "none", "-o", str(self.program), "-lm"],
            capture_output=True, text=True, check=False, timeout=GUARD,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr

    def run(self, name, given, *, masked=False, random=None):
        """Outputs, actions and samples of a policy, each with a status."""
        plan, n = plan_of(given.algo, "double"), given.count
        size, outputs = plan.head.size, plan.outputs
        record = np.zeros(
            n,
            [
                ("observation", "f4", (given.flat.shape[1],)),
                ("step", "i8"),
                ("masked", "u1"),
                ("mask", "u1", (outputs,)),
                ("random", "f8", (size,)),
            ],
        )
        record["observation"] = given.flat
        record["step"] = 0 if given.steps is None else given.steps
        record["masked"] = masked
        record["mask"] = given.mask if masked else 0
        record["random"] = 0.5 if random is None else random
        (self.folder / "in").write_bytes(record.tobytes())
        words = [str(self.program), name, str(self.folder / "in"), str(self.folder / "out")]
        run = subprocess.run(words, check=False, timeout=GUARD, capture_output=True)
        assert run.returncode == 0, run
        found = np.fromfile(self.folder / "out").reshape(n, outputs + 2 * (1 + size))
        numbers, status, action, again, sampled = np.split(
            found, np.cumsum([outputs, 1, size, 1]), axis=1
        )
        return SimpleNamespace(
            numbers=numbers, status=status[:, 0], action=action, sampled=sampled,
            sampled_status=again[:, 0], masked=masked,
        )  # fmt: skip
