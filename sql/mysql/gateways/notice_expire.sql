-- Deletes some of what all servers have seen long ago.
DELETE FROM ppolicyd_notices WHERE made < :made LIMIT 500
