"""Measurements of released graphs by onnxruntime: accuracy as served, time, batch-mate dependence, parity."""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from . import requests
from .evaluation import rank_metrics
from .paths import MODELS
from .runtime import milliseconds, run, session


def open_graph(model, graph, precision):
    """A one-thread session of a released graph."""
    return session(MODELS / model / f"{graph}.{precision}.onnx")


def small_answers(precision, chosen):
    """(ranks [n], candidates [n, 100]) of the small model."""
    opened = open_graph("recommend-small", "candidates", precision)
    ranks, listed = [], []
    for group, history, exclude in requests.batches(chosen):
        items = run(opened, history=history, exclude=exclude)["items"]
        ranks.append(requests.ranks_in(items, group))
        listed.append(items)
    return np.concatenate(ranks), np.concatenate(listed)


def large_answers(precision, chosen):
    """Ranks [n] of the large model over the whole catalogue."""
    opened = open_graph("recommend-large", "catalogue", precision)
    ranks = [requests.ranks_in(run(opened, history=history, exclude=exclude)["items"], group)
             for group, history, exclude in requests.batches(chosen)]
    return np.concatenate(ranks)


def full_answers(precision, chosen, candidates):
    """Ranks [n] when the large model orders the small one's candidates [n, 100]."""
    opened = open_graph("recommend-large", "rank", precision)
    ranks, begin = [], 0
    for group, history, _exclude in requests.batches(chosen):
        given = candidates[begin:begin + len(group)]
        order = np.argsort(-run(opened, history=history, candidates=given)["scores"], axis=1, kind="stable")
        ranks.append(requests.ranks_in(np.take_along_axis(given, order, axis=1), group))
        begin += len(group)
    return np.concatenate(ranks)


def accuracy(precisions, chosen):
    """{"small" | "large" | "full": {precision: metrics}}."""
    table = {"small": {}, "large": {}, "full": {}}
    for precision in precisions:
        ranks, candidates = small_answers(precision, chosen)
        table["small"][precision] = rank_metrics(ranks)
        table["large"][precision] = rank_metrics(large_answers(precision, chosen))
        table["full"][precision] = rank_metrics(full_answers(precision, chosen, candidates))
    return table


def step_inputs(config, batch, random, slots=64):
    """Random but well-formed inputs of the cached step, at most lengths 64 to 127."""
    shape = (slots, 2 * config["layers"], config["key_value_heads"], config["max_length"], config["width"] // config["heads"])
    return {"item": random.integers(1, config["items"] + 1, batch).astype(np.int32),
            "pastLength": random.integers(64, config["max_length"], batch).astype(np.int32),
            "slot": random.integers(0, slots, batch).astype(np.int32),
            "pool": random.standard_normal(shape, dtype=np.float32),
            "candidates": random.integers(1, config["items"] + 1, (batch, 100)).astype(np.int32)}


def graph_inputs(graph, group, config, random):
    """Inputs of any recommend graph for a group of requests."""
    history, exclude = next(iter(requests.batches(group, len(group))))[1:]
    if graph == "step":
        return step_inputs(config, len(group), random)
    if graph in ("catalogue", "candidates"):
        return {"history": history, "exclude": exclude}
    return {"history": history, "candidates": random.integers(1, config["items"] + 1, (len(group), 100)).astype(np.int32)}


def times(model, graph, precision, chosen, config, sizes=(1, 32)):
    """{"batch1": milliseconds a batch, ...} over random real requests."""
    random = np.random.default_rng(0)
    opened = open_graph(model, graph, precision)
    result = {}
    for size in sizes:
        groups = [[chosen[index] for index in random.choice(len(chosen), size)] for _ in range(4)]
        inputs = [graph_inputs(graph, group, config, random) for group in groups]
        result[f"batch{size}"] = float(np.mean([milliseconds(lambda given=given: run(opened, **given), 9) for given in inputs]))
    return result


def dynamic_int8():
    """A session of the ranker with dynamic INT8 quantisation: not released, only compared with."""
    model = onnx.load(str(MODELS / "recommend-large" / "rank.fp32.onnx"))
    del model.graph.value_info[:]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "rank.onnx"
        quantize_dynamic(model, str(target), weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gemm"])
        return session(target.read_bytes())


def batch_mate_dependence(opened, chosen, rounds=20):
    """How far a row's scores move with its batch mates: largest difference, and the scores' deviation."""
    random = np.random.default_rng(1)
    largest, deviation = 0.0, []
    for _ in range(rounds):
        group = [chosen[index] for index in random.choice(len(chosen), 32)]
        history = next(iter(requests.batches(group, 32)))[1]
        candidates = random.integers(1, 3884, (32, 100)).astype(np.int32)
        together = run(opened, history=history, candidates=candidates)["scores"]
        alone = np.concatenate([run(opened, history=history[row:row + 1], candidates=candidates[row:row + 1])["scores"]
                                for row in range(32)])
        largest = max(largest, float(np.abs(together - alone).max()))
        deviation.append(alone.std())
    return {"largestDifference": largest, "scoreDeviation": float(np.mean(deviation))}


def cached_parity(precision, histories, positions=128, slots=4):
    """Largest difference between whole-history scores and prefill followed by cached steps.

    `histories` are rows of different lengths; each starts from a prefilled prefix of its own
    length and all step together until each has ended.
    """
    rank, prefill, step = (open_graph("recommend-large", graph, precision) for graph in ("rank", "prefill", "step"))
    rows = len(histories)
    random = np.random.default_rng(2)
    candidates = random.integers(1, 3884, (rows, 20)).astype(np.int32)
    lengths = [max(1, len(history) // 2 - row) for row, history in enumerate(histories)]
    pool, slot = None, np.array([(row * 7 + 3) % (rows + slots) for row in range(rows)], dtype=np.int32)
    assert len(set(slot.tolist())) == rows
    for row, history in enumerate(histories):
        kv = run(prefill, history=history[None, :lengths[row]], candidates=candidates[row:row + 1])["kv"]
        if pool is None:
            pool = random.standard_normal((rows + slots, *kv.shape[1:3], positions, kv.shape[4])).astype(np.float32)
        pool[slot[row], :, :, :lengths[row]] = kv[0]
    return follow_steps(rank, step, histories, lengths, pool, slot, candidates)


def follow_steps(rank, step, histories, lengths, pool, slot, candidates):
    """Step all unfinished rows together and compare each with the whole history."""
    worst, checked = 0.0, 0
    while True:
        rows = [row for row, history in enumerate(histories) if lengths[row] < len(history)]
        if not rows:
            return {"largestDifference": worst, "comparisons": checked}
        item = np.array([histories[row][lengths[row]] for row in rows], dtype=np.int32)
        past = np.array([lengths[row] for row in rows], dtype=np.int32)
        result = run(step, item=item, pastLength=past, slot=slot[rows], pool=pool, candidates=candidates[rows])
        for place, row in enumerate(rows):
            pool[slot[row], :, :, lengths[row]] = result["kvStep"][place]
            lengths[row] += 1
            whole = run(rank, history=histories[row][None, :lengths[row]], candidates=candidates[row:row + 1])["scores"]
            worst = max(worst, float(np.abs(whole[0] - result["scores"][place]).max()))
            checked += 1
