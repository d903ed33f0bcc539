from odoo import SUPERUSER_ID, api


def migrate(cr, _version):
    """Read what open orders in the inbox will take from the stock: it was not kept before."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    env['amazon.order']._read_open_quantities()
