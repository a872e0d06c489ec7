"""What TensorBoard reads back is what the training says."""

import sys

import pytest

from rl import Gate, TrainingError, train
from rl.tensorboard import TensorBoard


def test_it_is_an_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(TrainingError, match=r"TensorBoard is not installed; pip install 'yann-control\[tensorboard\]'"):
        TensorBoard(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_scalars_are_those_of_log_and_ledger(drift, plain_agent, tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    plant = drift(factor=3.0, limit=1.0)
    with TensorBoard(tmp_path) as board:
        training = train(
            plain_agent(plant, batch_size=4),
            plant,
            episodes=2,
            seeds=(5, 2),
            steps=12,
            test_starts=[[0.1], [0.3]],
            gate=Gate(count=20, largest_loss=1e3),
            callbacks=[board],
        )
    read = events.EventAccumulator(str(tmp_path)).Reload()
    for i, seed in enumerate((5, 2)):
        costs = [scalar.value for scalar in read.Scalars(f"seed {seed}/training/cost")]
        assert costs == pytest.approx(training.ledger.cost[i].tolist(), rel=1e-6)
        tests = [scalar.value for scalar in read.Scalars(f"seed {seed}/test/cost")]
        assert tests == pytest.approx(training.log.test_costs[i].mean(1).tolist(), rel=1e-6)
        updates = read.Scalars(f"seed {seed}/losses/critic")
        assert [scalar.step for scalar in updates] == list(range(training.ledger.updates[i].sum()))
        assert f"seed {seed}/rollback/text_summary" in read.Tags()["tensors"]
