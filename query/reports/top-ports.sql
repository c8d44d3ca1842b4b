-- title: Which services are used most
-- theme: parties
-- help: Connections by direction and service port: for in, the ports of this node that
-- help: were called; for out, those it called elsewhere. How many, how many failed, the
-- help: bytes, and the programs at this end (the four most frequent ones by name).
-- by: direction, service_port
-- example: connmon-query top-ports --direction in --since 1d
SELECT {by},
       sum(connections)       AS connections,
       sum(failures)          AS failed,
       sum(resets)            AS resets,
       sum(tx_bytes)          AS tx_bytes,
       sum(rx_bytes)          AS rx_bytes,
       few(comm, connections) AS programs,
       max(last_start_us)     AS last_at
--graph:     , sum(connections) AS connections_bar
  FROM tally
 GROUP BY {by}
 ORDER BY connections DESC, {by}
