"""The shim of shim.c, compiled once, and the environment that arms it."""

import pathlib
import subprocess

import millrace

SOURCE = pathlib.Path(__file__).with_name("shim.c")
LIBRARY = millrace.ROOT / "build" / "faults-shim.so"


def build():
    if not LIBRARY.exists() or LIBRARY.stat().st_mtime < SOURCE.stat().st_mtime:
        LIBRARY.parent.mkdir(exist_ok=True)
        subprocess.run(["clang-19", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(LIBRARY), str(SOURCE),
                        "-ldl"], check=True)
    return LIBRARY


class Fault:
    """The `at`-th call of `kind` below `directory` fails in this `how`."""

    def __init__(self, directory, hit_file, kind, at, how="EIO", sticky=False):
        self.hit_file = pathlib.Path(hit_file)
        self.hit_file.unlink(missing_ok=True)
        self.name = f"{kind} {at} {how}{' from then on' if sticky else ''}"
        self.env = {"LD_PRELOAD": str(build()), "MR_SHIM_KIND": kind, "MR_SHIM_AT": str(at), "MR_SHIM_HOW": how,
                    "MR_SHIM_STICKY": "1" if sticky else "0", "MR_SHIM_BELOW": str(directory),
                    "MR_SHIM_HIT": str(self.hit_file)}

    @property
    def hit(self):
        """"pwrite /path", or None."""
        return self.hit_file.read_text().strip() if self.hit_file.exists() else None

    def __str__(self):
        return f"{self.name} at {self.hit}"
