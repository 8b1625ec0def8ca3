"""Write the files of ``tests/compat/serialization`` with real PyTorch.

``zip`` holds what torch.save writes, ``legacy`` the format of before PyTorch 1.6, ``tar`` that of
before 0.1.10 (which PyTorch still reads and no longer writes, so it is put together here by hand),
``named.safetensors`` what safetensors writes of tensors, and ``golden.json`` what PyTorch finds in
the first three. Run it in the reference environment
(``make reference``)::

    python tools/draw_serialization_golden.py
"""

import io
import json
import pickle
import struct
import sys
import tarfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "compat" / "serialization"
sys.path.insert(0, str(FOLDER))

import saved_objects  # noqa: E402  (beside the tests)


def write_tar(path):
    """Write two tensors over one storage, and a list of them, as PyTorch did in 2016."""
    import torch

    values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    storages = io.BytesIO()
    pickle.dump(1, storages, protocol=2)
    pickle.dump((7, "cpu", torch.FloatStorage), storages, protocol=2)
    storages.write(struct.pack("<q6f", len(values), *values))
    pickle.dump([], storages, protocol=2)
    tensors = io.BytesIO()
    pickle.dump(2, tensors, protocol=2)
    for key, offset, size, stride in ((1, 0, (2, 3), (3, 1)), (2, 3, (3,), (1,))):
        pickle.dump((key, 7, torch.FloatTensor), tensors, protocol=2)
        tensors.write(struct.pack("<ii", len(size), 0))
        tensors.write(struct.pack(f"<{2 * len(size)}q", *size, *stride))
        tensors.write(struct.pack("<q", offset))

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            return str(obj.key) if isinstance(obj, Named) else None

    named = io.BytesIO()
    Pickler(named, protocol=2).dump([Named(1), Named(2), "text"])
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as tar:
        for name, file in (("storages", storages), ("tensors", tensors), ("pickle", named)):
            member = tarfile.TarInfo(name)
            member.size = len(file.getvalue())
            tar.addfile(member, io.BytesIO(file.getvalue()))


class Named:
    """A tensor of a tar file, by its key."""

    def __init__(self, key) -> None:
        self.key = key


def main() -> None:
    import safetensors.torch
    import torch

    found = {}
    for folder in ("zip", "legacy", "tar"):
        (FOLDER / folder).mkdir(exist_ok=True)
    for name, value in saved_objects.objects().items():
        torch.save(value, FOLDER / "zip" / f"{name}.pt")
        legacy = FOLDER / "legacy" / f"{name}.pt"
        torch.save(value, legacy, _use_new_zipfile_serialization=False)
        found[name] = saved_objects.described(torch.load(FOLDER / "zip" / f"{name}.pt"))
    safetensors.torch.save_file(
        saved_objects.named_tensors(), FOLDER / "named.safetensors", metadata={"format": "pt"}
    )
    write_tar(FOLDER / "tar" / "tensors.pt")
    loaded = torch.load(FOLDER / "tar" / "tensors.pt", weights_only=False)
    golden = {
        "torch": torch.__version__.partition("+")[0],
        "objects": found,
        "tar": saved_objects.described(loaded),
    }
    text = json.dumps(golden, indent=0, ensure_ascii=False)
    (FOLDER / "golden.json").write_text(text + "\n", encoding="utf-8")
    print(f"{FOLDER}: {len(found)} objects of PyTorch {golden['torch']}")


if __name__ == "__main__":
    main()
