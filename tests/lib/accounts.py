"""What tests of closed projects share: a project with users, and a user who is signed in."""

import base64
import json

import millrace

PASSWORD = "correct horse"


def closed_project(directory, collections, settings="", **more):
    """As millrace.write_project, without open access."""
    millrace.write_project(directory, collections, settings=settings, **more)
    (directory / "millrace.yaml").write_text(f"name: closed\n{settings}")
    return directory


class User:
    """Somebody with an access token; signs up at the first sight of an address."""

    def __init__(self, api, email, grant=None, **fields):
        self.api, self.email = api, email
        if grant is None:
            answer = api.post("/api/auth/sign-up", {"email": email, "password": PASSWORD, **fields})
            assert answer.status == 201, answer
            grant = answer.json
        self.token, self.refresh_token = grant["access_token"], grant["refresh_token"]
        self.id = grant["user"]["id"]

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def claims(self):
        return json.loads(base64.urlsafe_b64decode(self.token.split(".")[1] + "=="))

    def log_in(self):
        """Another session of the same user."""
        answer = self.api.post("/api/auth/login", {"email": self.email, "password": PASSWORD})
        assert answer.status == 200, answer
        return User(self.api, self.email, answer.json)

    def get(self, path):
        return self.api.request("GET", path, headers=self.headers)

    def post(self, path, body):
        return self.api.post(path, body, self.headers)
