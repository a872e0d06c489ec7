"""The throughput of plants: what is counted, what is shown, and what is said without PC-Gym."""

import json
import sys

import pytest

from benchmarks import pcgym_peer, throughput
from benchmarks.throughput import BARS, PEERS, Speed, bars, measured, peer_speeds, speed, table
from plants import clipped_pendulum, jacketed_cstr


@pytest.fixture(scope="module")
def found():
    return {
        "Pendulum": Speed(clipped_pendulum(), 4.04e6, None),
        "SafetyCSTR": Speed(jacketed_cstr(), 1.9e5, 700.0),
    }


def test_steps_are_rows_times_calls_over_processor_time(monkeypatch):
    clock = iter([0.0, 0.1, 0.2, 0.6, 1.0, 3.0, 4.0])
    monkeypatch.setattr(throughput.time, "process_time", lambda: next(clock))
    plant, calls = clipped_pendulum(), []
    whole = type(plant).step_rows
    monkeypatch.setattr(type(plant), "step_rows", lambda self, x, u: calls.append(len(x)) or whole(self, x, u))
    assert speed(plant, rows=10, rounds=2, seconds=0.5) == pytest.approx(20 / 0.6)
    assert calls == [10] * 4


def test_a_line_holds_what_the_plant_is_and_the_ratio(found):
    lines = table(found).splitlines()
    assert "| clipped pendulum | 2 | 1 | 0.05 s | SemiImplicitEuler | 4,000,000 | - | - |" in lines
    assert "| jacketed CSTR | 2 | 1 | 0.4333 min | RungeKutta4(substeps=8) | 190,000 | 700 | 271 |" in lines


def test_bars_are_reached_or_missed(found):
    said = bars(found)
    assert said == [
        "clipped pendulum: 4,040,000 steps/s, bar 1,000,000 reached",
        "jacketed CSTR: 190,000 steps/s, bar 200,000 missed",
    ]
    alone = {name: Speed(entry.plant, entry.ours, None) for name, entry in found.items()}
    assert "PC-Gym is not installed" in bars(alone)[-1]


def test_all_plants_are_measured_and_the_peers_are_theirs():
    shown = measured(dict.fromkeys(PEERS.values(), 100.0), seconds=0.0)
    assert set(BARS) | set(PEERS) <= set(shown)
    assert {name for name, entry in shown.items() if entry.peer} == set(PEERS)
    assert all(entry.ours > 0 for entry in shown.values())
    assert set(PEERS.values()) == set(pcgym_peer.PLANTS)


def test_the_peer_is_asked_for_its_speeds_only_where_it_is_there(tmp_path):
    assert peer_speeds(tmp_path / "python") == {}
    fake = tmp_path / "python"
    fake.write_text(f"#!{sys.executable}\nimport sys, json\njson.dump({{sys.argv[-1]: 5.0}}, sys.stdout)\n")
    fake.chmod(0o755)
    assert peer_speeds(fake) == {"speed": 5.0}


def test_the_stored_trajectories_are_those_of_the_peers_inputs():
    path = throughput.ROOT / "tests" / "data" / "pcgym" / "trajectories.json"
    stored = json.loads(path.read_text())["plants"]
    assert set(stored) == set(pcgym_peer.PLANTS)
    for name, parts in stored.items():
        rows = pcgym_peer.inputs(name)
        for run in parts["runs"]:
            assert run["inputs"] == rows["held" if run["name"] == "disturbed" else run["name"]].tolist()
            assert run["disturbances"] == (pcgym_peer.waves(name) if run["name"] == "disturbed" else None)
            assert len(run["states"]) == pcgym_peer.STEPS + 1
