"""The served forms of the models: torch modules with exactly the inputs and outputs of the registry.

Shapes: history [batch, length] (right-padded with 0), exclude [batch, excluded] (0 is none),
candidates [batch, candidates] (0 is padding). Ids are int32. Padding never scores above HIDDEN.
"""

import torch
from torch import nn
from torch.nn import functional

HIDDEN = -1e4
TOP = 100


def last_positions(history):
    """[batch] index of the last real item of right-padded rows."""
    return (history > 0).to(torch.int64).sum(dim=1) - 1


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


class LargeGraph(nn.Module):
    """What the four graphs of the large model share."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.register_buffer("item_bias", hide_padding(torch.zeros(model.config.items + 1)))

    def encode(self, history):
        """(state after the last item [batch, width], [key, value, ...] each [batch, heads, length, head width]).

        Only the last position of the last layer is ever read, so only that one is computed there.
        """
        states = self.model.embed(history)
        distance, visible = self.model.distances(history.shape[1])
        cached = []
        for layer in self.model.layers[:-1]:
            states, key, value = layer(states, layer.distance_bias[:, distance], visible)
            cached += [key, value]
        final, key, value = self.last_layer(states, history)
        return self.model.final_norm(final), cached + [key, value]

    def last_layer(self, states, history):
        """The last layer for one query per row: (state [batch, width], key, value)."""
        layer = self.model.layers[-1]
        last = last_positions(history)
        gate, value, query, key = layer.project(states)
        key, value = layer.split_heads(key), layer.split_heads(value)
        rows = last[:, None, None].expand(-1, 1, states.shape[2])
        state, gate, query = (part.gather(1, rows) for part in (states, gate, query))
        distance = last[:, None] - torch.arange(history.shape[1])[None, :]
        bias = layer.distance_bias[:, distance.clamp(0, self.model.config.max_length - 1)].transpose(0, 1)
        mixed = attend_one(layer, layer.split_heads(query), key, value, bias, (distance >= 0).float())
        return layer.combine(state, mixed, gate)[:, 0], key, value

    def score(self, state, candidates):
        """Scores [batch, candidates] of the given items; padding gets HIDDEN."""
        vectors = self.model.embedding(candidates)
        scores = torch.matmul(vectors, state[:, :, None])[:, :, 0]
        return torch.where(candidates > 0, scores, torch.full_like(scores, HIDDEN))


def attend_one(layer, query, key, value, bias, visible):
    """One query per row. query [batch, heads, 1, head width], key and value [batch, heads, keys, head width],
    bias [batch, heads, keys], visible [batch, keys] -> [batch, 1, width]."""
    scores = torch.matmul(query, key.transpose(-1, -2)) * layer.config.head_width ** -0.5 + bias[:, :, None, :]
    mixed = torch.matmul(layer.weights(scores, visible[:, None, None, :]), value)
    return mixed.transpose(1, 2).reshape(query.shape[0], 1, layer.config.width)


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
    """history, candidates -> kv [batch, 2 * layers, heads, length, head width], scores [batch, candidates].

    The second axis alternates key and value: 2 * l is the key of layer l, 2 * l + 1 its value.
    """

    def forward(self, history, candidates):
        state, cached = self.encode(history)
        return torch.stack(cached, dim=1), self.score(state, candidates)


class Step(LargeGraph):
    """item [batch], pastLength [batch], past [batch, 2 * layers, heads, positions, head width], candidates
    -> scores [batch, candidates], kvStep [batch, 2 * layers, heads, head width].

    Export puts a gather in front, so that `past` comes out of the pool by slot.
    """

    def forward(self, item, past_length, past, candidates):
        states = self.model.embed(item)[:, None, :]
        positions = torch.arange(past.shape[3], dtype=torch.int32)
        distance = past_length[:, None] - positions[None, :]
        visible = torch.cat([(distance > 0).float(), torch.ones_like(distance[:, :1]).float()], dim=1)
        distance = distance.clamp(0, self.model.config.max_length - 1)
        stepped = []
        for index, layer in enumerate(self.model.layers):
            states, key, value = self.layer_step(layer, states, past[:, 2 * index], past[:, 2 * index + 1], distance, visible)
            stepped += [key, value]
        return self.score(self.model.final_norm(states)[:, 0], candidates), torch.stack(stepped, dim=1)

    def layer_step(self, layer, states, past_key, past_value, distance, visible):
        """One layer over the cached keys and this step's own: (states, key, value [batch, heads, head width])."""
        gate, value, query, key = layer.project(states)
        query, key, value = (layer.split_heads(part) for part in (query, key, value))
        bias = layer.distance_bias[:, distance].transpose(0, 1)
        bias = torch.cat([bias, layer.distance_bias[None, :, :1].expand(bias.shape[0], -1, -1)], dim=2)
        mixed = attend_one(layer, query, torch.cat([past_key, key], dim=2), torch.cat([past_value, value], dim=2), bias, visible)
        return layer.combine(states, mixed, gate), key[:, :, 0], value[:, :, 0]


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
