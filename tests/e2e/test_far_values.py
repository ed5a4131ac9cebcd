"""What SQL computes and records cannot have: dates beyond the years 1 to 9999, and JSON that is none."""

import millrace

THINGS = "collection: things\nkey: id\nfields: {id: {type: text}, days: {type: integer}, j: {type: text}}\n"
PIPELINE = """
pipeline: things
from: {changes: things}
sql: >
  SELECT id, DATE '9999-12-30' + days AS day, TIMESTAMPTZ '0001-01-02 12:00:00.5+00' - days * INTERVAL 1 DAY AS at,
  j::JSON AS j FROM changes
to:
  - table: {name: things, key: id, indexes: [[day]]}
"""
JSON = ["[1, 2]", "NaN", "[-Infinity]", "[1,]", '{"a": 1}']
DAYS = ["9999-12-30", "9999-12-31", "10000-01-01", "10000-01-02", "10000-01-03"]
TIMES = ["0001-01-02", "0001-01-01", "0000-12-31", "0000-12-30", "0000-12-29"]


def test_pages_go_on_over_far_dates_and_are_json(tmp_path):
    project = millrace.write_project(tmp_path / "project", {"things": THINGS}, {"things": PIPELINE})
    with millrace.Server(project, tmp_path / "data") as server:
        things = [{"id": str(i), "days": i, "j": JSON[i]} for i in range(5)]
        version = server.api.post("/api/collections/things/records", things).json[-1]["_version"]
        for order in ("day", "at.desc"):
            items, cursor = [], ""
            while len(items) < 9:
                page = server.api.get(f"/api/tables/things/rows?order={order}&limit=1&at_least={version}{cursor}")
                assert page.status == 200, page
                items += page.json["items"]
                if not page.json["next_cursor"]:
                    break
                cursor = "&cursor=" + millrace.quote(page.json["next_cursor"])
            assert [item["day"] for item in items] == DAYS
            assert [item["at"] for item in items] == [f"{day}T12:00:00.500000Z" for day in TIMES]
            assert [item["j"] for item in items] == [[1, 2], "NaN", "[-Infinity]", "[1,]", {"a": 1}]
