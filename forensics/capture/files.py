"""The octets of a file, decompressed on the way."""

from __future__ import annotations

import zlib
from io import RawIOBase
from pathlib import Path
from typing import Any

from forensics.errors import CaptureError

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_DAMAGE = (EOFError, zlib.error, OSError)
_COMPRESSED_OCTETS = 1 << 16
_ZSTD_STEP_OCTETS = 1 << 14
_GZIP_HEADER = 16 + zlib.MAX_WBITS


class OctetFile:
    """A plain, gzip or Zstandard file that is read into a caller's buffer.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    size : int
        Octets on disk.
    fault : str
        Why a compressed file ended early; empty where it did not.

    Raises
    ------
    CaptureError
        The file is missing, a folder, or may not be read.
    """

    def __init__(self, path: Path) -> None:
        self.fault = ""
        try:
            self._disk: RawIOBase = open(path, "rb", buffering=0)  # noqa: SIM115 - closed by close()
            self.size = path.stat().st_size
            magic = self._disk.read(4) or b""
        except FileNotFoundError:
            raise CaptureError(f"No file {path}. Check the path.") from None
        except OSError as error:
            raise CaptureError(f"{path} cannot be read: {error.strerror}. A capture file is needed.") from None
        self._disk.seek(0)
        self._plain = self._decompressed(magic)

    def _decompressed(self, magic: bytes) -> Any:
        if magic.startswith(_GZIP_MAGIC):
            return _GzipOctets(self._disk)
        if magic == _ZSTD_MAGIC:
            return _ZstdOctets(self._disk)
        return self._disk

    def fill(self, buffer: memoryview) -> int:
        """Read until `buffer` is full or the file ends; return the number of octets read.

        Damage inside a compressed file ends it: what came before is kept, `fault` says what happened.
        """
        filled = 0
        while filled < len(buffer) and not self.fault:
            try:
                got = self._plain.readinto(buffer[filled:])
            except _DAMAGE as error:
                self.fault = self._told("damaged or cut off", error)
                break
            except Exception as error:  # zstandard has an error class of its own, which is not imported here
                if type(error).__name__ != "ZstdError":
                    raise
                self.fault = self._told("damaged", error)
                break
            if not got:
                break
            filled += got
        return filled

    def _told(self, what: str, error: Exception) -> str:
        return f"the compressed file is {what} before its octet {self.position} ({type(error).__name__})"

    @property
    def position(self) -> int:
        """Octets of the file on disk that were read so far."""
        return self._disk.tell()

    def close(self) -> None:
        """Close the file."""
        if self._plain is not self._disk:
            self._plain.close()
        self._disk.close()

    def __enter__(self) -> OctetFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _ZstdOctets:
    """A Zstandard file of any number of frames, in small steps: a fault costs what its own step would have given."""

    def __init__(self, disk: RawIOBase) -> None:
        import zstandard

        self._reader = zstandard.ZstdDecompressor().stream_reader(
            disk,  # type: ignore[arg-type]
            read_size=_ZSTD_STEP_OCTETS,
            read_across_frames=True,
        )

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` at least in part; return 0 at the end."""
        return self._reader.readinto1(buffer)

    def close(self) -> None:
        """Do nothing: whoever opened the disk file closes it."""


class _GzipOctets:
    """A gzip file of any number of members; unlike `gzip.GzipFile` it hands out all octets before a fault."""

    def __init__(self, disk: RawIOBase) -> None:
        self._disk = disk
        self._inflate = zlib.decompressobj(_GZIP_HEADER)
        self._compressed = b""

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` at least in part; return 0 at the end. Raises EOFError where a member is cut off."""
        while True:
            if self._inflate.eof:
                self._compressed = self._inflate.unused_data or self._disk.read(_COMPRESSED_OCTETS) or b""
                if not self._compressed.startswith(_GZIP_MAGIC):
                    return 0
                self._inflate = zlib.decompressobj(_GZIP_HEADER)
            self._compressed = self._compressed or self._disk.read(_COMPRESSED_OCTETS) or b""
            if not self._compressed:
                raise EOFError
            octets = self._inflate.decompress(self._compressed, len(buffer))
            self._compressed = self._inflate.unconsumed_tail
            if octets:
                buffer[: len(octets)] = octets
                return len(octets)

    def close(self) -> None:
        """Do nothing: whoever opened the disk file closes it."""
