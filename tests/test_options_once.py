"""An option that takes one value is refused if it is given twice, in every command."""

import pytest
import typer

from fastpg.cli import program


def commands(group, words=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))
        elif not command.hidden:
            yield (*words, name), command


COMMANDS = dict(commands(typer.main.get_command(program.app)))


def flags(command):
    """Each flag of options with one value, and of them those without a value."""
    for option in command.params:
        if option.param_type_name == "option" and not option.multiple:
            for flag in (*option.opts, *option.secondary_opts):
                if flag != "--help":
                    yield flag, option.is_flag


def error(capsys, *words):
    with pytest.raises(SystemExit) as end:
        program.main(list(words))
    out, text = capsys.readouterr()
    assert (end.value.code, out) == (2, "")
    return text


@pytest.mark.parametrize("words", COMMANDS)
def test_each_option_of_a_command(words, capsys):
    checked = 0
    for flag, is_flag in flags(COMMANDS[words]):
        values = [] if is_flag else ["1"]
        text = error(capsys, *words, flag, *values, flag, *values)
        assert text == f"error: {flag}: expected once, got it 2 times\n"
        checked += 1
    assert checked or words == ("info",)


def test_two_flags_of_one_option(capsys):
    words = ["train", "npg", "CartPole-v1", "--normalize-observations", "--seed=1"]
    text = error(capsys, *words, "--no-normalize-observations")
    assert text.startswith(
        "error: --normalize-observations or --no-normalize-observations: expected"
    )
    assert error(capsys, *words, "--seed", "1", "--seed=3").startswith(
        "error: --seed: expected once, got it 3 times"
    )


def test_options_before_the_command(capsys):
    assert error(capsys, "--debug", "--debug", "info", "x").startswith("error: --debug: expected")


def test_options_with_several_values_are_taken(capsys):
    text = error(
        capsys, "train", "npg", "nothing-v0", "--features-kwargs", "a=1", "--features-kwargs", "b=2"
    )
    assert "nothing-v0" in text
