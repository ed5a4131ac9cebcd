"""/openapi.json: valid, the router's table exactly, and true: examples are taken, answers fit their schemas."""

import accounts
import door
import millrace
import openapi
import pytest

EVERY_TYPE = """
collection: every_type
key: id
fields:
  id:     {type: bigint, generate: sequence}
  name:   {type: text, required: true, min_length: 2, max_length: 5}
  state:  {type: text, in: [new, used], default: new}
  amount: {type: "decimal(4,4)", min: 0.25}
  many:   {type: "bigint[]", min_length: 2}
  size:   {type: integer, max: 3}
  weight: {type: double}
  due:    {type: date, required: true}
  at:     {type: timestamp}
  other:  {type: uuid}
  photo:  {type: bytes, max_length: 9}
  gift:   {type: boolean}
  any:    {type: json}
  limit:  {type: text}
"""

CUSTOMERS = "collection: customers\nkey: customer_id\nfields:\n  customer_id: {type: text}\n  name: {type: text}\n"
CLICKS = "stream: clicks\nfields:\n  user_id: {type: text, required: true}\n  n: {type: bigint, min: 0}\n"
RAW = "stream: raw_events\nformat: raw\n"
COLLECTIONS = {"every_type": EVERY_TYPE, "customers": CUSTOMERS}
STREAMS = {"clicks": CLICKS, "raw_events": RAW}


@pytest.fixture
def project(tmp_path):
    return millrace.write_project(tmp_path / "project", COLLECTIONS, streams=STREAMS)


@pytest.fixture
def server(project, data):
    with millrace.Server(project, data) as running:
        yield running


def test_the_document_is_valid_and_names_every_route(server):
    document = server.api.get("/openapi.json").json
    assert openapi.validate(document) > 20
    names = {"collection": COLLECTIONS.keys(), "stream": STREAMS.keys()}
    assert openapi.described(document, names) == openapi.served(server.api.get("/metrics").body.decode())
    operations = [operation for item in document["paths"].values()
                  for method, operation in item.items() if method in openapi.METHODS]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    assert {"list_customers_records", "create_customers_records", "append_clicks_events"} <= set(ids)
    assert "security" not in document  # everything is open


def test_examples_are_taken_and_answers_fit(server):
    api = server.api
    document = api.get("/openapi.json").json
    checks = []
    for name in COLLECTIONS:
        path = f"/api/collections/{name}/records"

        def body(method, at):
            return document["paths"][at][method]["requestBody"]["content"]["application/json"]["example"]

        made = api.post(path, body("post", path))
        assert made.status == 201, made
        one = f"{path}/{made.json[document['paths'][path + '/{key}']['parameters'][0]['description'].split()[0]]}"
        changed = api.patch(one, body("patch", path + "/{key}"))
        replaced = api.put(one, body("put", path + "/{key}"))
        assert (changed.status, replaced.status) == (200, 200), (changed, replaced)
        checks += [(f"#/components/schemas/record.{name}", answer.json) for answer in (made, changed, replaced)]
        checks.append(("#/components/schemas/collection", api.get(f"/api/collections/{name}").json))
    events = "/api/streams/clicks/events"
    appended = api.post(events, document["paths"][events]["post"]["requestBody"]["content"]["application/json"]["example"])
    assert appended.status == 201, appended
    lines = api.post(events, '{"user_id":"a"}\n{"n":-1}\n', {"Content-Type": "application/x-ndjson"})
    checks += [("#/components/schemas/appended", answer.json) for answer in (appended, lines)]
    checks.append(("#/components/schemas/stored_event", api.get(events).json["items"][0]))
    checks += [("#/components/schemas/stream", stream) for stream in api.get("/api/streams").json["items"]]
    checks.append(("#/components/schemas/problem", api.post("/api/collections/customers/records", {"x": 1}).json))
    checks.append(("#/components/schemas/ready", api.get("/readyz").json))
    openapi.validate(document, checks)


def test_schemas_say_what_the_collection_says(server):
    schemas = server.api.get("/openapi.json").json["components"]["schemas"]
    create, record = schemas["create.every_type"], schemas["record.every_type"]
    assert create["required"] == ["name", "due"] and "id" in record["required"]
    assert create["properties"]["name"]["maxLength"] == 5
    assert create["properties"]["state"]["enum"] == ["new", "used", None]
    assert create["properties"]["state"]["default"] == "new"
    assert create["properties"]["amount"]["type"] == ["string", "number", "null"]
    assert record["properties"]["amount"]["type"] == ["string", "null"]
    assert create["properties"]["amount"]["minimum"] == 0.25
    assert "made by the server" in create["properties"]["id"]["description"]
    assert "_version" in record["required"] and "_version" not in create["properties"]
    assert "id" not in schemas["patch.every_type"]["properties"]


def test_ids_and_schemas_stay_when_the_project_grows(project, server, tmp_path):
    before = server.api.get("/openapi.json").json
    millrace.write_project(project, {"later": CUSTOMERS.replace("customers", "later", 1)})
    with millrace.Server(project, tmp_path / "other") as grown:
        after = grown.api.get("/openapi.json").json
    assert before["paths"].items() <= after["paths"].items()
    assert before["components"]["schemas"].items() <= after["components"]["schemas"].items()


def test_the_gateway_of_r0_describes_what_it_serves(tmp_path):
    with door.Door(tmp_path / "data") as gateway:
        api = gateway.api
        document = api.get("/api/docs-json").json
        assert document == api.get("/openapi.json").json
        assert (document["info"]["title"], document["info"]["version"]) == ("Monorepo API Gateway", "1.0")
        assert [tag["name"] for tag in document["tags"]][:2] == ["Authentication", "Users"]
        assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
        routes = openapi.described(document, {})
        assert routes == openapi.served(api.get("/metrics").body.decode())
        for path in ("/auth/register", "/auth/login", "/auth/users", "/auth/me", "/health"):
            for prefix in ("", "/api"):
                (operation,) = document["paths"][prefix + path].values()
                assert operation["responses"] and operation["tags"], path
        register = document["paths"]["/api/auth/register"]["post"]["requestBody"]["content"]["application/json"]["example"]
        schema = "#/components/schemas/"
        made = api.post("/api/auth/register", register)
        assert made.status == 201, made
        token = api.post("/auth/login", document["paths"]["/auth/login"]["post"]["requestBody"]["content"]["application/json"]["example"])
        assert token.status == 200, token
        openapi.validate(document, [
            (schema + "UserRto", made.json), (schema + "LoginRto", token.json), (schema + "health", api.get("/health").json),
            (schema + "Error", api.post("/api/auth/register", {}).json), (schema + "Error", api.get("/auth/me").json)])


def test_a_closed_project_describes_its_users_and_credentials(tmp_path, data):
    rules = """rules: {list: "auth.role = 'admin'"}\n"""
    project = accounts.closed_project(tmp_path / "project", {"customers": CUSTOMERS + rules}, streams={"clicks": CLICKS})
    with millrace.Server(project, data) as server:
        api = server.api
        document = api.get("/openapi.json").json
        names = {"collection": {"customers", "users"}, "stream": {"clicks"}}
        assert openapi.described(document, names) == openapi.served(api.get("/metrics").body.decode())
        assert document["security"] == [{"bearer": []}, {"api_key": []}]
        assert document["components"]["securitySchemes"].keys() == {"bearer", "api_key"}
        paths = document["paths"]
        sign_up = paths["/api/auth/sign-up"]["post"]
        assert sign_up["security"] == []
        made = api.post("/api/auth/sign-up", sign_up["requestBody"]["content"]["application/json"]["example"])
        assert made.status == 201, made
        body = paths["/api/auth/login"]["post"]["requestBody"]["content"]["application/json"]["example"]
        grant = api.post("/api/auth/login", body)
        me = api.get("/api/auth/me", Authorization=f"Bearer {grant.json['access_token']}")
        at = "/api/collections/customers/records"
        refused = api.post(at, {"customer_id": "c"})
        assert refused.status == 403 and "403" in paths[at]["post"]["responses"], refused
        schemas = "#/components/schemas/"
        openapi.validate(document, [(schemas + "grant", made.json), (schemas + "grant", grant.json),
                                    (schemas + "user", me.json), (schemas + "problem", refused.json)])
