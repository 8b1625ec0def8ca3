"""The zip files that PyTorch writes: stored, every record's data on a multiple of 64 bytes.

They are written as PyTorch's writer does it, header by header (sizes and checksums follow the
data, and the archive always ends in the form for large files), because PyTorch's reader can
compute from that where each record lies.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zipfile
import zlib

_ALIGNMENT = 64
_UTF8, _DESCRIPTOR = 0x0800, 0x0008


def _flags(size: int) -> int:
    """Return a record's flags: its sizes follow the data, unless there is none."""
    return _UTF8 | (_DESCRIPTOR if size else 0)


_LIMIT = 0xFFFFFFFF
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")


class Writer:
    """Writes an archive to a path or to an object with ``write``."""

    def __init__(self, target, root: str) -> None:
        self._root = root
        self._target = target
        self._file = None
        self._position = 0
        self._entries: list = []
        self._owned = isinstance(target, str)

    def open(self) -> None:
        """Open the file; RuntimeError where it cannot be."""
        if not self._owned:
            self._file = self._target
            return
        folder = os.path.dirname(self._target)
        if folder and not os.path.isdir(folder):
            raise RuntimeError(f"Parent directory {folder} does not exist.")
        try:
            self._file = open(self._target, "wb")  # noqa: SIM115
        except OSError as error:
            raise RuntimeError(
                f"File {self._target} cannot be opened: open file failed with strerror: "
                f"{error.strerror}"
            ) from error

    def _write(self, data) -> None:
        self._file.write(data)
        self._position += len(data)

    def add(self, name: str, data) -> None:
        """Add a record; ``data`` is any contiguous buffer of bytes."""
        try:
            self._add(f"{self._root}/{name}", memoryview(data))
        except OSError as error:
            raise RuntimeError(
                f"PytorchStreamWriter failed writing file {name}: {error.strerror or error}"
            ) from error

    def _add(self, full, data) -> None:
        encoded = full.encode("utf-8")
        header, size = self._position, data.nbytes
        large = size >= _LIMIT or header >= _LIMIT
        wide = struct.pack("<HHQQ", 1, 16, 0, 0) if size >= _LIMIT else b""
        if size >= _LIMIT and header >= _LIMIT:
            wide = struct.pack("<HHQQQ", 1, 24, 0, 0, 0)
        elif header >= _LIMIT:
            wide = struct.pack("<HHQ", 1, 8, 0)
        start = header + _LOCAL.size + len(encoded) + len(wide) + 4
        padding = -start % _ALIGNMENT
        extra = wide + struct.pack("<2sH", b"FB", padding) + b"Z" * padding
        checksum = zlib.crc32(data) if size else 0
        self._write(
            _LOCAL.pack(b"PK\x03\x04", 0, _flags(size), 0, 0, 0, 0, 0, 0, len(encoded), len(extra))
            + encoded
            + extra
        )
        if size:
            self._write(data.cast("B"))
            form = "<4sIQQ" if large else "<4sIII"
            self._write(struct.pack(form, b"PK\x07\x08", checksum, size, size))
        self._entries.append((encoded, header, size, checksum))

    def finish(self) -> None:
        """Write the archive's end."""
        try:
            self._finish()
        except OSError as error:
            raise RuntimeError(
                f"PytorchStreamWriter failed writing central directory: {error.strerror or error}"
            ) from error

    def _finish(self) -> None:
        start = self._position
        for encoded, header, size, checksum in self._entries:
            wide = b""
            if size >= _LIMIT:
                wide += struct.pack("<QQ", size, size)
            if header >= _LIMIT:
                wide += struct.pack("<Q", header)
            if wide:
                wide = struct.pack("<HH", 1, len(wide)) + wide
            short = min(size, _LIMIT)
            self._write(
                _CENTRAL.pack(
                    b"PK\x01\x02",
                    0,
                    0,
                    _flags(size),
                    0,
                    0,
                    0,
                    checksum,
                    short,
                    short,
                    len(encoded),
                    len(wide),
                    0,
                    0,
                    0,
                    0,
                    min(header, _LIMIT),
                )
                + encoded
                + wide
            )
        end, count = self._position, len(self._entries)
        length = end - start
        self._write(
            struct.pack(
                "<4sQHHIIQQQQ", b"PK\x06\x06", 44, 0x31E, 45, 0, 0, count, count, length, start
            )
            + struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
            + struct.pack(
                "<4sHHHHIIH",
                b"PK\x05\x06",
                0,
                0,
                min(count, 0xFFFF),
                min(count, 0xFFFF),
                min(length, _LIMIT),
                min(start, _LIMIT),
                0,
            )
        )
        if hasattr(self._file, "flush"):
            self._file.flush()

    def close(self, failed: bool) -> None:
        """Close the file that `open` opened; remove what a failure left of it."""
        if not self._owned or self._file is None:
            return
        try:
            self._file.close()
        except OSError as error:
            if not failed:
                self._remove()
                raise RuntimeError(
                    f"PytorchStreamWriter failed closing file: {error.strerror or error}"
                ) from error
        if failed:
            self._remove()

    def _remove(self) -> None:
        if not os.path.isfile(self._target):
            return
        with contextlib.suppress(OSError):  # without its end nobody takes it for whole
            os.remove(self._target)

    def identifier(self) -> bytes:
        """Return 40 digits made of the records' names and checksums."""
        names = checksums = 0
        for encoded, _, _, checksum in self._entries:
            names = (names * 1000003 ^ zlib.crc32(encoded)) & (2**64 - 1)
            checksums = (checksums * 1000003 ^ checksum) & (2**64 - 1)
        return f"{names:020d}{checksums:020d}".encode()


def _corrupt(what: str) -> RuntimeError:
    return RuntimeError(
        f"PytorchStreamReader failed {what}. This is an internal miniz error. If you are seeing "
        "this error, there is a high likelihood that your checkpoint file is corrupted. This can "
        "happen if the checkpoint was not saved properly, was transferred incorrectly, or the file "
        "was modified after saving."
    )


class Reader:
    """Reads an archive from a file that can be sought."""

    def __init__(self, file) -> None:
        self._file = file
        try:
            self._zip = zipfile.ZipFile(file)
            names = self._zip.namelist()
        except (zipfile.BadZipFile, struct.error, OSError, NotImplementedError):
            raise _corrupt("reading zip archive: failed finding central directory") from None
        if not names:
            raise _corrupt("reading zip archive: archive does not contain any files")
        self._root = names[0].partition("/")[0]
        self._names = set(names)
        if not self.has("version"):
            raise RuntimeError(
                'Expected hasRecord("version") to be true, but got false.  (Could this error '
                "message be improved?  If so, please report an enhancement request to PyTorch.)"
            )
        version = int(self.read("version"))
        if not 1 <= version <= 10:
            raise RuntimeError(
                f"Attempted to read a PyTorch file with version {version}, but the maximum "
                "supported version for reading is 10. The version of your PyTorch installation "
                "may be too old, please upgrade PyTorch to latest version to mitigate this issue."
            )

    def has(self, name: str) -> bool:
        """Tell whether there is a record."""
        return f"{self._root}/{name}" in self._names

    def _info(self, name):
        if not self.has(name):
            raise _corrupt(f"locating file {name}: file not found")
        return self._zip.getinfo(f"{self._root}/{name}")

    def read(self, name: str) -> bytes:
        """Return a record's bytes."""
        info = self._info(name)
        try:
            return self._zip.read(info)
        except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError):
            raise _corrupt(f"reading file {name}: invalid header or archive is corrupted") from None

    def size(self, name: str) -> int:
        """Return a record's size in bytes."""
        return self._info(name).file_size

    def offset(self, name: str) -> int:
        """Return where a stored record's bytes start in the file."""
        info = self._info(name)
        if info.compress_type != zipfile.ZIP_STORED:
            return -1
        start = getattr(info, "header_offset", 0)
        self._file.seek(start)
        header = self._file.read(_LOCAL.size)
        if len(header) < _LOCAL.size or header[:4] != b"PK\x03\x04":
            raise _corrupt(f"reading file {name}: invalid header or archive is corrupted")
        fields = _LOCAL.unpack(header)
        return start + _LOCAL.size + fields[9] + fields[10]

    def read_into(self, name: str, array) -> None:
        """Read a record's bytes into an array of that size."""
        start = self.offset(name)
        if start < 0:
            array[:] = memoryview(self.read(name))
            return
        self._file.seek(start)
        view, done = memoryview(array), 0
        while done < view.nbytes:
            count = self._fill(view[done:])
            if not count:
                raise _corrupt(f"reading file {name}: file read failed")
            done += count

    def _fill(self, view) -> int:
        if hasattr(self._file, "readinto"):
            return self._file.readinto(view)
        piece = self._file.read(view.nbytes)
        view[: len(piece)] = piece
        return len(piece)
