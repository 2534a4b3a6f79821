"""The large ranker: a causal stack of gated pointwise attention layers (HSTU).

Source: Zhai et al., "Actions Speak Louder than Words: Trillion-Parameter Sequential Transducers for
Generative Recommendations", ICML 2024, equations 1 to 3, without the time bias. Positions enter
only as a learned bias per head and distance, so a cached prefix stays valid as the history grows.
"""

import math
from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional

from .windows import MAX_LENGTH


@dataclass(frozen=True)
class LargeConfig:
    """Sizes; `attention` is "pointwise" (SiLU, as in HSTU) or "softmax"."""

    items: int = 3883
    width: int = 128
    layers: int = 3
    heads: int = 4
    attention: str = "pointwise"
    dropout: float = 0.2
    embedding_dropout: float = 0.2
    max_length: int = MAX_LENGTH

    @property
    def head_width(self):
        """Channels of one head."""
        return self.width // self.heads

    def to_dict(self):
        """A plain dictionary for the checkpoint."""
        return asdict(self)


class GatedAttentionLayer(nn.Module):
    """x + W2(norm(attention(Q, K) V) * U), with U, V, Q, K = SiLU(W1 norm(x))."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.input_norm = nn.LayerNorm(config.width)
        self.expand = nn.Linear(config.width, 4 * config.width)
        self.output_norm = nn.LayerNorm(config.width)
        self.contract = nn.Linear(config.width, config.width)
        self.distance_bias = nn.Parameter(torch.zeros(config.heads, config.max_length))
        self.dropout = nn.Dropout(config.dropout)

    def project(self, states):
        """[..., width] -> gate, value, query, key, each [..., width]."""
        return functional.silu(self.expand(self.input_norm(states))).chunk(4, dim=-1)

    def weights(self, scores, visible):
        """Attention weights from scores; `visible` is 1 where a key may be seen, else 0."""
        if self.config.attention == "pointwise":
            return functional.silu(scores) * visible * (1.0 / 16)
        return torch.softmax(scores + (1 - visible) * -1e4, dim=-1)

    def combine(self, states, mixed, gate):
        """Gate the attended values and add the residual; all [..., width]."""
        return states + self.dropout(self.contract(self.output_norm(mixed) * gate))

    def split_heads(self, tensor):
        """[batch, length, width] -> [batch, heads, length, head width]."""
        batch, length = tensor.shape[0], tensor.shape[1]
        return tensor.reshape(batch, length, self.config.heads, self.config.head_width).transpose(1, 2)

    def forward(self, states, bias, visible):
        """[batch, length, width] -> (states, key, value); key and value [batch, heads, length, head width]."""
        gate, value, query, key = self.project(states)
        query, key, value = (self.split_heads(part) for part in (query, key, value))
        scores = torch.matmul(query, key.transpose(-1, -2)) * self.config.head_width ** -0.5 + bias
        mixed = torch.matmul(self.weights(scores, visible), value)
        mixed = mixed.transpose(1, 2).reshape(states.shape)
        return self.combine(states, mixed, gate), key, value


class LargeModel(nn.Module):
    """Item ids [batch, length], right-padded with 0 -> states [batch, length, width]."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.items + 1, config.width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        self.layers = nn.ModuleList(GatedAttentionLayer(config) for _ in range(config.layers))
        self.final_norm = nn.LayerNorm(config.width)

    def embed(self, items):
        """[...] -> [..., width]."""
        return self.embedding_dropout(self.embedding(items) * math.sqrt(self.config.width))

    def distances(self, length):
        """Clamped distance query - key and visibility, both [length, length]."""
        positions = torch.arange(length, device=self.embedding.weight.device)
        difference = positions[:, None] - positions[None, :]
        return difference.clamp(0, self.config.max_length - 1), (difference >= 0).to(self.embedding.weight.dtype)

    def forward(self, items):
        """Causal states; padding on the right is never seen by an earlier position."""
        states = self.embed(items)
        distance, visible = self.distances(items.shape[1])
        for layer in self.layers:
            bias = layer.distance_bias[:, distance]
            states, _key, _value = layer(states, bias, visible)
        return self.final_norm(states)

    def item_table(self):
        """Output embeddings [items + 1, width], tied to the input; row 0 is padding."""
        return self.embedding.weight

    def score_scale(self):
        """Factor on the dot products."""
        return 1.0
