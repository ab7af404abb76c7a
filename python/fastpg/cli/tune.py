"""`fastpg tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fastpg.cli.console import INTERRUPTED, explained, fail, note, show_table
from fastpg.cli.option_words import NAMES, OPTIONS, seeds_in, values
from fastpg.cli.signals import stopped_by_any_signal
from fastpg.cli.tables import show_columns
from fastpg.experiments.statistics import probability_of_improvement
from fastpg.tuning import TrialRecord, Tuning
from fastpg.tuning import tune as run_tune

_SHOWN = 5  # best trials, and failures
_NAMED = {
    "seeds", "total_timesteps", "run", "search", "fresh_seeds", "sampler", "pruner", "objective",
    "statistic", "storage", "seed",
}  # fmt: skip


def tune(
    context: typer.Context,
    algorithm: Annotated[str, typer.Argument(help=NAMES)],
    env: Annotated[str, typer.Argument(help="id of the environment; module:id imports first")],
    trials: Annotated[
        int, typer.Option(min=1, help="trials in all, those of earlier calls included")
    ] = 100,
    search: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=RANGE]",
            help="option to search: target_kl=lin_0.001:0.1:log, n_steps=256,512, gae_lambda=0.9:1;"
            " without a range its default one; may be given several times; default: the word "
            "default, which stands for all options that have a default range",
        ),
    ] = None,
    total_timesteps: Annotated[
        int | None, typer.Option(help="environment steps of each training; default: as train")
    ] = None,
    seeds: Annotated[
        str, typer.Option(help="of each trial: a number, a range such as 0:10, or 1,2,3")
    ] = "5",
    objective: Annotated[
        str, typer.Option(help="final: return of the final policy; auc: mean over the training")
    ] = "final",
    statistic: Annotated[str, typer.Option(help="over the seeds: mean, median or iqm")] = "mean",
    fresh_seeds: Annotated[
        str, typer.Option(help="seeds of the judgement: a number n, from 1,000,000, or the seeds")
    ] = "20",
    sampler: Annotated[str, typer.Option(help="tpe or random")] = "tpe",
    pruner: Annotated[str, typer.Option(help="median, percentile, halving or none")] = "median",
    seed: Annotated[int, typer.Option(help="of the sampler")] = 0,
    run: Annotated[
        Path | None,
        typer.Option(help="folder of the study; the same command goes on with it"),
    ] = None,
    storage: Annotated[
        str | None, typer.Option(help="URL of a storage of Optuna, which processes may share")
    ] = None,
    study: Annotated[str | None, typer.Option(help="name of the study in the storage")] = None,
    finalists: Annotated[
        int, typer.Option(min=1, help="best trials, among which other seeds choose")
    ] = 5,
    jobs: Annotated[int, typer.Option(min=1, help="trials at once, in threads")] = 1,
    evaluations: Annotated[int, typer.Option(min=1, help="evaluations of each training")] = 5,
    episodes: Annotated[int, typer.Option(min=1, help="episodes of an evaluation")] = 20,
    policy: Annotated[str, typer.Option(help="kind of policy: linear or mlp")] = "linear",
    no_tuned: Annotated[
        bool, typer.Option("--no-tuned", help="start from the defaults, not from tuned settings")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="print Markdown")] = False,
) -> None:
    """Search for settings, and judge the best ones on fresh seeds (pip install '.[tune]').

    Options of the algorithm, such as --gamma 0.99, are fixed and not searched.
    """
    with explained(_NAMED | OPTIONS), stopped_by_any_signal():
        fixed, several = values(algorithm, context.args)
        for name in several:
            raise ValueError(f"{name}: expected one value; --search {name}=… searches several")
        try:
            found = run_tune(
                algorithm,
                env,
                n_trials=trials,
                total_timesteps=total_timesteps,
                search=None if search is None else _search(search),
                seeds=seeds_in(seeds),
                objective=objective,
                statistic=statistic,
                fresh_seeds=_fresh(fresh_seeds),
                n_finalists=finalists,
                sampler=sampler,
                pruner=pruner,
                seed=seed,
                run=run,
                storage=storage,
                study_name=study,
                n_jobs=jobs,
                n_evaluations=evaluations,
                n_eval_episodes=episodes,
                tuned=not no_tuned,
                progress_bar=True,
                policy=policy,
                **fixed,
            )
        except KeyboardInterrupt:
            if run is not None or storage is not None:
                note(f"{run or storage} keeps what is finished: the same command goes on")
            raise typer.Exit(INTERRUPTED) from None
        except RuntimeError as error:  # no trial was completed
            fail(str(error))
        _show(found, run, markdown)


def _search(words: list[str]) -> dict[str, str | None]:
    """Ranges by option; None for a name alone."""
    found: dict[str, str | None] = {}
    for word in words:
        name, equals, text = word.partition("=")
        name = name.replace("-", "_")
        if name in found:
            raise ValueError(f"search: expected {name} once")
        if equals and not text:
            raise ValueError(f"search: expected NAME or NAME=RANGE, got {word!r}")
        found[name] = text if equals else None
    return found


def _fresh(text: str) -> int | range | list[int]:
    try:
        return seeds_in(text)
    except ValueError as error:
        raise ValueError(f"fresh_{error}") from error


def _show(found: Tuning, run: Path | None, markdown: bool) -> None:
    _show_trials(found.trials, found.objective.statistic, markdown)
    print()
    _show_judged(found, markdown)
    print(f"\nbest: trial {found.best.number}\n\n{found.row}")
    saved = {} if run is None else {"saved": f"{run / 'best.toml'}, {run / 'tuned.toml'}"}
    counts = dict.fromkeys(("complete", "pruned", "failed"), 0)
    for each in found.trials:
        counts[each.state] = counts.get(each.state, 0) + 1
    shown = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    show_table({"trials": shown} | saved)


def _show_trials(trials: list[TrialRecord], statistic: str, markdown: bool) -> None:
    """The best trials; failures on standard error."""
    complete = [each for each in trials if each.state == "complete"]
    best = sorted(complete, key=lambda each: each.value, reverse=True)[:_SHOWN]
    rows = [[str(each.number), str(each.score), _in_words(each.settings)] for each in best]
    headings = ("trial", f"score, {statistic} [95 %]", "settings")
    show_columns(headings, rows, markdown=markdown, left=["settings"])
    failures = [each for each in trials if each.state == "failed"]
    for each in failures[:_SHOWN]:
        note(f"failed: trial {each.number}, {_in_words(each.settings)}: {each.error}")
    if len(failures) > _SHOWN:
        note(f"and {len(failures) - _SHOWN} more failures")


def _in_words(settings: dict[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def _show_judged(found: Tuning, markdown: bool) -> None:
    """Returns with fresh seeds, and whether the best settings are better than the others."""
    scores, intervals = found.scores(), found.intervals()
    rows = []
    for name, each in scores.items():
        texts = [str(intervals.get(name, "-")), "-"]
        if name != "best" and len(each) and len(scores["best"]):
            texts[1] = str(probability_of_improvement(scores["best"], each))
        rows.append([name, str(len(each)), *texts])
    what = f"{found.objective} [95 %]"
    headings = ("with fresh seeds", "seeds", what, "a run of best is better")
    show_columns(headings, rows, markdown=markdown)
