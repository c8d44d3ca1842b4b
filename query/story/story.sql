-- title: What this node did
-- theme: overview
-- help: A page for a browser, one file that needs nothing else, to keep, to print or to mail:
-- help: connections, bytes and failures over time, the parties that had most of them, who talks
-- help: to whom as a map, how long connecting took, what was called for the first time, what
-- help: lasted long or is open still, and where connections may be missing. All numbers are of
-- help: one moment, and those of the reports: timeline, failures, top-destinations,
-- help: top-processes --by comm, top-containers, top-clients, slow, new-destinations,
-- help: long-lived, gaps. A click on a party shows what is of it; Escape ends that.
-- param: since time 1d from when on
-- param: limit limit 12 at most this many bars and rows of each kind; 0, and at most: 60
-- param: every interval - how long a column of what is over time is, as in 5m; by default it fits
-- example: connmon-query story --since 24h > story.html
SELECT direction, comm, container, pod, peer_addr, service_port,
       connections, failures AS failed, tx_bytes, rx_bytes
  FROM tally
