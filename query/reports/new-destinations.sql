-- title: Whom this node calls for the first time
-- theme: overview
-- help: Outbound connections to destinations that were not called before the window, as far
-- help: back as the totals are kept: how many, how many failed, the bytes, which programs
-- help: called (the four most frequent ones by name), and when first. The filters hold for
-- help: what was before, too: with --comm curl it is what is new for curl.
-- by: peer_addr, service_port
-- param: with-since time @0 only what was called from then on counts as known
-- example: connmon-query new-destinations --since 1h --by peer_addr/24,comm
SELECT {by},
       sum(connections)           AS connections,
       sum(failures)              AS failed,
       sum(tx_bytes)              AS tx_bytes,
       sum(rx_bytes)              AS rx_bytes,
       few(program, connections)  AS programs,
       min(first_start_us)        AS first_at
  FROM (SELECT {by}, connections, failures, tx_bytes, rx_bytes, comm AS program,
               first_start_us, 0 AS known
          FROM tally
         WHERE direction = 'out'
         UNION ALL
        SELECT {by}, 0, 0, 0, 0, NULL, NULL, connections
          FROM earlier
         WHERE direction = 'out')
 GROUP BY {by}
HAVING sum(known) = 0
 ORDER BY first_at DESC, {by}
