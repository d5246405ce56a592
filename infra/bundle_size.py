"""How large the bundle is, against what Lambda allows."""

import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

LARGEST_BYTES = 250 * 1024 * 1024
"""Unpacked, layers included (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSize:
    """Sizes of a bundle.

    Attributes:
        files: how many there are.
        unpacked: bytes of all of them.
        packed: bytes of the zip.
    """

    files: int
    unpacked: int
    packed: int

    def __str__(self) -> str:
        return f"{self.files} files, {self.unpacked / _MEGABYTE:.1f} MB, {self.packed / _MEGABYTE:.1f} MB as a zip"


def measure(folder: Path) -> BundleSize:
    """Measure a bundle. The zip is made in memory only: the CDK command line makes the one that is sent."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(folder))
    return BundleSize(
        files=len(files), unpacked=sum(file.stat().st_size for file in files), packed=packed.getbuffer().nbytes
    )
