"""A step of training: forward, backward, the optimizer's update."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from registry import add
from torch import nn

from cases.models import Encoder


def step(optimizer, loss_of):
    def work(_):
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss

    return None, work


def small_unet():
    from diffusers import UNet2DConditionModel

    torch.manual_seed(0)
    model = UNet2DConditionModel(
        sample_size=32,
        block_out_channels=(64, 128),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=8,
        cross_attention_dim=128,
        norm_num_groups=16,
    ).train()
    noisy, noise = torch.randn(4, 4, 32, 32), torch.randn(4, 4, 32, 32)
    times, text = torch.randint(1000, (4,)), torch.randn(4, 16, 128)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    return step(optimizer, lambda: F.mse_loss(model(noisy, times, text).sample, noise))


def gpt2_layer():
    torch.manual_seed(0)
    model = Encoder(768, 12, causal=True)
    x, wanted = torch.randn(2, 512, 768), torch.randn(2, 512, 768)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    return step(optimizer, lambda: F.mse_loss(model(x), wanted))


def perceptron():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    x, wanted = torch.randn(32, 64), torch.randint(10, (32,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return step(optimizer, lambda: F.cross_entropy(model(x), wanted))


add("training/small UNet, batch 4", small_unet, gradients=True, limited=False)
add("training/GPT-2 layer, 2x512 tokens", gpt2_layer, gradients=True)
add("small/perceptron's training step", perceptron, gradients=True, quick=True)
