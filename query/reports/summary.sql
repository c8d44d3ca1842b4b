-- title: What this node was doing
-- theme: overview
-- help: The window at a glance: all connections, those out and those in, with how many peers;
-- help: the programs, destinations, clients and ports served that had most of them; the
-- help: peers that failed most, without a port where several of theirs did; and gaps, in
-- help: which connections may be missing. What to ask next: failures, compare,
-- help: new-destinations, timeline.
-- param: top int 3 how many of each
-- param: limit limit 0 at most this many rows; 0: all
-- example: connmon-query summary --since 1d --top 5
SELECT what, name, connections, failed, tx_bytes, rx_bytes, peers, last_at
  FROM (WITH destinations AS MATERIALIZED
          (SELECT peer_addr, service_port, sum(connections) AS connections,
                  sum(failures) AS failed, sum(tx_bytes) AS tx_bytes,
                  sum(rx_bytes) AS rx_bytes, max(last_start_us) AS last_at
             FROM tally
            WHERE direction = 'out'
            GROUP BY peer_addr, service_port),
        clients AS MATERIALIZED
          (SELECT peer_addr, sum(connections) AS connections, sum(failures) AS failed,
                  sum(tx_bytes) AS tx_bytes, sum(rx_bytes) AS rx_bytes,
                  max(last_start_us) AS last_at
             FROM tally
            WHERE direction = 'in'
            GROUP BY peer_addr),
        ways AS MATERIALIZED
          (SELECT 'out' AS way, sum(connections) AS connections, sum(failed) AS failed,
                  sum(tx_bytes) AS tx_bytes, sum(rx_bytes) AS rx_bytes,
                  count(DISTINCT peer_addr) AS peers, max(last_at) AS last_at
             FROM destinations
            UNION ALL
           SELECT 'in', sum(connections), sum(failed), sum(tx_bytes), sum(rx_bytes), count(*),
                  max(last_at)
             FROM clients)
        SELECT 1 AS section, 'all' AS what, NULL AS name, sum(connections) AS connections,
               sum(failed) AS failed, sum(tx_bytes) AS tx_bytes, sum(rx_bytes) AS rx_bytes,
               NULL AS peers, max(last_at) AS last_at, sum(connections) AS place
          FROM ways
        HAVING sum(connections) > 0
         UNION ALL
        SELECT iif(way = 'out', 2, 3), way, NULL, connections, failed, tx_bytes, rx_bytes,
               peers, last_at, 0
          FROM ways
         WHERE connections > 0
         UNION ALL
        SELECT *
          FROM (SELECT 4, 'program', comm, sum(connections) AS n, sum(failures), sum(tx_bytes),
                       sum(rx_bytes), NULL, max(last_start_us), sum(connections)
                  FROM tally
                 GROUP BY comm
                 ORDER BY n DESC, comm
                 LIMIT :top)
         UNION ALL
        SELECT *
          FROM (SELECT 5, 'destination',
                       iif(instr(peer_addr, ':'), '[' || peer_addr || ']', peer_addr)
                         || ':' || service_port,
                       connections, failed, tx_bytes, rx_bytes, NULL, last_at, connections
                  FROM destinations
                 ORDER BY connections DESC, peer_addr, service_port
                 LIMIT :top)
         UNION ALL
        SELECT *
          FROM (SELECT 6, 'failing',
                       CASE
                         WHEN count(*) > 1 THEN peer_addr
                         WHEN instr(peer_addr, ':') THEN '[' || peer_addr || ']:' || service_port
                         ELSE peer_addr || ':' || service_port
                       END,
                       sum(connections), sum(failed) AS n, sum(tx_bytes), sum(rx_bytes), NULL,
                       max(last_at), sum(failed)
                  FROM destinations
                 WHERE failed > 0
                 GROUP BY peer_addr
                 ORDER BY n DESC, peer_addr
                 LIMIT :top)
         UNION ALL
        SELECT *
          FROM (SELECT 7, 'client', peer_addr, connections, failed, tx_bytes, rx_bytes, NULL,
                       last_at, connections
                  FROM clients
                 ORDER BY connections DESC, peer_addr
                 LIMIT :top)
         UNION ALL
        SELECT *
          FROM (SELECT 8, 'port served', CAST(service_port AS TEXT), sum(connections) AS n,
                       sum(failures), sum(tx_bytes), sum(rx_bytes), NULL, max(last_start_us),
                       sum(connections)
                  FROM tally
                 WHERE direction = 'in'
                 GROUP BY service_port
                 ORDER BY n DESC, service_port
                 LIMIT :top)
         UNION ALL
        SELECT 9, 'gap', reason, sum(count), NULL, NULL, NULL, NULL, max(to_us), count(*)
          FROM gaps
         WHERE to_us >= :since
           AND from_us < :until
         GROUP BY reason)
 ORDER BY section, place DESC, name
