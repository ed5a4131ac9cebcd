"""What DuckDB itself makes of the same events: the peer of a backlog, and the judge of
outputs. Run by build/venv/bin/python; prints one line of JSON."""

import json
import resource
import sys
import time

import duckdb

from duck_columns import OUTPUT

ORDER = """STRUCT(order_id VARCHAR, customer_id VARCHAR, amount DECIMAL(10,2), quantity INTEGER, status VARCHAR,
  _created_at TIMESTAMP, _updated_at TIMESTAMP, _version VARCHAR)"""
CUSTOMER = "STRUCT(customer_id VARCHAR, name VARCHAR, region VARCHAR)"


def events(file, image):
    return (f"read_json('{file}', format='newline_delimited', "
            f"columns={{after: '{image}', source: 'STRUCT(position BIGINT)'}})")


def select(folder, first):
    """The pipeline's own SELECT, over the files, and `_offset` as ours has it."""
    return f"""SELECT c.after.order_id AS order_id, c.after.customer_id AS customer_id, k.after.name AS customer_name,
      k.after.region AS region, c.after.amount AS amount, c.after.quantity AS quantity, c.after.status AS status,
      c.after._created_at AS created_at, c.source.position - {first} AS _offset
    FROM {events(folder + '/orders.ndjson', ORDER)} c
    LEFT JOIN {events(folder + '/customers.ndjson', CUSTOMER)} k ON k.after.customer_id = c.after.customer_id"""


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def fingerprint(connection, relation, columns=OUTPUT):
    """Equal for equal multisets of rows."""
    rows, total = connection.sql(
        f"SELECT count(*), sum(hash(t)::HUGEINT) FROM (SELECT {columns} FROM {relation}) t").fetchone()
    return f"{rows}:{total}"


def main():
    verb, *arguments = sys.argv[1:]
    connection = duckdb.connect()
    connection.execute("SET threads=1; SET preserve_insertion_order=true; SET TimeZone='UTC'")
    answer = {"duckdb": duckdb.__version__}
    if verb == "copy":  # FOLDER FIRST OUT ROW_GROUP_ROWS
        folder, first, out, rows = arguments
        begin, used = time.monotonic(), cpu()
        connection.execute(f"COPY ({select(folder, first)}) TO '{out}' "
                           f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {rows})")
        answer.update(seconds=time.monotonic() - begin, cpu_s=cpu() - used,
                      rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
    elif verb == "parquet":  # GLOB: fingerprint of rows
        answer["rows"] = fingerprint(connection, f"read_parquet('{arguments[0]}')",
                                     OUTPUT + ", _offset::BIGINT AS o")
        answer["row_groups"], answer["codecs"] = connection.sql(
            "SELECT count(DISTINCT (file_name, row_group_id)), string_agg(DISTINCT compression, ',') "
            f"FROM parquet_metadata('{arguments[0]}')").fetchone()
    elif verb == "newest":  # FOLDER FIRST: what a table of the newest rows must hold
        connection.execute("SET memory_limit='8GB'; SET threads=2")
        answer["rows"] = fingerprint(connection, f"""({select(*arguments)}
          QUALIFY row_number() OVER (PARTITION BY c.after.order_id ORDER BY c.source.position DESC) = 1)""")
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
