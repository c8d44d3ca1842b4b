-- title: Many short connections to one place
-- theme: patterns
-- help: Where a program connects again and again for a short time instead of keeping its
-- help: connections: a client without keep-alive, a pool that is too small. per_s is how many
-- help: it were a second from the first to the last; ports, how many different local ports
-- help: they used: when they come near to those of ip_local_port_range (28232 on most
-- help: nodes, 60 s each after its end), connecting will fail. Only destinations with
-- help: --min-connections, the half of which ended within --max-ms.
-- example: connmon-query churn --since 1d --min-connections 2
-- param: min-connections int 100 leave out destinations with fewer
-- param: max-ms int 10000 leave out those of which the half lasted longer, in milliseconds
SELECT comm,
       peer_addr,
       service_port,
       connections,
       round(1e6 * connections / max(last_us - first_us, 1000000), 1) AS opened_per_s,
       CAST(median_us AS INTEGER)                                     AS duration_us,
       ports,
       failed,
       tx_bytes,
       rx_bytes,
       last_us                                                        AS last_at
  FROM (SELECT comm, peer_addr, service_port,
               sum(connections) AS connections,
               list_percentile(duration_us_list, 50) AS median_us,
               list_ports(local_port_list) AS ports,
               sum(failures) AS failed, sum(tx_bytes) AS tx_bytes, sum(rx_bytes) AS rx_bytes,
               min(first_start_us) AS first_us, max(last_start_us) AS last_us
          FROM tally
         WHERE direction = 'out'
         GROUP BY comm, peer_addr, service_port
        HAVING sum(connections) >= :min_connections)
 WHERE median_us <= 1000.0 * :max_ms
 ORDER BY connections DESC, comm, peer_addr, service_port
