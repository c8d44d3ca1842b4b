-- title: One source, many peers or ports
-- theme: patterns
-- help: What touches much: a program here that connects to many addresses or ports (out),
-- help: a peer that tries many of our ports, or is served by many programs (in). peers
-- help: and ports say how many different ones there were; targets, how many pairs of both.
-- help: Much that failed, with little said each time, is what a scan looks like. Sources with
-- help: less than --min targets are left out.
-- example: connmon-query fan-out --since 1d --direction in --min 5
-- param: min int 3 leave out what touched fewer targets
SELECT direction,
       source,
       exe,
       uid,
       peers,
       ports,
       targets,
       connections,
       failed,
       round(100.0 * failed / connections, 1) AS failed_pct,
       tx_bytes + rx_bytes                    AS total_bytes,
       common_ports,
       first_at,
       last_at
  FROM (SELECT 'out' AS direction, comm AS source, exe, uid,
               count(DISTINCT peer_addr) AS peers, count(DISTINCT service_port) AS ports,
               count(*) AS targets, sum(connections) AS connections, sum(failed) AS failed,
               sum(tx_bytes) AS tx_bytes, sum(rx_bytes) AS rx_bytes,
               few(service_port, connections) AS common_ports,
               min(first_us) AS first_at, max(last_us) AS last_at
          FROM (SELECT comm, exe, uid, peer_addr, service_port,
                       sum(connections) AS connections, sum(failures) AS failed,
                       sum(tx_bytes) AS tx_bytes, sum(rx_bytes) AS rx_bytes,
                       min(first_start_us) AS first_us, max(last_start_us) AS last_us
                  FROM tally
                 WHERE direction = 'out'
                 GROUP BY comm, exe, uid, peer_addr, service_port)
         GROUP BY comm, exe, uid
         UNION ALL
        SELECT 'in', peer_addr, NULL, NULL, 1, count(DISTINCT service_port),
               count(DISTINCT service_port), sum(connections), sum(failures),
               sum(tx_bytes), sum(rx_bytes), few(service_port, connections),
               min(first_start_us), max(last_start_us)
          FROM tally
         WHERE direction = 'in'
         GROUP BY peer_addr)
 WHERE targets >= :min
 ORDER BY targets DESC, connections DESC, direction, source, exe, uid
