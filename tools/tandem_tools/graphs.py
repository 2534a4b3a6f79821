"""The served forms of the models: torch modules with exactly the inputs and outputs of the registry.

Shapes: history [batch, length] (right-padded with 0), exclude [batch, excluded] (0 is none),
candidates [batch, candidates] (0 is padding). Ids are int32. Padding never scores above HIDDEN.
"""

import torch
from torch import nn
from torch.nn import functional

from .large_model import ATTENTION_SCALE, HIDDEN, masked_bias

TOP = 100


def last_positions(history):
    """[batch] index of the last real item of right-padded rows; 0 for an empty row."""
    return ((history > 0).to(torch.int64).sum(dim=1) - 1).clamp(min=0)


def hide(scores, *ids):
    """Set the scores [batch, items + 1] of the given ids [batch, any] to HIDDEN."""
    for part in ids:
        scores = scores.scatter(1, part.to(torch.int64), torch.full_like(part, HIDDEN, dtype=scores.dtype))
    return scores


def hide_padding(bias):
    """A copy of an item bias [items + 1] that keeps padding id 0 out of every ranking."""
    bias = bias.detach().clone()
    bias[0] = HIDDEN
    return bias


def top_items(scores):
    """The best TOP of [batch, items + 1] as (items int32, scores), descending."""
    values, items = torch.topk(scores, TOP, dim=1)
    return items.to(torch.int32), values


class ServedLayer(nn.Module):
    """One layer of the large model, arranged for onnxruntime: rows flat, one product for each part."""

    GATE, VALUE, QUERY, KEY = range(4)

    def __init__(self, layer, max_length):
        super().__init__()
        self.layer = layer
        positions = torch.arange(max_length)
        table = masked_bias(layer.distance_bias.detach(), positions[:, None] - positions[None, :])
        self.register_buffer("bias_by_positions", table)  # a slice of it is far cheaper than a gather by distance

    def part(self, normed, part, batch):
        """One projected part by head: [batch * length, width] -> [batch, its heads, length, head width]."""
        made, head_width = self.layer.project_part(normed, part), self.layer.config.head_width
        return made.reshape(batch, -1, made.shape[1] // head_width, head_width).transpose(1, 2)

    def combine(self, rows, mixed, normed):
        """Gate the attended values and add the residual: rows [rows, width], mixed [batch, heads, queries, head width]."""
        mixed = self.layer.join_heads(mixed).reshape(-1, self.layer.config.width)
        return self.layer.combine(rows, mixed, self.layer.project_part(normed, self.GATE))

    def over_history(self, rows, batch, length):
        """All positions: rows [batch * length, width] -> (rows, key, value)."""
        normed = self.layer.input_norm(rows)
        key, value = self.part(normed, self.KEY, batch), self.part(normed, self.VALUE, batch)
        bias = self.bias_by_positions[:, :length, :length]
        mixed = self.layer.attend(self.part(normed, self.QUERY, batch), key, value, bias)
        return self.combine(rows, mixed, normed), key, value

    def at_last(self, rows, last, length):
        """The last item of each row alone: rows [batch * length, width], last [batch] -> (rows [batch, width], key, value)."""
        batch = last.shape[0]
        normed = self.layer.input_norm(rows)
        key, value = self.part(normed, self.KEY, batch), self.part(normed, self.VALUE, batch)
        flat = last + torch.arange(batch) * length
        chosen = normed[flat]
        bias = self.bias_by_positions[:, last, :length].transpose(0, 1)[:, :, None, :]
        mixed = self.layer.attend(self.part(chosen, self.QUERY, batch), key, value, bias)
        return self.combine(rows[flat], mixed, chosen), key, value

    def step(self, rows, past_key, past_value, bias):
        """One new item over cached keys. rows [batch, width], past [batch, key-value heads, positions, head width],
        bias [batch, heads, 1, positions] -> (rows, key, value [batch, key-value heads, 1, head width]).

        The new key and value are not appended to the cached ones but added to the sum over them,
        which saves copying the cache.
        """
        batch = rows.shape[0]
        normed = self.layer.input_norm(rows)
        key, value = self.part(normed, self.KEY, batch), self.part(normed, self.VALUE, batch)
        query = self.part(normed, self.QUERY, batch)
        own = self.layer.attend(query, key, value, self.layer.distance_bias[None, :, None, :1])
        mixed = self.layer.attend(query, past_key, past_value, bias) + own
        return self.combine(rows, mixed, normed), key, value


class LargeGraph(nn.Module):
    """What the graphs of the large model share."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.layers = nn.ModuleList(ServedLayer(layer, model.config.max_length) for layer in model.layers)
        self.register_buffer("item_bias", hide_padding(torch.zeros(model.config.items + 1)))

    def encode(self, history):
        """(state after the last item [batch, width], [key, value, ...] each [batch, key-value heads, length, head width]).

        Only the last position of the last layer is ever read, so only that one is computed there.
        """
        batch, length = history.shape[0], history.shape[1]
        rows = self.model.embed(history).reshape(-1, self.model.config.width)
        cached = []
        for layer in self.layers[:-1]:
            rows, key, value = layer.over_history(rows, batch, length)
            cached += [key, value]
        final, key, value = self.layers[-1].at_last(rows, last_positions(history), length)
        return self.model.final_norm(final), cached + [key, value]

    def score(self, state, candidates):
        """Scores [batch, candidates] of the given items; padding gets HIDDEN."""
        vectors = self.model.embedding(candidates)
        scores = torch.matmul(vectors, state[:, :, None])[:, :, 0]
        return torch.where(candidates > 0, scores, torch.full_like(scores, HIDDEN))


class Rank(LargeGraph):
    """history, candidates -> scores [batch, candidates]."""

    def forward(self, history, candidates):
        state, _cached = self.encode(history)
        return self.score(state, candidates)


class Catalogue(LargeGraph):
    """history, exclude -> items [batch, TOP], scores [batch, TOP], over all items not in either."""

    def forward(self, history, exclude):
        state, _cached = self.encode(history)
        scores = functional.linear(state, self.model.embedding.weight, self.item_bias)
        return top_items(hide(scores, history, exclude))


class Prefill(LargeGraph):
    """history, candidates -> kv [batch, 2 * layers, key-value heads, length, head width], scores [batch, candidates], state [batch, width].

    The second axis alternates key and value: 2 * l is the key of layer l, 2 * l + 1 its value.
    """

    def forward(self, history, candidates):
        state, cached = self.encode(history)
        return torch.stack(cached, dim=1), self.score(state, candidates), state


class Step(LargeGraph):
    """item [batch], pastLength [batch], slot [batch], pool [slots, 2 * layers, key-value heads, positions, head width],
    candidates -> scores [batch, candidates], kvStep [batch, 2 * layers, key-value heads, head width], state [batch, width].

    Rows of a slot from pastLength on are not read. Each layer gathers its own keys and values out of
    the pool, so that the pool is copied from once.
    """

    def forward(self, item, past_length, slot, pool, candidates):
        config = self.model.config
        rows = self.model.embed(item)
        by_part = pool.reshape(-1, config.key_value_heads, pool.shape[3], config.head_width)
        distance = past_length[:, None] - torch.arange(pool.shape[3], dtype=torch.int32)[None, :]
        distance = torch.where(distance > 0, distance, -1)
        stepped = []
        for index, layer in enumerate(self.layers):
            bias = masked_bias(layer.layer.distance_bias, distance).transpose(0, 1)[:, :, None, :]
            past_key, past_value = (by_part[slot * (2 * config.layers) + 2 * index + part] for part in (0, 1))
            rows, key, value = layer.step(rows, past_key, past_value, bias)
            stepped += [key[:, :, 0], value[:, :, 0]]
        state = self.model.final_norm(rows)
        return self.score(state, candidates), torch.stack(stepped, dim=1), state


class Listing(LargeGraph):
    """What Catalogue gives, from the state that Prefill and Step return: state [batch, width], exclude (here the whole
    history too, which this graph does not see) -> items [batch, TOP], scores [batch, TOP].
    """

    def forward(self, state, exclude):
        scores = functional.linear(state, self.model.embedding.weight, self.item_bias)
        return top_items(hide(scores, exclude))


class Candidates(nn.Module):
    """history, exclude -> items [batch, TOP], scores [batch, TOP], confidence [batch]."""

    def __init__(self, model, confidence):
        super().__init__()
        self.model = model
        self.confidence = confidence
        self.register_buffer("item_bias", hide_padding(model.item_bias))

    def user(self, history):
        """User vectors [batch, width] after the last item."""
        positions = torch.arange(history.shape[1])
        distance = (last_positions(history)[:, None] - positions[None, :]).clamp(min=0).float()
        weights = self.model.recency(distance, (history > 0).float())
        averages = torch.matmul(weights, self.model.embedding(history))
        return self.model.tower(averages.reshape(history.shape[0], -1))

    def forward(self, history, exclude):
        scores = functional.linear(self.user(history), self.model.output_embedding.weight, self.item_bias)
        items, values = top_items(hide(scores, history, exclude))
        length = (history > 0).float().sum(dim=1)
        return items, values, self.confidence(values, length)


class Confidence(nn.Module):
    """Calibrated probability that the large model ranks the same item first among these candidates.

    A logistic regression (Platt 1999) over four features of the small model's TOP scores and the
    history's length.
    """

    def __init__(self, weights=(0.0, 0.0, 0.0, 0.0), bias=0.0):
        super().__init__()
        self.register_buffer("weights", torch.tensor(weights, dtype=torch.float32))
        self.register_buffer("bias", torch.tensor(bias, dtype=torch.float32))

    @staticmethod
    def features(scores, length):
        """scores [batch, TOP] descending, length [batch] -> [batch, 4]: margin, log share, entropy, log length."""
        logs = torch.log_softmax(scores, dim=1)
        entropy = -(logs.exp() * logs).sum(dim=1)
        return torch.stack([scores[:, 0] - scores[:, 1], logs[:, 0], entropy, torch.log(length + 1)], dim=1)

    def forward(self, scores, length):
        """[batch] probabilities."""
        return torch.sigmoid((self.features(scores, length) * self.weights).sum(dim=1) + self.bias)
