"""The committed models: hashes, tensors, golden outputs, parity of the cache, gates, digits."""

import hashlib
import json

import numpy as np
import onnx
import pytest
from tandem_tools import digits_models, measure, registry, slates
from tandem_tools.paths import MODELS
from tandem_tools.runtime import run, session

REGISTRY = json.loads((MODELS / "registry.json").read_text())
GOLDEN = json.loads((MODELS / "golden.json").read_text())
VARIANTS = {(entry["model"], entry["precision"]): entry for entry in REGISTRY["models"]}
GRAPHS = [(entry["model"], entry["precision"], name, graph) for entry in REGISTRY["models"] for name, graph in entry["graphs"].items()]
DECODER = {"tokens": "int32", "pastLength": "int32", "blocks": "int32", "scored": "int32", "exclude": "int32", "pool": "float32"}
SIGNATURES = {
    ("recommend-small", "candidates"): ({"history": "int32", "exclude": "int32"}, {"items": "int32", "scores": "float32", "confidence": "float32"}),
    ("recommend-large", "rank"): ({"history": "int32", "candidates": "int32"}, {"scores": "float32"}),
    ("recommend-large", "catalogue"): ({"history": "int32", "exclude": "int32"}, {"items": "int32", "scores": "float32"}),
    ("recommend-large", "prefill"): ({"history": "int32", "candidates": "int32"}, {"kv": "float32", "scores": "float32", "state": "float32"}),
    ("recommend-large", "step"): ({"item": "int32", "pastLength": "int32", "slot": "int32", "pool": "float32", "candidates": "int32"},
                                  {"scores": "float32", "kvStep": "float32", "state": "float32"}),
    ("recommend-large", "listing"): ({"state": "float32", "exclude": "int32"}, {"items": "int32", "scores": "float32"}),
    ("recommend-decoder", "decode"): (DECODER, {"items": "int32", "scores": "float32", "kv": "float32"}),
    ("recommend-decoder", "decodeHalf"): (DECODER | {"pool": "float16"}, {"items": "int32", "scores": "float32", "kv": "float32"}),
    ("recommend-decoder", "decodeByte"): (DECODER | {"pool": "int8", "scales": "float32"}, {"items": "int32", "scores": "float32", "kv": "float32"}),
    ("recommend-decoder", "draft"): ({"history": "int32", "exclude": "int32"}, {"items": "int32", "scores": "float32", "confidence": "float32"}),
    ("digits-small", "classify"): ({"pixels": "float32"}, {"probabilities": "float32", "confidence": "float32"}),
    ("digits-large", "classify"): ({"pixels": "float32"}, {"probabilities": "float32"}),
    ("digits-top", "classify"): ({"pixels": "float32"}, {"probabilities": "float32"}),
    ("digits-bottom", "classify"): ({"pixels": "float32"}, {"probabilities": "float32"}),
}


def tensor(stored):
    return np.array(stored["data"], dtype=stored["type"]).reshape(stored["shape"])


def test_every_model_of_the_contract_is_released():
    for precision in ("fp32", "fp16", "int8"):
        assert ("recommend-small", precision) in VARIANTS and ("recommend-large", precision) in VARIANTS
    assert {("digits-small", "int8"), ("digits-large", "int8"), ("digits-top", "fp32"), ("digits-bottom", "fp32")} <= set(VARIANTS)
    assert {(model, name) for model, _precision, name, _graph in GRAPHS} == set(SIGNATURES)


@pytest.mark.parametrize("model,precision,name,graph", GRAPHS, ids=lambda value: value if isinstance(value, str) else "")
def test_hash_size_and_tensors_are_as_registered(model, precision, name, graph):
    content = (MODELS / graph["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == graph["sha256"] and len(content) == graph["bytes"]
    inputs, outputs = SIGNATURES[model, name]
    assert {key: value["type"] for key, value in graph["inputs"].items()} == inputs
    assert {key: value["type"] for key, value in graph["outputs"].items()} == outputs
    loaded = onnx.load_from_string(content).graph
    assert registry.tensors(loaded.input) == graph["inputs"] and registry.tensors(loaded.output) == graph["outputs"]


def test_the_committed_graphs_stay_under_40_megabytes_and_all_are_registered():
    files = {str(path.relative_to(MODELS)) for path in MODELS.glob("*/*.onnx")}
    assert files == {graph["file"] for *_rest, graph in GRAPHS}
    assert sum({graph["file"]: graph["bytes"] for *_rest, graph in GRAPHS}.values()) < 40e6


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: f"{case['model']}-{case['graph']}")
def test_golden_outputs_are_reproduced(case):
    opened = session(MODELS / case["model"] / f"{case['graph']}.{case['precision']}.onnx")
    result = run(opened, **{name: tensor(value) for name, value in case["inputs"].items()})
    for name, stored in case["outputs"].items():
        expected = tensor(stored)
        assert result[name].shape == expected.shape and expected.size > 0
        assert np.abs(result[name] - expected).max() <= GOLDEN["tolerance"] * max(1.0, np.abs(expected).max() if name == "kv" else 1.0)


def random_histories(lengths=(2, 5, 17, 40, 90, 128)):
    random = np.random.default_rng(11)
    return [random.choice(np.arange(1, 3884), length, replace=False).astype(np.int32) for length in lengths]


def test_cached_steps_equal_the_whole_history_while_rows_of_mixed_lengths_leave_the_batch():
    result = measure.cached_parity("fp32", random_histories())
    assert result["comparisons"] > 100
    assert result["largestDifference"] <= 1e-4


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_scores_do_not_depend_on_batch_mates(precision):
    if ("recommend-large", precision) not in VARIANTS:
        pytest.skip("not released")
    histories = random_histories()
    padded = np.zeros((len(histories), 128), dtype=np.int32)
    for row, history in enumerate(histories):
        padded[row, :len(history)] = history
    opened = measure.open_graph("recommend-large", "rank", precision)
    candidates = np.tile(np.arange(1, 201, dtype=np.int32), (len(histories), 1))
    together = run(opened, history=padded, candidates=candidates)["scores"]
    deviation = together.std()
    for row, history in enumerate(histories):
        alone = run(opened, history=history[None], candidates=candidates[:1])["scores"][0]
        assert np.abs(alone - together[row]).max() <= (1e-4 if precision == "fp32" else 0.02 * deviation)


def test_confidence_is_a_probability_that_varies():
    result = run(session(MODELS / "recommend-small" / "candidates.fp32.onnx"), history=np.random.default_rng(1).integers(1, 3884, (64, 40)).astype(np.int32),
                 exclude=np.zeros((64, 1), dtype=np.int32))["confidence"]
    assert result.min() >= 0 and result.max() <= 1 and result.std() > 1e-3


def test_an_empty_history_gives_finite_candidates():
    result = run(session(MODELS / "recommend-small" / "candidates.fp32.onnx"), history=np.zeros((1, 4), dtype=np.int32),
                 exclude=np.zeros((1, 1), dtype=np.int32))
    assert np.isfinite(result["scores"]).all() and (result["items"] > 0).all() and np.isfinite(result["confidence"]).all()


def test_the_gate_refuses_a_variant_that_loses_more_than_its_allowance():
    registry.gate("m", "int8", 0.981, 1.0)
    with pytest.raises(registry.NotReleasable, match="m int8"):
        registry.gate("m", "int8", 0.97, 1.0)


def test_the_digits_test_split_is_the_published_rule_and_gives_the_registered_accuracy():
    stored = json.loads((MODELS / "digits-test.json").read_text())
    pixels, labels = digits_models.splits()["test"]
    assert np.array_equal(np.array(stored["pixels"]), pixels) and stored["labels"] == labels.tolist()
    assert "CC BY 4.0" in stored["attribution"]
    for (model, precision), entry in VARIANTS.items():
        if entry["adapter"] == "classify":
            found = run(session(MODELS / model / f"classify.{precision}.onnx"), pixels=np.array(stored["pixels"], dtype=np.float32))["probabilities"]
            assert abs((found.argmax(1) == labels).mean() - entry["accuracy"]["value"]) < 0.01
            assert np.abs(found.sum(axis=1) - 1).max() < 1e-4


def test_titles_and_data_are_not_committed():
    assert not [path for path in MODELS.rglob("*") if path.suffix in (".tsv", ".csv", ".inter", ".item")]


def test_slates_decoded_over_blocks_are_what_whole_histories_give():
    group = [(history, history[:0], [0]) for history in random_histories((2, 17, 40, 90))]
    decoded = slates.decode_slates("fp32", group, 6, lambda items, _scores: int(items[0]))
    whole = measure.open_graph("recommend-large", "catalogue", "fp32")
    for (history, _older, _next), slate in zip(group, decoded):
        for item in slate:
            assert run(whole, history=history[None], exclude=np.zeros((1, 1), dtype=np.int32))["items"][0, 0] == item
            history = np.append(history, np.int32(item))


@pytest.mark.parametrize("cache", ["fp16", "int8"])
def test_compressed_caches_find_nearly_the_same_slates(cache):
    group = [(history, history[:0], [0]) for history in random_histories((17, 40, 90, 110))]
    exact, compressed = (slates.decode_slates(kind, group, 6, lambda items, _scores: int(items[0])) for kind in ("fp32", cache))
    assert np.mean([len(set(one) & set(other)) / 6 for one, other in zip(exact, compressed)]) > 0.7


def test_decoder_graphs_have_no_weights_of_their_own():
    for path in (MODELS / "recommend-large").glob("decode*.onnx"):
        assert path.stat().st_size < 60_000
