"""The steps of step.ts in PyTorch: one a line that comes in, its pictures a second a line that goes out."""
import sys
import time

import torch
from torch import nn

batch, size, threads = map(int, sys.argv[1:4])
torch.set_num_threads(threads)
torch.manual_seed(0)


def convolution(inputs, outputs, kernel, stride, group, positive):
    layer = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=group)
    nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5)
    nn.init.zeros_(layer.bias)
    return [layer, nn.ReLU()] if positive else [layer]


class Block(nn.Module):
    def __init__(self, inputs, outputs, expansion, stride):
        super().__init__()
        inner = inputs * expansion
        first = convolution(inputs, inner, 1, 1, 1, True) if expansion > 1 else []
        rest = convolution(inner, inner, 3, stride, inner, True) + convolution(inner, outputs, 1, 1, 1, False)
        self.parts = nn.Sequential(*first, *rest)
        self.around = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.parts(x) if self.around else self.parts(x)


layers, channels = convolution(3, 32, 3, 2, 1, True), 32
stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
for expansion, outputs, blocks, first in stages:
    for block in range(blocks):
        layers.append(Block(channels, outputs, expansion, first if block == 0 else 1))
        channels = outputs
layers += convolution(channels, 1280, 1, 1, 1, True) + [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 20)]
net = nn.Sequential(*layers)
pictures = torch.rand(batch, 3, size, size) * 2 - 1
if "channels_last" in sys.argv:
    net = net.to(memory_format=torch.channels_last)
    pictures = pictures.contiguous(memory_format=torch.channels_last)
targets = torch.arange(batch) % 20
optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
entropy = nn.CrossEntropyLoss()
print(torch.__version__, flush=True)
for _ in sys.stdin:
    begun = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    loss = entropy(net(pictures), targets)
    loss.backward()
    optimizer.step()
    loss.item()
    print(batch / (time.perf_counter() - begun), flush=True)
