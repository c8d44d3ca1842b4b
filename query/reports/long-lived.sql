-- title: The connections that lasted longest
-- theme: rows
-- help: One line for each connection, the longest first, those that are still open
-- help: included: outcome open, with the time and the bytes so far.
-- example: connmon-query long-lived --since 1d --no-loopback
SELECT started_at,
--fleet:       node,
       duration_us,
       outcome,
       direction,
       comm,
       pid,
       container,
       peer_addr,
       service_port,
       tx_bytes,
       rx_bytes
  FROM scope
 -- What is too short is known before its names are sought.
 WHERE duration_us >= (SELECT ifnull(min(duration_us), 0)
                         FROM (SELECT duration_us FROM durations ORDER BY 1 DESC LIMIT :first))
 ORDER BY duration_us DESC, started_at, peer_addr, service_port, pid
