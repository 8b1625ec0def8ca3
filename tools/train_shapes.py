"""Trains the demo's model, a small Stable Diffusion, with real PyTorch.

    python tools/train_shapes.py --output examples/shapes-diffusion

draws the pictures (shape_pictures.py), trains the autoencoder, encodes the pictures once, then
trains the text encoder and the denoising UNet together, and writes the folder that
``StableDiffusionPipeline.from_pretrained`` reads. Every stage keeps a checkpoint in ``--work``:
started again after an interruption, it goes on where it was. It wants processors
with bfloat16 matrix instructions; to use two cores, start it twice, with --workers 2 and --worker
0 or 1. The model card says which steps made the committed weights.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import shutil
import time
from pathlib import Path

import numpy as np
import shape_pictures
import torch
import torch.distributed as dist
import torch.nn.functional as F
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

MAX_TOKENS = 24
NOISE = {"beta_start": 0.00085, "beta_end": 0.02, "beta_schedule": "scaled_linear"}
TRAIN_STEPS = 1000


def make_autoencoder() -> AutoencoderKL:
    """64x64 pixels to 16x16x4 latents and back."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(16, 32, 32),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=shape_pictures.SIZE,
    )


def make_unet() -> UNet2DConditionModel:
    """The denoiser: attention, to itself and to the caption, on its 8x8 level and in its middle."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(64, 96),
        layers_per_block=1,
        cross_attention_dim=64,
        attention_head_dim=4,
        norm_num_groups=16,
    )


def make_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Two layers are enough for captions of ten words."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            projection_dim=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=MAX_TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _merges(words: list[str]) -> list[tuple[str, str]]:
    """Byte-pair merges, most frequent pair first, until each word is one token."""
    spellings = [[*word[:-1], word[-1] + "</w>"] for word in words]
    merges: list[tuple[str, str]] = []
    while True:
        counts: dict[tuple[str, str], int] = {}
        for parts in spellings:
            for pair in zip(parts, parts[1:]):
                counts[pair] = counts.get(pair, 0) + 1
        if not counts:
            return merges
        best = max(sorted(counts), key=counts.__getitem__)
        merges.append(best)
        for parts in spellings:
            at = 0
            while at < len(parts) - 1:
                if (parts[at], parts[at + 1]) == best:
                    parts[at : at + 2] = ["".join(best)]
                at += 1


def make_tokenizer(folder: Path) -> CLIPTokenizer:
    """CLIP's byte-level tokenizer with merges for the caption words only; any text encodes."""
    letters = sorted(ByteLevel.alphabet())
    merges = _merges(shape_pictures.vocabulary())
    tokens = [*letters, *(letter + "</w>" for letter in letters), *map("".join, merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    vocab, merged = folder / "vocab.json", folder / "merges.txt"
    vocab.write_text(json.dumps({token: number for number, token in enumerate(tokens)}), "utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    merged.write_text("\n".join(lines) + "\n", "utf-8")
    return CLIPTokenizer(str(vocab), str(merged), model_max_length=MAX_TOKENS)


class Averaged:
    """An exponential moving average of models' weights, which draws better than the last step."""

    def __init__(self, models: dict[str, torch.nn.Module], decay: float) -> None:
        self.models = {name: copy.deepcopy(model).eval() for name, model in models.items()}
        self.decay = decay

    @torch.no_grad()
    def update(self, models: dict[str, torch.nn.Module], step: int) -> None:
        """Moves the averages a little towards the models."""
        decay = min(self.decay, (step + 1) / (step + 10))
        for name, model in models.items():
            ours, theirs = list(self.models[name].parameters()), list(model.parameters())
            torch._foreach_lerp_(ours, theirs, 1 - decay)


class Training:
    """One stage: models, optimizer, learning rate, and the checkpoint that all are kept in."""

    def __init__(
        self,
        name: str,
        models: dict[str, torch.nn.Module],
        options: argparse.Namespace,
        steps: int,
        peak: float,
        decay: float = 0.999,
    ) -> None:
        self.name, self.models, self.options = name, models, options
        self.steps, self.peak = steps, peak
        self.file = options.work / (name + ".pt")
        self.average = Averaged(models, decay)
        self.parameters = [p for model in models.values() for p in model.parameters()]
        self.optimizer = torch.optim.AdamW(self.parameters, peak, (0.9, 0.99), weight_decay=1e-2)
        self.step = 0
        if self.file.exists():
            state = torch.load(self.file, weights_only=True)
            for model in models:
                models[model].load_state_dict(state["models"][model])
                self.average.models[model].load_state_dict(state["average"][model])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]
            print(f"{name}: goes on after step {self.step}", flush=True)

    def save(self) -> None:
        """Writes the checkpoint; a crash while writing leaves the one before."""
        if self.options.worker:
            return
        state = {
            "models": {name: model.state_dict() for name, model in self.models.items()},
            "average": {name: model.state_dict() for name, model in self.average.models.items()},
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
        }
        torch.save(state, self.file.with_suffix(".part"))
        os.replace(self.file.with_suffix(".part"), self.file)

    def _share(self) -> None:
        """Averages the gradients over the workers, so that all take the same step."""
        if self.options.workers > 1:
            gradients = [p.grad for p in self.parameters if p.grad is not None]
            flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
            dist.all_reduce(flat)
            flat /= self.options.workers
            parts = flat.split([gradient.numel() for gradient in gradients])
            for gradient, part in zip(gradients, parts):
                gradient.copy_(part.view_as(gradient))

    def run(self, loss_of, every: int = 0, each=None) -> None:
        """Trains to the last step; ``each()`` is called after every ``every`` steps."""
        total, since = 0.0, time.monotonic()
        while self.step < self.steps:
            # Seeded by the step, a run that was interrupted sees the batches it would have seen.
            number = (self.options.seed * 1_000_003 + self.step) * self.options.workers
            rng = torch.Generator().manual_seed(number + self.options.worker)
            warm = min(1.0, (self.step + 1) / 200)
            rate = self.peak * warm * 0.5 * (1 + math.cos(math.pi * self.step / self.steps))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            with torch.autocast("cpu", torch.bfloat16, self.options.precision == "bf16"):
                loss = loss_of(rng)
            loss.backward()
            self._share()
            torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            self.average.update(self.models, self.step)
            self.step += 1
            total += float(loss.detach())
            if self.step % 100 == 0 and self.options.worker == 0:
                spent = time.monotonic() - since
                print(
                    f"{self.name} {self.step}/{self.steps}  loss {total / 100:.5f}"
                    f"  {spent * 10:.0f} ms/step",
                    flush=True,
                )
                total, since = 0.0, time.monotonic()
            if self.step % 250 == 0 or self.step == self.steps:
                self.save()
            if every and self.step % every == 0 and self.step < self.steps:
                each()
                since = time.monotonic()


def draw_pictures(options: argparse.Namespace) -> tuple[torch.Tensor, list[str], torch.Tensor]:
    """All the pictures, as bytes in NCHW, their captions, and what the captions say."""
    rng = np.random.default_rng(options.seed)
    pictures, captions, said = [], [], []
    for _ in range(options.pictures):
        picture = shape_pictures.random_picture(rng)
        pictures.append(shape_pictures.draw(picture))
        captions.append(shape_pictures.caption(picture, rng))
        said.append(shape_pictures.said(picture, captions[-1]))
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2), captions, torch.tensor(said)


def tokenize(tokenizer: CLIPTokenizer, captions: list[str]) -> torch.Tensor:
    """The captions' token numbers, a row each, padded as the pipeline pads them."""
    return tokenizer(
        captions, padding="max_length", max_length=MAX_TOKENS, truncation=True, return_tensors="pt"
    ).input_ids


def _pixels(pictures: torch.Tensor) -> torch.Tensor:
    return pictures.float() / 127.5 - 1


def train_autoencoder(options: argparse.Namespace, pictures: torch.Tensor) -> AutoencoderKL:
    """Trains the autoencoder to give the pictures back."""
    vae = make_autoencoder().to(memory_format=torch.channels_last)
    training = Training("autoencoder", {"vae": vae}, options, options.vae_steps, 2e-3)

    def loss_of(rng: torch.Generator) -> torch.Tensor:
        chosen = torch.randint(len(pictures), (options.vae_batch,), generator=rng)
        wanted = _pixels(pictures[chosen]).contiguous(memory_format=torch.channels_last)
        posterior = vae.encode(wanted).latent_dist
        latents = posterior.mean + posterior.std * torch.randn(posterior.mean.shape, generator=rng)
        drawn = vae.decode(latents).sample.float()
        return F.l1_loss(drawn, wanted) + F.mse_loss(drawn, wanted) + 1e-5 * posterior.kl().mean()

    training.run(loss_of)
    return training.average.models["vae"]


@torch.no_grad()
def encode(options: argparse.Namespace, vae: AutoencoderKL, pictures: torch.Tensor) -> torch.Tensor:
    """The pictures' latents, scaled to a standard deviation of one; sets the scaling factor.

    They are the means of the encoder's posterior, without its noise: the decoder was trained with
    the noise, so it forgives the denoiser errors of that size.
    """
    file = options.work / "latents.pt"
    if file.exists():
        latents = torch.load(file, weights_only=True)["mean"]
    else:
        latents = torch.cat(
            [vae.encode(_pixels(chunk)).latent_dist.mean for chunk in pictures.split(256)]
        )
        torch.save({"mean": latents}, file)
    error = vae.decode(latents[:256]).sample.clamp(-1, 1) - _pixels(pictures[:256])
    vae.register_to_config(scaling_factor=round(1 / float(latents.std()), 5))
    print(
        f"autoencoder: mean error {float(error.abs().mean()) * 127.5:.2f}/255,"
        f" scaling factor {vae.config.scaling_factor}",
        flush=True,
    )
    return latents * vae.config.scaling_factor


def train_text_encoder(
    options: argparse.Namespace, tokenizer: CLIPTokenizer, captions: list[str], said: torch.Tensor
) -> CLIPTextModel:
    """Trains the text encoder to say what a caption says.

    Stable Diffusion is given a text encoder that understands already, too: CLIP's. One that starts
    from nothing leaves the UNet nothing to listen to, and it takes long to begin.
    """
    text = make_text_encoder(tokenizer)
    kinds = [int(column.max()) + 1 for column in said.T]
    answers = torch.nn.Linear(text.config.hidden_size, sum(kinds))
    models = {"text_encoder": text, "answers": answers}
    training = Training("text", models, options, options.text_steps, 2e-3)
    tokens = tokenize(tokenizer, captions)

    def loss_of(rng: torch.Generator) -> torch.Tensor:
        chosen = torch.randint(len(tokens), (options.batch,), generator=rng)
        states = text(input_ids=tokens[chosen]).last_hidden_state
        given = answers(states.mean(1)).float().split(kinds, 1)
        return sum(F.cross_entropy(one, said[chosen, i]) for i, one in enumerate(given))

    training.run(loss_of)
    text.load_state_dict(training.average.models["text_encoder"].state_dict())
    return text


def train_denoiser(options, tokenizer, vae, text, latents, captions) -> Averaged:
    """Trains the UNet, and the text encoder with it, to denoise the latents.

    The UNet predicts the velocity, not the noise: under much noise, where the picture is laid out,
    knowing what the text says hardly helps to tell the noise, and so would hardly be learned.
    """
    unet = make_unet().to(memory_format=torch.channels_last)
    models = {"unet": unet, "text_encoder": text}
    training = Training("denoiser", models, options, options.steps, options.rate)
    tokens, empty = tokenize(tokenizer, captions), tokenize(tokenizer, [""])
    clean = torch.cumprod(
        1 - torch.linspace(NOISE["beta_start"] ** 0.5, NOISE["beta_end"] ** 0.5, TRAIN_STEPS) ** 2,
        0,
    )

    predict = torch.compile(unet) if options.compile else unet

    def loss_of(rng: torch.Generator) -> torch.Tensor:
        chosen = torch.randint(len(latents), (options.batch,), generator=rng)
        shape = (options.batch, *latents.shape[1:])
        wanted = latents[chosen]
        noise = torch.randn(shape, generator=rng)
        # One timestep from each of as many equal parts: the loss is steadier than by plain lot.
        parts = torch.arange(options.batch) + torch.rand(options.batch, generator=rng)
        times = (parts * (TRAIN_STEPS / options.batch)).long().clamp(max=TRAIN_STEPS - 1)
        share = clean[times].view(-1, 1, 1, 1)
        noisy = share.sqrt() * wanted + (1 - share).sqrt() * noise
        dropped = torch.rand(options.batch, 1, generator=rng) < options.unconditional
        ids = torch.where(dropped, empty, tokens[chosen])
        states = text(input_ids=ids).last_hidden_state
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        velocity = share.sqrt() * noise - (1 - share).sqrt() * wanted
        return F.mse_loss(predict(noisy, times, states).sample.float(), velocity)

    def sample() -> None:
        if options.worker == 0:
            folder = options.work / "so-far"
            export(folder, options.work / "tokenizer", tokenizer, vae, training.average)

    training.run(loss_of, options.export_every, sample)
    return training.average


def export(folder: Path, tokens: Path, tokenizer, vae, average: Averaged) -> None:
    """Writes the pipeline's folder."""
    models = {
        name: copy.deepcopy(model).to(memory_format=torch.contiguous_format)
        for name, model in (("vae", vae), *average.models.items())
    }
    pipeline = StableDiffusionPipeline(
        tokenizer=tokenizer,
        scheduler=PNDMScheduler(
            num_train_timesteps=TRAIN_STEPS,
            prediction_type="v_prediction",
            skip_prk_steps=True,
            steps_offset=1,
            **NOISE,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        **models,
    )
    # PNDM does not clip; DDIM, made from its settings, would clip latents as if they were pixels.
    pipeline.scheduler.register_to_config(clip_sample=False)
    pipeline.save_pretrained(folder, safe_serialization=True)
    # Releases of transformers before 5 look for these two instead of tokenizer.json.
    for name in ("vocab.json", "merges.txt"):
        shutil.copyfile(tokens / name, folder / "tokenizer" / name)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{folder}: {size / 1e6:.2f} MB", flush=True)


def main() -> None:
    """Reads the options and runs the stages that are not done yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--output", type=Path, default=Path(__file__).parents[1] / "examples/shapes-diffusion")
    add("--work", type=Path, default=cache / "oneflow-mock/train-shapes", help="checkpoints")
    add("--pictures", type=int, default=8192, help="how many to draw")
    add("--vae-steps", type=int, default=2000)
    add("--vae-batch", type=int, default=16)
    add("--text-steps", type=int, default=500, help="of the text encoder alone")
    add("--steps", type=int, default=15000, help="of the UNet and the text encoder together")
    add("--batch", type=int, default=32)
    add("--rate", type=float, default=1.2e-3, help="the highest learning rate")
    add("--unconditional", type=float, default=0.1, help="share of captions left empty")
    add("--export-every", type=int, default=1000, help="steps between exports to WORK/so-far")
    add("--precision", choices=("bf16", "float32"), default="bf16")
    add("--no-compile", dest="compile", action="store_false", help="do without torch.compile")
    add("--threads", type=int, default=1)
    add("--workers", type=int, default=1, help="processes that share a step's batches")
    add("--worker", type=int, default=0, help="which of them this is, from 0")
    add("--seed", type=int, default=0)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.workers > 1:
        rendezvous = options.work / "workers"
        dist.init_process_group(
            "gloo",
            init_method=f"file://{rendezvous}",
            world_size=options.workers,
            rank=options.worker,
        )
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    # At these sizes the plain products are faster than the fused kernel, above all backwards.
    torch.backends.cuda.enable_flash_sdp(False)

    pictures, captions, said = draw_pictures(options)
    print(f"{len(pictures)} pictures, such as: {captions[0]}", flush=True)
    tokenizer = make_tokenizer(options.work / "tokenizer")
    vae = train_autoencoder(options, pictures)
    latents = encode(options, vae, pictures)
    text = train_text_encoder(options, tokenizer, captions, said)
    average = train_denoiser(options, tokenizer, vae, text, latents, captions)
    if options.worker == 0:
        export(options.output, options.work / "tokenizer", tokenizer, vae, average)


if __name__ == "__main__":
    main()
