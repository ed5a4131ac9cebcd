SELECT hour::INTEGER AS hour, count(*) FILTER (dep_delay <> 'NA') AS flights,
       round(avg(TRY_CAST(dep_delay AS BIGINT)), 3) AS mean_delay,
       count(*) FILTER (dep_time = 'NA') AS cancelled
FROM read_csv('../../data/flights.csv.gz', all_varchar = true)
WHERE getvariable('month') IS NULL OR month = getvariable('month')
GROUP BY ALL
ORDER BY mean_delay DESC NULLS LAST, hour
