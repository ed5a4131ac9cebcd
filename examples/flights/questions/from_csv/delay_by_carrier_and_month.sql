-- The same question to the files as they were published: no view, conversion or file of
-- the pipeline is used here.
SELECT a.name AS airline, f.month::BIGINT AS month, count(*) FILTER (f.arr_delay <> 'NA') AS flights,
       round(avg(TRY_CAST(f.arr_delay AS BIGINT)), 3) AS mean_delay
FROM read_csv('../../data/flights.csv.gz', all_varchar = true) f
LEFT JOIN read_csv('../../data/airlines.csv', all_varchar = true) a ON a.carrier = f.carrier
WHERE getvariable('month') IS NULL OR f.month = getvariable('month')
GROUP BY ALL
ORDER BY airline, month
