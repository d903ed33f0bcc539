from odoo import SUPERUSER_ID, api


def migrate(cr, _version):
    """Let the orders that are known say that they are not settled, and whether Amazon invoices
    them itself, as far as its data are still here.
    """
    cr.execute("""
        UPDATE sale_order
           SET amazon_payout_state = 'open'
         WHERE amazon_order_ref IS NOT NULL
           AND amazon_payout_state IS NULL
    """)
    env = api.Environment(cr, SUPERUSER_ID, {})
    env['amazon.order']._read_invoiced_by_amazon()
