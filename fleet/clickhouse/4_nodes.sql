-- One row for each node and name that it had, renewed once a minute, or each time that the node looks for
-- something new where that is less often (--every); the newest holds.
CREATE TABLE IF NOT EXISTS nodes@local@ (
  node_id         @word@,
  node            @word@,
  at_us           UInt64,             -- when this was sent, by the node's clock
  version         @word@,             -- of connmon-forward
  boot_id         String,             -- of the node
  instance        String,             -- of the state file: two of one node_id are two nodes
  begin_us        Int64,              -- start of the first run that the node knows of
  sent_us         Int64,              -- what ended until then is here
  last_id         Int64,              -- of the row of connections sent last; 0: none
  totals_until_us Int64,              -- hourly holds all that ended before; 0: nothing
  behind_rows     Int64,              -- rows that wait on the node
  behind_us       Int64,              -- the end of the newest of them less that of the one sent last
  rows_sent       Int64,              -- by this state file, and of them
  rows_resent     Int64,              -- more than once
  bad_rows        Int64,              -- set aside on the node: no server would take them
  unsent_rows     Int64,              -- at least: deleted on the node before they were sent; see gaps
  skew_us         Int64               -- the server's clock less the node's
) ENGINE = @replacing(nodes, at_us)@
ORDER BY (node_id, node);

@sharded CREATE TABLE IF NOT EXISTS nodes AS nodes_local
@sharded ENGINE = Distributed(@cluster@, @database@, nodes_local, cityHash64(node_id));
