-- The reference tables, as creates. Rows are operations: at, op, collection, key, body.
SELECT TIMESTAMPTZ '2012-12-01 00:00:00Z' AS "at", 'create' AS op, 'airlines' AS collection,
       carrier AS key, to_json(r) AS body
FROM read_csv('../data/airlines.csv', nullstr = 'NA') r
UNION ALL
SELECT TIMESTAMPTZ '2012-12-01 00:00:01Z', 'create', 'airports', faa, to_json(r)
FROM read_csv('../data/airports.csv', nullstr = 'NA') r
UNION ALL
SELECT TIMESTAMPTZ '2012-12-01 00:00:02Z', 'create', 'planes', tailnum, to_json(r)
FROM read_csv('../data/planes.csv', nullstr = 'NA') r
UNION ALL
SELECT TIMESTAMPTZ '2012-12-01 00:00:03Z', 'create', 'weather', weather_id, to_json(r)
FROM (SELECT origin || '-' || strftime(time_hour AT TIME ZONE 'UTC', '%Y%m%d%H') AS weather_id,
             origin, strftime(time_hour AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ') AS time_hour,
             temp, dewp, humid, wind_dir, wind_speed, wind_gust, precip, pressure, visib
      FROM read_csv('../data/weather.csv.gz', nullstr = 'NA')) r
ORDER BY "at", key
