-- Takes a duty, or keeps it. No row: another server has it.
INSERT INTO ppolicyd_duties (name, gateway, until)
VALUES (:name, :gateway, :until)
ON CONFLICT (name) DO UPDATE SET gateway = excluded.gateway, until = excluded.until
WHERE ppolicyd_duties.until < :now OR ppolicyd_duties.gateway = excluded.gateway
RETURNING gateway
