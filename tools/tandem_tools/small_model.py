"""The small candidate generator: two towers, no attention.

The user tower averages the history's item embeddings over several exponential recencies (scale k
weighs an item that lies j events back by exp(-rate_k * j)) and passes them through one hidden
layer with a skip from the most recent scale. The item tower is an embedding table.
"""

from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional

from .dropout import Dropout
from .windows import MAX_LENGTH


@dataclass(frozen=True)
class SmallConfig:
    """Sizes; `rates` are the initial decays per event, learned further."""

    items: int = 3883
    width: int = 32
    hidden: int = 128
    rates: tuple = (4.0, 0.7, 0.25, 0.08, 0.02)
    dropout: float = 0.1
    max_length: int = MAX_LENGTH

    def to_dict(self):
        """A plain dictionary for the checkpoint."""
        return asdict(self)


class SmallModel(nn.Module):
    """Item ids [batch, length], right-padded with 0 -> user vectors [batch, length, width]."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        scales = len(config.rates)
        self.embedding = nn.Embedding(config.items + 1, config.width)
        self.output_embedding = nn.Embedding(config.items + 1, config.width)
        nn.init.normal_(self.embedding.weight, std=0.1)
        nn.init.normal_(self.output_embedding.weight, std=0.1)
        self.log_rates = nn.Parameter(torch.log(torch.tensor(config.rates)))
        self.norm = nn.LayerNorm(scales * config.width)
        self.hidden = nn.Linear(scales * config.width, 2 * config.hidden)
        self.contract = nn.Linear(config.hidden, config.width)
        self.item_bias = nn.Parameter(torch.zeros(config.items + 1))
        self.dropout = Dropout(config.dropout)

    def recency(self, distance, visible):
        """Normalised weights [..., scales, keys] from distances and visibility [..., keys]."""
        rates = torch.exp(self.log_rates)
        raw = torch.exp(-rates[:, None] * distance[..., None, :]) * visible[..., None, :]
        return raw / raw.sum(dim=-1, keepdim=True).clamp(min=1e-6)

    def tower(self, averages):
        """Scale averages [..., scales * width] -> user vectors [..., width]."""
        gate, value = self.hidden(self.norm(averages)).chunk(2, dim=-1)
        return self.contract(self.dropout(functional.silu(gate) * value))

    def forward(self, items):
        """User vectors at every position, each from the items up to and including it."""
        batch, length = items.shape
        positions = torch.arange(length, dtype=torch.float32)
        distance = positions[:, None] - positions[None, :]
        weights = self.recency(distance.clamp(min=0), (distance >= 0).float()).reshape(-1, length)
        averages = torch.matmul(weights, self.dropout(self.embedding(items)))
        return self.tower(averages.reshape(batch, length, -1))

    def item_table(self):
        """Output embeddings [items + 1, width]; row 0 is padding."""
        return self.output_embedding.weight
