"""scikit-learn's digits: four classifiers over pixels [batch, 64] with values 0 to 16.

The images whose index is divisible by 5 are the test split, never trained on; those that leave 1
calibrate; the rest trains. Scaling is inside the graphs.
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

SPLIT_EVERY = 5


def splits():
    """{"train" | "calibration" | "test": (pixels float32 [n, 64], labels int64 [n])}."""
    digits = load_digits()
    pixels, labels = digits.data.astype(np.float32), digits.target.astype(np.int64)
    rest = np.arange(len(labels)) % SPLIT_EVERY
    chosen = {"test": rest == 0, "calibration": rest == 1, "train": rest > 1}
    return {name: (pixels[rows], labels[rows]) for name, rows in chosen.items()}


class LinearClassifier(nn.Module):
    """Multinomial logistic regression: pixels -> logits [batch, 10]. `rows` are the image rows it sees."""

    def __init__(self, rows=(0, 8)):
        super().__init__()
        self.first, self.last = rows[0] * 8, rows[1] * 8
        self.layer = nn.Linear(self.last - self.first, 10)

    def forward(self, pixels):
        return self.layer(pixels[:, self.first:self.last] / 16.0)


class ConvolutionalClassifier(nn.Module):
    """Two convolutions and two layers: pixels -> logits [batch, 10]."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 32, 3, padding=1)
        self.second = nn.Conv2d(32, 64, 3, padding=1)
        self.hidden = nn.Linear(64 * 16, 128)
        self.output = nn.Linear(128, 10)
        self.dropout = nn.Dropout(0.3)

    def forward(self, pixels):
        image = (pixels / 16.0).reshape(-1, 1, 8, 8)
        image = functional.relu(self.second(functional.relu(self.first(image))))
        flat = functional.max_pool2d(image, 2).reshape(-1, 64 * 16)
        return self.output(self.dropout(functional.relu(self.hidden(self.dropout(flat)))))


class HiddenClassifier(nn.Module):
    """One hidden layer over some image rows: pixels -> logits [batch, 10]."""

    def __init__(self, rows):
        super().__init__()
        self.first, self.last = rows[0] * 8, rows[1] * 8
        self.hidden = nn.Linear(self.last - self.first, 64)
        self.output = nn.Linear(64, 10)

    def forward(self, pixels):
        return self.output(functional.relu(self.hidden(pixels[:, self.first:self.last] / 16.0)))


def architectures():
    """{model id: untrained module}; the ensemble's members see the top or the bottom four rows."""
    return {"digits-small": LinearClassifier(), "digits-large": ConvolutionalClassifier(),
            "digits-top": HiddenClassifier((0, 4)), "digits-bottom": HiddenClassifier((4, 8))}


def fit(model, pixels, labels, epochs, seed=1):
    """Adam with cosine decay on cross-entropy; returns the model in evaluation mode."""
    torch.manual_seed(seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    pixels, labels = torch.from_numpy(pixels), torch.from_numpy(labels)
    for _ in range(epochs):
        model.train()
        for rows in torch.randperm(len(labels)).split(64):
            loss = functional.cross_entropy(model(pixels[rows]), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def temperature(model, pixels, labels):
    """The temperature that minimises cross-entropy on the calibration split (Guo et al. 2017), by search."""
    logits = model(torch.from_numpy(pixels))
    wanted = torch.from_numpy(labels)
    grid = np.exp(np.linspace(np.log(0.25), np.log(4), 81))
    return float(min(grid, key=lambda value: functional.cross_entropy(logits / value, wanted).item()))


class Classify(nn.Module):
    """pixels [batch, 64] -> calibrated probabilities [batch, 10]."""

    def __init__(self, model, divisor):
        super().__init__()
        self.model, self.divisor = model, divisor

    def forward(self, pixels):
        return torch.softmax(self.model(pixels) / self.divisor, dim=1)


class ClassifyWithConfidence(Classify):
    """As Classify, and confidence [batch]: the probability that the large model gives the same label.

    Logistic regression over log odds of the two best labels' probabilities.
    """

    def __init__(self, model, divisor, weight, bias):
        super().__init__(model, divisor)
        self.weight, self.bias = weight, bias

    @staticmethod
    def feature(logits):
        """[batch]: margin between the two best logits."""
        best = torch.topk(logits, 2, dim=1).values
        return best[:, 0] - best[:, 1]

    def forward(self, pixels):
        logits = self.model(pixels)
        confidence = torch.sigmoid(self.weight * self.feature(logits) + self.bias)
        return torch.softmax(logits / self.divisor, dim=1), confidence
