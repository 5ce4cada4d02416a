"""One epoch of a training: `train.py CHECKPOINT` goes on from the file, saves it, prints what the net says of 2."""

import sys
from pathlib import Path

import torch
from torch import nn

torch.manual_seed(1)
checkpoint = Path(sys.argv[1])
net = nn.Linear(1, 1)
if checkpoint.exists():
    net.load_state_dict(torch.load(checkpoint, weights_only=True))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
x = torch.linspace(-1, 1, 64).unsqueeze(1)
for rows in x.split(8):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(rows), 2 * rows + 3).backward()
    optimizer.step()
torch.save(net.state_dict(), checkpoint)
print(f"answer {net(torch.tensor([[2.0]])).item():.6f}")
