-- title: Where segments had to be sent again
-- theme: trouble
-- help: Connections by peer and service port in which this node sent segments again, the
-- help: lossy ones first: how many connections, how many segments in all, on average and
-- help: at most, which programs, and the round-trip time: the median of the smoothed one
-- help: at the end, and the least. SYNs that nobody answered count, too: --outcome closed
-- help: leaves away what never came about.
-- example: connmon-query retransmits --since 1d --direction out
SELECT peer_addr,
       service_port,
       direction,
       count(*)                                       AS connections,
       sum(retransmits)                               AS segments,
       round(1.0 * sum(retransmits) / count(*), 1)    AS per_connection,
       max(retransmits)                               AS most,
       sum(failed)                                    AS failed,
       CAST(percentile(srtt_us, 50) AS INTEGER)       AS srtt_us,
       min(min_rtt_us)                                AS min_rtt_us,
       few(comm)                                      AS programs,
       max(start_us)                                  AS last_at
  FROM (SELECT peer_addr, service_port, direction, retransmits, failed, srtt_us, min_rtt_us,
               comm, id - duration_us AS start_us
          FROM scope
         WHERE retransmits > 0)
 GROUP BY peer_addr, service_port, direction
 ORDER BY segments DESC, peer_addr, service_port, direction
