"""Checkpoints: configuration, weights and how they were made, in one file outside the repository."""

import torch

from .large_model import LargeConfig, LargeModel
from .paths import checkpoint_folder
from .small_model import SmallConfig, SmallModel

KINDS = {"small": (SmallConfig, SmallModel), "large": (LargeConfig, LargeModel)}


def checkpoint_path(kind, protocol):
    """The file of one kind ("small", "large") and protocol."""
    return checkpoint_folder() / f"{kind}-{protocol}.pt"


def save(kind, protocol, model, notes, path=None):
    """Write the model with its notes (recipe, settings, metrics)."""
    path = path or checkpoint_path(kind, protocol)
    torch.save({"kind": kind, "protocol": protocol, "config": model.config.to_dict(),
                "weights": model.state_dict(), "notes": notes}, path)
    return path


def load(kind, protocol, path=None):
    """Return (model in evaluation mode, notes)."""
    path = path or checkpoint_path(kind, protocol)
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing. Run: python3 tools/train_{kind}.py --protocol {protocol}")
    stored = torch.load(path, weights_only=True)
    make_config, make_model = KINDS[kind]
    config = stored["config"]
    if kind == "large":
        config = {"key_value_heads": config["heads"], **config}  # older ones do not say: one for each head
    model = make_model(make_config(**config))
    model.load_state_dict(stored["weights"])
    return model.eval(), stored["notes"]


def parameters(model):
    """Number of trained values."""
    return sum(parameter.numel() for parameter in model.parameters())
