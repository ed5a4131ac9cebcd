"""Columns that outputs are compared by, in SQL that ours and DuckDB's own engine take.
Timestamps as numbers: their types may differ."""

OUTPUT = ("order_id, customer_id, customer_name, region, amount, quantity, status, "
          "epoch_us(created_at::TIMESTAMP) AS created_at")
