"""The large ranker: a causal stack of gated pointwise attention layers (HSTU).

Source: the layer of HSTU (Zhai et al., "Actions Speak Louder than Words: Trillion-Parameter
Sequential Transducers for Generative Recommendations", ICML 2024, equations 1 to 3), without the
time bias. Attention weights are SiLU(score), not a softmax: equally accurate here in short runs and a
fifth cheaper. Positions enter only as a learned bias per head and distance, so a cached prefix
stays valid as the history grows.
"""

import math
from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional

from .dropout import Dropout
from .windows import MAX_LENGTH

HIDDEN = -1e4  # finite, so that it also fits FP16
ATTENTION_SCALE = 1.0 / 16  # any constant serves: a norm follows

@dataclass(frozen=True)
class LargeConfig:
    """Sizes."""

    items: int = 3883
    width: int = 128
    layers: int = 3
    heads: int = 4
    key_value_heads: int = 1
    dropout: float = 0.2
    embedding_dropout: float = 0.2
    max_length: int = MAX_LENGTH

    @property
    def head_width(self):
        """Channels of one head."""
        return self.width // self.heads

    @property
    def key_value_width(self):
        """Channels of all keys, and of all values."""
        return self.key_value_heads * self.head_width

    def to_dict(self):
        """A plain dictionary for the checkpoint."""
        return asdict(self)


class GatedAttentionLayer(nn.Module):
    """x + W2(norm(attention(Q, K) V) * U), with U, V, Q, K = SiLU(W1 norm(x)).

    Neighbouring query heads share a head of keys and values where there are fewer of those (grouped-query attention,
    Ainslie et al., EMNLP 2023), so that a cached prefix is smaller and cheaper to read.
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.input_norm = nn.LayerNorm(config.width)
        self.part_widths = [config.width, config.key_value_width, config.width, config.key_value_width]
        self.expand = nn.Linear(config.width, sum(self.part_widths))
        self.output_norm = nn.LayerNorm(config.width)
        self.contract = nn.Linear(config.width, config.width)
        self.distance_bias = nn.Parameter(torch.zeros(config.heads, config.max_length))
        self.dropout = Dropout(config.dropout)

    def project(self, states):
        """[..., width] -> gate, value, query, key: [..., width], of values and keys [..., key-value width]."""
        return functional.silu(self.expand(self.input_norm(states))).split(self.part_widths, dim=-1)

    def project_part(self, normed, part):
        """One of gate (0), value (1), query (2), key (3) alone: [rows, width] -> [rows, its width].

        The served graphs use this: four products with their bias cost less there than one and four slices.
        """
        weight, bias = (made.split(self.part_widths)[part] for made in (self.expand.weight, self.expand.bias))
        return functional.silu(functional.linear(normed, weight, bias))

    def attend(self, query, key, value, bias):
        """Pointwise attention; `bias` holds the distance bias, and HIDDEN where a key may not be seen.

        query [batch, heads, queries, head width], key and value [batch, key-value heads, keys, head width],
        bias broadcasts to [batch, heads, queries, keys] -> [batch, heads, queries, head width].
        SiLU(HIDDEN + score) is 0, so hidden keys weigh nothing.
        """
        scores = self.over_keys(query * self.config.head_width ** -0.5, key.transpose(-1, -2)) + bias.to(query.dtype)
        return self.over_keys(functional.silu(scores), value * ATTENTION_SCALE)

    def over_keys(self, rows, matrix):
        """Rows of each query head times the matrix of its group: [batch, heads, queries, any] x [batch, key-value heads, any, other]."""
        batch, queries = rows.shape[0], rows.shape[2]
        product = torch.matmul(rows.reshape(batch, self.config.key_value_heads, -1, rows.shape[3]), matrix)
        return product.reshape(batch, self.config.heads, queries, -1)

    def join_heads(self, mixed):
        """[batch, heads, queries, head width] -> [batch, queries, width]."""
        return mixed.transpose(1, 2).reshape(mixed.shape[0], mixed.shape[2], self.config.width)

    def combine(self, states, mixed, gate):
        """Gate the attended values and add the residual; all [..., width]."""
        return states + self.dropout(self.contract(self.output_norm(mixed) * gate))

    def split_heads(self, tensor):
        """[batch, length, width] -> [batch, heads, length, head width], of keys and values [batch, key-value heads, length, head width]."""
        batch, length = tensor.shape[0], tensor.shape[1]
        return tensor.reshape(batch, length, -1, self.config.head_width).transpose(1, 2)

    def forward(self, states, bias):
        """[batch, length, width] -> (states, key, value); key and value [batch, key-value heads, length, head width]."""
        gate, value, query, key = self.project(states)
        query, key, value = (self.split_heads(part) for part in (query, key, value))
        mixed = self.join_heads(self.attend(query, key, value, bias))
        return self.combine(states, mixed, gate), key, value


def masked_bias(table, distance):
    """table [heads, max length], distance [...] -> [heads, ...]; HIDDEN where the distance is negative."""
    return table[:, distance.clamp(0, table.shape[1] - 1)] + torch.where(distance >= 0, 0.0, HIDDEN)


class LargeModel(nn.Module):
    """Item ids [batch, length], right-padded with 0 -> states [batch, length, width]."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.items + 1, config.width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.embedding_dropout = Dropout(config.embedding_dropout)
        self.layers = nn.ModuleList(GatedAttentionLayer(config) for _ in range(config.layers))
        self.final_norm = nn.LayerNorm(config.width)

    def embed(self, items):
        """[...] -> [..., width]."""
        return self.embedding_dropout(self.embedding(items) * math.sqrt(self.config.width))

    def causal_bias(self, length):
        """Per layer the bias [heads, length, length] by distance query - key, HIDDEN where it is negative."""
        positions = torch.arange(length)
        distance = positions[:, None] - positions[None, :]
        return [masked_bias(layer.distance_bias, distance) for layer in self.layers]

    def forward(self, items):
        """Causal states; padding on the right is never seen by an earlier position."""
        states = self.embed(items)
        for layer, bias in zip(self.layers, self.causal_bias(items.shape[1])):
            states, _key, _value = layer(states, bias)
        return self.final_norm(states)

    def item_table(self):
        """Output embeddings [items + 1, width], tied to the input; row 0 is padding."""
        return self.embedding.weight

    def score_scale(self):
        """Factor on the dot products."""
        return 1.0


def share_heads(weights, stored, config):
    """Weights of a model with the sizes `stored` for one with fewer heads of keys and values: their means, to be trained on.

    Source: Ainslie et al., "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints", EMNLP 2023.
    """
    group = stored.key_value_heads // config.key_value_heads

    def mean(part):
        heads = part.reshape(config.key_value_heads, group, config.head_width, *part.shape[1:])
        return heads.mean(dim=1).reshape(config.key_value_width, *part.shape[1:])

    def shared(expand):
        widths = [stored.width, stored.key_value_width, stored.width, stored.key_value_width]
        gate, value, query, key = expand.split(widths)
        return torch.cat([gate, mean(value), query, mean(key)])

    return {name: shared(tensor) if ".expand." in name else tensor for name, tensor in weights.items()}
