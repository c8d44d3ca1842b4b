-- title: One process, with its ancestors and children
-- theme: parties
-- help: What is known of a process: its ancestors (the oldest first), itself and its
-- help: children, each with its program, when it started and ended, and how many
-- help: connections it had in the window. A process that called exec has a line for each
-- help: program it was. Several processes may have had the pid, one after the other: the
-- help: last one comes first, with its family. Only processes that connected or
-- help: listened, and the ancestors of such, are kept.
-- example: connmon-query process 1001 --since 7d
-- operand: process
-- needs: PID
-- param: process pid - the process
-- param: since time 1d count connections from when on
-- param: limit limit 0 at most this many rows; 0: all
WITH RECURSIVE
itself AS (SELECT id, boot, pid, start_us, parent_id FROM process WHERE pid = :process),
ancestor (of_boot, of_start_us, id, generation) AS (
  SELECT boot, start_us, parent_id, 1 FROM itself WHERE parent_id IS NOT NULL
   UNION
  SELECT a.of_boot, a.of_start_us, p.parent_id, a.generation + 1
    FROM ancestor a
    JOIN process p ON p.id = a.id
   WHERE p.parent_id IS NOT NULL
     AND a.generation < 32),
child (of_boot, of_start_us, id, generation) AS (
  SELECT DISTINCT i.boot, i.start_us, s.id, -1
    FROM process c
    JOIN itself i ON i.id = c.parent_id
    JOIN process s ON s.boot = c.boot AND s.pid = c.pid AND s.start_us = c.start_us),
family AS (
  SELECT * FROM ancestor
   UNION ALL
  SELECT boot, start_us, id, 0 FROM itself
   UNION ALL
  SELECT * FROM child),
counted AS (
  SELECT process_id, count(*) AS connections, sum(outcome >= 16) AS failed
    FROM connection
   WHERE id >= :since
     AND id - duration_us < :until
     AND process_id IN (SELECT id FROM family)
   GROUP BY process_id),
counted_open AS (
  SELECT process_id, count(*) AS connections
    FROM open_connection
   WHERE start_us < :until
     AND process_id IN (SELECT id FROM family)
   GROUP BY process_id)
SELECT CASE WHEN f.generation > 1 THEN 'ancestor'
            WHEN f.generation = 1 THEN 'parent'
            WHEN f.generation = 0 THEN 'itself'
            ELSE 'child' END                               AS is_its,
       p.pid,
       p.ppid,
       g.comm,
       g.exe,
       g.uid,
       k.name                                              AS container,
       p.cmdline,
       p.start_us                                          AS started_at,
       p.exit_us                                           AS ended_at,
       ifnull(c.connections, 0) + ifnull(o.connections, 0) AS connections,
       ifnull(c.failed, 0)                                 AS failed,
       ifnull(o.connections, 0)                            AS open
  FROM family f
  JOIN process p           ON p.id = f.id
  JOIN program g           ON g.id = p.program_id
  LEFT JOIN container k    ON k.id = g.container_id
  LEFT JOIN counted c      ON c.process_id = p.id
  LEFT JOIN counted_open o ON o.process_id = p.id
 ORDER BY f.of_boot DESC, f.of_start_us DESC, f.generation DESC, p.start_us, p.id
