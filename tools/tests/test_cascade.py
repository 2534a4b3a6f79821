"""Curves and thresholds of cascades."""

import numpy as np

from tandem_tools import cascade


def made(count=4000, seed=3):
    """Requests whose small model is right more often the surer it is; the large one always as often."""
    random = np.random.default_rng(seed)
    confidence = random.random(count)
    return confidence, random.random(count) < 0.9 * confidence, random.random(count) < 0.8


def test_curve_goes_from_the_large_model_to_the_small_one():
    confidence, small, large = made()
    rows = cascade.curve(confidence, small, large)
    assert rows[0]["skipped"] == 0 and np.isclose(rows[0]["accuracy"], large.mean())
    assert rows[-1]["skipped"] == 1 and np.isclose(rows[-1]["accuracy"], small.mean())


def test_confidence_that_tells_beats_the_lot():
    confidence, small, large = made()
    for row in cascade.curve(confidence, small, large)[10:-10]:
        assert row["accuracy"] > cascade.random_accuracy(row["skipped"], small, large) + 0.01


def test_threshold_keeps_the_floor_and_skips_as_much_as_it_may():
    confidence, small, large = made()
    threshold = cascade.choose_threshold(confidence, small, large, 0.95)
    reached = cascade.apply_threshold(threshold, confidence, small, large)
    assert reached["relative"] >= 0.95
    assert cascade.apply_threshold(threshold - 0.05, confidence, small, large)["relative"] < 0.95


def test_nothing_is_skipped_where_every_skip_loses():
    confidence = np.array([0.9, 0.8, 0.7])
    threshold = cascade.choose_threshold(confidence, np.zeros(3, dtype=bool), np.ones(3, dtype=bool), 0.99)
    assert cascade.apply_threshold(threshold, confidence, np.zeros(3, dtype=bool), np.ones(3, dtype=bool))["skipped"] == 0
