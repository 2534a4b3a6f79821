"""Where the tools read and write."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MODELS = REPOSITORY / "models"


def cache_folder():
    """$TANDEM_CACHE, or ~/.cache/tandem: the data and the checkpoints, never in the repository."""
    return Path(os.environ.get("TANDEM_CACHE") or Path.home() / ".cache" / "tandem")


def checkpoint_folder():
    """Checkpoints of trainings and measurements that await the registry."""
    folder = cache_folder() / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def build_folder(model):
    """FP32 graphs as exported, before they are released."""
    folder = cache_folder() / "build" / model
    folder.mkdir(parents=True, exist_ok=True)
    return folder
