"""Files of stable-baselines3's Monitor: read as it writes them, written as it reads them."""

import csv
import json

import numpy as np
import pytest

import fastpg
from fastpg.monitor import read_monitor, write_monitor

# As Monitor of stable-baselines3 2.9 writes it, with a further column.
WRITTEN = (
    '#{"t_start": 1700000000.5, "env_id": "CartPole-v1"}\n'
    "r,l,t,level\n21.0,21,0.012,3\n9.5,10,0.031,4\n500.0,500,1.25,4\n"
)


def test_reading_what_monitor_writes(tmp_path):
    (tmp_path / "x.monitor.csv").write_text(WRITTEN)
    episodes = read_monitor(tmp_path / "x.monitor.csv")
    assert episodes.returns.tolist() == [21.0, 9.5, 500.0]
    assert episodes.lengths.tolist() == [21, 10, 500]
    assert episodes.seconds.tolist() == [0.012, 0.031, 1.25]
    assert episodes.timesteps.tolist() == [21, 31, 531]
    assert (episodes.env_id, episodes.t_start) == ("CartPole-v1", 1700000000.5)


def test_a_last_line_that_was_cut_is_left_out(tmp_path):
    path = tmp_path / "monitor.csv"
    for cut in range(WRITTEN.index("500.0"), len(WRITTEN)):
        path.write_text(WRITTEN[:cut])
        assert read_monitor(path).lengths.tolist() == [21, 10]
    path.write_text(WRITTEN.replace("9.5,10", "9.5"))
    with pytest.raises(ValueError, match="line 4: expected numbers r, l, t"):
        read_monitor(path)


def test_the_files_of_a_folder_are_joined_by_time(tmp_path):
    write_monitor(tmp_path / "0", [1, 2], [3, 4], [1.0, 5.0], t_start=100.0)
    write_monitor(tmp_path / "1", [10, 20], [5, 6], [1.0, 2.5], t_start=101.0)
    episodes = read_monitor(tmp_path)
    assert episodes.returns.tolist() == [1.0, 10.0, 20.0, 2.0]
    assert episodes.seconds.tolist() == [1.0, 2.0, 3.5, 5.0]
    assert episodes.t_start == 100.0


def test_a_file_that_was_opened_again_keeps_its_order(tmp_path):
    """`Monitor(override_existing=False)` appends, and its clock begins anew."""
    path = tmp_path / "run.monitor.csv"
    path.write_text('#{"t_start": 100.0}\nr,l,t\n1,10,5.0\n2,20,9.0\n3,30,2.0\n4,40,7.0\n')
    episodes = read_monitor(path)
    assert episodes.returns.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert episodes.timesteps.tolist() == [10, 30, 60, 100]
    assert episodes.seconds.tolist() == [5.0, 9.0, 11.0, 16.0]
    path.write_text('#{"t_start": NaN}\nr,l,t\n1,10,5.0\n')
    assert (read_monitor(path).t_start, read_monitor(path).seconds.tolist()) == (0.0, [5.0])


def test_written_and_read_again_bit_for_bit(tmp_path, rng):
    returns, seconds = rng.normal(size=50) * 1e3, np.cumsum(rng.random(50))
    lengths = rng.integers(1, 10**6, 50)
    path = write_monitor(tmp_path / "run", returns, lengths, seconds, env_id="A-v0", t_start=7.25)
    assert path.name == "run.monitor.csv"
    episodes = read_monitor(path)
    for found, given in (
        (episodes.returns, returns), (episodes.lengths, lengths), (episodes.seconds, seconds)
    ):  # fmt: skip
        assert np.array_equal(found, given)
    assert (episodes.env_id, episodes.t_start) == ("A-v0", 7.25)


def test_the_form_that_load_results_parses(tmp_path):
    """A line "#{JSON}" with t_start, then CSV whose first columns are r, l, t."""
    algo = fastpg.train("npg", "CartPole-v1", total_timesteps=2000, seed=0, tuned=False)
    played = fastpg.evaluate_policy(algo, "CartPole-v1", 5, return_episode_rewards=True, seed=0)
    path = write_monitor(tmp_path / "monitor.csv", *played, env_id="CartPole-v1")
    assert path == tmp_path / "monitor.csv"
    with path.open(newline="") as file:
        first = file.readline()
        rows = list(csv.DictReader(file))
    assert json.loads(first[1:]) == {"t_start": 0.0, "env_id": "CartPole-v1"}
    assert [float(row["r"]) for row in rows] == played[0].tolist()
    assert [int(row["l"]) for row in rows] == played[1].tolist()
    assert [float(row["t"]) for row in rows] == [0.0, 1.0, 2.0, 3.0, 4.0]  # sorted by it


def test_load_results_reads_it(tmp_path):
    monitor = pytest.importorskip("stable_baselines3.common.monitor")
    pytest.importorskip("pandas")
    write_monitor(tmp_path / "0", [1.5, -2.0], [3, 4], [1.0, 5.0], t_start=100.0)
    table = monitor.load_results(str(tmp_path))
    assert table["r"].tolist() == [1.5, -2.0]
    assert table["l"].tolist() == [3, 4]
    assert table["t"].tolist() == [1.0, 5.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0], [0]), "lengths: expected at least 1, got 0"),
        (([1.0, 2.0], [3]), "lengths"),
        (([np.nan], [3]), "returns"),
        (([1.0], [3], [np.inf]), "seconds"),
        (([1.0], [3], [1.0, 2.0]), "seconds"),
    ],
)
def test_wrong_episodes_write_nothing(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        write_monitor(tmp_path / "x", *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "r,l,t\n1,2,3\n", "#[1]\nr,l,t\n", "#{\nr,l,t\n", "\x00\xff"])
def test_files_of_another_form(tmp_path, text):
    (tmp_path / "monitor.csv").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match="expected a line #"):
        read_monitor(tmp_path / "monitor.csv")


def test_a_folder_without_such_files(tmp_path):
    with pytest.raises(ValueError, match=r"expected files \*monitor.csv, found none"):
        read_monitor(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_monitor(tmp_path / "none.csv")
