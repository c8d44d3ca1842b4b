-- title: Where the history has holes
-- theme: overview
-- help: Times in which connections may be missing, and why: ring_full, table_full,
-- help: recursion (lost in the kernel), stopped (no collector ran), disk_full,
-- help: corrupt, pruned (deleted before it was totalled), set_aside (an earlier file
-- help: holds what came before). In a fleet pruned is also what was deleted before it
-- help: was sent, and rejected what the server would not take. Without a count nobody can know how many were lost.
-- help: uid is the user who lost most of them, and uid_count how many: who floods is named.
-- example: connmon-query gaps --since 30d
-- param: since time 7d from when on
-- param: limit limit 0 at most this many rows; 0: all
SELECT from_at,
       to_at,
       to_us - from_us AS duration_us,
       reason,
       count,
       uid,
       uid_count
--fleet:     , node
  FROM gaps
 WHERE to_us >= :since
   AND from_us < :until
 ORDER BY from_us DESC, id DESC
