"""The training loop shared by the small and the large model.

Full-softmax cross-entropy at every position (no sampled negatives), AdamW with linear warm-up and
cosine decay, and an exponential moving average of the weights, which is what is kept.
"""

import copy
import math
import time
from dataclasses import dataclass

import numpy as np
import torch

from .evaluation import evaluate, pad, torch_scorer
from .windows import MAX_LENGTH, training_chunks


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of one training run."""

    epochs: int = 20
    tokens_per_batch: int = 4096
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warm_up: float = 0.05
    average_decay: float = 0.998
    label_smoothing: float = 0.0
    seed: int = 1
    teacher_share: float = 0.5
    begin_epoch: int = 0
    evaluate_every: int = 5
    validation_users: int = 2000


class FullSoftmaxLoss(torch.autograd.Function):
    """Mean cross-entropy over the whole catalogue, with the logits kept in bfloat16.

    states [tokens, width], table [items + 1, width], bias [items + 1] or None, targets [tokens] -> loss [].
    The gradient with respect to the logits is softmax - onehot; it is formed in place. With a teacher's probabilities
    [tokens, items + 1] the gradient is softmax - (1 - share) * onehot - share * teacher (Hinton et al., "Distilling the
    Knowledge in a Neural Network", 2015, at temperature 1); the loss that is told is the cross-entropy all the same.
    """

    @staticmethod
    def forward(context, states, table, bias, targets, smoothing, teacher=None, share=0.0):
        states_low, table_low = states.bfloat16(), table.bfloat16()
        logits = states_low @ table_low.T if bias is None else torch.addmm(bias.bfloat16(), states_low, table_low.T)
        probabilities = torch.softmax(logits, dim=-1)
        rows = torch.arange(len(targets))
        picked = probabilities[rows, targets].float()
        if smoothing:
            probabilities.sub_(smoothing / table.shape[0])
        if teacher is not None:
            probabilities.sub_(teacher, alpha=share)
        probabilities[rows, targets] -= 1.0 - smoothing - (0.0 if teacher is None else share)
        context.save_for_backward(probabilities, states_low, table_low)
        context.has_bias = bias is not None
        return -picked.clamp(min=1e-9).log().mean()

    @staticmethod
    def backward(context, gradient):
        logits, states, table = context.saved_tensors
        scale = gradient / states.shape[0]
        ones = torch.ones(1, states.shape[0], dtype=torch.bfloat16)
        bias = (ones @ logits)[0].float() * scale if context.has_bias else None  # a product is faster than a sum here
        return (logits @ table).float() * scale, (logits.T @ states).float() * scale, bias, None, None, None, None


def epoch_batches(sequences, tokens_per_batch, random):
    """Shuffled batches (inputs, targets), both int64 [batch, length]; similar lengths together."""
    chunks = [items[start:end + 1] for items in sequences
              for start, end in training_chunks(len(items), int(random.integers(MAX_LENGTH)))]
    keys = np.array([len(chunk) for chunk in chunks]) + random.uniform(0, 8, len(chunks))
    batches, current, longest = [], [], 0
    for index in np.argsort(keys):
        longest = max(longest, len(chunks[index]) - 1)
        if current and longest * (len(current) + 1) > tokens_per_batch:
            batches.append(current)
            current, longest = [], len(chunks[index]) - 1
        current.append(index)
    batches.append(current)
    random.shuffle(batches)
    for batch in batches:
        padded = torch.from_numpy(pad([chunks[index] for index in batch])).long()
        yield padded[:, :-1], padded[:, 1:]


def learning_rate_factor(step, steps, warm_up):
    """Linear warm-up over a share of the steps, then cosine decay to 2 per cent."""
    begin = max(1, int(steps * warm_up))
    if step < begin:
        return (step + 1) / begin
    progress = (step - begin) / max(1, steps - begin)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def parameter_groups(model, weight_decay):
    """Decay matrices only: no biases, norms or distance tables."""
    decayed = [p for name, p in model.named_parameters() if p.ndim == 2 and "bias" not in name]
    plain = [p for name, p in model.named_parameters() if p.ndim != 2 or "bias" in name]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]


@torch.no_grad()
def taught(teacher, inputs, known, autocast):
    """A teacher's probabilities [tokens, items + 1] at the known positions."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        states = teacher(inputs)
    return torch.softmax(states[known].bfloat16() @ teacher.item_table().bfloat16().T, dim=-1)


def loss_of(model, inputs, targets, config, autocast, teacher=None):
    """Loss over the positions that have a target."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        states = model(inputs)
    known = targets > 0
    bias = getattr(model, "item_bias", None)
    lesson = None if teacher is None else taught(teacher, inputs, known, autocast)
    return FullSoftmaxLoss.apply(states[known].float(), model.item_table(), bias, targets[known], config.label_smoothing, lesson, config.teacher_share)


@torch.no_grad()
def follow(average, model, decay):
    """average = decay * average + (1 - decay) * model."""
    for kept, current in zip(average.parameters(), model.parameters()):
        kept.lerp_(current, 1 - decay)


def some_users(sequences, count):
    """A fixed, evenly spread subset of at most `count` users."""
    users = sorted(sequences)
    step = max(1, len(users) // count)
    return {user: sequences[user] for user in users[::step]}


def validate_now(average, protocol, count):
    """Validation metrics of the averaged weights."""
    average.eval()
    return evaluate(torch_scorer(average), some_users(protocol.validation, count), protocol.validation_targets)[0]


class Run:
    """One training in progress: the model, its optimiser, the averaged weights and the step count."""

    def __init__(self, model, config, steps_per_epoch, autocast, teacher=None):
        self.model, self.config, self.autocast, self.teacher = model, config, autocast, teacher
        self.steps = steps_per_epoch * config.epochs
        self.step = steps_per_epoch * config.begin_epoch
        self.optimiser = torch.optim.AdamW(parameter_groups(model, config.weight_decay), lr=config.learning_rate, betas=(0.9, 0.98))
        self.average = copy.deepcopy(model)

    def update(self, inputs, targets):
        """One optimiser step; returns the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * learning_rate_factor(self.step, self.steps, self.config.warm_up)
        loss = loss_of(self.model, inputs, targets, self.config, self.autocast, self.teacher)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        follow(self.average, self.model, min(self.config.average_decay, (self.step + 1) / (self.step + 10)))
        self.step += 1
        return loss.item()

    def epoch(self, batches):
        """One pass over the data; returns the mean loss."""
        self.model.train()
        return float(np.mean([self.update(inputs, targets) for inputs, targets in batches]))


def train(model, protocol, config, autocast=True, say=print, after_epoch=None, teacher=None):
    """Train and return the averaged model, in evaluation mode.

    With `begin_epoch` above 0 the model is taken as trained that far and goes on along the same
    schedule; the optimiser's moments start afresh.
    """
    torch.manual_seed(config.seed + config.begin_epoch)
    random = np.random.default_rng(config.seed + config.begin_epoch)
    sequences = [items for items in protocol.train.values() if len(items) > 1]
    steps = sum(1 for _ in epoch_batches(sequences, config.tokens_per_batch, np.random.default_rng(0)))
    run, began = Run(model, config, steps, autocast, teacher), time.time()
    for epoch in range(config.begin_epoch + 1, config.epochs + 1):
        loss = run.epoch(epoch_batches(sequences, config.tokens_per_batch, random))
        report = f"epoch {epoch}/{config.epochs} loss {loss:.4f} seconds {time.time() - began:.0f}"
        if epoch % config.evaluate_every == 0 or epoch == config.epochs:
            metrics = validate_now(run.average, protocol, config.validation_users)
            report += f" validation HR@10 {metrics['hitRateAt10']:.4f} NDCG@10 {metrics['ndcgAt10']:.4f}"
        say(report)
        if after_epoch:
            after_epoch(run.average, epoch)
    return run.average.eval()
