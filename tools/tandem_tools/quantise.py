"""Static INT8 and FP16 variants of an FP32 graph.

INT8: every matrix product with constant weights becomes QuantizeLinear with a fixed scale, followed
by com.microsoft.MatMulIntegerToFloat with one weight scale a column. The scales are fixed when the
graph is made, so a row's scores do not depend on its batch mates (dynamic quantisation takes one
scale over the whole batch). Products between two activations (attention) and with the item table
(the scores) stay FP32: there INT8 would tie many scores.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from .runtime import run, session

MICROSOFT = "com.microsoft"
OUTPUT_LAYER = 2000  # a product with this many outputs or inputs is one with the item table


def constants(graph):
    """{name: array} of the initialisers."""
    return {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}


def weight_products(model):
    """The products with a constant matrix: MatMul, and Gemm but for the one with the item table."""
    known = {entry.name: max(entry.dims) for entry in model.graph.initializer if len(entry.dims) == 2}
    return [node for node in model.graph.node
            if node.op_type in ("MatMul", "Gemm") and known.get(node.input[1], OUTPUT_LAYER) < OUTPUT_LAYER]


def is_transposed(node):
    """True for a Gemm whose weights are [outputs, inputs]."""
    return any(attribute.name == "transB" and attribute.i == 1 for attribute in node.attribute)


def observe(path, batches):
    """[(low, high)]: the range of each quantised product's input over calibration batches, in graph order.

    The graphs of one model hold the same products in the same order, so they can share ranges: then
    a cached step rounds as the whole history does.

    Ranges are cut at the 0.01th and 99.99th percentile: a few outliers would coarsen all the rest.
    """
    model = onnx.load(str(path))
    order = [node.input[0] for node in weight_products(model)]
    names = sorted(set(order) - {entry.name for entry in model.graph.input})
    model.graph.output.extend([helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names])
    opened = session(model.SerializeToString())
    seen = {name: [] for name in names}
    for batch in batches:
        result = run(opened, **batch)
        for name in names:
            seen[name].append(result[name].reshape(-1)[:400_000])
    limits = {name: tuple(np.percentile(np.concatenate(parts), [0.01, 99.99])) for name, parts in seen.items()}
    return [limits[name] for name in order]


def activation_scale(low, high):
    """Asymmetric uint8 scale and zero point that cover [low, high] and 0."""
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    scale = max((high - low) / 255.0, 1e-8)
    return np.float32(scale), np.uint8(np.clip(round(-low / scale), 0, 255))


def quantise_weights(weights):
    """[inputs, outputs] -> int8 weights and one scale a column (symmetric)."""
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-8) / 127.0
    return np.clip(np.round(weights / scale), -127, 127).astype(np.int8), scale.astype(np.float32)


def integer_product(node, weights, low, high):
    """Nodes and initialisers that replace one MatMul."""
    scale, zero = activation_scale(low, high)
    values, scales = quantise_weights(np.ascontiguousarray(weights))
    name = node.output[0]
    entries = {f"{name}_scale": scale, f"{name}_zero": zero, f"{name}_weights": values, f"{name}_weight_scales": scales,
               f"{name}_weight_zeros": np.zeros(len(scales), dtype=np.int8)}
    quantise = helper.make_node("QuantizeLinear", [node.input[0], f"{name}_scale", f"{name}_zero"], [f"{name}_quantised"],
                                name=f"{node.name}_quantise")
    product = helper.make_node("MatMulIntegerToFloat",
                               [f"{name}_quantised", f"{name}_weights", f"{name}_scale", f"{name}_weight_scales", f"{name}_zero",
                                f"{name}_weight_zeros", *node.input[2:]], [name], name=f"{node.name}_integer", domain=MICROSOFT)
    return [quantise, product], [numpy_helper.from_array(np.asarray(value), key) for key, value in entries.items()]


def to_int8(source, target, ranges):
    """Write the INT8 variant of `source` to `target`; `ranges` come from observe()."""
    model = onnx.load(str(source))
    del model.graph.value_info[:]
    values = constants(model.graph)
    replaced = {node.output[0]: limits for node, limits in zip(weight_products(model), ranges, strict=True)}
    nodes = []
    for node in model.graph.node:
        if node.output[0] not in replaced:
            nodes.append(node)
            continue
        weights = values[node.input[1]].T if is_transposed(node) else values[node.input[1]]
        made, entries = integer_product(node, weights, *replaced[node.output[0]])
        nodes += made
        model.graph.initializer.extend(entries)
    rebuild(model, nodes)
    onnx.save(model, str(target))


def rebuild(model, nodes):
    """Set the nodes, drop unused initialisers and import the contrib domain."""
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    used = {name for node in kept for name in node.input}
    unused = [entry for entry in model.graph.initializer if entry.name not in used]
    for entry in unused:
        model.graph.initializer.remove(entry)
    if all(entry.domain != MICROSOFT for entry in model.opset_import):
        model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))


def to_fp16(source, target):
    """Write the FP16 variant; inputs and outputs stay FP32, TopK too (its input order must not tie)."""
    model = onnx.load(str(source))
    converted = convert_float_to_float16(model, keep_io_types=True, op_block_list=["TopK", "ScatterElements", "Range"])
    sorted_model = OnnxModel(converted)
    sorted_model.topological_sort()
    onnx.save(sorted_model.model, str(target))
