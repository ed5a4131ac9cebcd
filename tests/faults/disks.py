"""File systems of a test's own: loop-mounted images whose power can be cut, and small
tmpfs. Needs root, /dev/loop*, mkfs.ext4 and mkfs.xfs: without them tests fail, they are
never left out."""

import fcntl
import os
import pathlib
import struct
import subprocess

import millrace

# _IOR('X', 125, __u32): ext4 and XFS stop at once. Without the log flushed, what was not
# synced is gone; with it, file sizes and names survive that nobody synced, without data.
SHUTDOWN = 0x8004587D
LOSE_LOG, FLUSH_LOG = 2, 1


def command(*args):
    result = subprocess.run([str(a) for a in args], capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, args))}: exit {result.returncode}: {result.stderr.strip()}; "
                           "these tests need root, loop devices, e2fsprogs and xfsprogs")
    return result.stdout


class Mount:
    """A mounted directory; use as a context manager."""

    def __init__(self, place, *mount_args):
        self.place = pathlib.Path(place)
        self.mount_args = mount_args
        self.place.mkdir(parents=True, exist_ok=True)
        self.mounted = False

    def mount(self):
        command("mount", *self.mount_args, self.place)
        self.mounted = True
        return self

    def unmount(self):
        """Waits for the last file of an ended process to be closed."""
        def done():
            result = subprocess.run(["umount", str(self.place)], capture_output=True, text=True)
            return result.returncode == 0
        millrace.wait_until(done, 20, 0.05, f"unmount {self.place}")
        self.mounted = False

    def __enter__(self):
        return self.mount()

    def __exit__(self, *_):
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.place)], capture_output=True)
            self.mounted = False


class Disk(Mount):
    """A sparse image with a file system."""

    def __init__(self, directory, fs="ext4", mebibytes=1024):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.image = directory / f"{fs}.img"
        with open(self.image, "wb") as file:
            file.truncate(mebibytes << 20)
        command(f"mkfs.{fs}", "-q", *(["-F"] if fs == "ext4" else ["-f"]), self.image)
        super().__init__(directory / fs, "-o", "loop", self.image)

    def cut(self, flag=LOSE_LOG):
        """The power goes: nothing reaches the disk any more. What this does not do as true
        power does: a sync under way in the kernel meanwhile may return success although
        nothing was kept (seen with a bare append and fdatasync loop, ext4 and XFS, in every
        third round). So an answer that arrives after the cut began proves nothing."""
        fd = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", flag))
        finally:
            os.close(fd)

    def restore(self):
        """The power is back. Every process on it must have ended."""
        self.unmount()
        self.mount()

    def __exit__(self, *_):
        super().__exit__()
        self.image.unlink(missing_ok=True)


def tmpfs(directory, mebibytes):
    return Mount(directory, "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs")


def fill(directory, leave=0):
    """Takes all room of a file system but `leave` bytes; the file that holds it."""
    ballast = pathlib.Path(directory) / ".ballast"
    with open(ballast, "ab") as file:
        try:
            while True:
                file.write(b"\0" * 65536)
                file.flush()
        except OSError:
            pass
        try:
            file.close()
        except OSError:
            pass
    if leave:
        os.truncate(ballast, max(0, ballast.stat().st_size - leave))
    return ballast
