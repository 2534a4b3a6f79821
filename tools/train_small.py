#!/usr/bin/env python3
"""Train the small candidate generator."""

import argparse
import sys
from pathlib import Path

import torch

from tandem_tools.commands import add_training_arguments, run_training, say
from tandem_tools.data import DataMissing
from tandem_tools.small_model import SmallConfig, SmallModel
from tandem_tools.training import TrainingConfig

DEFAULTS = TrainingConfig(epochs=8, learning_rate=3e-3, weight_decay=0.01, average_decay=0.995)


def parse_arguments():
    parser = argparse.ArgumentParser(description="Train the small candidate generator (two towers, no attention).",
                                     epilog="example: python3 tools/train_small.py --protocol released --epochs 8")
    add_training_arguments(parser, DEFAULTS)
    size = SmallConfig()
    parser.add_argument("--width", type=int, default=size.width)
    parser.add_argument("--hidden", type=int, default=size.hidden)
    parser.add_argument("--dropout", type=float, default=size.dropout)
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    arguments.output = Path(arguments.output) if arguments.output else None
    torch.manual_seed(arguments.seed)
    config = SmallConfig(width=arguments.width, hidden=arguments.hidden, dropout=arguments.dropout)
    try:
        run_training("small", SmallModel(config), arguments, DEFAULTS, autocast=False)
    except DataMissing as error:
        say(f"error: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
