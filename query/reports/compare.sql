-- title: What grew, what is new and what is gone
-- theme: overview
-- help: This window beside the one before it, of the same length, or beside any other: how
-- help: many connections there were in each, how many failed, and the bytes exchanged, what
-- help: changed most first. A change is new, gone, more, less or same. What was there in
-- help: both windows counts in both; with --ended it counts where it ended.
-- by: direction, comm, service_port
-- param: with-since time - begin of the window to compare with
-- param: with-until time - its end; by default where this window begins
-- example: connmon-query compare --since 1h --with-since 25h --with-until 24h
SELECT {by},
       CASE WHEN sum(before) = 0 THEN 'new'
            WHEN sum(now) = 0 THEN 'gone'
            WHEN sum(now) > sum(before) THEN 'more'
            WHEN sum(now) < sum(before) THEN 'less'
            ELSE 'same' END AS change,
       sum(now)             AS connections,
       sum(before)          AS before_connections,
       round(100.0 * (sum(now) - sum(before)) / nullif(sum(before), 0), 1) AS growth_pct,
       sum(failed)          AS failed,
       sum(before_failed)   AS before_failed,
       sum(bytes)           AS total_bytes,
       sum(before_total)    AS before_bytes
  FROM (SELECT {by}, connections AS now, failures AS failed, tx_bytes + rx_bytes AS bytes,
               0 AS before, 0 AS before_failed, 0 AS before_total
          FROM tally
         UNION ALL
        SELECT {by}, 0, 0, 0, connections, failures, tx_bytes + rx_bytes
          FROM earlier)
 GROUP BY {by}
 ORDER BY abs(sum(now) - sum(before)) DESC, connections DESC, {by}
