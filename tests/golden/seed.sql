-- An invented history for the golden tests, seen at 2026-01-31T12:00:00Z, which is
-- 1769860800 s (fixed_clock.c). Times below are "now minus so many microseconds".

INSERT INTO run VALUES (1, 'b007', '0.1.0', 99, 1769600000000000, NULL, 1769860800000000, 30, 28, 2, 0, 0);

INSERT INTO container (id, cgroup_id, path, runtime, name, container_id, pod) VALUES
  (1, 4711, '/kubepods.slice/kubepods-podx.slice/cri-containerd-c0ffee123456789.scope', 'containerd',
   'proxy', 'c0ffee1234567890c0ffee1234567890c0ffee1234567890c0ffee1234567890', 'shop/web-0'),
  (2, 4712, '/system.slice/ssh.service', NULL, NULL, NULL, NULL);

INSERT INTO program VALUES
  (1, 'curl',  '/usr/bin/curl',   1000, NULL),
  (2, 'nginx', '/usr/sbin/nginx', 33,   1),
  (3, 'sshd',  '/usr/sbin/sshd',  0,    2),
  (4, 'naïve', NULL,              1001, NULL),
  -- A hostile name as the collector stores it, and names as only another writer
  -- could store them: a formula, one with a comma and a quote, and one with an
  -- escape sequence, a line end, a bidi override and a byte that is no UTF-8.
  (5, 'ev\x1b[31mil\x0a', '/tmp/a\\b',  1001, NULL),
  (6, '=cmd|A0',  '-1+1',               1001, NULL),
  (7, 'say "a,b"', '@SUM(A1)',          1001, NULL),
  (8, CAST(x'6576' || x'1b5b33316d' || x'0a' || x'e280ae' || x'ff' || x'eda080' AS TEXT), '', 1001, NULL);

INSERT INTO process (id, boot, pid, start_us, ppid, program_id, cmdline) VALUES
  (1, 1, 1001, 1, 1, 1, NULL), (2, 1, 1002, 1, 1, 1, NULL), (3, 1, 800, 1, 1, 2, NULL),
  (4, 1, 700, 1, 1, 3, NULL), (5, 1, 1005, 1, 1, 4, NULL), (6, 1, 1006, 1, 1, 5, NULL),
  (7, 1, 1007, 1, 1, 6, NULL), (8, 1, 1008, 1, 1, 7, NULL), (9, 1, 1009, 1, 1, 8, NULL);

-- now - id, duration_us, direction, outcome, error, local, port, peer, port, process, closer,
-- container, netns, connect_us, accept_wait_us, tx, rx, retransmits, srtt_us, min_rtt_us,
-- cookie, owner_source, flags
CREATE TEMP TABLE ended AS SELECT * FROM (VALUES
  -- before the last hour
  (7200000000,    5000000, 0, 2, NULL, '10.0.1.20', 40001, '10.0.1.10', 6443, 1, 1, NULL, 4026531840, 900, NULL, 100, 200, 0, 800, 700, 101, 1, 0),
  (3600000001,    1000000, 0, 16, 111, '10.0.1.20', 40002, '192.0.2.7', 443, 1, 1, NULL, 4026531840, NULL, NULL, 0, 0, 0, NULL, NULL, 102, 1, 0),
  -- started two days ago, ended five minutes ago
  (300000000, 172800000000, 0, 4, 104, '10.0.1.20', 40003, '10.0.1.10', 6443, 1, 1, NULL, 4026531840, 1500, NULL, 5368709120, 1048576, 17, 900, 650, 103, 1, 0),
  -- exactly at the edge of the last hour
  (3600000000,    1000000, 0, 2, NULL, '10.0.1.20', 40004, '10.0.1.10', 6443, 2, 2, NULL, 4026531840, 1100, NULL, 1, 2, 0, 900, 800, 104, 1, 0),
  (1800000000,     250000, 0, 2, NULL, '10.0.1.20', 40005, '10.0.1.10', 6443, 2, NULL, NULL, 4026531840, 1200, NULL, 1000, 2000, 1, 900, 800, 105, 1, 1),
  (1700000000,      80500, 0, 2, NULL, '2001:db8::20', 40006, '2001:db8::1', 443, 1, 1, NULL, 4026531840, 20123, NULL, 517, 14600, 0, 20100, 19000, 106, 1, 0),
  (1600000000,       2000, 0, 16, 111, '10.0.1.20', 40007, '192.0.2.7', 443, 1, 1, NULL, 4026531840, NULL, NULL, 0, 0, 0, NULL, NULL, 107, 1, 0),
  (1500000000,       1900, 0, 16, 111, '10.0.1.20', 40008, '192.0.2.7', 443, 5, 5, NULL, 4026531840, NULL, NULL, 0, 0, 0, NULL, NULL, 108, 1, 0),
  (1400000000,  127000000, 0, 17, 110, '10.0.1.20', 40009, '198.51.100.9', 22, 2, 2, NULL, 4026531840, NULL, NULL, 0, 0, 6, NULL, NULL, 109, 1, 0),
  (1300000000,    3050000, 0, 18, 113, '10.0.1.20', 40010, '198.51.100.10', 22, 2, 2, NULL, 4026531840, NULL, NULL, 0, 0, 2, NULL, NULL, 110, 1, 0),
  (1200000000,     500000, 0, 19, 9999, '10.0.1.20', 40011, '198.51.100.9', 22, 2, 2, NULL, 4026531840, NULL, NULL, 0, 0, 0, NULL, NULL, 111, 1, 0),
  -- inbound
  (1100000000,   64000000, 1, 2, NULL, '10.0.1.20', 443, '203.0.113.5', 51000, 3, 3, 1, 4026532000, NULL, 45, 20480, 700, 0, 15000, 14000, 112, 2, 0),
  (1000000000,    1000000, 1, 3, 104, '10.0.1.20', 443, '203.0.113.5', 51001, 3, NULL, 1, 4026532000, NULL, 60, 512, 70, 0, 15000, 14000, 113, 2, 0),
  (900000000,     1000000, 1, 6, NULL, '10.0.1.20', 443, '2001:db8::99', 51002, NULL, NULL, 1, 4026532000, NULL, NULL, 0, 0, 0, 15000, 14000, 114, NULL, 4),
  (800000000,     9000000, 1, 2, NULL, '10.0.1.20', 22, '10.0.1.99', 51003, 4, 4, 2, 4026531840, NULL, 20, 4096, 4096, 0, 300, 200, 115, 5, 0),
  -- the node with itself
  (700000000,        1000, 0, 2, NULL, '127.0.0.1', 40012, '127.0.0.1', 8080, 1, 1, NULL, 4026531840, 30, NULL, 10, 20, 0, 30, 20, 116, 1, 0),
  (699999999,        1001, 1, 2, NULL, '127.0.0.1', 8080, '127.0.0.1', 40012, 3, 3, 1, 4026531840, NULL, 5, 20, 10, 0, 30, 20, 117, 2, 0),
  (690000000,        1000, 0, 2, NULL, '::1', 40013, '::1', 8080, 1, 1, NULL, 4026531840, 30, NULL, 10, 20, 0, 30, 20, 118, 1, 0),
  (680000000,        1000, 0, 2, NULL, '10.0.1.20', 40014, '10.0.1.20', 8080, 1, 1, NULL, 4026531840, 30, NULL, 10, 20, 0, 30, 20, 119, 1, 0),
  -- hostile names
  (600000000,       10000, 0, 2, NULL, '10.0.1.20', 40015, '10.66.0.1', 80, 6, 6, NULL, 4026531840, 400, NULL, 1, 1, 0, 400, 400, 120, 1, 0),
  (590000000,       10000, 0, 2, NULL, '10.0.1.20', 40016, '10.66.0.1', 80, 7, 7, NULL, 4026531840, 400, NULL, 1, 1, 0, 400, 400, 121, 1, 0),
  (580000000,       10000, 0, 2, NULL, '10.0.1.20', 40017, '10.66.0.1', 80, 8, 8, NULL, 4026531840, 400, NULL, 1, 1, 0, 400, 400, 122, 1, 0),
  (570000000,       10000, 0, 2, NULL, '10.0.1.20', 40018, '10.66.0.1', 80, 9, 9, NULL, 4026531840, 400, NULL, 1, 1, 0, 400, 400, 123, 1, 0),
  (560000000,       10000, 0, 2, NULL, '10.0.1.20', 40019, '10.66.0.1', 80, 1, 1, NULL, 4026531840, 400, NULL, 1, 1, 0, 400, 400, 124, 1, 0),
  -- nobody saw its end; nobody knows its owner
  (500000000,    60000000, 0, 8, NULL, '10.0.1.20', 40020, '10.0.1.11', 5432, NULL, NULL, NULL, 4026531840, 2000, NULL, 0, 0, 0, NULL, NULL, 125, NULL, 2));
INSERT INTO local_address (netns, addr) SELECT DISTINCT column13, column6 FROM ended;
INSERT INTO connection (id, duration_us, direction, outcome, error, local_id, local_port,
  peer_addr, peer_port, process_id, closer_id, container_id, connect_us, accept_wait_us,
  tx_bytes, rx_bytes, retransmits, srtt_us, min_rtt_us, cookie, owner_source, flags)
SELECT 1769860800000000 - column1, column2, column3, column4, column5, l.id, column7, column8,
       column9, column10, column11, column12, column14, column15, column16, column17,
       column18, column19, column20, column21, column22,
       column23 | CASE WHEN column8 IN ('::1', column6) OR column8 LIKE '127.%' THEN 32 ELSE 0 END
  FROM ended JOIN local_address l ON l.netns = column13 AND l.addr = column6
 ORDER BY column1 DESC;
DROP TABLE ended;

INSERT INTO open_row (id, start_us, seen_us, direction, outcome, error, local_addr,
  local_port, peer_addr, peer_port, process_id, closer_id, container_id, netns, connect_us,
  accept_wait_us, tx_bytes, rx_bytes, retransmits, srtt_us, min_rtt_us, cookie, owner_source,
  flags) VALUES
  (1, 1769860800000000 - 10800000000, 1769860800000000, 1, 1, NULL, '10.0.1.20', 22, '10.0.1.99', 52000,
   4, NULL, 2, 4026531840, NULL, 25, 90000, 45000, 0, 300, 200, 201, 2, 0),
  (2, 1769860800000000 - 2500000, 1769860800000000, 0, 0, NULL, '10.0.1.20', 40021, '198.51.100.9', 443,
   2, NULL, NULL, 4026531840, NULL, NULL, 0, 0, 2, NULL, NULL, 202, 1, 0),
  (3, 1769860800000000 - 200000000, 1769860800000000, 0, 1, NULL, '10.0.1.20', 40022, '10.0.1.10', 6443,
   3, NULL, 1, 4026532000, 1300, NULL, 2048, 4096, 0, 900, 800, 203, 1, 0);

INSERT INTO gap (from_us, to_us, reason, count, uid, uid_count) VALUES
  (1769860800000000 - 259200000000, 1769860800000000 - 259100000000, 'stopped', NULL, NULL, NULL),
  (1769860800000000 - 1000000000, 1769860800000000 - 999000000, 'ring_full', 12, 1000, 5),
  (1769860800000000 - 86400000000, 1769860800000000 - 86399000000, 'disk_full', 3, 0, 1);

-- The node booted an hour before the collector started.
INSERT INTO clock VALUES (1769600000000000, 1, 1769600000000000 - 3600000000);

-- What DNS answers said. api is asked for all the time; kube once, ten seconds before the
-- connection of half past twelve; www first after the first connection to its address; one
-- address has a name that looks like another address, others have hostile ones: as the collector
-- stores them, and as only another writer could. One is as long as a name can be.
INSERT INTO dns_name VALUES
  ('10.0.1.10',    'api.example.com',       '10.0.0.53', 1769860800000000 - 259200000000, 1769860800000000 - 10000000, 5000),
  ('10.0.1.10',    'kube.example.com',      '10.0.0.53', 1769860800000000 - 1810000000, 1769860800000000 - 1810000000, 1),
  ('192.0.2.7',    'www.example.com',       '10.0.0.53', 1769860800000000 - 3500000000, 1769860800000000 - 60000000, 40),
  ('192.0.2.7',    'www.example.com',       '192.0.2.53', 1769860800000000 - 3400000000, 1769860800000000 - 3400000000, 1),
  ('2001:db8::1',  'xn--bcher-kva.example', '10.0.0.53', 1769860800000000 - 1700200000, 1769860800000000 - 1700200000, 1),
  ('10.0.1.99',    'laptop.corp.example',   '10.0.0.53', 1769860800000000 - 864000000000, 1769860800000000 - 432000000000, 9),
  ('198.51.100.9', '10.9.9.9',              '10.0.0.66', 1769860800000000 - 86000000000, 1769860800000000 - 1000000, 70),
  ('203.0.113.5',  printf('%.63c.%.63c.%.63c.%.61c', 'a', 'b', 'c', 'd'), '10.0.0.53', 1769860800000000 - 80000000000, 1769860800000000 - 80000000000, 1),
  ('10.66.0.1',    'ev\x1b[31mil.$(reboot).example', '10.0.0.66', 1769860800000000 - 595000000, 1769860800000000 - 595000000, 1),
  ('10.66.0.1',    CAST(x'6576' || x'1b5b33316d' || x'0a' || x'e280ae' || x'ff' || x'2e6578616d706c65' AS TEXT), '10.0.0.66', 1769860800000000 - 585000000, 1769860800000000 - 585000000, 1),
  ('198.51.100.99', 'later.example.com',    '10.0.0.53', 1769860800000000 + 60000000, 1769860800000000 + 60000000, 1);
