-- a copy of the database must not talk to Amazon
UPDATE amazon_connection
   SET state = 'draft',
       lwa_client_id = NULL,
       stored_lwa_client_secret = NULL,
       stored_refresh_token = NULL;
UPDATE amazon_sync
   SET "window" = NULL,
       backlog_window = NULL;
DELETE FROM amazon_access_token;
