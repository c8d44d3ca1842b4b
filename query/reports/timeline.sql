-- title: How many connections when
-- theme: overview
-- help: One line for each interval of the window: how many connections ended in it, how many
-- help: of them never came about or were reset, and the bytes that they exchanged in all.
-- help: What is open still, or ended after the window, counts in the last interval. Intervals
-- help: in which nothing ended are there, too. They begin at round times, in UTC.
-- param: every interval - how long an interval is, as in 5m; by default it fits the window
-- param: limit limit 0 at most this many rows; 0: all
-- example: connmon-query timeline --since 6h --every 30m --port 443
SELECT begin                  AS from_at,
       ifnull(connections, 0) AS connections,
       ifnull(failed, 0)      AS failed,
       ifnull(resets, 0)      AS resets,
       ifnull(tx_bytes, 0)    AS tx_bytes,
       ifnull(rx_bytes, 0)    AS rx_bytes
/*bar*/, ifnull(connections, 0) AS connections_bar
  FROM (WITH RECURSIVE steps(begin) AS
          (VALUES (:since / :every * :every)
           UNION ALL
           SELECT begin + :every FROM steps WHERE begin + :every < :until)
        SELECT begin FROM steps)
  LEFT JOIN (SELECT bucket,
                    sum(connections) AS connections,
                    sum(failures)    AS failed,
                    sum(resets)      AS resets,
                    sum(tx_bytes)    AS tx_bytes,
                    sum(rx_bytes)    AS rx_bytes
               FROM tally
              GROUP BY bucket) ON bucket = begin
 ORDER BY from_at
