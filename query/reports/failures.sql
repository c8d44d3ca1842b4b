-- title: Connections that never came about
-- theme: trouble
-- help: Failed attempts by destination and by how they failed: refused, timeout,
-- help: unreachable, cancelled and so on, with the error the program saw. attempts are
-- help: all to that destination in the window, failed_pct is how many of a hundred
-- help: failed in this way. programs are those that failed, the four most frequent ones
-- help: by name, and the times are those of the first and the last failure.
-- only: failed
-- example: connmon-query failures --since yesterday --outcome refused,timeout
SELECT f.peer_addr,
       f.service_port,
       f.outcome,
       f.error,
       f.failed,
       a.attempts,
       round(100.0 * f.failed / a.attempts, 1) AS failed_pct,
       f.programs,
       f.first_at,
       f.last_at
  FROM (SELECT peer_addr, service_port, direction, outcome, error,
               count(*) AS failed, few(comm) AS programs,
               min(start_us) AS first_at, max(start_us) AS last_at
          FROM (SELECT peer_addr, service_port, direction, outcome, error, comm,
                       id - duration_us AS start_us
                  FROM scope)
         GROUP BY peer_addr, service_port, direction, outcome, error) f
  LEFT JOIN (SELECT peer_addr, service_port, direction, sum(connections) AS attempts
          FROM tally
         WHERE direction = 'out'
         GROUP BY peer_addr, service_port, direction) a
    ON a.peer_addr = f.peer_addr AND a.service_port = f.service_port
   AND a.direction = f.direction
 ORDER BY f.failed DESC, f.peer_addr, f.service_port, f.outcome, f.error
