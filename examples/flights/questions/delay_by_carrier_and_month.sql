-- Mean delay at arrival, in minutes, by carrier and month.
SELECT airline, month(flight_date) AS month, count(arr_delay) AS flights,
       round(avg(arr_delay), 3) AS mean_delay
FROM flights
GROUP BY ALL
ORDER BY airline, month
