"""Decoding slates in Python over the released decoder graphs: what they are worth, by cache and by way of choosing."""

import numpy as np

from .decoder import DECODE_GRAPHS
from .evaluation import rank_metrics
from .large_model import LargeConfig
from .paths import MODELS
from .runtime import run, session
from .windows import MAX_LENGTH, served_start

POSITIONS = 16
BLOCKS = MAX_LENGTH // POSITIONS
POOL_TYPES = {"fp32": np.float32, "fp16": np.float16, "int8": np.int8}


class Cache:
    """Keys and values of `rows` sequences of up to MAX_LENGTH tokens, in blocks; block 0 is nobody's."""

    def __init__(self, kind, rows, sizes=LargeConfig()):
        self.kind = kind
        self.blocks = (1 + np.arange(rows * BLOCKS, dtype=np.int32)).reshape(rows, BLOCKS)
        shape = (rows * BLOCKS + 1, 2 * sizes.layers, sizes.key_value_heads, POSITIONS, sizes.head_width)
        self.pool = np.zeros(shape, dtype=POOL_TYPES[kind])
        self.scales = np.zeros(shape[:-1], dtype=np.float32)
        self.length = np.zeros(rows, dtype=np.int32)

    def inputs(self):
        """The graph's pool inputs."""
        return {"pool": self.pool} | ({"scales": self.scales} if self.kind == "int8" else {})

    def write(self, row, kv, count):
        """Append the keys and values [2 * layers, key-value heads, tokens, head width] of `count` tokens."""
        for token in range(count):
            position = self.length[row] + token
            block, offset = self.blocks[row, position // POSITIONS], position % POSITIONS
            vectors = kv[:, :, token]
            if self.kind == "int8":
                scale = np.maximum(np.abs(vectors).max(axis=-1) / 127.0, 1e-12)
                self.scales[block, :, :, offset] = scale
                vectors = np.rint(vectors / scale[..., None])
            self.pool[block, :, :, offset] = vectors
        self.length[row] += count

    def copy_row(self, row, other):
        """Make `row` hold what `other` holds."""
        self.pool[self.blocks[row]] = self.pool[self.blocks[other]]
        self.scales[self.blocks[row]] = self.scales[self.blocks[other]]
        self.length[row] = self.length[other]


def extend(decode, cache, rows, tokens, exclude):
    """Compute new tokens of some rows and list the catalogue after the last: (items, scores [rows, TOP])."""
    counts = [len(part) for part in tokens]
    padded = np.zeros((len(rows), max(counts)), dtype=np.int32)
    for place, part in enumerate(tokens):
        padded[place, :counts[place]] = part
    used = max(1, -(-int(cache.length[rows].max()) // POSITIONS))
    result = run(decode, tokens=padded, pastLength=cache.length[rows], blocks=cache.blocks[rows, :used],
                 scored=np.array(counts, dtype=np.int32)[:, None] - 1, exclude=exclude, **cache.inputs())
    for place, row in enumerate(rows):
        cache.write(row, result["kv"][place], counts[place])
    return result["items"][:, 0], result["scores"][:, 0]


def prompt_of(items, index, count):
    """The served window before items[index], so short that `count` more fit; and what is older, up to 256 items."""
    start = max(served_start(index), index - (MAX_LENGTH - count + 1))
    return items[start:index], items[max(0, index - 256):start]


def excluded(group, slates, width=300):
    """[rows, width]: each row's history and what it has been given."""
    out = np.zeros((len(group), width), dtype=np.int32)
    for row, ((prompt, older, _next), slate) in enumerate(zip(group, slates)):
        seen = np.concatenate([older, prompt, np.array(slate, dtype=np.int32)])
        out[row, :len(seen)] = seen
    return out


def open_decoder(kind):
    """A session of the released decoder graph for one kind of cache."""
    return session(MODELS / "recommend-large" / f"{DECODE_GRAPHS[kind]}.fp32.onnx")


def decode_slates(kind, group, count, choose):
    """Slates [rows, count]; `choose` maps (items, scores) of one row to an item."""
    decode, cache = open_decoder(kind), Cache(kind, len(group))
    slates, tokens = [[] for _ in group], [prompt for prompt, _older, _next in group]
    for _ in range(count):
        items, scores = extend(decode, cache, np.arange(len(group)), tokens, excluded(group, slates))
        chosen = [choose(items[row], scores[row]) for row in range(len(group))]
        for row, item in enumerate(chosen):
            slates[row].append(item)
        tokens = [np.array([item], dtype=np.int32) for item in chosen]
    return slates


def listed_slates(group, count):
    """The `count` best of one listing after the history: what ranking gives without decoding."""
    cache = Cache("fp32", len(group))
    items, _scores = extend(open_decoder("fp32"), cache, np.arange(len(group)), [prompt for prompt, _o, _n in group], excluded(group, [[] for _ in group]))
    return items[:, :count].tolist()


def beam_slates(group, count, width):
    """The slate of highest likelihood that a beam of `width` finds, row by row."""
    decode, slates = open_decoder("fp32"), []
    for one in group:
        slates.append(beam_slate(decode, one, count, width))
    return slates


def log_softmax(scores):
    """Over the listed items."""
    shifted = scores - scores.max()
    return shifted - np.log(np.exp(shifted).sum())


def beam_slate(decode, one, count, width):
    """One row's."""
    cache, beams = Cache("fp32", 2 * width), [([], 0.0, 0)]
    items, scores = extend(decode, cache, np.array([0]), [one[0]], excluded([one], [[]]))
    for turn in range(count):
        grown = [(slate + [int(item)], total + gain, row) for place, (slate, total, row) in enumerate(beams)
                 for item, gain in zip(items[place][:width], log_softmax(scores[place])[:width])]
        best = sorted(grown, key=lambda beam: -beam[1])[:width]
        free = [row for row in range(2 * width) if row not in {beam[2] for beam in beams}]
        for target, (_slate, _total, source) in zip(free, best):
            cache.copy_row(target, source)
        beams = [(slate, total, target) for target, (slate, total, _source) in zip(free, best)]
        if turn < count - 1:
            rows = np.array([beam[2] for beam in beams])
            items, scores = extend(decode, cache, rows, [np.array(beam[0][-1:], dtype=np.int32) for beam in beams],
                                   excluded([one] * len(beams), [beam[0] for beam in beams]))
    return max(beams, key=lambda beam: beam[1])[0]


def worth(group, slates):
    """Next-item metrics, and the share of the next ten items that the slate holds."""
    ranks = [slate.index(following[0]) if following[0] in slate else 1 << 20 for (_p, _o, following), slate in zip(group, slates)]
    covered = [len(set(slate) & set(following)) / len(following) for (_p, _o, following), slate in zip(group, slates)]
    return rank_metrics(ranks) | {"nextTenCovered": float(np.mean(covered))}
