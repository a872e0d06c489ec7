"""The figures of the gate's benchmark are those of the actors that it delivered."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import gate


def test_what_is_delivered_is_evaluated_also_where_every_actor_was_rejected(monkeypatch):
    costs = {"law": 60.0, "spoilt": 900.0, "kept": 60.0}
    monkeypatch.setattr(gate, "evaluate", lambda who, plant, **_: SimpleNamespace(costs=np.full(3, costs[who])))
    steps = SimpleNamespace(plant_steps=np.array([5]), simulated_steps=np.array([7]))
    decisions = [SimpleNamespace(seed=seed, accepted=False) for seed in (0, 1)]
    training = SimpleNamespace(
        seeds=(0, 1), actors=("spoilt", "kept"), last_actors=("spoilt", "spoilt"), decisions=decisions, ledger=steps
    )
    found = gate.outcome(training, SimpleNamespace(actor="law"), None)
    assert found.delivered == pytest.approx([900, 60])
    assert "1 worse than the law" in str(found).splitlines()[2]
    assert (found.accepted, found.gates) == (0, 2)
