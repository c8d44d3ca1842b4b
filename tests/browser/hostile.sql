-- Names that a browser could take for something else than names.
UPDATE program SET comm = '<script>alert(1)</script>' WHERE id = 1;
UPDATE program SET comm = replace(hex(zeroblob(127)), '0', 'x') || 'y' WHERE id = 2;
UPDATE program SET comm = 'מתעד חיבורים 42', exe = '/opt/תוכנית' WHERE id = 3;
UPDATE program SET comm = '"><img src=x onerror=alert(2)>' WHERE id = 4;
UPDATE program SET comm = '</table></script><!--&amp;' WHERE id = 7;
