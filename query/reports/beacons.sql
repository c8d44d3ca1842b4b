-- title: What connects at regular intervals
-- theme: patterns
-- help: Programs that connect to a destination again and again after the same time, as
-- help: health checks, cron jobs and malware do. score says how regular, 1 at most: the mean
-- help: of how symmetric the intervals are (Bowley's skewness) and how close to their median
-- help: (median absolute deviation), the way RITA (github.com/activecm/rita) scores
-- help: timestamps. Random connections come to about 0.5. Pairs with fewer than
-- help: --min-connections, or a score under --min-pct of a hundred, are left out, and those
-- help: with more than one a second: see churn.
-- example: connmon-query beacons --since 1d --min-connections 4
-- param: since time 1d from when on
-- param: min-connections int 10 leave out what connected less often
-- param: min-pct int 70 leave out what has a lower score, in hundredths
SELECT round(regular ->> 'score', 3) AS score,
       comm,
       exe,
       peer_addr,
       service_port,
       connections,
       regular ->> 'interval_us'      AS interval_us,
       failed,
       tx_bytes,
       rx_bytes,
       first_us                       AS first_at,
       last_us                        AS last_at
  FROM (SELECT comm, exe, peer_addr, service_port,
               sum(connections) AS connections, list_regularity(start_us_list) AS regular,
               sum(failures) AS failed, sum(tx_bytes) AS tx_bytes, sum(rx_bytes) AS rx_bytes,
               min(first_start_us) AS first_us, max(last_start_us) AS last_us
          FROM tally
         WHERE direction = 'out'
         GROUP BY comm, exe, peer_addr, service_port
        HAVING sum(connections) >= :min_connections
           AND sum(connections) <= (max(last_start_us) - min(first_start_us)) / 1000000)
 WHERE regular ->> 'score' >= :min_pct / 100.0
 ORDER BY score DESC, connections DESC, comm, exe, peer_addr, service_port
