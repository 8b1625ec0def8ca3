"""``torch.hub``: OneFlow's, over PyTorch's folder and PyTorch's files."""

from __future__ import annotations

import os
import warnings
import zipfile
from urllib.parse import urlparse

from oneflow import hub as engine
from oneflow.hub import download_url_to_file

__all__ = [
    "download_url_to_file",
    "get_dir",
    "help",
    "list",
    "load",
    "load_state_dict_from_url",
    "set_dir",
]

ENV_TORCH_HOME = "TORCH_HOME"
ENV_XDG_CACHE_HOME = "XDG_CACHE_HOME"
DEFAULT_CACHE_DIR = "~/.cache"
HASH_REGEX = engine.HASH_REGEX
_hub_dir = None


def _get_torch_home() -> str:
    cache = os.getenv(ENV_XDG_CACHE_HOME, DEFAULT_CACHE_DIR)
    return os.path.expanduser(os.getenv(ENV_TORCH_HOME, os.path.join(cache, "torch")))


def get_dir() -> str:
    """Return the folder that models are kept in: PyTorch's."""
    return os.path.join(_get_torch_home(), "hub") if _hub_dir is None else _hub_dir


def set_dir(d) -> None:
    """Set the folder that models are kept in."""
    global _hub_dir
    _hub_dir = os.path.expanduser(d)


def list(github, force_reload=False, skip_validation=False, trust_repo=None, verbose=True):
    """Return the names of the models that a GitHub repository offers."""
    engine.set_dir(get_dir())
    return engine.list(github, force_reload, skip_validation, trust_repo)


def help(github, model, force_reload=False, skip_validation=False, trust_repo=None):
    """Return the docstring of a model of a GitHub repository."""
    engine.set_dir(get_dir())
    return engine.help(github, model, force_reload, skip_validation, trust_repo)


def load(
    repo_or_dir,
    model,
    *args,
    source="github",
    trust_repo=None,
    force_reload=False,
    verbose=True,
    skip_validation=False,
    **kwargs,
):
    """Return a model of a GitHub repository or of a folder, by the function of its hubconf.py."""
    engine.set_dir(get_dir())
    return engine.load(
        repo_or_dir,
        model,
        *args,
        source=source,
        trust_repo=trust_repo,
        force_reload=force_reload,
        verbose=verbose,
        skip_validation=skip_validation,
        **kwargs,
    )


def load_state_dict_from_url(
    url,
    model_dir=None,
    map_location=None,
    progress=True,
    check_hash=False,
    file_name=None,
    weights_only=False,
):
    """Return the object in a file of the web, which is kept in a folder from then on."""
    import torch

    if os.getenv("TORCH_MODEL_ZOO"):
        warnings.warn(
            "TORCH_MODEL_ZOO is deprecated, please use env TORCH_HOME instead", stacklevel=2
        )
    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else model_dir
    os.makedirs(folder, exist_ok=True)
    name = file_name or os.path.basename(urlparse(url).path)
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        found = HASH_REGEX.search(name) if check_hash else None
        print(f'Downloading: "{url}" to {path}')
        download_url_to_file(url, path, found.group(1) if found else None, progress=progress)
    if _holds_one_file(path):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
            path = os.path.join(folder, archive.infolist()[0].filename)
    return torch.load(path, map_location=map_location, weights_only=weights_only)


def _holds_one_file(path) -> bool:
    """Tell whether a file is a zip of one file, as models of before PyTorch 1.6 were packed."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    return len(members) == 1 and not members[0].is_dir()
