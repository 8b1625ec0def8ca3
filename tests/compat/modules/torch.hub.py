"""torch.hub: its folder, models of a folder, and files of the web."""

import contextlib
import io
import os
from pathlib import Path

import torch
from show import show

repository = Path("repository")
repository.mkdir()
(repository / "hubconf.py").write_text(
    'dependencies = ["torch"]\nimport torch\ndef line(n=2):\n    return torch.nn.Linear(n, 1)\n'
)
other = Path("other")
other.mkdir()
(other / "hubconf.py").write_text('dependencies = ["torch", "no_such_package"]\n')
torch.save({"a": torch.ones(2)}, "w-12345678.pth")
url = Path("w-12345678.pth").resolve().as_uri()


def of_environment(**variables):
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        os.environ.pop(name, None)
    os.environ.update(variables)
    return torch.hub.get_dir()


def fetched(**options):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        found = torch.hub.load_state_dict_from_url(url, "models", progress=False, **options)
    return found, sorted(os.listdir("models")), said.getvalue().split(":")[0]


def downloaded(prefix):
    torch.hub.download_url_to_file(url, "copy.pth", prefix, progress=False)


def kind_of(function, *args, **kwargs):
    """Return the type and the first words of an error that goes on to name a digest."""
    try:
        function(*args, **kwargs)
    except Exception as error:
        return type(error).__name__, str(error).split(",")[0]


show("home", lambda: of_environment(TORCH_HOME="/x"))
show("cache", lambda: of_environment(XDG_CACHE_HOME="/y"))
show("neither", lambda: of_environment() == os.path.expanduser("~/.cache/torch/hub"))
show("set", lambda: (torch.hub.set_dir("/z"), torch.hub.get_dir()))
show("a model", lambda: torch.hub.load("repository", "line", source="local", n=3))
show("no such model", lambda: torch.hub.load("repository", "curve", source="local"))
show("a package is missing", lambda: torch.hub.load("other", "line", source="local"))
show("no such source", lambda: torch.hub.load("repository", "line", source="foo"))
show("fetched", fetched)
show("under another name", lambda: fetched(file_name="z.pth"))
show("wrong digest", lambda: kind_of(fetched, check_hash=True, file_name="w-87654321.pth"))
show("downloaded, wrong digest", lambda: kind_of(downloaded, "abc"))
show("nothing left of it", lambda: os.path.exists("copy.pth"))
