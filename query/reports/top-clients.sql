-- title: Who calls this node most
-- theme: parties
-- help: Inbound connections by client and the local port it called: how many, how
-- help: many went wrong, the bytes exchanged, which programs served them (the four
-- help: most frequent ones by name) and when the last one started.
-- by: peer_addr, service_port
-- example: connmon-query top-clients --port 22 --since 1d
SELECT {by},
       sum(connections)       AS connections,
       sum(failures)          AS failed,
       sum(tx_bytes)          AS tx_bytes,
       sum(rx_bytes)          AS rx_bytes,
       few(comm, connections) AS served_by,
       max(last_start_us)     AS last_at
--graph:     , sum(connections) AS connections_bar
  FROM tally
 WHERE direction = 'in'
 GROUP BY {by}
 ORDER BY connections DESC, {by}
