-- title: Whom this node calls most
-- theme: parties
-- help: Outbound connections by destination: how many, how many failed, the bytes
-- help: exchanged, how long connecting took, which programs called (the four most
-- help: frequent ones by name) and when the last one started.
-- by: peer_addr, service_port
-- example: connmon-query top-destinations --since today --no-loopback
SELECT {by},
       sum(connections)                    AS connections,
       sum(failures)                       AS failed,
       sum(tx_bytes)                       AS tx_bytes,
       sum(rx_bytes)                       AS rx_bytes,
       sum(connect_us_sum) / sum(connects) AS avg_connect_us,
       max(connect_us_max)                 AS max_connect_us,
       few(comm, connections)              AS programs,
       max(last_start_us)                  AS last_at
--graph:     , sum(connections) AS connections_bar
  FROM tally
 WHERE direction = 'out'
 GROUP BY {by}
 ORDER BY connections DESC, {by}
