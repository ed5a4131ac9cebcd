"""Records of tenants in what operators ask: trace and verify."""

import json

import millrace
from accounts import PASSWORD, User, closed_project

NOTES = """
collection: notes
key: id
tenant: true
fields: {id: {type: text}, text: {type: text}}
rules: {create: true, get: true, list: true}
"""
URL = "/api/collections/notes/records"


def test_a_tenants_record_is_traced_and_verify_says_what_it_leaves_out(tmp_path):
    project, data = closed_project(tmp_path / "project", {"notes": NOTES}), tmp_path / "data"
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    with millrace.Server(project, data) as server:
        for tenant in ("acme", "other"):
            email = f"ada@{tenant}.example"
            millrace.run("users", "add", email, "--tenant", tenant, "--password-file", password, "--data", data, "--project", project)
            grant = server.api.post("/api/auth/login", {"email": email, "password": PASSWORD}).json
            assert User(server.api, email, grant).post(URL, {"id": "n1", "text": tenant}).status == 201
        def traced():
            out = millrace.run("trace", "notes/n1", "--data", data, "--json", check=False).stdout
            return json.loads(out)["items"] if out else []

        millrace.wait_until(lambda: [item["log"]["state"] for item in traced()] == ["logged"] * 2)
        items = traced()
        assert {item["tenant"]: (item["record"]["state"], item["log"]["state"]) for item in items} == {
            "acme": ("newest", "logged"), "other": ("newest", "logged")}
        (item,) = json.loads(millrace.run("trace", items[0]["event_id"], "--data", data, "--json").stdout)["items"]
        assert item == items[0]
        verdict = millrace.verify(data)
        assert verdict["agree"], verdict
        assert verdict["collections"]["notes"]["left_out"] == ["records of tenants are compared nowhere"]
        assert server.stop() == 0
