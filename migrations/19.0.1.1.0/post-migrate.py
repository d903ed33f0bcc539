def migrate(cr, _version):
    """Start the accounts whose connections have asked Amazon for orders: nothing changes for them.
    """
    cr.execute("""
        UPDATE amazon_account
           SET is_started = TRUE
          FROM amazon_sync
         WHERE amazon_sync.connection_id = amazon_account.connection_id
           AND amazon_sync.way = 'orders'
           AND (amazon_sync.last_run IS NOT NULL OR amazon_sync.last_success IS NOT NULL)
    """)
