-- title: Failures over time
-- help: How many connections never came about in each interval, by how they failed.
-- example: connmon-query story
-- only: failed
-- param: every interval - how long an interval is
-- param: limit limit 0 all
SELECT bucket           AS from_at,
       outcome,
       sum(connections) AS failed
  FROM tally
 GROUP BY bucket, outcome
 ORDER BY bucket, outcome
