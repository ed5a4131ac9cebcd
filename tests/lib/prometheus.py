"""A real Prometheus (./dev servers) that scrapes servers, asked over its own API."""

import json
import pathlib
import signal
import subprocess
import urllib.parse
import urllib.request

import millrace


class Prometheus:
    def __init__(self, directory, ports):
        binary = millrace.ROOT / "build" / "servers" / "usr" / "bin" / "prometheus"
        if not binary.exists():
            subprocess.run([millrace.ROOT / "dev", "servers"], check=True)
        directory = pathlib.Path(directory)
        config = directory / "prometheus.yml"
        targets = [f"127.0.0.1:{port}" for port in ports]
        config.write_text(json.dumps({
            "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms"},
            "scrape_configs": [{"job_name": "millrace", "static_configs": [{"targets": targets}]}]}))
        self.port = millrace.free_port()
        self.process = subprocess.Popen(
            [binary, f"--config.file={config}", f"--storage.tsdb.path={directory / 'tsdb'}",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=error"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        """The series that it has now: [{"metric": …, "value": [time, text]}]."""
        return self.ask("query", query=expression)["result"]

    def up(self):
        """Whether every target has been scraped, and well; Prometheus may not answer yet."""
        try:
            targets = self.ask("targets")["activeTargets"]
        except OSError:
            return False
        return bool(targets) and all(target["health"] == "up" for target in targets)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
