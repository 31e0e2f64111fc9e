"""A storage for tests that is reached by URL alone, ``store://FOLDER/NAME``: fsspec finds it by its entry point, as it finds
what users install, in this process and in those of a cluster."""

import errno
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem


class Store(LocalFileSystem):
    """A folder of this machine. A file ``full`` in a folder forbids uploads into it, ``closed`` all access."""

    protocol = "store"

    def __init__(self, **options):
        super().__init__(auto_mkdir=True, **options)

    @classmethod
    def _strip_protocol(cls, path):
        return LocalFileSystem._strip_protocol(str(path).removeprefix("store://"))

    def info(self, path, **options):
        """Where there is access."""
        if (Path(self._strip_protocol(path)).parent / "closed").exists():
            raise PermissionError("Access Denied")
        return super().info(path, **options)

    def put_file(self, lpath, rpath, callback=None, **options):
        """Half of it, where there is no room."""
        target = Path(self._strip_protocol(rpath))
        if (target.parent / "full").exists():
            target.write_bytes(Path(lpath).read_bytes()[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(Path(lpath).read_bytes())


def installed(folder: Path) -> Path:
    """Install it into ``folder``, for processes that have that, and this folder, in their path."""
    told = folder / "store-1.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: store\nVersion: 1\n")
    (told / "entry_points.txt").write_text("[fsspec.specs]\nstore = store:Store\n")
    return folder
