"""Loads a UNet of Stable Diffusion 1.5's size from a folder and takes one step with it.

python large_model.py FOLDER DTYPE            prints what it took, as JSON
python large_model.py FOLDER DTYPE --write    makes the folder, with weights from a seed
"""

from __future__ import annotations

import json
import sys
import time

import torch
from cases.models import unet, unet_inputs
from cases.weights import filled


def peak():
    """Return the most memory that this process had resident so far, in MiB."""
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main():
    folder, dtype = sys.argv[1], getattr(torch, sys.argv[2])
    torch.set_num_threads(2)
    if "--write" in sys.argv:
        filled(unet).to(dtype).save_pretrained(folder)
        return
    from diffusers import UNet2DConditionModel

    start = time.perf_counter()
    model = UNet2DConditionModel.from_pretrained(folder, torch_dtype=dtype)
    torch.cpu.synchronize()
    load, loaded_peak = time.perf_counter() - start, peak()
    latents, when, text = unet_inputs()
    with torch.no_grad():
        model(latents.to(dtype), when, text.to(dtype))
        torch.cpu.synchronize()
    both = time.perf_counter() - start
    print(json.dumps({"load": load, "load and step": both, "peak, loaded": loaded_peak}))


if __name__ == "__main__":
    main()
