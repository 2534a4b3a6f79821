"""The large model as a decoder over a cache of keys and values in blocks.

One graph serves whole prompts, single steps and the verification of drafts: it computes some new tokens of each
row over what the row's blocks hold, and lists the catalogue after chosen ones of them.
"""

import torch
from torch.nn import functional

from .graphs import LargeGraph, hide, top_items
from .large_model import ATTENTION_SCALE, masked_bias

CACHES = ("fp32", "fp16", "int8")


class Decode(LargeGraph):
    """tokens [batch, tokens] (0 pads on the right), pastLength [batch], blocks [batch, blocks] (padded with any block),
    scored [batch, scored] (which of the tokens), exclude [batch, excluded], pool [poolBlocks, 2 * layers, heads, positions, head width]
    -> items, scores [batch, scored, TOP], kv [batch, 2 * layers, heads, tokens, head width].

    Position p of a row lies in its block p // positions; those from pastLength on are not read, but must be finite.
    Attention is pointwise, so the parts over the cache and over the new tokens are simply added.
    """

    def forward(self, tokens, past_length, blocks, scored, exclude, *pool):
        batch, count = tokens.shape[0], tokens.shape[1]
        rows = self.model.embed(tokens).reshape(-1, self.model.config.width)
        offsets = torch.arange(count, dtype=torch.int32)
        everything = offsets[None, :].expand(batch, -1)
        past = self.past_distance(past_length, everything, blocks, pool[0])
        own = torch.where(offsets[:, None] >= offsets[None, :], offsets[:, None] - offsets[None, :], -1)[None]
        made = []
        for index, layer in enumerate(self.layers[:-1]):
            normed = layer.layer.input_norm(rows)
            key, value = layer.part(normed, layer.KEY, batch), layer.part(normed, layer.VALUE, batch)
            rows = self.attend(index, rows, normed, (key, value), (past, own), blocks, pool)
            made += [key, value]
        state, key, value = self.last_layer(rows, scored, count, past_length, blocks, pool)
        scores = functional.linear(state, self.model.embedding.weight, self.item_bias)
        each = scored.shape[1]
        hidden = exclude[:, None, :].expand(-1, each, -1).reshape(batch * each, -1)
        items, values = top_items(hide(scores, hidden))
        made = torch.stack(made + [key, value], dim=1)
        return items.reshape(batch, each, -1), values.reshape(batch, each, -1), made

    def last_layer(self, rows, scored, count, past_length, blocks, pool):
        """Keys and values of all tokens, but states [batch * scored, width] of the chosen ones alone."""
        batch, layer, index = scored.shape[0], self.layers[-1], len(self.layers) - 1
        normed = layer.layer.input_norm(rows)
        key, value = layer.part(normed, layer.KEY, batch), layer.part(normed, layer.VALUE, batch)
        flat = (scored + (torch.arange(batch, dtype=torch.int32) * count)[:, None]).reshape(-1)
        offsets = torch.arange(count, dtype=torch.int32)
        own = scored[:, :, None] - offsets[None, None, :]
        past = self.past_distance(past_length, scored, blocks, pool[0])
        chosen = self.attend(index, rows[flat], normed[flat], (key, value), (past, own), blocks, pool)
        return self.model.final_norm(chosen), key, value

    def past_distance(self, past_length, queries, blocks, pool):
        """Distances [batch, queries, cached positions] from the new tokens; -1 where a position holds nothing."""
        positions = torch.arange(blocks.shape[1] * pool.shape[3], dtype=torch.int32)
        distance = (past_length[:, None] + queries)[:, :, None] - positions[None, None, :]
        return torch.where(positions[None, None, :] < past_length[:, None, None], distance, -1)

    def attend(self, index, rows, normed, made, distances, blocks, pool):
        """One layer for the given query rows, over the cache and over the new tokens' keys and values."""
        layer, batch = self.layers[index], blocks.shape[0]
        query = layer.part(normed, layer.QUERY, batch)
        past_bias, own_bias = (masked_bias(layer.layer.distance_bias, distance).transpose(0, 1) for distance in distances)
        mixed = self.over_cache(index, query, past_bias, blocks, pool) + layer.layer.attend(query, *made, own_bias)
        return layer.combine(rows, mixed, normed)

    def over_cache(self, index, query, bias, blocks, pool):
        """Attention [batch, heads, queries, head width] over the cached positions."""
        key, value = (self.gathered(pool[0], blocks, 2 * index + part).float() for part in (0, 1))
        if len(pool) == 1:
            return self.layers[index].layer.attend(query, key, value, bias)
        key_scale, value_scale = (self.gathered(pool[1], blocks, 2 * index + part)[:, :, None, :] for part in (0, 1))
        over_keys = self.layers[index].layer.over_keys
        scores = over_keys(query * self.model.config.head_width ** -0.5, key.transpose(-1, -2) * key_scale) + bias
        return over_keys(functional.silu(scores), value * value_scale.transpose(-1, -2) * ATTENTION_SCALE)

    def gathered(self, pool, blocks, part):
        """One part of each row's blocks, in order: [batch, heads, positions, ...]."""
        config = self.model.config
        by_part = pool.reshape(-1, *pool.shape[2:])
        found = by_part[blocks * (2 * config.layers) + part].transpose(1, 2)
        return found.reshape(found.shape[0], config.key_value_heads, -1, *found.shape[4:])


def example_inputs(config, cache):
    """Inputs for tracing, in the graph's order, by name."""
    def ids(*shape):
        return torch.randint(1, config.items + 1, shape, dtype=torch.int32)
    pool = torch.randn(7, 2 * config.layers, config.key_value_heads, 16, config.head_width)
    inputs = {"tokens": ids(2, 5), "pastLength": torch.tensor([20, 3], dtype=torch.int32), "blocks": torch.tensor([[1, 4], [2, 0]], dtype=torch.int32),
              "scored": torch.tensor([[4, 2, 1], [1, 0, 2]], dtype=torch.int32), "exclude": ids(2, 3)}
    if cache == "int8":
        return inputs | {"pool": (pool * 30).to(torch.int8), "scales": torch.rand(pool.shape[:-1])}
    return inputs | {"pool": pool.half() if cache == "fp16" else pool}


AXES = {
    "tokens": {0: "batch", 1: "tokens"}, "pastLength": {0: "batch"}, "blocks": {0: "batch", 1: "blocks"}, "scored": {0: "batch", 1: "scored"},
    "exclude": {0: "batch", 1: "excluded"}, "pool": {0: "poolBlocks", 3: "positions"}, "scales": {0: "poolBlocks", 3: "positions"},
    "items": {0: "batch", 1: "scored"}, "scores": {0: "batch", 1: "scored"}, "kv": {0: "batch", 3: "tokens"},
}
DECODE_GRAPHS = {"fp32": "decode", "fp16": "decode-half", "int8": "decode-byte"}
