"""Settings of ``torch.save`` and ``torch.load``."""

from __future__ import annotations

__all__ = ["load", "save"]


class load:
    """Of ``torch.load``: whether files are mapped, how their maps are shared, byte order."""

    mmap = False
    mmap_flags = 2
    endianness = None
    calculate_storage_offsets = False


class save:
    """Of ``torch.save``: checksums, and the multiple that data starts on."""

    compute_crc32 = True
    use_pinned_memory_for_d2h = False
    storage_alignment = 64
