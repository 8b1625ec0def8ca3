"""Whole models, and how Stable Diffusion's UNet grows."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from registry import add, module
from torch import nn

from cases.weights import filled

ROOT = Path(__file__).resolve().parents[2]


def unet(width=320):
    """Stable Diffusion 1.5's UNet at a width of 320."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=64,
        block_out_channels=(width, 2 * width, 4 * width, 4 * width),
        attention_head_dim=8,
        cross_attention_dim=768,
    )


def unet_inputs(side=64, batch=1):
    torch.manual_seed(1)
    latents = torch.randn(batch, 4, side, side)
    return latents, torch.tensor(500), torch.randn(batch, 77, 768)


@module("models/SD 1.5 UNet, one step", compiled=None)
def stable_diffusion():
    return filled(unet), unet_inputs()


@module("models/VAE decode 512x512", compiled=None)
def vae():
    from diffusers import AutoencoderKL

    def make():
        return AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            latent_channels=4,
        )

    model = filled(make)
    torch.manual_seed(1)
    return model.decode, (torch.randn(1, 4, 64, 64),)


@module("models/CLIP text, 12 layers")
def clip_text():
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    config = CLIPTextConfig(
        hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12
    )
    model = CLIPTextModel(config).eval()
    return model, (torch.randint(49407, (1, 77)),)


def tiny_pipeline():
    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(ROOT / "examples" / "shapes-diffusion")
    pipe.set_progress_bar_config(disable=True)

    def draw(_):
        generator = torch.Generator("cpu").manual_seed(0)
        pipe("a large red circle", num_inference_steps=50, generator=generator, output_type="pt")

    return None, draw


add("models/tiny SD, 50 steps", tiny_pipeline)


class Basic(nn.Module):
    """ResNet's block of two convolutions."""

    def __init__(self, inner, outer, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outer)
        self.shortcut = None
        if stride != 1 or inner != outer:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inner, outer, 1, stride, bias=False), nn.BatchNorm2d(outer)
            )

    def forward(self, x):
        kept = x if self.shortcut is None else self.shortcut(x)
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(x)) + kept, inplace=True)


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
        layers = [*stem, nn.MaxPool2d(3, 2, 1)]
        inner = 64
        for outer, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            layers += [Basic(inner, outer, stride), Basic(outer, outer, 1)]
            inner = outer
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(512, 1000)

    def forward(self, x):
        return self.head(self.layers(x).mean((2, 3)))


class Encoder(nn.Module):
    """A transformer's layer, norms first."""

    def __init__(self, width, heads, causal=False):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class ViTTiny(nn.Module):
    def __init__(self, width=192, depth=12, heads=3):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 16, 16)
        self.token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, 197, width) * 0.02)
        self.layers = nn.Sequential(*(Encoder(width, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 1000)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.layers(x))[:, 0])


@module("models/ResNet-18, batch 4", quick=True)
def resnet():
    torch.manual_seed(0)
    return ResNet18().eval(), (torch.randn(4, 3, 224, 224),)


@module("models/ViT-tiny, batch 4")
def vit():
    torch.manual_seed(0)
    return ViTTiny().eval(), (torch.randn(4, 3, 224, 224),)


def add_growth(side, batch):
    @module(f"growth/UNet of half width, {side} latents, batch {batch}", compiled=None)
    def half_width():
        return filled(lambda: unet(160)), unet_inputs(side, batch)


for size in ((32, 1), (64, 1), (96, 1), (32, 2), (32, 4)):
    add_growth(*size)
