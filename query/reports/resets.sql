-- title: Who reset whom
-- theme: trouble
-- help: Established connections that were cut off by a reset, by program, peer and side:
-- help: reset_by says who sent it. silent are those in which no byte had flowed, unanswered
-- help: those in which we had sent and got nothing back (a server that is restarted, a
-- help: proxy that gave up); the others were cut off in the middle or after all was said.
-- help: duration is the median time until the reset. A refused attempt is no reset: see
-- help: failures.
-- example: connmon-query resets --since 1d --port 443
SELECT comm,
       CASE outcome WHEN 'reset_by_us' THEN 'us' ELSE 'peer' END AS reset_by,
       direction,
       peer_addr,
       service_port,
       count(*)                                       AS resets,
       sum(tx_bytes = 0 AND rx_bytes = 0)             AS silent,
       sum(tx_bytes > 0 AND rx_bytes = 0)             AS unanswered,
       sum(tx_bytes)                                  AS tx_bytes,
       sum(rx_bytes)                                  AS rx_bytes,
       CAST(percentile(duration_us, 50) AS INTEGER)   AS duration_us,
       max(id)                                        AS last_at
  FROM (SELECT comm, outcome, direction, peer_addr, service_port, tx_bytes, rx_bytes,
               duration_us, id
          FROM scope
         WHERE outcome IN ('reset_by_peer', 'reset_by_us'))
 GROUP BY comm, outcome, direction, peer_addr, service_port
 ORDER BY resets DESC, comm, outcome, direction, peer_addr, service_port
