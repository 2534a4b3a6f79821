#!/usr/bin/env python3
"""Train the large ranker."""

import argparse
import sys
from pathlib import Path

import torch

from tandem_tools import checkpoints
from tandem_tools.commands import add_training_arguments, run_training, say
from tandem_tools.data import DataMissing
from tandem_tools.large_model import LargeConfig, LargeModel
from tandem_tools.training import TrainingConfig

DEFAULTS = TrainingConfig(epochs=16, learning_rate=2e-3)


def parse_arguments():
    parser = argparse.ArgumentParser(description="Train the large ranker (causal gated attention).",
                                     epilog="example: python3 tools/train_large.py --protocol released --epochs 16")
    add_training_arguments(parser, DEFAULTS)
    size = LargeConfig()
    parser.add_argument("--width", type=int, default=size.width)
    parser.add_argument("--layers", type=int, default=size.layers)
    parser.add_argument("--heads", type=int, default=size.heads)
    parser.add_argument("--key-value-heads", type=int, default=size.key_value_heads,
                        help="heads of keys and values, shared by the others")
    parser.add_argument("--teacher", default=None, metavar="CHECKPOINT", help="learn half from another large model's probabilities")
    parser.add_argument("--dropout", type=float, default=size.dropout)
    parser.add_argument("--embedding-dropout", type=float, default=size.embedding_dropout)
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    arguments.output = Path(arguments.output) if arguments.output else None
    torch.manual_seed(arguments.seed)
    config = LargeConfig(width=arguments.width, layers=arguments.layers, heads=arguments.heads,
                         key_value_heads=arguments.key_value_heads, dropout=arguments.dropout, embedding_dropout=arguments.embedding_dropout)
    try:
        teacher = checkpoints.load("large", None, Path(arguments.teacher))[0] if arguments.teacher else None
        run_training("large", LargeModel(config), arguments, DEFAULTS, autocast=True, teacher=teacher)
    except DataMissing as error:
        say(f"error: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
