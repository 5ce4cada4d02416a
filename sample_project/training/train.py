"""Train and save the sample project's models. Fixed seeds: a second run gives the same accuracy.

    python sample_project/training/train.py

writes models/linear_regression.pt  (torch.export archive: y = 2x + 3)
       models/linear_regression.pte (the same, already an ExecuTorch program)
       models/digits.pt             (torch.export archive: 8x8 grey digits, scikit-learn's load_digits)
       models/steering.pth          (a state dict; its architecture is models/steering.py)
       data/test_digits.json        (the digits that training never saw)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from executorch.exir import to_edge_transform_and_lower
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "models"))

import steering  # noqa: E402  (the sample's own module, beside its weights)


def train_linear_regression() -> nn.Module:
    """Fit y = 2x + 3 from samples of it."""
    torch.manual_seed(0)
    x = torch.linspace(-3, 3, 64).unsqueeze(1)
    y = 2 * x + 3
    model = nn.Linear(1, 1)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=100)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        return loss

    for _ in range(5):
        optimizer.step(closure)
    return model.eval()


class Digits(nn.Module):
    """A small convolutional classifier: float32[1, 1, 8, 8] of 0..1 in, ten logits out."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(32 * 4 * 4, 48), nn.ReLU(), nn.Linear(48, 10))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(image))


def train_digits() -> tuple[Digits, np.ndarray, np.ndarray]:
    """Train on three quarters of the digits; returns the model and the quarter it never saw."""
    torch.manual_seed(0)
    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(images, labels, test_size=0.25, random_state=0, stratify=labels)
    x = torch.tensor(train_x / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
    y = torch.tensor(train_y)
    model = Digits()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(30):
        for batch in torch.randperm(len(x)).split(64):
            # A shift of one pixel at most: hand-drawn digits are never in the middle.
            shift = torch.randint(-1, 2, (2,)).tolist()
            loss = nn.functional.cross_entropy(model(torch.roll(x[batch], shift, (2, 3))), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval(), test_x, test_y


def train_steering() -> nn.Module:
    """Teach an agent to turn towards a target and to slow down near it."""
    torch.manual_seed(0)
    model = steering.build()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(1500):
        offset = torch.randn(256, 2)
        velocity = torch.randn(256, 2) * 0.5
        wanted = torch.tanh(2 * offset - 1.5 * velocity)
        loss = nn.functional.mse_loss(model(torch.cat([offset, velocity], 1)), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def main() -> None:
    torch.set_num_threads(1)  # the same sums in the same order on every machine
    models, data = PROJECT / "models", PROJECT / "data"
    linear = torch.export.export(train_linear_regression(), (torch.tensor([[1.0]]),))
    torch.export.save(linear, models / "linear_regression.pt")
    (models / "linear_regression.pte").write_bytes(to_edge_transform_and_lower(linear).to_executorch().buffer)
    digits, test_x, test_y = train_digits()
    torch.export.save(torch.export.export(digits, (torch.zeros(1, 1, 8, 8),)), models / "digits.pt")
    with torch.no_grad():
        logits = digits(torch.tensor(test_x / 16, dtype=torch.float32).reshape(-1, 1, 8, 8))
    print(f"digits: {np.mean(logits.argmax(1).numpy() == test_y):.4f} of {len(test_y)} held-out digits are right")
    held_out = {"images": test_x.astype(int).tolist(), "labels": test_y.tolist()}
    (data / "test_digits.json").write_text(json.dumps(held_out, separators=(",", ":")), encoding="utf-8")
    torch.save(train_steering().state_dict(), models / "steering.pth")


if __name__ == "__main__":
    main()
