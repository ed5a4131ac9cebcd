"""Chromium without a window: what a page looks like once its scripts have run, and whom it asked."""

import json
import pathlib
import re
import subprocess
import tempfile


def open_page(url, width=1200, height=1600):
    """The rendered DOM, the PNG of it, and every address that was asked. Chromium itself asks nobody else."""
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)

        def chromium(*more):
            return subprocess.run(
                ["chromium-headless-shell", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                 f"--user-data-dir={directory}/profile", f"--log-net-log={directory}/net.json",
                 f"--window-size={width},{height}", "--virtual-time-budget=8000", *more, url],
                cwd=directory, capture_output=True, timeout=60, check=True).stdout.decode()

        chromium(f"--screenshot={directory}/page.png")
        dom = chromium("--dump-dom")
        asked = set(re.findall(r'"url":"(?!data:|chrome|devtools)([^"]+)"', (directory / "net.json").read_text()))
        return dom, (directory / "page.png").read_bytes(), {json.loads(f'"{address}"') for address in asked}
