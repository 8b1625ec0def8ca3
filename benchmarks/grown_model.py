"""Takes one step with a UNet of half Stable Diffusion's width: python grown_model.py SIDE BATCH."""

import sys

import torch
from cases.models import unet, unet_inputs
from cases.weights import filled

torch.set_num_threads(2)
model = filled(lambda: unet(160))
with torch.no_grad():
    model(*unet_inputs(int(sys.argv[1]), int(sys.argv[2])))
torch.cpu.synchronize()
