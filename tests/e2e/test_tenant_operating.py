"""Records of tenants in what operators ask: trace and verify."""

import json
import shutil
import sqlite3

import millrace
import pytest
from accounts import PASSWORD, User, closed_project

NOTES = """
collection: notes
key: id
tenant: true
fields: {id: {type: text}, text: {type: text}}
rules: {create: true, get: true, list: true, update: true, delete: true}
"""
URL = "/api/collections/notes/records"


def test_a_tenants_record_is_traced(tmp_path):
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
        assert server.stop() == 0


@pytest.fixture(scope="module")
def of_tenants(tmp_path_factory):
    """Notes n0 to n4 of each of two tenants: n1 was changed, n2 is deleted. Those of `other` came second."""
    root = tmp_path_factory.mktemp("tenants")
    project, data, password = closed_project(root / "project", {"notes": NOTES}), root / "data", root / "password"
    password.write_text(PASSWORD + "\n")
    with millrace.Server(project, data) as server:
        for tenant in ("acme", "other"):
            email = f"ada@{tenant}.example"
            millrace.run("users", "add", email, "--tenant", tenant, "--password-file", password, "--data", data, "--project", project)
            ada = User(server.api, email, server.api.post("/api/auth/login", {"email": email, "password": PASSWORD}).json)
            for number in range(5):
                assert ada.post(URL, {"id": f"n{number}", "text": "same"}).status == 201
            assert server.api.patch(f"{URL}/n1", {"text": "changed"}, ada.headers).status == 200
            assert server.api.delete(f"{URL}/n2", ada.headers).status == 204
        millrace.wait_until(lambda: millrace.verify(data)["verdict"] == "agrees")
        assert server.stop() == 0
    return data


def planted(data, tmp_path, sql):
    copy = millrace.copy_data(data, tmp_path / "data")
    with sqlite3.connect(copy / "records.db") as db:
        db.execute(sql)
    db.close()
    return copy


def test_verify_compares_each_tenants_records_with_the_log(of_tenants):
    notes = millrace.verify(of_tenants)["collections"]["notes"]
    assert notes["verdict"] == "agrees" and notes["left_out"] == [], notes
    assert {name: one["rows"] for name, one in notes["history"].items()} == {"records": 14, "log": 14}
    assert {name: one["rows"] for name, one in notes["state"].items()} == {
        f"{store}/{tenant}": 4 for store in ("records", "log") for tenant in ("acme", "other")}


@pytest.mark.parametrize("sql,field", [
    ("DELETE FROM r_notes WHERE tenant = 'other' AND key = 'n3'", "missing"),
    ("UPDATE r_notes SET document = replace(document, 'same', 'else') WHERE tenant = 'other' AND key = 'n3'", "altered"),
])
def test_a_tenants_record_that_is_wrong_is_named_with_its_tenant(of_tenants, tmp_path, sql, field):
    data = planted(of_tenants, tmp_path, sql)
    verdict = millrace.verify(data)
    (finding,) = verdict["collections"]["notes"]["findings"]
    assert (finding["stage"], finding["store"], finding["tenant"]) == ("source", "records", "other")
    n3 = {item["tenant"]: item for item in json.loads(millrace.run("trace", "notes/n3", "--data", of_tenants, "--json").stdout)["items"]}
    assert {name: finding[name] for name in ("missing", "doubled", "altered")} == {"missing": [], "doubled": [], "altered": []} | {
        field: [n3["other"]["event_id"]]}
    assert millrace.in_slice(finding["slice"], n3["other"]["accepted_at"])
    assert "source records of tenant other: " in millrace.run("verify", "--data", data, check=False).stdout


def test_a_record_that_changed_its_tenant_is_named_in_both(of_tenants, tmp_path):
    """With the same content: all tenants together would add up."""
    data = planted(of_tenants, tmp_path, "UPDATE r_notes SET tenant = 'other', key = 'n2' WHERE tenant = 'acme' AND key = 'n3'")
    found = {one["tenant"]: one for one in millrace.verify(data)["collections"]["notes"]["findings"]}
    assert len(found["acme"]["missing"]) == 1 and found["other"]["doubled"] == found["acme"]["missing"]


def test_a_tenants_events_that_the_log_lost_are_named(of_tenants, tmp_path):
    data = millrace.copy_data(of_tenants, tmp_path / "data")
    shutil.rmtree(data / "log" / "acme" / "notes")
    found = {(one["stage"], one.get("tenant")): one for one in millrace.verify(data)["collections"]["notes"]["findings"]}
    assert set(found) == {("log", None), ("source", "acme")}
    assert len(found["log", None]["missing"]) == 7 and found["log", None]["found"]["rows"] == 7
    assert len(found["source", "acme"]["doubled"]) == 4
