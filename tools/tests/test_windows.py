"""Served windows, and that evaluation and training see every target once, in its served window."""

import numpy as np
from tandem_tools import windows
from tandem_tools.evaluation import rank_metrics, seen_time, target_ranks
from tandem_tools.training import epoch_batches
import torch


def test_a_history_grows_to_128_and_is_then_rebuilt_from_its_last_64():
    lengths = [known - windows.served_start(known) for known in range(1, 400)]
    assert lengths[:128] == list(range(1, 129))
    assert lengths[128] == 65
    assert max(lengths[128:]) == 127 and min(lengths[128:]) == 64
    starts = [windows.served_start(known) for known in range(129, 400)]
    assert all(start % 64 == 0 for start in starts) and starts == sorted(starts)


def test_evaluation_predicts_every_target_once_from_its_served_window():
    for length in (2, 3, 128, 129, 130, 192, 193, 500):
        seen = [(target, start) for start, first, end in windows.evaluation_chunks(length) for target in range(first, end)]
        assert seen == [(target, windows.served_start(target)) for target in range(1, length)]


def test_training_predicts_every_target_once_whatever_the_offset():
    for length in (2, 50, 129, 400):
        for offset in (0, 1, 63, 127):
            targets = [target + 1 for start, end in windows.training_chunks(length, offset) for target in range(start, end)]
            assert targets == list(range(1, length))
            assert all(end - start <= windows.MAX_LENGTH for start, end in windows.training_chunks(length, offset))


def test_batches_hold_every_target_and_stay_within_their_size():
    random = np.random.default_rng(0)
    sequences = [random.integers(1, 50, length).astype(np.int32) for length in (2, 10, 130, 300)]
    batches = list(epoch_batches(sequences, 512, random))
    assert sum(int((targets > 0).sum()) for _inputs, targets in batches) == sum(len(items) - 1 for items in sequences)
    assert all(inputs.numel() <= 512 for inputs, _targets in batches)


def test_ranks_count_only_unseen_items():
    items = np.array([3, 1, 2], dtype=np.int32)
    scores = torch.tensor([[9.0, 5.0, 4.0, 8.0, 6.0], [9.0, 7.0, 4.0, 8.0, 6.0]])
    assert target_ranks(scores, items, 1, 3).tolist() == [1, 1]  # of 1, 2, 4 item 1 is second; of 2, 4 item 2 is second
    assert seen_time(items, 4).tolist()[:4] == [-1, 1, 2, 0]


def test_metrics_of_known_ranks():
    metrics = rank_metrics([0, 9, 10, 2])
    assert metrics["hitRateAt10"] == 0.75
    assert abs(metrics["ndcgAt10"] - (1 + 1 / np.log2(11) + 0.5) / 4) < 1e-9
