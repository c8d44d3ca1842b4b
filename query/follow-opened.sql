-- title: What is open now, with what tells one from another
-- help: The columns of follow.sql, and the connection's name.
-- example: connmon-query follow --opened
SELECT started_at AS happened_at,
       outcome,
       direction,
       comm,
       pid,
       peer_addr,
       service_port,
       NULL       AS duration_us,
       connect_us,
       tx_bytes,
       rx_bytes,
       error,
       NULL       AS id,
       ifnull(cookie, started_at || local_addr || ' ' || local_port || ' ' || peer_addr || ' '
                      || peer_port) AS name
  FROM still_open
 ORDER BY started_at
