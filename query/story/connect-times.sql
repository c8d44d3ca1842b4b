-- title: How long connecting took
-- help: Over all connections out that were established: how many took how long (see list_steps()
-- help: in totals_list_functions.c), and percentiles as slow has them.
-- example: connmon-query story
-- param: limit limit 0 all
SELECT sum(connects)                                         AS connections,
       CAST(list_percentile(connect_us_list, 50) AS INTEGER) AS p50_us,
       CAST(list_percentile(connect_us_list, 90) AS INTEGER) AS p90_us,
       CAST(list_percentile(connect_us_list, 99) AS INTEGER) AS p99_us,
       max(connect_us_max)                                   AS max_us,
       list_steps(connect_us_list)                           AS steps
  FROM tally
 WHERE direction = 'out'
