"""Blocks of Stable Diffusion 1.5."""

from __future__ import annotations

import torch
from registry import module

# Channels and side of the feature map at each level of the UNet.
LEVELS = ((320, 64), (640, 32), (1280, 16))


def residual(channels):
    from diffusers.models.resnet import ResnetBlock2D

    return ResnetBlock2D(in_channels=channels, out_channels=channels, temb_channels=1280).eval()


def transformer(channels):
    from diffusers.models.transformers.transformer_2d import Transformer2DModel

    return Transformer2DModel(
        num_attention_heads=8,
        attention_head_dim=channels // 8,
        in_channels=channels,
        cross_attention_dim=768,
        norm_num_groups=32,
    ).eval()


class Stage(torch.nn.Module):
    """A residual block and a transformer block, as the UNet has them one after the other."""

    def __init__(self, channels):
        super().__init__()
        self.residual = residual(channels)
        self.transformer = transformer(channels)

    def forward(self, x, time, text):
        x = self.residual(x, time)
        return self.transformer(x, encoder_hidden_states=text, return_dict=False)[0]


def add_level(channels, side):
    @module(f"blocks/SD residual {side}x{side}")
    def residual_block():
        torch.manual_seed(0)
        return residual(channels), (torch.randn(1, channels, side, side), torch.randn(1, 1280))

    @module(f"blocks/SD transformer {side}x{side}")
    def transformer_block():
        torch.manual_seed(0)
        inputs = (torch.randn(1, channels, side, side), torch.randn(1, 77, 768))
        return transformer(channels), inputs


for level in LEVELS:
    add_level(*level)


@module("blocks/VAE decoder 64x64 to 128x128")
def vae_decoder_block():
    from diffusers.models.unets.unet_2d_blocks import UpDecoderBlock2D

    torch.manual_seed(0)
    block = UpDecoderBlock2D(num_layers=3, in_channels=512, out_channels=256).eval()
    return block, (torch.randn(1, 512, 64, 64),)


@module("blocks/CLIP text layer")
def clip_layer():
    from transformers import CLIPTextConfig
    from transformers.models.clip.modeling_clip import CLIPEncoderLayer

    torch.manual_seed(0)
    config = CLIPTextConfig(hidden_size=768, num_attention_heads=12, intermediate_size=3072)
    config._attn_implementation = "sdpa"
    layer = CLIPEncoderLayer(config).eval()
    return layer, (torch.randn(1, 77, 768), None)


def add_half(dtype):
    name = str(dtype).split(".")[-1]

    @module(f"half/SD residual and transformer 64x64, {name}", compiled=None, limited=False)
    def stage():
        torch.manual_seed(0)
        inputs = (torch.randn(1, 320, 64, 64), torch.randn(1, 1280), torch.randn(1, 77, 768))
        return Stage(320).eval().to(dtype), tuple(one.to(dtype) for one in inputs)


add_half(torch.float16)
add_half(torch.bfloat16)
