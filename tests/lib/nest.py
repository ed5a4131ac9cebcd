"""NestJS's TCP transport from outside: frames of a client, and servers that misbehave."""

import json
import socket
import threading


def frame(message):
    """`<length in UTF-16 code units>#<json>`; text goes out as it is."""
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    return f"{len(text.encode('utf-16-le')) // 2}#{text}".encode()


class Client:
    """One connection of a NestJS client; not thread-safe."""

    def __init__(self, port, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.buffer = ""
        self.bytes = b""

    def send(self, data):
        self.socket.sendall(data)

    def read(self):
        """The next message; None when the other side has closed."""
        while True:
            try:
                text = self.bytes.decode()
            except UnicodeDecodeError:
                text = ""
            head, mark, rest = text.partition("#")
            if mark:
                units = rest.encode("utf-16-le")
                length = 2 * int(head)
                if len(units) >= length:
                    body = units[:length].decode("utf-16-le")
                    self.bytes = units[length:].decode("utf-16-le").encode()
                    return json.loads(body)
            chunk = self.socket.recv(65536)
            if not chunk:
                return None
            self.bytes += chunk

    def call(self, command, data, number="1"):
        self.send(frame({"pattern": {"cmd": command}, "data": data, "id": number}))
        return self.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class FakeService:
    """A TCP server in the identity service's place; `behave(connection)` runs for each connection."""

    def __init__(self, behave, port=0):
        self.listening = socket.create_server(("127.0.0.1", port))
        self.port = self.listening.getsockname()[1]
        self.behave = behave
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._run, args=[connection], daemon=True).start()

    def _run(self, connection):
        try:
            self.behave(connection)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listening.close()
        for connection in self.connections:
            connection.close()
