"""What is left of the add-on when it is uninstalled, and found again when it is installed anew.

Which Amazon order became which sales order is kept, so that no order comes in twice; and which
entries are of which settlement and order, so that nothing is booked twice.
"""

import json

from odoo import SUPERUSER_ID
from odoo.fields import Domain
from odoo.tools import SQL, split_every

from .models.guard import as_connector

MODULE = 'amazon_connector'
KEPT_NAME = 'amazon_connector: what was imported'
BATCH_SIZE = 1000
PRODUCTS = ('product.template', 'product.product')
REFERENCES = {'sale.order': 'amazon_order_ref', 'stock.move': 'amazon_item_key'}
# Nothing is computed from these, and there may be very many.
BOOKED = (
    ('account.move', 'amazon_kept_settlement_ref'),
    ('account.move.line', 'amazon_order_ref'),
    ('account.payment', 'amazon_sale_order_id'),
    ('sale.order', 'amazon_payout_state'),
)


def pre_init_hook(env):
    """Let the add-on find its products again, which sales orders have kept."""
    kept = _load_kept(env)
    env['ir.model.data'].create([
        {'module': MODULE, 'name': name, 'model': model, 'res_id': record_id, 'noupdate': True}
        for model in PRODUCTS
        for name, record_id in kept.get(model, {}).items() if env[model].browse(record_id).exists()
    ])


def post_init_hook(env):
    """Put Amazon's references back on what was imported before the add-on was uninstalled."""
    kept = _load_kept(env)
    for model, name in REFERENCES.items():
        _put_back(env[model], name, kept.get(f'{model}.{name}', {}))
    for model, name in BOOKED:
        _put_back_as_is(env[model], name, kept.get(f'{model}.{name}', {}))
    for model in PRODUCTS:
        env[model].browse(kept.get(model, {}).values()).exists().active = True
    _search_kept(env).unlink()


def uninstall_hook(env):
    """Keep the references, and put away what the add-on has made and Odoo does not remove."""
    # Nobody could end the entries that are being made.
    env['amazon.settlement'].search([('state', '!=', 'booked')])._drop_entries()
    env['account.move']._keep_settlement_refs()
    kept = {
        f'{model}.{name}': _read_references(env[model], name)
        for model, name in (*REFERENCES.items(), *BOOKED)
    }
    for model in PRODUCTS:
        kept[model] = _detach(env, model)
        env[model].browse(kept[model].values()).exists().active = False
    _keep(env, kept)
    accounts = env['amazon.account'].with_context(active_test=False).search([])
    _put_away_teams(accounts)
    _put_away_locations(accounts)
    _forget_aliases(env)
    accounts.activity_ids.unlink()
    # Their tables go with the models: one by one, Odoo would fail while others still name them.
    _detach(env, 'amazon.marketplace')
    _detach(env, 'amazon.money.kind')


# === WHAT IS KEPT === #

def _search_kept(env):
    """Return the attachment with what is kept. Only the connector has made it, in sudo mode."""
    return env['ir.attachment'].search([
        ('name', '=', KEPT_NAME), ('res_model', '=', False), ('create_uid', '=', SUPERUSER_ID),
    ])


def _load_kept(env):
    """Return what was kept when the add-on was uninstalled last, empty if it never was."""
    kept = _search_kept(env)[:1]
    return json.loads(kept.raw) if kept else {}


def _keep(env, content):
    """Write down what is to be found again."""
    _search_kept(env).unlink()
    env['ir.attachment'].with_user(SUPERUSER_ID).create({
        'name': KEPT_NAME, 'raw': json.dumps(content).encode(), 'mimetype': 'application/json',
    })


def _read_references(model, name):
    """Return Amazon's references on a model's records, by their ids."""
    model.flush_model([name])
    return dict(model.env.execute_query(SQL(
        "SELECT id, %(name)s FROM %(table)s WHERE %(name)s IS NOT NULL AND %(name)s::text != ''",
        name=SQL.identifier(name), table=SQL.identifier(model._table),
    )))


def _put_back(model, name, references):
    """Write Amazon's references on those records that are still there, and have none."""
    for part in split_every(BATCH_SIZE, references.items(), dict):
        records = model.with_context(active_test=False).search([
            ('id', 'in', [int(record_id) for record_id in part]), (name, '=', False),
        ])
        with as_connector():
            for record in records:
                record[name] = part[str(record.id)]
        model.env.flush_all()
        model.env.invalidate_all()


def _put_back_as_is(model, name, references):
    """Write what was kept as it is, at once, where nothing stands; whom it names has to be there
    still.
    """
    field = model._fields[name]
    if field.relational:
        there = set(model.env[field.comodel_name].browse(references.values()).exists().ids)
        references = {key: value for key, value in references.items() if value in there}
    model.flush_model([name])
    model.env.cr.execute(SQL(
        """
        UPDATE %(table)s
           SET %(name)s = kept.value::%(type)s
          FROM jsonb_each_text(%(references)s::jsonb) AS kept
         WHERE %(table)s.id = kept.key::integer
           AND %(name)s IS NULL
        """,
        table=SQL.identifier(model._table),
        name=SQL.identifier(name),
        type=SQL('integer' if field.relational else 'varchar'),
        references=json.dumps(references),
    ))
    model.env.invalidate_all()


def _detach(env, model):
    """Let records of the add-on's data be nobody's, and return their ids by name."""
    data = env['ir.model.data'].search([('module', '=', MODULE), ('model', '=', model)])
    ids = {record.name: record.res_id for record in data}
    data.unlink()
    return ids


# === WHAT IS PUT AWAY === #

def _put_away_teams(accounts):
    """Archive the teams that accounts have made, unless somebody works in them."""
    teams = accounts.team_id.filtered(lambda team: team.name == "Amazon")
    open_orders = accounts.env['sale.order'].search([
        ('team_id', 'in', teams.ids), ('state', 'in', ('draft', 'sent')),
    ])
    teams -= open_orders.team_id
    teams.filtered(lambda team: not team.crm_team_member_ids).active = False


def _put_away_locations(accounts):
    """Archive the locations that accounts have made, unless goods lie there."""
    locations = accounts.location_id.filtered(
        lambda location: location.name == "Amazon" and not location.warehouse_id,
    )
    quants = accounts.env['stock.quant'].search(
        Domain('location_id', 'in', locations.ids)
        & (Domain('quantity', '!=', 0) | Domain('reserved_quantity', '!=', 0)),
    )
    (locations - quants.location_id).active = False


def _forget_aliases(env):
    """Remove the aliases of Amazon's buyers from the blacklist: it was the add-on that knew them.
    """
    buyers = env['res.partner'].with_context(active_test=False).search_fetch(
        [('amazon_email', '!=', False)], ['amazon_email'],
    )
    env['mail.blacklist'].with_context(active_test=False).search(
        [('email', 'in', buyers.mapped('amazon_email'))],
    ).unlink()
