-- Seats flown (landed flights whose plane is known) by destination.
SELECT dest, destination, count(*) AS flights, sum(seats)::BIGINT AS seats
FROM flights
WHERE status = 'landed' AND seats IS NOT NULL
GROUP BY ALL
ORDER BY seats DESC, dest
