-- Every statement sees what was committed before it. Once for each connection.
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED
