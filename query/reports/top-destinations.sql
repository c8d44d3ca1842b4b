-- title: Whom this node calls most
-- help: Outbound connections by destination: how many, how many failed, the bytes
-- help: exchanged, how long connecting took, which programs called (the four most
-- help: frequent ones by name) and when the last one started.
-- example: connmon-query top-destinations --since today --no-loopback
SELECT peer_addr,
       service_port,
       count(*)                         AS connections,
       sum(failed)                      AS failed,
       sum(tx_bytes)                    AS tx_bytes,
       sum(rx_bytes)                    AS rx_bytes,
       CAST(avg(connect_us) AS INTEGER) AS avg_connect_us,
       max(connect_us)                  AS max_connect_us,
       few(comm)                        AS programs,
       max(id - duration_us)            AS last_at
  FROM scope
 WHERE direction = 'out'
 GROUP BY peer_addr, service_port
 ORDER BY connections DESC, peer_addr, service_port
