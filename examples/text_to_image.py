"""Draws pictures from texts with Stable Diffusion.

    python text_to_image.py --prompt "a large red circle on a yellow background"

Several prompts in one call are numbered: picture-1.png, picture-2.png and so on.
"""

import argparse
from pathlib import Path

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionPipeline,
)

MODEL = Path(__file__).resolve().parent / "shapes-diffusion"
PROMPT = "a large red circle on a yellow background"
SCHEDULERS = {
    "ddim": DDIMScheduler,
    "pndm": PNDMScheduler,
    "euler": EulerDiscreteScheduler,
    "euler_a": EulerAncestralDiscreteScheduler,
    "dpm": DPMSolverMultistepScheduler,
}


def load(model=MODEL):
    """The pipeline in the folder."""
    pipe = StableDiffusionPipeline.from_pretrained(model)
    pipe.set_progress_bar_config(leave=False)
    return pipe


def draw(pipe, prompt, seed=0, steps=20, scheduler="pndm", guidance=3.0):
    """The picture of the prompt, the same one for the same seed."""
    pipe.scheduler = SCHEDULERS[scheduler].from_config(pipe.scheduler.config)
    generator = torch.Generator("cpu").manual_seed(seed)
    return pipe(
        prompt, num_inference_steps=steps, guidance_scale=guidance, generator=generator
    ).images[0]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--prompt", nargs="+", default=[PROMPT])
    parser.add_argument("--seed", type=int, default=0, help="another seed, another picture")
    parser.add_argument("--steps", type=int, default=20, help="more steps, finer pictures")
    parser.add_argument("--scheduler", choices=SCHEDULERS, default="pndm")
    parser.add_argument("--guidance", type=float, default=3.0, help="how strictly to obey")
    parser.add_argument("--model", type=Path, default=MODEL, help="the model's folder")
    parser.add_argument("--output", type=Path, default=Path("picture.png"))
    options = parser.parse_args(arguments)
    if options.steps < 1:
        parser.error("--steps must be at least 1")
    if not (options.model / "model_index.json").is_file():
        parser.error(f"{options.model} holds no model: model_index.json is not there")
    try:
        pipe = load(options.model)
    except Exception as error:
        parser.exit(1, f"the model in {options.model} does not load: {error}\n")
    for number, prompt in enumerate(options.prompt, 1):
        image = draw(pipe, prompt, options.seed, options.steps, options.scheduler, options.guidance)
        output = options.output
        if len(options.prompt) > 1:
            output = output.with_name(f"{output.stem}-{number}{output.suffix}")
        image.save(output)
        print(output)


if __name__ == "__main__":
    main()
