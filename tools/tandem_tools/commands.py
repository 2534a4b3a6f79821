"""What the training commands share."""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from . import checkpoints, data
from .evaluation import evaluate, torch_scorer
from .large_model import share_heads
from .training import TrainingConfig, train


FILE_OPTIONS = {"--output", "--resume", "--start-from", "--teacher"}


def say(message):
    """One progress line on standard error, at once."""
    print(message, file=sys.stderr, flush=True)


def add_training_arguments(parser, defaults):
    """The options of both training commands."""
    parser.add_argument("--protocol", choices=["released", "literature", "choosing"], default="released",
                        help="which users and items may be seen (default: released)")
    parser.add_argument("--epochs", type=int, default=defaults.epochs, help=f"passes over the data (default {defaults.epochs})")
    parser.add_argument("--learning-rate", type=float, default=defaults.learning_rate)
    parser.add_argument("--weight-decay", type=float, default=defaults.weight_decay)
    parser.add_argument("--tokens-per-batch", type=int, default=defaults.tokens_per_batch)
    parser.add_argument("--average-decay", type=float, default=defaults.average_decay, help="of the moving average of weights")
    parser.add_argument("--label-smoothing", type=float, default=defaults.label_smoothing)
    parser.add_argument("--evaluate-every", type=int, default=defaults.evaluate_every, help="epochs between validations")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", default=None, metavar="CHECKPOINT", help="go on from an interrupted training's checkpoint")
    parser.add_argument("--start-from", default=None, metavar="CHECKPOINT",
                        help="begin with another training's weights, along a schedule of its own; where that has more heads of keys and values, their means")
    parser.add_argument("--output", default=None, help="checkpoint file (default: in the cache, by kind and protocol)")


def training_config(arguments, defaults):
    """TrainingConfig from the parsed options."""
    names = ("epochs", "learning_rate", "weight_decay", "tokens_per_batch", "average_decay", "label_smoothing",
             "evaluate_every", "seed")
    return replace(defaults, **{name: getattr(arguments, name) for name in names})


def recipe_of(words):
    """The command line without the files it was given: those differ from machine to machine."""
    kept = [word for place, word in enumerate(words) if not FILE_OPTIONS & {word, words[place - 1] if place else ""}]
    return " ".join(["python3", f"tools/{Path(kept[0]).name}", *kept[1:]])


def stored_weights(kind, model, path):
    """Load a training's weights into `model`, whose heads may share what they had alone; returns its notes and its recipe."""
    stored, notes = checkpoints.load(kind, None, Path(path))
    weights = stored.state_dict()
    model.load_state_dict(weights if stored.config == model.config else share_heads(weights, stored.config, model.config))
    return notes, recipe_of(notes["recipe"].split()[1:])


def prepared(kind, model, arguments, config, teacher):
    """(settings, recipe) of a training that begins anew, goes on, or begins with another's weights."""
    recipe = recipe_of(sys.argv)
    if arguments.resume:
        notes, earlier = stored_weights(kind, model, arguments.resume)
        config, recipe = replace(config, begin_epoch=notes["epoch"]), f"{recipe} (after {notes['epoch']} epochs of: {earlier})"
    elif arguments.start_from:
        _notes, earlier = stored_weights(kind, model, arguments.start_from)
        recipe = f"{recipe} (from: {earlier})"
    if teacher is not None:
        recipe = f"{recipe} (taught by {teacher.config.key_value_heads} heads of keys and values)"
    return config, recipe


def run_training(kind, model, arguments, defaults, autocast, teacher=None):
    """Train by the options, evaluate on the protocol's test set and save; returns the metrics."""
    torch.set_num_threads(arguments.threads)
    protocol = data.protocol(arguments.protocol)
    config, recipe = prepared(kind, model, arguments, training_config(arguments, defaults), teacher)
    say(f"{kind}: {checkpoints.parameters(model):,} parameters, {len(protocol.train):,} users, {config}")

    def keep(average, epoch):
        checkpoints.save(kind, arguments.protocol, average, {"recipe": recipe, "epoch": epoch}, arguments.output)

    averaged = train(model, protocol, config, autocast, say, keep, teacher)
    metrics = test_metrics(averaged, protocol)
    say(f"{kind} {arguments.protocol} test: {metrics}")
    notes = {"recipe": recipe, "epoch": config.epochs, "metrics": metrics, "training": dict(config.__dict__)}
    path = checkpoints.save(kind, arguments.protocol, averaged, notes, arguments.output)
    say(f"wrote {path}")
    return metrics


def test_metrics(model, protocol):
    """Metrics by the protocol: the last item of each test user, and every item where users are held out."""
    if not protocol.test:
        return {"validation": evaluate(torch_scorer(model), protocol.validation, protocol.validation_targets)[0]}
    metrics = {"last": evaluate(torch_scorer(model), protocol.test, 1)[0]}
    if protocol.name == "released":
        metrics["every"] = evaluate(torch_scorer(model), protocol.test)[0]
    return metrics
