"""A client of live subscriptions: one that keeps a map by the four rules, and no more."""

import base64
import json
import os
import socket
import urllib.parse

RECORD, REMOVE, RESET, READY = "record", "remove", "reset", "ready"


class Message:
    def __init__(self, event, id, data):
        self.event, self.id, self.data = event, id, data

    def __repr__(self):
        return f"<{self.event} {self.id.lstrip('0')} {self.data}>"


class Refused(Exception):
    """The answer is no stream."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body[:500]}")
        self.status, self.body = status, body


class Closed(Exception):
    """The server, or the network, ended the stream."""


class Subscription:
    """One connection. `websocket`: the same messages as frames."""

    def __init__(self, port, collection, query="", last=None, websocket=False, timeout=20, origin=None, token=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.buffer, self.websocket, self.fields, self.last = b"", websocket, {}, last
        parameters = [query] if query else []
        headers = [f"Host: localhost:{port}"]
        if websocket:
            key = base64.b64encode(os.urandom(16)).decode()
            headers += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                        f"Sec-WebSocket-Key: {key}"]
            if last:
                parameters.append("last_event_id=" + urllib.parse.quote(last))
        elif last:
            headers.append(f"Last-Event-ID: {last}")
        if token:
            headers.append(f"Authorization: Bearer {token}")
        if origin:
            headers.append(f"Origin: {origin}")
        path = f"/api/collections/{collection}/records/live" + ("?" + "&".join(parameters) if parameters else "")
        self.socket.sendall("\r\n".join([f"GET {path} HTTP/1.1", *headers, "", ""]).encode())
        self.read_head()

    def read_head(self):
        head = self.until(b"\r\n\r\n").decode().split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
        if self.status != (101 if self.websocket else 200):
            raise Refused(self.status, self.exactly(int(self.headers.get("content-length", 0))).decode())

    def more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            raise Closed()
        self.buffer += data

    def exactly(self, count):
        while len(self.buffer) < count:
            self.more()
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def until(self, mark):
        while mark not in self.buffer:
            self.more()
        return self.exactly(self.buffer.index(mark) + len(mark))

    def next(self):
        """The next message; comments and pings are passed over. Raises Closed, TimeoutError."""
        message = self.next_frame() if self.websocket else self.next_event()
        self.last = message.id
        return message

    def take(self, count):
        return [self.next() for _ in range(count)]

    def until_event(self, event):
        """Messages up to the first of this kind, which is the last one."""
        out = [self.next()]
        while out[-1].event != event:
            out.append(self.next())
        return out

    def next_event(self):
        """As the standard of server-sent events says (field by field, an event without data is none)."""
        event, data = "message", []
        while True:
            line = self.until(b"\n")[:-1].decode()
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line and data:
                return Message(event, self.last, json.loads("\n".join(data)))
            if not line:
                event = "message"
            elif name == "event":
                event = value
            elif name == "data":
                data.append(value)
            elif name == "id":
                self.last = value

    def next_frame(self):
        while True:
            first, size = self.exactly(2)
            if size >= 126:
                size = int.from_bytes(self.exactly(2 if size == 126 else 8), "big")
            payload = self.exactly(size)
            if first == 0x81:
                return Message(**json.loads(payload))
            if first == 0x88:
                self.close_code = int.from_bytes(payload[:2], "big")
                raise Closed()
            assert first == 0x89, f"frame {first:#x}"
            self.send_frame(10, payload)

    def send_frame(self, opcode, payload, mask=b"\1\2\3\4"):
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.socket.sendall(bytes([0x80 | opcode, 0x80 | len(payload)]) + mask + masked)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Mirror:
    """The map that the four rules make, and the id to go on from."""

    def __init__(self, key):
        self.key, self.records, self.last, self.resets, self.ready = key, {}, None, 0, False

    def apply(self, message):
        if message.event == RECORD:
            self.records[message.data[self.key]] = message.data
        elif message.event == REMOVE:
            self.records.pop(message.data["key"], None)
        elif message.event == RESET:
            self.records, self.ready = {}, False
            self.resets += 1
        else:
            assert message.event == READY, message
            self.ready = True
        self.last = message.id
