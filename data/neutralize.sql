-- a copy of the database must not talk to Amazon, nor hold what Amazon's buyers did not give to it
DELETE FROM ir_config_parameter WHERE key = 'amazon_connector.key_proof';
DELETE FROM amazon_secret;
DELETE FROM amazon_access_token;
DELETE FROM amazon_quota;
DELETE FROM amazon_authorization;
DELETE FROM amazon_check;
DELETE FROM amazon_stock_change;
UPDATE res_company
   SET amazon_application_id = NULL,
       amazon_lwa_client_id = NULL,
       amazon_secret_renewed_on = NULL,
       amazon_environment = 'production',
       amazon_spapi_endpoint = NULL,
       amazon_lwa_endpoint = NULL;
UPDATE amazon_connection
   SET state = 'draft',
       is_copy = TRUE,
       environment = 'production',
       spapi_endpoint = NULL,
       lwa_endpoint = NULL,
       lwa_client_id = NULL,
       authorized_on = NULL,
       secret_renewed_on = NULL,
       reason = NULL,
       connect_error = NULL,
       connect_error_date = NULL,
       listed_refs = NULL;
UPDATE amazon_sync
   SET "window" = NULL,
       backlog_window = NULL,
       last_error = NULL,
       last_error_date = NULL,
       keeps_turn_until = NULL,
       readings = NULL;
UPDATE amazon_account
   SET adjusts_drift = FALSE,
       price_push = 'off',
       prices_changed = FALSE;
UPDATE amazon_account
   SET invoice_sending = 'none';
UPDATE account_move
   SET amazon_send_state = CASE WHEN amazon_send_state = 'sent' THEN 'sent' END,
       amazon_send_reason = NULL,
       amazon_send_answer = NULL,
       amazon_send_next_try = NULL,
       amazon_payment_answer = NULL
 WHERE amazon_order_ref IS NOT NULL;
UPDATE sale_order
   SET amazon_invoice_answer = NULL
 WHERE amazon_invoice_answer IS NOT NULL;
UPDATE amazon_offer
   SET price_state = NULL,
       price_target = NULL,
       price_reason = NULL,
       price_answer = NULL,
       price_attempts = 0,
       price_next_try = NULL,
       price_approved = NULL,
       price_approver_id = NULL,
       is_price_unread = FALSE;
UPDATE amazon_feed
   SET content = NULL,
       answer = NULL,
       state = CASE WHEN state = 'done' THEN state ELSE 'failed' END;
UPDATE amazon_report
   SET answer = NULL,
       next_try = NULL,
       state = CASE WHEN state = 'done' THEN state ELSE 'failed' END;
UPDATE amazon_shipment
   SET state = 'skipped',
       answer = NULL,
       is_held = FALSE,
       next_try = NULL
 WHERE state != 'confirmed';
UPDATE amazon_cancellation
   SET state = 'skipped',
       answer = NULL,
       is_held = FALSE,
       next_try = NULL
 WHERE state != 'confirmed';
UPDATE amazon_invoice_upload
   SET state = 'skipped',
       reason = 'It was not uploaded before the database was copied.',
       answer = NULL,
       is_held = FALSE,
       next_try = NULL
 WHERE state != 'confirmed';
UPDATE amazon_account SET stock_push = 'off';
UPDATE amazon_stock_level
   SET state = CASE WHEN state = 'in_sync' THEN state END,
       reason = NULL,
       answer = NULL,
       next_try = NULL,
       read_next = NULL,
       waits_for_feed = FALSE;
UPDATE stock_picking
   SET amazon_state = NULL,
       amazon_reason = NULL
 WHERE amazon_state != 'confirmed';
UPDATE sale_order
   SET amazon_cancellation_state = NULL,
       amazon_cancellation_reason = NULL
 WHERE amazon_cancellation_state != 'confirmed';
UPDATE amazon_order
   SET payload = NULL,
       given = NULL,
       to_complete = FALSE,
       next_try = NULL,
       answer = NULL,
       reason = CASE
           WHEN state IN ('to_do', 'failed')
           THEN 'It was not imported before the database was copied. Fetch Again does it.'
           ELSE reason
       END,
       state = CASE WHEN state = 'done' THEN state ELSE 'skipped' END;
UPDATE amazon_settlement
   SET answer = NULL,
       next_try = NULL;
UPDATE amazon_settlement_document
   SET answer = NULL,
       next_try = NULL,
       reason = CASE
           WHEN state = 'to_download'
           THEN 'It was not downloaded before the database was copied. Retry does it.'
           ELSE reason
       END,
       state = CASE WHEN state = 'to_download' THEN 'failed' ELSE state END;
UPDATE amazon_refund
   SET answer = NULL,
       next_try = NULL;
