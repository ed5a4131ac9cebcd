SELECT f.dest, a.name AS destination, count(*) AS flights, sum(p.seats::BIGINT)::BIGINT AS seats
FROM read_csv('../../data/flights.csv.gz', all_varchar = true) f
JOIN read_csv('../../data/planes.csv', all_varchar = true) p ON p.tailnum = f.tailnum
LEFT JOIN read_csv('../../data/airports.csv', all_varchar = true) a ON a.faa = f.dest
WHERE f.arr_time <> 'NA' AND p.seats <> 'NA'
  AND (getvariable('month') IS NULL OR f.month = getvariable('month'))
GROUP BY ALL
ORDER BY seats DESC, dest
