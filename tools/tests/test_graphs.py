"""Exports of untrained models against torch, and what quantisation must keep."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from tandem_tools import export, quantise
from tandem_tools.graphs import HIDDEN, TOP
from tandem_tools.large_model import LargeConfig, LargeModel, share_heads
from tandem_tools.runtime import run, session
from tandem_tools.small_model import SmallConfig, SmallModel
from tandem_tools.training import FullSoftmaxLoss

ITEMS = 400
LENGTHS = [1, 2, 9, 31, 64, 100, 128]


@pytest.fixture(scope="module", params=[1, 2, 4], ids=lambda heads: f"{heads} heads of keys and values")
def large(request):
    torch.manual_seed(3)
    model = LargeModel(LargeConfig(items=ITEMS, width=32, layers=2, heads=4, key_value_heads=request.param)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory, large):
    target = tmp_path_factory.mktemp("graphs")
    export.export_large(large, target)
    torch.manual_seed(4)
    small = SmallModel(SmallConfig(items=ITEMS, width=16, hidden=32)).eval()
    export.export_small(small, (0.5, 0.1, -0.1, 0.2), 0.3, target)
    return target


@pytest.fixture(scope="module")
def histories():
    random = np.random.default_rng(5)
    return [random.integers(1, ITEMS + 1, length).astype(np.int32) for length in LENGTHS]


def pad(rows, extra=0):
    out = np.zeros((len(rows), max(map(len, rows)) + extra), dtype=np.int32)
    for place, row in enumerate(rows):
        out[place, :len(row)] = row
    return out


def all_candidates(rows):
    return np.tile(np.arange(ITEMS + 1, dtype=np.int32), (rows, 1))


def torch_scores(model, history):
    """Scores [items + 1] of a history by the training-time forward pass."""
    with torch.no_grad():
        return (model(torch.from_numpy(history[None]).long())[0, -1] @ model.embedding.weight.T).numpy()


def test_the_exported_ranker_equals_the_trained_form_for_mixed_lengths(folder, large, histories):
    scores = run(session(folder / "rank.fp32.onnx"), history=pad(histories), candidates=all_candidates(len(histories)))["scores"]
    for row, history in enumerate(histories):
        expected = torch_scores(large, history)
        assert np.abs(scores[row, 1:] - expected[1:]).max() <= 1e-4
        assert expected.std() > 0.1
        assert scores[row, 0] == HIDDEN


def test_the_trained_form_is_causal(large, histories):
    history = torch.from_numpy(histories[3][None]).long()
    changed = history.clone()
    changed[0, 20] = history[0, 20] % ITEMS + 1
    with torch.no_grad():
        before, after = large(history), large(changed)
    assert torch.equal(before[:, :20], after[:, :20])
    assert not torch.allclose(before[:, 20:], after[:, 20:])


def test_heads_that_are_alike_can_be_shared_without_a_difference(histories):
    torch.manual_seed(8)
    shared = LargeModel(LargeConfig(items=ITEMS, width=32, layers=2, heads=4, key_value_heads=2)).eval()
    config = replace(shared.config, key_value_heads=4)

    def doubled(tensor):
        gate, value, query, key = tensor.split(shared.layers[0].part_widths)
        twice = [part.reshape(2, 1, 8, -1).expand(2, 2, 8, -1).reshape(32, *part.shape[1:]) for part in (value, key)]
        return torch.cat([gate, twice[0], query, twice[1]])

    weights = {name: doubled(tensor) if ".expand." in name else tensor for name, tensor in shared.state_dict().items()}
    each = LargeModel(config).eval()
    each.load_state_dict(weights)
    assert np.abs(torch_scores(each, histories[3]) - torch_scores(shared, histories[3])).max() <= 1e-4
    again = share_heads(weights, config, shared.config)
    assert all(torch.allclose(again[name], tensor) for name, tensor in shared.state_dict().items())


@pytest.mark.parametrize("graph", ["rank", "catalogue", "candidates"])
def test_more_padding_on_the_right_changes_nothing(folder, histories, graph):
    opened = session(folder / f"{graph}.fp32.onnx")
    second = {"candidates": all_candidates(6)} if graph == "rank" else {"exclude": pad([[3], [0], [7], [9], [11], [2]])}
    short = run(opened, history=pad(histories[:6]), **second)
    long = run(opened, history=pad(histories[:6], extra=28), **second)
    for name, value in short.items():
        assert np.abs(value - long[name]).max() <= 1e-4


@pytest.mark.parametrize("graph", ["catalogue", "candidates"])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_nothing_excluded_seen_or_padding_is_recommended(folder, histories, graph, precision):
    quantise.to_fp16(folder / f"{graph}.fp32.onnx", folder / f"{graph}.fp16.onnx")
    opened = session(folder / f"{graph}.{precision}.onnx")
    exclude = np.random.default_rng(6).integers(0, ITEMS + 1, (len(histories), 90)).astype(np.int32)
    free = run(opened, history=pad(histories), exclude=np.zeros_like(exclude))["items"]
    result = run(opened, history=pad(histories), exclude=exclude)
    changed = 0
    for row, history in enumerate(histories):
        listed = result["items"][row]
        forbidden = {0, *history.tolist(), *exclude[row].tolist()}
        assert not forbidden & set(listed.tolist())
        assert len(set(listed.tolist())) == TOP and np.all(np.diff(result["scores"][row]) <= 0)
        changed += bool(set(exclude[row].tolist()) & set(free[row].tolist()))
    assert changed == len(histories)  # without the mask every row would have held an excluded item


def test_the_listing_of_a_state_equals_the_catalogue_of_its_history(folder, histories):
    exclude = pad([[3], [0], [7], [9], [11], [2], [5]])
    expected = run(session(folder / "catalogue.fp32.onnx"), history=pad(histories), exclude=exclude)
    state = run(session(folder / "prefill.fp32.onnx"), history=pad(histories), candidates=np.ones((len(histories), 1), dtype=np.int32))["state"]
    listed = run(session(folder / "listing.fp32.onnx"), state=state, exclude=np.concatenate([pad(histories), exclude], axis=1))
    assert np.abs(listed["scores"] - expected["scores"]).max() <= 1e-4
    assert (listed["items"] == expected["items"]).mean() > 0.99


def cached(folder, histories, prefixes, precision="fp32", wrong_slot=False):
    """(step scores, whole-history scores) after prefilling all but the last item of each row."""
    rank, prefill, step = (session(folder / f"{name}.{precision}.onnx") for name in ("rank", "prefill", "step"))
    candidates = all_candidates(len(histories))
    heads = prefill.get_outputs()[0].shape[2]
    pool = np.random.default_rng(7).standard_normal((len(histories) + 3, 4, heads, 128, 8)).astype(np.float32)
    slots = np.arange(len(histories), dtype=np.int32)[::-1] + 2
    for row, prefix in enumerate(prefixes):
        pool[slots[row], :, :, :len(prefix)] = run(prefill, history=prefix[None], candidates=candidates[row:row + 1])["kv"][0]
    last = np.array([history[-1] for history in histories], dtype=np.int32)
    past = np.array([len(prefix) for prefix in prefixes], dtype=np.int32)
    stepped = run(step, item=last, pastLength=past, slot=slots - wrong_slot, pool=pool, candidates=candidates)["scores"]
    return stepped, run(rank, history=pad(histories), candidates=candidates)["scores"]


def test_a_cached_step_equals_the_whole_history_in_a_batch_of_mixed_lengths(folder, histories):
    rows = histories[1:]
    stepped, whole = cached(folder, rows, [history[:-1] for history in rows])
    assert np.abs(stepped - whole).max() <= 1e-4
    stepped, whole = cached(folder, rows, [history[:-1] for history in rows], wrong_slot=True)
    assert np.abs(stepped - whole).max() > 0.01  # the comparison can fail


def test_a_steps_own_keys_continue_the_prefix(folder, histories):
    history = histories[3]
    prefill, step = (session(folder / f"{name}.fp32.onnx") for name in ("prefill", "step"))
    kv = run(prefill, history=history[None], candidates=all_candidates(1))["kv"][0]
    pool = np.zeros((1, 4, kv.shape[1], 128, 8), dtype=np.float32)
    pool[0, :, :, :30] = kv[:, :, :30]
    made = run(step, item=history[30:31], pastLength=np.array([30], np.int32), slot=np.array([0], np.int32), pool=pool,
               candidates=all_candidates(1))["kvStep"][0]
    assert np.abs(made - kv[:, :, 30]).max() <= 1e-4


@pytest.fixture(scope="module")
def int8(folder, histories):
    ranges = quantise.observe(folder / "prefill.fp32.onnx", [{"history": pad(histories), "candidates": all_candidates(len(histories))}])
    for graph in ("rank", "prefill", "step"):
        quantise.to_int8(folder / f"{graph}.fp32.onnx", folder / f"{graph}.int8.onnx", ranges)
    return folder


def test_int8_replaces_every_product_with_weights_and_stays_near(int8, histories):
    model = onnx.load(str(int8 / "rank.int8.onnx"))
    assert quantise.weight_products(model) == []
    assert sum(node.op_type == "MatMulIntegerToFloat" for node in model.graph.node) == 10
    inputs = {"history": pad(histories), "candidates": all_candidates(len(histories))}
    exact = run(session(int8 / "rank.fp32.onnx"), **inputs)["scores"][:, 1:]
    rounded = run(session(int8 / "rank.int8.onnx"), **inputs)["scores"][:, 1:]
    assert 0 < np.abs(exact - rounded).max()
    assert min(np.corrcoef(exact[row], rounded[row])[0, 1] for row in range(len(histories))) > 0.97


def test_int8_scores_do_not_depend_on_batch_mates(int8, histories):
    opened = session(int8 / "rank.int8.onnx")
    together = run(opened, history=pad(histories), candidates=all_candidates(len(histories)))["scores"]
    for row, history in enumerate(histories):
        alone = run(opened, history=history[None], candidates=all_candidates(1))["scores"]
        assert np.abs(alone[0] - together[row]).max() <= 1e-4


def test_an_int8_cached_step_stays_near_the_int8_whole_history(int8, histories):
    rows = histories[1:]
    stepped, whole = cached(int8, rows, [history[:-1] for history in rows], "int8")
    assert np.abs(stepped - whole)[:, 1:].max() < 0.2 * whole[:, 1:].std()


def test_the_loss_and_its_gradients_are_those_of_cross_entropy():
    torch.manual_seed(0)
    states, table, bias = (torch.randn(*shape, requires_grad=True) for shape in ((64, 16), (50, 16), (50,)))
    targets = torch.randint(0, 50, (64,))
    given = FullSoftmaxLoss.apply(states, table, bias, targets, 0.0)
    expected = torch.nn.functional.cross_entropy(states @ table.T + bias, targets)
    assert abs(given.item() - expected.item()) < 0.02 * expected.item()
    for ours, theirs in zip(torch.autograd.grad(given, (states, table, bias)), torch.autograd.grad(expected, (states, table, bias))):
        assert (ours - theirs).abs().max() < 0.02 * theirs.abs().max()


def test_a_teacher_pulls_the_gradient_towards_its_probabilities():
    torch.manual_seed(0)
    states, table = (torch.randn(*shape, requires_grad=True) for shape in ((64, 16), (50, 16)))
    targets, teacher = torch.randint(0, 50, (64,)), torch.softmax(torch.randn(64, 50), dim=-1)
    given = FullSoftmaxLoss.apply(states, table, None, targets, 0.0, teacher.bfloat16(), 0.3)
    wanted = 0.3 * teacher + 0.7 * torch.nn.functional.one_hot(targets, 50)
    expected = torch.nn.functional.cross_entropy(states @ table.T, wanted)
    for ours, theirs in zip(torch.autograd.grad(given, (states, table)), torch.autograd.grad(expected, (states, table))):
        assert (ours - theirs).abs().max() < 0.03 * theirs.abs().max()
