"""Static INT8 and FP16 variants of an FP32 graph.

INT8: every matrix product with constant weights becomes QuantizeLinear with a fixed scale, followed
by com.microsoft.MatMulIntegerToFloat with one weight scale a column. The scales are fixed when the
graph is made, so a row's scores do not depend on its batch mates (dynamic quantisation takes one
scale over the whole batch). Products between two activations (attention) and with the item table
(the scores) stay FP32: there INT8 would tie many scores.
"""

import hashlib

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


def fingerprint(weights):
    """Names a product by its weights, which all graphs of one model share."""
    return hashlib.sha256(np.ascontiguousarray(weights).tobytes()).hexdigest()


def observe(path, batches):
    """{fingerprint: (low, high)}: the range of each quantised product's input over calibration batches.

    All graphs of one model use the ranges observed on one: then a cached step rounds as the whole
    history does.

    Ranges are cut at the 0.01th and 99.99th percentile: a few outliers would coarsen all the rest.
    """
    model = onnx.load(str(path))
    values = constants(model.graph)
    source = {fingerprint(values[node.input[1]]): node.input[0] for node in weight_products(model)}
    names = sorted(set(source.values()))
    model.graph.output.extend([helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names])
    opened = session(model.SerializeToString())
    seen = {name: [] for name in names}
    for batch in batches:
        result = run(opened, **batch)
        for name in names:
            seen[name].append(result[name].reshape(-1)[:400_000])
    limits = {name: tuple(np.percentile(np.concatenate(parts), [0.01, 99.99]).tolist()) for name, parts in seen.items()}
    return {key: limits[name] for key, name in source.items()}


def activation_scale(low, high):
    """Asymmetric uint8 scale and zero point that cover [low, high] and 0."""
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    scale = max((high - low) / 255.0, 1e-8)
    return np.float32(scale), np.uint8(np.clip(round(-low / scale), 0, 255))


def quantise_weights(weights):
    """[inputs, outputs] -> int8 weights and one scale a column (symmetric)."""
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-8) / 127.0
    return np.clip(np.round(weights / scale), -127, 127).astype(np.int8), scale.astype(np.float32)


def quantise_input(node, limits, nodes, entries):
    """Add QuantizeLinear for a product's input; returns its three tensor names (values, scale, zero point)."""
    names = [f"{node.input[0]}_{suffix}_{len(entries)}" for suffix in ("quantised", "scale", "zero")]
    scale, zero = activation_scale(*limits)
    entries += [numpy_helper.from_array(np.asarray(scale), names[1]), numpy_helper.from_array(np.asarray(zero), names[2])]
    nodes.append(helper.make_node("QuantizeLinear", [node.input[0], *names[1:]], names[:1], name=f"{node.name}_quantise"))
    return names


def add_product(node, weights, quantised, nodes, entries):
    """Add the integer product that replaces `node`; weights [inputs, outputs]; a Gemm's bias stays FP32."""
    values, scales = quantise_weights(np.ascontiguousarray(weights))
    name = node.output[0]
    made = {f"{name}_weights": values, f"{name}_weight_scales": scales, f"{name}_weight_zeros": np.zeros(len(scales), dtype=np.int8)}
    entries += [numpy_helper.from_array(value, key) for key, value in made.items()]
    inputs = [quantised[0], f"{name}_weights", quantised[1], f"{name}_weight_scales", quantised[2], f"{name}_weight_zeros"]
    nodes.append(helper.make_node("MatMulIntegerToFloat", [*inputs, *node.input[2:]], [name], name=f"{node.name}_integer", domain=MICROSOFT))


def to_int8(source, target, ranges):
    """Write the INT8 variant of `source` to `target`; `ranges` come from observe()."""
    model = onnx.load(str(source))
    del model.graph.value_info[:]
    values = constants(model.graph)
    replaced = {node.output[0] for node in weight_products(model)}
    nodes, entries, quantised = [], [], {}
    for node in model.graph.node:
        if node.output[0] not in replaced:
            nodes.append(node)
            continue
        stored = values[node.input[1]]
        scale = ranges[fingerprint(stored)]
        if (node.input[0], scale) not in quantised:
            quantised[node.input[0], scale] = quantise_input(node, scale, nodes, entries)
        add_product(node, stored.T if is_transposed(node) else stored, quantised[node.input[0], scale], nodes, entries)
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


def pool_nodes(graph):
    """Names of the nodes that read the key and value pool: they stay FP32, or all of it would be cast."""
    tensors, names = {"pool"}, []
    for node in graph.node:
        if not node.input or node.input[0] not in tensors:
            continue
        names.append(node.name)
        if node.op_type == "Reshape":
            tensors.update(node.output)
    return names


def casts_to(graph, element_type):
    """{output: input} of the Cast nodes to one type."""
    return {node.output[0]: node.input[0] for node in graph.node
            if node.op_type == "Cast" and any(attribute.name == "to" and attribute.i == element_type for attribute in node.attribute)}


def skip_double_casts(graph):
    """Let the readers of a tensor that was cast to FP16 and back to FP32 read the tensor itself."""
    narrowed, widened = casts_to(graph, TensorProto.FLOAT16), casts_to(graph, TensorProto.FLOAT)
    for node in graph.node:
        for place, name in enumerate(node.input):
            if widened.get(name) in narrowed:
                node.input[place] = narrowed[widened[name]]


def to_fp16(source, target):
    """Write the FP16 variant; inputs, outputs and the ranking operators stay FP32."""
    model = onnx.load(str(source))
    converted = convert_float_to_float16(model, keep_io_types=True, op_block_list=["TopK", "ScatterElements", "Range"],
                                         node_block_list=pool_nodes(model.graph))
    skip_double_casts(converted.graph)
    sorted_model = OnnxModel(converted)
    sorted_model.prune_graph()
    sorted_model.topological_sort()
    onnx.save(sorted_model.model, str(target))
