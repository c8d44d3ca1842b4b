-- title: Where connecting takes long
-- theme: trouble
-- help: How long it took until a connection was established, by destination: the median,
-- help: the time that 95 and 99 of a hundred stayed under, and the longest. Failed attempts
-- help: have no such time and do not count, but for when the last one started. Destinations with fewer than --min-connections
-- help: are left out: of few the percentiles say little.
-- example: connmon-query slow --since 1d --min-connections 1 --no-loopback
-- param: min-connections int 10 leave out destinations with fewer
SELECT peer_addr,
       service_port,
       sum(connects)                                          AS connections,
       CAST(list_percentile(connect_us_list, 50) AS INTEGER)  AS p50_us,
       CAST(list_percentile(connect_us_list, 95) AS INTEGER)  AS p95_us,
       CAST(list_percentile(connect_us_list, 99) AS INTEGER)  AS p99_us,
       max(connect_us_max)                                    AS max_us,
       few(comm, connections)                                 AS programs,
       max(last_start_us)                                     AS last_at
--graph:     , CAST(list_percentile(connect_us_list, 95) AS INTEGER) AS p95_bar
  FROM tally
 WHERE direction = 'out'
 GROUP BY peer_addr, service_port
HAVING sum(connects) >= max(:min_connections, 1)
 ORDER BY p95_us DESC, peer_addr, service_port
