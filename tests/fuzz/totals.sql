-- The totals of the invented history, as the collector keeps them: of its finished hours, and of
-- five minutes each in the last two. It is 2026-01-31T12:00:00Z, the begin of hour 491628 and of
-- slot 5899536.
INSERT INTO hourly
SELECT c.id / 3600000000, direction, peer_addr, CASE direction WHEN 0 THEN peer_port ELSE local_port END,
       ifnull(program_id, 0), ifnull(container_id, 0), (flags & 32) != 0, count(*),
       sum(outcome >= 16), sum(outcome IN (3, 4)), sum(tx_bytes), sum(rx_bytes), sum(retransmits),
       count(connect_us), ifnull(sum(connect_us), 0), ifnull(max(connect_us), 0),
       sum(duration_us), min(c.id - duration_us) - c.id / 3600000000 * 3600000000,
       max(c.id - duration_us) - min(c.id - duration_us)
  FROM connection c LEFT JOIN process p ON p.id = process_id
 GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO hourly_program
SELECT c.id / 3600000000, direction, CASE direction WHEN 0 THEN peer_port ELSE local_port END,
       ifnull(program_id, 0), ifnull(container_id, 0), (flags & 32) != 0, count(*),
       sum(outcome >= 16), sum(outcome IN (3, 4)), sum(tx_bytes), sum(rx_bytes), sum(retransmits),
       count(connect_us), ifnull(sum(connect_us), 0), ifnull(max(connect_us), 0),
       sum(duration_us), min(c.id - duration_us) - c.id / 3600000000 * 3600000000,
       max(c.id - duration_us) - min(c.id - duration_us)
  FROM connection c LEFT JOIN process p ON p.id = process_id
 GROUP BY 1, 2, 3, 4, 5, 6;
INSERT INTO recent
SELECT c.id / 300000000, direction, peer_addr, CASE direction WHEN 0 THEN peer_port ELSE local_port END,
       ifnull(program_id, 0), ifnull(container_id, 0), (flags & 32) != 0, count(*),
       sum(outcome >= 16), sum(outcome IN (3, 4)), sum(tx_bytes), sum(rx_bytes), sum(retransmits),
       count(connect_us), ifnull(sum(connect_us), 0), ifnull(max(connect_us), 0),
       sum(duration_us), min(c.id - duration_us) - c.id / 300000000 * 300000000,
       max(c.id - duration_us) - min(c.id - duration_us)
  FROM connection c LEFT JOIN process p ON p.id = process_id
 WHERE direction = 0
 GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO recent_program
SELECT c.id / 300000000, direction, CASE direction WHEN 0 THEN peer_port ELSE local_port END,
       ifnull(program_id, 0), ifnull(container_id, 0), (flags & 32) != 0, count(*),
       sum(outcome >= 16), sum(outcome IN (3, 4)), sum(tx_bytes), sum(rx_bytes), sum(retransmits),
       count(connect_us), ifnull(sum(connect_us), 0), ifnull(max(connect_us), 0),
       sum(duration_us), min(c.id - duration_us) - c.id / 300000000 * 300000000,
       max(c.id - duration_us) - min(c.id - duration_us)
  FROM connection c LEFT JOIN process p ON p.id = process_id
 GROUP BY 1, 2, 3, 4, 5, 6;
UPDATE extent SET totals_until_hour = 491627, recent_from_slot = 5899512, recent_until_slot = 5899534;
