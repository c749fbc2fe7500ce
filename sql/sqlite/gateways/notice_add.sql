-- A command to this server dropped answers.
INSERT INTO ppolicyd_notices
	(made, gateway, author, tables, check_name, pattern, word, place, good_max, made_max)
VALUES
	(:made, :gateway, :author, :tables, :check_name, :pattern, :word, :place, :good_max, :made_max)
