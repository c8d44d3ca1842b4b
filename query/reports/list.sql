-- title: The connections themselves, newest first
-- theme: rows
-- help: One line for each connection: what is open now, then what ended, the last
-- help: first. The id names a connection that has ended: see all that is known of
-- help: it with connmon-query sql 'SELECT * FROM connections WHERE id = ...'.
-- example: connmon-query list --comm 'c*' --limit 5
-- param: since time 1d from when on
-- param: limit limit 50 at most this many rows; 0: all
SELECT started_at,
--fleet:       node,
       duration_us,
       outcome,
       error,
       direction,
       comm,
       pid,
       peer_addr,
       service_port,
       connect_us,
       tx_bytes,
       rx_bytes,
       id
  FROM scope
 ORDER BY id DESC
