-- The lives of the flights in event-time order: one create each, an update when it departs
-- (has dep_time), when it lands (has arr_time), when it is cancelled (no dep_time).
-- `--set month=1` replays one month, nothing set the whole year.
WITH flights AS (
  SELECT *, strftime(make_date(year, month, day), '%Y%m%d') || '-' || carrier || '-' || flight
              || '-' || origin AS flight_id,
         time_hour + to_minutes(minute) AS scheduled_at,
         scheduled_at + to_minutes(coalesce(dep_delay, 0)) AS departed_at
  FROM read_csv('../data/flights.csv.gz', nullstr = 'NA')
  WHERE getvariable('month') IS NULL OR month = CAST(getvariable('month') AS INTEGER)
)
SELECT scheduled_at - INTERVAL 1 DAY AS "at", 'create' AS op, 'flights' AS collection,
       flight_id AS key,
       to_json({flight_id: flight_id, flight_date: make_date(year, month, day), carrier: carrier,
                flight: flight, tailnum: tailnum, origin: origin, dest: dest,
                time_hour: strftime(time_hour AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ'),
                sched_dep_time: sched_dep_time, sched_arr_time: sched_arr_time,
                distance: distance}) AS body
FROM flights
UNION ALL
SELECT departed_at, 'update', 'flights', flight_id,
       to_json({status: 'departed', dep_time: dep_time, dep_delay: dep_delay})
FROM flights WHERE dep_time IS NOT NULL
UNION ALL
SELECT departed_at + to_minutes(coalesce(air_time, distance // 7 + 1)), 'update', 'flights',
       flight_id,
       to_json({status: 'landed', arr_time: arr_time, arr_delay: arr_delay, air_time: air_time})
FROM flights WHERE arr_time IS NOT NULL
UNION ALL
SELECT scheduled_at, 'update', 'flights', flight_id, to_json({status: 'cancelled'})
FROM flights WHERE dep_time IS NULL
ORDER BY "at", key
