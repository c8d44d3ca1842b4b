-- title: Connections that never came about
-- help: Failed attempts by destination and by how they failed: refused, timeout,
-- help: unreachable, cancelled and so on, with the error the program saw, which
-- help: programs tried (the four most frequent ones by name) and from when to when.
-- only: failed
-- example: connmon-query failures --since yesterday --outcome refused,timeout
SELECT peer_addr,
       service_port,
       outcome,
       error,
       count(*)              AS attempts,
       few(comm)             AS programs,
       min(id - duration_us) AS first_at,
       max(id - duration_us) AS last_at
  FROM scope
 GROUP BY peer_addr, service_port, outcome, error
 ORDER BY attempts DESC, peer_addr, service_port, outcome, error
