"""The training loop learns, resumes, and is what the models are made by."""

from dataclasses import replace

import numpy as np
import torch
from tandem_tools.data import Protocol, calibrating, held_out, released
from tandem_tools.dropout import Dropout
from tandem_tools.large_model import LargeConfig, LargeModel
from tandem_tools.small_model import SmallConfig, SmallModel
from tandem_tools.training import TrainingConfig, learning_rate_factor, train

CONFIG = TrainingConfig(epochs=6, tokens_per_batch=512, learning_rate=1e-2, evaluate_every=100, average_decay=0.9)


def cycles(users=60, items=30, length=40):
    """Users who walk through the items in order: the next item follows from the last."""
    random = np.random.default_rng(0)
    sequences = {user: ((random.integers(items) + np.arange(length)) % items + 1).astype(np.int32) for user in range(users)}
    return Protocol("cycles", sequences, {user: items[:12] for user, items in sequences.items()}, None, {})


def validation(lines):
    return float(lines[-1].split("HR@10 ")[1].split()[0])


def test_both_models_learn_a_rule_that_popularity_cannot():
    for model in (LargeModel(LargeConfig(items=30, width=16, layers=1, heads=2)), SmallModel(SmallConfig(items=30, width=16, hidden=16))):
        lines = []
        train(model, cycles(), CONFIG, autocast=False, say=lines.append)
        assert validation(lines) > 0.9


def test_an_interrupted_training_goes_on_along_its_schedule():
    torch.manual_seed(0)
    model, lines = LargeModel(LargeConfig(items=30, width=16, layers=1, heads=2)), []
    train(model, cycles(), replace(CONFIG, begin_epoch=4), autocast=False, say=lines.append)
    assert [line.split()[1] for line in lines] == ["5/6", "6/6"]


def test_the_learning_rate_warms_up_and_decays():
    factors = [learning_rate_factor(step, 100, 0.1) for step in range(100)]
    assert factors[0] == 0.1 and max(factors) == 1.0 and factors[-1] < 0.03
    assert factors[10:] == sorted(factors[10:], reverse=True)


def test_dropout_drops_its_share_keeps_the_mean_and_rests_in_evaluation():
    torch.manual_seed(0)
    layer, ones = Dropout(0.2), torch.ones(1 << 18)
    dropped = layer.train()(ones)
    assert abs((dropped == 0).float().mean() - 0.2) < 0.01 and abs(dropped.mean() - 1) < 0.01
    assert layer.eval()(ones) is ones


def test_released_models_see_neither_held_out_nor_calibrating_users():
    sequences = {user: np.arange(1, 5, dtype=np.int32) for user in range(1, 201)}
    protocol = released(sequences)
    assert not [user for user in protocol.train if held_out(user) or calibrating(user)]
    assert set(protocol.test) == set(range(10, 201, 10)) and set(protocol.validation) == {5, 55, 105, 155}
    assert set(protocol.train) | set(protocol.test) | set(protocol.validation) == set(sequences)
