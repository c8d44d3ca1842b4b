-- title: Which names stand for which addresses
-- theme: parties
-- help: What DNS answers said, as they passed this node: a name that was asked for, an address
-- help: that was the answer, and who answered; how often in all, the first time and the last.
-- help: Nobody has proved it. Write a name, or a pattern as '*.example.com'. With --resolve any
-- help: report shows the names of its addresses, --peer takes a name, and --by name sums by it.
-- example: connmon-query names '*.example.com' --since 7d
-- operand: name
-- param: since time 1d answered from when on
-- param: limit limit 50 at most this many rows; 0: all
-- param: name pattern - what was asked for; * and ? stand for any text, any character
-- param: address network - what was answered: an address or a network
SELECT name,
       address,
       server,
--fleet:       node,
       answers,
       first_us AS first_at,
       last_us  AS last_at
  FROM dns_name
 WHERE last_us >= :since
   AND first_us < :until
   AND (:name IS NULL
        OR matches(name, rtrim(iif(:name LIKE '.%', '*', '') || lower(:name), '.')))
   AND (:address IS NULL OR ip_in(address, :address))
 ORDER BY last_us DESC, name, address, server
