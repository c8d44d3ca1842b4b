-- What many.db has beside the history of seed.sql: an hour, twenty days ago, for the reports
-- that look at many connections together. From 2026-01-11T12:00:00Z on (1768132800 s).
INSERT INTO program VALUES
  (20, 'systemd', '/usr/lib/systemd/systemd', 0, NULL),
  (21, 'agent',   '/opt/agent/agent',         998, NULL),
  (22, 'app',     '/srv/app/app',             1500, 1),
  (23, 'nmap',    '/usr/bin/nmap',            1000, NULL),
  (24, 'sh',      '/bin/sh',                  1500, 1);
INSERT INTO process (id, boot, pid, start_us, ppid, program_id, cmdline, parent_id, exit_us) VALUES
  (20, 1, 1,    1768000000000000, 0,    20, '/sbin/init', NULL, NULL),
  (21, 1, 2001, 1768000001000000, 1,    21, NULL,         20,   NULL),
  -- pid 2002 was a shell that became app; another process had it four days before
  (22, 1, 2002, 1767800000000000, 1,    21, 'agent --update', 20, 1767800100000000),
  (23, 1, 2002, 1768132700000000, 2001, 24, 'sh -c app',  21,   NULL),
  (24, 1, 2002, 1768132700000000, 2001, 22, 'app',        21,   1768136400000000),
  (25, 1, 2003, 1768132900000000, 2002, 22, 'app worker', 24,   1768133000000000),
  (26, 1, 2004, 1768132800000000, 1,    23, NULL,         20,   1768133400000000);
INSERT INTO local_address (id, netns, addr) VALUES (2000, 4026531840, '10.0.9.20');

CREATE TEMP TABLE many AS
WITH RECURSIVE i(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM i WHERE i < 199)
-- agent: each minute, up to 200 ms early or late
SELECT 60000000 * i + (i * 7919 % 5 - 2) * 100000 AS start, 150000 AS duration, 0 AS direction,
       2 AS outcome, '192.0.2.80' AS peer, 443 AS peer_port, 42000 + i AS local_port,
       21 AS process, 9000 + 10 * (i % 7) AS connect, 600 AS tx, 1200 AS rx, 0 AS retransmits
  FROM i WHERE i < 58
 UNION ALL
-- curl: as often, at any time
SELECT (i * i * i * 104729 + i * 7919) % 3499 * 1000000, 20000, 0, 2, '192.0.2.81', 80,
       43000 + i, 1, 30000, 100, 2000, 0
  FROM i WHERE i < 58
 UNION ALL
-- app: four a second to its database, on ports that it uses again
SELECT 600000000 + 250000 * i, 20000, 0, 2, '10.20.0.5', 5432, 30000 + i % 120, 24,
       500 + 10 * i, 300, 900, (i % 40 = 7) * 3
  FROM i WHERE i < 180
 UNION ALL
SELECT 700000000 + 1000000 * i, 5000000, 0, 2, '198.51.100.80', 8443, 44000 + i, 25,
       i * 40000 + (i = 19) * 3000000, 5000, 50000, i % 3
  FROM i WHERE i < 20
 UNION ALL
-- nmap: ports of six hosts, most of them refused
SELECT 900000000 + 100000 * i, 1000, 0, CASE WHEN i % 9 = 0 THEN 2 ELSE 16 END,
       '10.30.0.' || (1 + i % 6), 20 + i % 10, 45000 + i, 26,
       CASE WHEN i % 9 = 0 THEN 800 END, 0, 0, 0
  FROM i WHERE i < 60
 UNION ALL
-- and one who tries ours
SELECT 1200000000 + 2000000 * i, 30000, 1, 3, '203.0.113.66', 33000 + i, 8000 + i % 8,
       CASE WHEN i % 2 THEN 24 END, NULL, 0, 0, 0
  FROM i WHERE i < 16
 UNION ALL
SELECT * FROM (VALUES
  -- cut off: by the peer before an answer, by us in the middle, and late
  (1500000000, 3000000, 0, 3, '10.20.0.6', 6379, 46000, 24, 700, 50, 0, 0),
  (1510000000, 5000000, 0, 3, '10.20.0.6', 6379, 46001, 24, 700, 70, 0, 0),
  (1520000000, 4000000, 0, 3, '10.20.0.6', 6379, 46002, 24, 700, 70, 300, 2),
  (1530000000, 9000000, 0, 4, '10.20.0.6', 6379, 46003, 24, 700, 0, 0, 0),
  (1540000000, 1000000, 1, 4, '203.0.113.5', 51500, 443, 3, NULL, 4000, 200, 5),
  -- for five days, until now
  (-432000000000, 433000000000, 0, 2, '10.20.0.7', 5672, 47000, 24, 900, 70000000, 90000000, 1),
  (-7200000000, 9000000000, 1, 2, '10.0.1.99', 53000, 22, 4, NULL, 80000, 20000, 0),
  (100000000, 1700000000, 0, 2, '10.20.0.7', 5672, 47001, 24, 900, 1000, 2000, 0));
INSERT INTO connection (id, duration_us, direction, outcome, error, local_id, local_port,
  peer_addr, peer_port, process_id, closer_id, container_id, connect_us, accept_wait_us,
  tx_bytes, rx_bytes, retransmits, srtt_us, min_rtt_us, cookie, owner_source, flags)
-- In the order of their ends, and no two at once.
SELECT 1768132800000000 + start + duration + row_number() OVER (ORDER BY start + duration),
       duration, direction, outcome,
       CASE outcome WHEN 16 THEN 111 WHEN 3 THEN 104 END, 2000, local_port, peer, peer_port,
       process, NULL, CASE WHEN direction = 1 AND process IN (3, 24) THEN 1 END, connect, NULL,
       tx, rx, retransmits,
       connect + 100, connect, NULL, 1, 0
  FROM many;
DROP TABLE many;

INSERT INTO listener (netns, addr, port, program_id, from_us, to_us) VALUES
  (4026531840, '0.0.0.0', 22,  3,  1768000000000000, NULL),
  (4026531840, '::',      22,  3,  1768000000000000, NULL),
  (4026532000, '0.0.0.0', 443, 2,  1768000005000000, NULL),
  (4026531840, '127.0.0.1', 9100, 21, 1768133000000000, NULL),
  (4026531840, '0.0.0.0', 8001, 22, 1768132800000000, 1768136400000000);

-- The same program on the same port, on the node and in a container: who came to one did not come
-- to the other.
INSERT INTO program VALUES (25, 'app', '/srv/app/app', 1500, NULL);
INSERT INTO listener (netns, addr, port, program_id, from_us, to_us) VALUES
  (4026531840, '127.0.0.1', 8001, 25, 1768132800000000, 1768136400000000);
