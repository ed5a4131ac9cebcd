-- The hours of the day (scheduled, local) by mean delay at departure, worst first.
SELECT sched_dep_time // 100 AS hour, count(dep_delay) AS flights,
       round(avg(dep_delay), 3) AS mean_delay, count(*) FILTER (status = 'cancelled') AS cancelled
FROM flights
GROUP BY ALL
ORDER BY mean_delay DESC NULLS LAST, hour
