import inspect
from contextlib import suppress
from itertools import chain

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.models import MAGIC_COLUMNS
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from odoo.addons.amazon_connector.models.guard import as_connector
from odoo.addons.amazon_connector.simulator import Address, Buyer, Item

from .common import AttackCase, MoneyCase, RpcRefused, ShippingCase

SALESMAN = 'sales_team.group_sale_salesman'
STOCK = 'stock.group_stock_user'
USER = 'amazon_connector.group_amazon_user'
ADMIN = 'amazon_connector.group_amazon_admin'
INVOICING = 'account.group_account_invoice'
INVOICING_ADMIN = 'account.group_account_manager'
# What only people of Invoicing change, or make.
BOOKS = (
    'amazon.settlement', 'amazon.settlement.line', 'amazon.money.kind', 'amazon.ledger',
    'amazon.booking.rule', 'amazon.refund', 'account.move', 'account.move.line', 'account.payment',
    'account.bank.statement.line', 'account.partial.reconcile', 'amazon.settlement.document',
)
# What people of Invoicing have no business with.
NO_BOOKS = (
    'amazon.account', 'amazon.connection', 'amazon.marketplace', 'amazon.order', 'amazon.offer',
    'amazon.shipment', 'amazon.cancellation', 'amazon.feed', 'amazon.ledger',
    'amazon.booking.rule', 'stock.picking', 'stock.move', 'product.product',
)
GUARDED = ('sale.order', 'sale.order.line', 'stock.picking', 'stock.move', 'res.partner')
GRETA = {
    'buyer': Buyer('Greta Holm', 'greta@marketplace.amazon.de'),
    'address': Address('Chloé Lefèvre', line1='5 rue des Lilas', city='Nantes',
                       postal_code='44000', country='FR'),
}


class PeopleCase(AttackCase, ShippingCase):
    """The people of a company that sells on Amazon, and those of another one in the database."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_company = cls.create_company("Südwind GmbH")
        cls.portal = cls.create_person('paula')
        cls.portal.group_ids = cls.env.ref('base.group_portal')
        cls.employee = cls.create_person('emil')
        cls.salesman = cls.create_person('sally', SALESMAN)
        cls.colleague = cls.create_person('simon', SALESMAN)
        cls.warehouseman = cls.create_person('stan', STOCK)
        cls.user = cls.create_person('uma', USER)
        cls.admin = cls.create_person('adam', ADMIN)
        cls.foreign_employee = cls.create_person('erna', company=cls.other_company)
        cls.foreign_salesman = cls.create_person('sven', SALESMAN, company=cls.other_company)
        cls.foreign_warehouseman = cls.create_person('stine', STOCK, company=cls.other_company)
        cls.foreign_admin = cls.create_person(
            'olaf', ADMIN, 'sales_team.group_sale_manager', 'stock.group_stock_manager',
            company=cls.other_company,
        )
        cls.customer = cls.env['res.partner'].create({'name': "Ben"})

    @classmethod
    def create_person(cls, login, *groups, company=None):
        """Create somebody who can log in."""
        person = cls.create_user(login, *groups, company=company)
        person.password = login
        return person

    def setUp(self):
        super().setUp()
        self.simulator.set_feed_pace(0)

    def run_senders(self):
        """Let everything that waits for Amazon be sent."""
        for cron in ('send_deliveries', 'process_feeds', 'process_feeds'):
            self.run_cron(cron)

    def assertNothingTold(self):
        """Check that nothing has reached Amazon, and that nothing waits for it."""
        self.run_senders()
        self.assertFalse([call.operation for call in self.simulator.calls])


@tagged('post_install', '-at_install', 'attacks')
class TestForgeries(PeopleCase):
    """Nobody but the connector says what is Amazon's."""

    def setUp(self):
        super().setUp()
        self.placed = self.order_mugs()
        self.sale_order = self.get_sale_order(self.placed)
        self.simulator.calls.clear()

    # === WHAT IS FORGED === #

    def get_line_values(self):
        return {
            'product_id': self.mug.id,
            'product_uom_qty': 3,
            'amazon_order_item_ref': self.placed.items[0].item_id,
            'amazon_charge': 'item',
            'amazon_quantity': 3,
        }

    def get_order_values(self):
        return {
            'partner_id': self.customer.id,
            'amazon_account_id': self.account.id,
            'amazon_order_ref': self.placed.order_id,
            'amazon_channel': 'fbm',
            'amazon_marketplace_id': self.sale_order.amazon_marketplace_id.id,
            'order_line': [[0, 0, self.get_line_values()]],
        }

    def create_own_order(self, **options):
        """Let the salesperson of the other company make an order of their own."""
        [order_id] = self.rpc(self.foreign_salesman, 'sale.order', 'create', [{
            'partner_id': self.customer.id,
            'order_line': [[0, 0, {'product_id': self.mug.id, 'product_uom_qty': 3}]],
        }], **options)
        return self.env['sale.order'].browse(order_id)

    def assertForgeryDenied(self, user, model, method, *args, **options):
        """Check that the guard, and no other right, denies it."""
        refused = self.assertDenied(user, model, method, *args, **options)
        self.assertIn("connector fills it in", refused.sent)

    def assertUntouched(self, *recordsets):
        """Check that nothing of Amazon's stands on records."""
        for record in chain(*recordsets):
            for name in record._fields:
                if name.startswith('amazon_') and record._fields[name].store:
                    # Whatever is not Amazon's is sold by the piece.
                    untouched = (1,) if name == 'amazon_pack_size' else (False, 0, '')
                    self.assertIn(record[name] or False, untouched, name)

    def write_unchecked(self, record, **values):
        """Write to a record what it could hold before anybody checked it."""
        self.env.flush_all()
        record._write(values)
        self.env.invalidate_all()

    def confirm_and_cancel(self, order):
        """Let the salesperson of the other company confirm an order and cancel it."""
        self.rpc(self.foreign_salesman, 'sale.order', 'action_confirm', order.ids)
        self.assertEqual(order.state, 'sale')
        self.rpc(self.foreign_salesman, 'sale.order', 'action_cancel', order.ids)
        self.assertEqual(order.state, 'cancel')

    # === ATTACKS === #

    def test_no_order_of_another_company_is_made_in_ones_own(self):
        self.assertForgeryDenied(
            self.foreign_salesman, 'sale.order', 'create', [self.get_order_values()],
        )
        values = self.get_order_values()
        for name in [name for name in values if name.startswith('amazon_')]:
            with self.subTest(name=name):
                self.assertForgeryDenied(self.foreign_salesman, 'sale.order', 'create', [{
                    'partner_id': self.customer.id, name: values[name],
                }])
        self.assertNothingTold()

    def test_an_order_of_ones_own_becomes_none_of_amazons(self):
        order = self.create_own_order()
        values = self.get_order_values()
        del values['order_line'], values['partner_id']
        line_values = self.get_line_values()
        for attempt in (
            values,
            {'order_line': [[0, 0, line_values]]},
            {'order_line': [[1, order.order_line.id, {'amazon_charge': 'item'}]]},
        ):
            with self.subTest(attempt=attempt):
                self.assertForgeryDenied(
                    self.foreign_salesman, 'sale.order', 'write', order.ids, attempt,
                )
                self.assertForgeryDenied(
                    self.foreign_salesman, 'sale.order', 'web_save', order.ids, attempt,
                    specification={},
                )
        self.assertForgeryDenied(
            self.foreign_salesman, 'sale.order', 'copy', order.ids, values,
        )
        self.assertForgeryDenied(
            self.foreign_salesman, 'sale.order.line', 'create',
            [{'order_id': order.id, **line_values}],
        )
        self.assertUntouched(order, order.order_line)
        self.confirm_and_cancel(order)
        self.assertNothingTold()

    def test_neither_context_nor_defaults_fill_in_anything(self):
        values = {**self.get_order_values(), **self.get_line_values()}
        forged = {name: value for name, value in values.items() if name.startswith('amazon_')}
        context = {f'default_{name}': value for name, value in forged.items()}
        defaults = self.rpc(
            self.foreign_salesman, 'sale.order', 'default_get', list(forged), context=context,
        )
        self.assertFalse(defaults)
        order = self.create_own_order(context=context)
        for name in ('amazon_account_id', 'amazon_order_ref', 'amazon_channel'):
            self.rpc(
                self.foreign_salesman, 'ir.default', 'set', 'sale.order', name, forged[name], True,
            )
        order |= self.create_own_order()
        self.assertUntouched(order, order.order_line)
        for one in order:
            self.confirm_and_cancel(one)
        self.assertNothingTold()

    def test_an_import_fills_in_nothing(self):
        before = self.env['sale.order'].search_count([])
        for names, row in (
            (['amazon_order_ref'], ['302-1111111-1111111']),
            (['amazon_account_id/.id'], [str(self.account.id)]),
            (['order_line/product_id/.id', 'order_line/amazon_charge'], [str(self.mug.id), 'Item']),
        ):
            with self.subTest(names=names), mute_logger('odoo.models'):
                result = self.rpc(
                    self.foreign_salesman, 'sale.order', 'load', ['partner_id/.id', *names],
                    [[str(self.customer.id), *row]],
                )
                self.assertFalse(result['ids'])
                self.assertIn("connector fills it in", str(result['messages']))
        self.assertEqual(self.env['sale.order'].search_count([]), before)
        self.assertNothingTold()

    def test_lines_of_another_company_are_not_taken_over(self):
        order = self.create_own_order()
        lines = self.sale_order.order_line
        for command in ([4, lines[0].id, 0], [6, 0, lines.ids], [1, lines[0].id, {'name': "x"}]):
            with self.subTest(command=command):
                self.assertDenied(
                    self.foreign_salesman, 'sale.order', 'write', order.ids,
                    {'order_line': [command]},
                )
        self.assertEqual(lines.order_id, self.sale_order)

    def test_no_field_is_open_to_anybody_with_whatever_rights(self):
        boss = self.create_person(
            'bea', ADMIN, 'sales_team.group_sale_manager', 'stock.group_stock_manager',
            'base.group_partner_manager', 'base.group_system',
        )
        records = (
            self.sale_order, self.sale_order.order_line, self.sale_order.picking_ids,
            self.sale_order.picking_ids.move_ids, self.customer,
        )
        for model in records:
            for name in model._fields:
                if name.startswith('amazon_') and name not in model._amazon_open_fields:
                    with self.subTest(model=model._name, name=name):
                        self.assertForgeryDenied(
                            boss, model._name, 'write', model[:1].ids, {name: False},
                        )
            self.assertForgeryDenied(boss, model._name, 'create', [{'amazon_account_id': 1}])
        self.assertForgeryDenied(
            boss, 'res.users', 'write', boss.ids, {'amazon_email': 'greta@marketplace.amazon.de'},
        )
        self.assertEqual([model._name for model in records], list(GUARDED))

    def test_superuser_mode_carries_nothing_of_peoples(self):
        order = self.create_own_order().with_user(self.foreign_salesman).sudo()
        with self.assertRaisesRegex(UserError, "connector fills it in"):
            order.amazon_account_id = self.account

    def test_a_delivery_of_another_companys_order_tells_amazon_nothing(self):
        warehouse = self.env['stock.warehouse'].search([
            ('company_id', '=', self.other_company.id),
        ])
        self.put_in_stock(self.mug, 10, warehouse.lot_stock_id)
        customers = self.env.ref('stock.stock_location_customers')
        line = self.get_lines(self.sale_order)
        values = {
            'location_id': warehouse.lot_stock_id.id, 'location_dest_id': customers.id,
        }
        move_values = {
            **values, 'product_id': self.mug.id, 'product_uom_qty': 3,
            'product_uom': self.mug.uom_id.id,
        }
        values.update({
            'picking_type_id': warehouse.out_type_id.id,
            'carrier_id': self.carrier.id,
            'carrier_tracking_ref': 'FORGED',
        })
        user = self.foreign_warehouseman
        forged = {**values, 'move_ids': [[0, 0, {**move_values, 'sale_line_id': line.id}]]}
        refused = self.assertDenied(
            user, 'stock.picking', 'create', [forged], error='ValidationError',
        )
        self.assertIn("another company", refused.sent)
        # As it could be made before anybody looked:
        picking = self.env['stock.picking'].with_company(self.other_company).create(forged)
        self.assertEqual(picking.move_ids.sale_line_id, line)
        for method in ('action_confirm', 'button_validate'):
            with self.assertRaisesRegex(RpcRefused, "Amazon Account"), mute_logger('odoo.http'):
                self.rpc(user, 'stock.picking', method, picking.ids)
        self.assertFalse(picking._get_amazon_orders())
        self.assertFalse(self.env['amazon.shipment'].search([
            ('sale_order_id', '=', self.sale_order.id),
        ]))
        self.assertNothingTold()

    def test_a_package_of_another_company_tells_amazon_nothing(self):
        delivery = self.get_open_delivery(self.placed)
        [package] = self.pack(delivery, {'MUG': 3})
        for is_sent in (False, True):
            with self.subTest(is_sent=is_sent):
                self.assertDenied(
                    self.foreign_warehouseman, 'stock.package', 'write', package.ids,
                    {'amazon_tracking_ref': 'FORGED'},
                )
                if not is_sent:
                    self.fill_in(delivery)
                    self.validate(delivery)
                    self.send()
        self.rpc(
            self.warehouseman, 'stock.package', 'write', package.ids,
            {'amazon_tracking_ref': 'CORRECTED'},
        )
        self.send()
        self.assertShown(self.placed, ('CORRECTED', {'MUG': 3}))

    def test_nobody_asks_a_dialog_for_orders_they_may_not_see(self):
        inbox = self.get_inbox(self.placed)
        for user in (self.portal, self.employee, self.foreign_admin):
            for names in (['line_ids'], ['currency_id']):
                with self.subTest(user=user.login, names=names):
                    self.assertDenied(
                        user, 'amazon.import.order', 'default_get', names,
                        context={'default_order_id': inbox.id},
                    )
        for method, values in (
            ('create', [{'order_id': inbox.id, 'line_ids': []}]),
            ('web_save', {'order_id': inbox.id, 'line_ids': []}),
        ):
            arguments = [values] if method == 'create' else [[], values]
            options = {} if method == 'create' else {
                'specification': {'reason': {}, 'overview': {}},
            }
            with self.subTest(method=method):
                try:
                    with mute_logger('odoo.http'):
                        answer = self.rpc(
                            self.foreign_admin, 'amazon.import.order', method, *arguments,
                            **options,
                        )
                except RpcRefused as refused:
                    answer = refused.sent
                    self.assertEqual(refused.name, 'AccessError')
                self.assertNotIn('MUG', str(answer))
        self.assertTrue(self.rpc(
            self.user, 'amazon.import.order', 'default_get', ['line_ids'],
            context={'default_order_id': inbox.id},
        )['line_ids'])

    def test_no_move_gets_around_its_lot(self):
        tracked = self.create_product('LOT', tracking='lot')
        stock = self.warehouse.lot_stock_id
        self.put_in_stock(tracked, 5, stock)
        values = {
            'product_id': tracked.id, 'product_uom_qty': 1, 'product_uom': tracked.uom_id.id,
            'location_id': stock.id,
            'location_dest_id': self.env.ref('stock.stock_location_customers').id,
        }
        forged = {'amazon_account_id': self.account.id, 'amazon_item_key': 'x'}
        self.assertForgeryDenied(
            self.warehouseman, 'stock.move', 'create', [{**values, **forged}],
        )
        [move_id] = self.rpc(self.warehouseman, 'stock.move', 'create', [values], context={
            f'default_{name}': value for name, value in forged.items()
        })
        move = self.env['stock.move'].browse(move_id)
        self.assertUntouched(move)
        for vals in (forged, {'returned_move_ids': [[0, 0, {**values, **forged}]]}):
            self.assertForgeryDenied(self.warehouseman, 'stock.move', 'write', move.ids, vals)

    def test_what_comes_back_is_not_the_connectors(self):
        order = self.seller.place_order('DE', 'FBA', [Item('MUG')], status='SHIPPED')
        self.sync()
        move = self.get_lines(self.get_sale_order(order)).move_ids
        self.assertTrue(move.amazon_account_id and move.amazon_item_key)
        [back_id] = self.rpc(self.warehouseman, 'stock.move', 'copy', move.ids, {
            'location_id': move.location_dest_id.id, 'location_dest_id': move.location_id.id,
            'origin_returned_move_id': move.id,
        })
        self.assertUntouched(self.env['stock.move'].browse(back_id))

    # === WHAT IS THERE ALL THE SAME === #

    def test_only_orders_that_the_connector_made_are_followed(self):
        with as_connector():  # as somebody could before there was a guard
            made_before = self.env['sale.order'].create({
                'partner_id': self.customer.id, 'amazon_order_ref': '302-7654321-7654321',
            })
        order = self.seller.place_order(order_id='302-7654321-7654321')
        self.sync()
        inbox = self.get_inbox(order)
        self.assertEqual(inbox.state, 'skipped')
        self.assertIn("not followed", inbox.reason)
        self.assertFalse(made_before.order_line)
        self.assertEqual(made_before.state, 'draft')

    def test_documents_and_their_account_are_of_one_company(self):
        self.deliver(self.placed)
        fba = self.seller.place_order('DE', 'FBA', [Item('MUG')], status='SHIPPED')
        self.sync()
        buyer = self.sale_order.partner_id
        for record in (
            self.sale_order, self.get_lines(self.get_sale_order(fba)).move_ids, buyer,
        ):
            with self.subTest(model=record._name), self.cr.savepoint() as savepoint:
                with self.assertRaisesRegex(UserError, "Amazon [aA]ccount"):
                    record.company_id = self.other_company
                savepoint.rollback()
                self.env.invalidate_all()
        buyer.company_id = False

    def assertRefusedUntold(self, records):
        self.assertNothingTold()
        for record in records:
            self.assertEqual(record.state, 'failed')
            self.assertRegex(record.reason, "another company|not imported through")

    def test_what_is_not_the_companys_is_not_told_by_a_call(self):
        for number in range(3):
            order = self.order_mugs()
            picking = self.deliver(order)
            shipment = picking.amazon_shipment_ids
            self.simulator.calls.clear()
            with self.subTest(number=number):
                if number == 2:
                    with as_connector():
                        picking.sale_id.amazon_account_id = False
                else:
                    self.write_unchecked(
                        (picking, picking.sale_id)[number], company_id=self.other_company.id,
                    )
                self.assertRefusedUntold(shipment)

    def test_what_is_not_the_companys_is_in_no_feed(self):
        shipments = self.deliver(self.placed).amazon_shipment_ids
        other = self.order_mugs()
        wizard = self.env['amazon.cancel.order'].create({
            'order_ids': self.get_sale_order(other).ids, 'code': 'NoInventory',
        })
        wizard.action_cancel()
        cancellation = self.get_sale_order(other).amazon_cancellation_ids
        self.assertEqual(cancellation.state, 'to_send')
        self.simulator.calls.clear()
        for sale_order in (self.sale_order, self.get_sale_order(other)):
            self.write_unchecked(sale_order, company_id=self.other_company.id)
        self.assertFalse(shipments._put_in_feed())
        self.assertRefusedUntold([shipments, cancellation])


@tagged('post_install', '-at_install', 'attacks')
class TestBuyersOfOthers(PeopleCase):
    """Buyers are their seller's."""

    def find(self, user):
        """Return the names of Amazon's buyers and addresses that somebody finds."""
        found = self.rpc(user, 'res.partner', 'search_read', [
            '|', '|', ('name', 'in', ('Greta Holm', 'Chloé Lefèvre')),
            ('amazon_marketplace_id', '!=', False), ('amazon_account_id', '!=', False),
        ], ['name'])
        return {partner['name'] for partner in found}

    def import_greta_and_nobody(self):
        greta = self.import_order(**GRETA)
        nobody = self.import_order(buyer=Buyer(), address=Address(city='Köln', country='DE'))
        self.assertEqual(greta.partner_shipping_id.name, 'Chloé Lefèvre')
        return greta, nobody

    def test_another_company_sees_neither_buyers_nor_addresses(self):
        greta, nobody = self.import_greta_and_nobody()
        partners = greta.partner_id | greta.partner_shipping_id | nobody.partner_id
        self.assertEqual(partners.company_id, self.company)
        self.assertTrue(all(partner.company_id for partner in partners))
        self.assertFalse(self.find(self.foreign_employee))
        for partner in partners:
            self.assertDenied(
                self.foreign_employee, 'res.partner', 'read', partner.ids, ['name', 'street'],
            )
        self.assertEqual(
            self.find(self.employee),
            {'Greta Holm', 'Chloé Lefèvre', "Amazon customer (Amazon.de)"},
        )

    def test_each_company_has_its_own_contact_of_a_marketplace(self):
        _greta, nobody = self.import_greta_and_nobody()
        account = self.connect(self.create_account(company=self.other_company))
        order = self.seller.place_order(
            buyer=Buyer(), address=Address(city='Köln', country='DE'),
        )
        self.sync(account)
        other = self.env['sale.order'].search([
            ('amazon_order_ref', '=', order.order_id), ('amazon_account_id', '=', account.id),
        ])
        self.assertEqual(other.partner_id.name, nobody.partner_id.name)
        self.assertEqual(other.partner_id.company_id, self.other_company)

    def test_companies_that_share_contacts_share_buyers(self):
        self.import_greta_and_nobody()
        self.account.shares_buyers = True
        self.assertEqual(self.find(self.foreign_employee), {'Greta Holm', 'Chloé Lefèvre'})
        greta, nobody = self.import_greta_and_nobody()
        self.assertFalse((greta | nobody).partner_id.company_id)
        self.assertFalse(greta.partner_shipping_id.company_id)
        self.assertIn("Amazon customer (Amazon.de)", self.find(self.foreign_employee))
        again = self.import_order(buyer=Buyer(), address=Address(city='Bonn', country='DE'))
        self.assertEqual(again.partner_id, nobody.partner_id)
        self.account.shares_buyers = False
        self.assertEqual(self.find(self.foreign_employee), {"Amazon customer (Amazon.de)"})

    def test_another_company_sells_them_nothing_and_its_own_invoices_them(self):
        self.env['account.chart.template'].try_loading(
            'generic_coa', company=self.company, install_demo=False,
        )
        greta, _nobody = self.import_greta_and_nobody()
        with self.assertRaisesRegex(UserError, "company"):
            self.env['sale.order'].create({
                'partner_id': greta.partner_id.id, 'company_id': self.other_company.id,
            })
        greta.order_line.product_id.invoice_policy = 'order'
        self.assertEqual(greta._create_invoices().partner_id, greta.partner_id)


@tagged('post_install', '-at_install', 'attacks')
class TestSettingsOfOthers(PeopleCase):
    """Offers, rules and accounts stay where they are."""

    def create_foreign_account(self):
        return self.create_account(company=self.other_company)

    def test_an_offer_is_made_on_an_account_of_ones_own_only(self):
        values = {
            'account_id': self.account.id, 'sku': 'X',
            'marketplace_id': self.env.ref('amazon_connector.marketplace_de').id,
        }
        self.assertDenied(self.foreign_admin, 'amazon.offer', 'create', [values])
        values['account_id'] = self.create_foreign_account().id
        offer_ids = self.rpc(self.foreign_admin, 'amazon.offer', 'create', [values])
        for vals in (
            {'account_id': self.account.id},
            {'marketplace_id': self.env.ref('amazon_connector.marketplace_fr').id},
        ):
            self.assertDenied(self.foreign_admin, 'amazon.offer', 'write', offer_ids, vals)
        same = {'account_id': values['account_id'], 'title': "Mug"}
        self.assertTrue(self.rpc(self.foreign_admin, 'amazon.offer', 'write', offer_ids, same))

    def test_a_rule_is_handed_to_nobody(self):
        rule = self.env['amazon.delivery.rule'].create({
            'account_id': self.create_foreign_account().id, 'carrier_id': self.carrier.id,
        })
        self.assertDenied(
            self.foreign_admin, 'amazon.delivery.rule', 'write', rule.ids,
            {'account_id': self.account.id},
        )
        self.assertDenied(self.foreign_admin, 'amazon.delivery.rule', 'create', [
            {'account_id': self.account.id, 'carrier_id': self.carrier.id},
        ])

    def test_defaults_make_nothing(self):
        def count():
            return [
                self.env[model].with_context(active_test=False).search_count([])
                for model in ('crm.team', 'stock.location')
            ]

        before = count()
        for user in (self.foreign_salesman, self.foreign_admin):
            defaults = self.rpc(user, 'amazon.account', 'default_get', ['team_id', 'location_id'])
            self.assertFalse(any(defaults.values()))
            self.assertEqual(count(), before)

    def test_the_form_makes_them_for_the_first_account_and_proposes_them_for_the_next(self):
        accounts = self.env['amazon.account'].with_user(self.foreign_admin).with_context(
            allowed_company_ids=self.other_company.ids,
        )
        with Form(accounts) as form:
            form.name = "Ours"
            form.seller_id = 'A2OURS'
        account = form.record
        self.assertEqual(account.location_id.company_id, self.other_company)
        self.assertEqual(account.team_id.company_id, self.other_company)
        form = Form(account)
        form.location_id = self.env['stock.location']
        with self.assertRaisesRegex(AssertionError, "location_id is a required field"):
            form.save()
        with Form(accounts) as form:
            form.name = "Ours, too"
            form.seller_id = 'A2OURS'
            self.assertEqual(form.location_id, account.location_id)
            self.assertEqual(form.team_id, account.team_id)
            form.team_id = self.env['crm.team']
        self.assertFalse(form.record.team_id)


@tagged('post_install', '-at_install', 'attacks')
class TestDocumentsOfOthers(PeopleCase):
    """Salespeople who see their own documents only see no more of them in Amazon's."""

    def see(self, user):
        """Return how many records of each model somebody sees."""
        return [
            self.rpc(user, model, 'search_count', [])
            for model in ('amazon.order', 'amazon.shipment', 'amazon.cancellation')
        ]

    def test_who_sees_which_part_of_inbox_and_outbox(self):
        delivered, cancelled = (self.order_mugs() for _time in range(2))
        sale_orders = self.get_sale_order(delivered) | self.get_sale_order(cancelled)
        sale_orders.user_id = self.colleague
        self.deliver(delivered)
        self.env['amazon.cancel.order'].create({
            'order_ids': self.get_sale_order(cancelled).ids, 'code': 'NoInventory',
        }).action_cancel()
        self.seller.place_order(status='PENDING')
        self.sync()
        everything = self.create_person('alma', 'sales_team.group_sale_salesman_all_leads')
        self.assertEqual(self.see(self.salesman), [0, 0, 0])
        self.assertEqual(self.see(self.colleague), [2, 1, 1])
        for user in (everything, self.user, self.admin):
            self.assertEqual(self.see(user), [3, 1, 1], user.login)
        self.assertEqual(self.see(self.foreign_admin), [0, 0, 0])
        self.assertDenied(
            self.salesman, 'amazon.order', 'read', self.get_inbox(delivered).ids, ['amazon_total'],
        )
        for model in ('amazon.shipment', 'amazon.cancellation'):
            self.assertEqual(self.rpc(self.warehouseman, model, 'search_count', []), 1)


class BooksCase(PeopleCase, MoneyCase):
    """A company with something of everything that has to do with money, and its accountants."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls.create_person('anna', INVOICING)
        cls.foreign_accountant = cls.create_person(
            'oskar', INVOICING_ADMIN, company=cls.other_company,
        )

    def make_money(self):
        """Let there be settlements in every state, a refund, payouts, an upload, and a bank."""
        self.account.refund_policy = 'manual'
        self.account.invoice_sending = 'upload'
        order = self.sell(Item('MUG', '12.99', 2))
        self.get_sale_order(order).user_id = self.colleague
        self.invoice(order)
        self.booked = self.settle()
        self.seller.refund(order, {'MUG': 1})
        self.seller.reimburse('MUG', 'WAREHOUSE_LOST', '99.00')
        closed = self.seller.close_settlement()
        self.read_settlements()
        self.proven = self.get_settlement(closed)
        self.proven.move_ids.button_draft()
        self.proven.move_ids.button_cancel()
        self.seller.reissue(closed, odd='other lines')
        self.seller.reimburse('MUG', 'WAREHOUSE_LOST', '50.00')
        self.seller.post_money('Novelty', 'Novelty Charge', 'Something new', '-1.23')
        self.failed = self.settle(odd='missing line')
        self.run_cron('process_refunds')
        self.press(self.account, 'action_read_payouts')
        bank = self.env['account.journal'].create({
            'name': "Hausbank", 'code': 'HB', 'type': 'bank', 'company_id': self.company.id,
        })
        self.bank_line = self.env['account.bank.statement.line'].create({
            'journal_id': bank.id, 'date': self.booked.deposit_date,
            'payment_ref': "Gutschrift", 'amount': self.booked.total,
        })
        self.refund = self.env['amazon.refund'].search([('company_id', '=', self.company.id)])
        self.assertEqual(self.booked.state, 'booked')
        self.assertEqual(self.proven.state, 'proven')
        self.assertTrue(self.proven.rival_document_id)
        self.assertEqual(self.failed.state, 'failed')
        self.assertTrue(self.failed.unknown_kind_ids)
        self.assertEqual(self.refund.state, 'to_do')
        self.assertTrue(self.booked.payout_ids)
        self.assertTrue(self.env['amazon.invoice.upload'].search([]))
        self.simulator.calls.clear()

    def open_candidates(self, user):
        """Return the dialog of a deposit that is to be matched, as if somebody had opened it."""
        return self.env(user=user, su=True)['amazon.match.deposit'].create({
            'settlement_id': self.booked.id,
            'line_ids': [
                Command.create({
                    'item_id': deposit.item.id, 'amount': deposit.amount,
                    'statement_line_id': self.bank_line.id,
                }) for deposit in self.booked._get_open_deposits()
            ],
        })


@tagged('post_install', '-at_install', 'attacks')
class TestBooksOfOthers(BooksCase):
    """The money of a company is nobody's business in another one, whoever keeps books there."""

    def test_who_keeps_the_books_of_another_company_sees_nothing_of_it(self):
        self.make_money()
        for model in (
            'amazon.settlement', 'amazon.settlement.line', 'amazon.settlement.document',
            'amazon.ledger', 'amazon.booking.rule', 'amazon.refund', 'amazon.refund.line',
            'amazon.payout', 'amazon.invoice.upload', 'amazon.order.earning',
        ):
            records = self.env[model].search([])
            with self.subTest(model):
                self.assertTrue(records)
                self.assertFalse(self.rpc(self.foreign_accountant, model, 'search_count', []))
                self.assertDenied(
                    self.foreign_accountant, model, 'read', records[:1].ids, ['display_name'],
                )

    def test_nor_do_they_change_anything(self):
        self.make_money()
        document = self.proven.document_id
        for records, methods in (
            (self.proven, ('action_book', 'action_retry', 'action_take_rival',
                           'action_keep_first')),
            (self.failed, ('action_book', 'action_retry')),
            (self.booked, ('action_match_deposit',)),
            (document, ('action_retry',)),
            (self.refund, ('action_retry', 'action_skip')),
            (self.booked.payout_ids, ('action_open_settlement',)),
            (self.account, ('action_set_up_accounting', 'action_read_settlements',
                            'action_read_payouts', 'action_read_refunds',
                            'action_make_fee_bills')),
            (self.env['amazon.invoice.upload'].search([], limit=1), ('action_retry',)),
            (self.open_candidates(self.foreign_accountant).line_ids, ('action_match',)),
        ):
            for method in methods:
                with self.subTest(method, model=records._name):
                    self.assertTrue(records)
                    self.assertDenied(
                        self.foreign_accountant, records._name, method, records[:1].ids,
                    )
        for records, values in (
            (self.account.ledger_ids, {'transit_account_id': self.ledger.reserve_account_id.id}),
            (self.account.booking_rule_ids, {'tax_ids': []}),
        ):
            with self.subTest(records._name):
                self.assertDenied(
                    self.foreign_accountant, records._name, 'write', records[:1].ids, values,
                )
                self.assertDenied(self.foreign_accountant, records._name, 'unlink', records.ids)
        self.assertEqual(self.proven.state, 'proven')
        self.assertEqual(self.proven.document_id, document)
        self.assertTrue(self.proven.rival_document_id)
        self.assertFalse(self.bank_line.is_reconciled)
        self.assertFalse(self.simulator.calls)

    def test_a_file_is_uploaded_for_an_account_of_ones_own_only(self):
        count = self.env['amazon.settlement.document'].search_count([])
        [wizard_id] = self.rpc(self.foreign_accountant, 'amazon.upload.settlement', 'create', [{
            'account_id': self.account.id, 'content': 'Zm9yZ2Vk', 'file_name': 'forged.txt',
        }])
        self.assertDenied(
            self.foreign_accountant, 'amazon.upload.settlement', 'action_upload', [wizard_id],
        )
        self.assertEqual(self.env['amazon.settlement.document'].search_count([]), count)

    def test_no_dialog_shows_lines_of_another_companys_bank(self):
        self.make_money()
        item = next(self.booked._get_open_deposits()).item
        values = {'item_id': item.id, 'statement_line_id': self.bank_line.id}
        for user in (self.foreign_accountant, self.accountant):
            with self.subTest(user.login):
                self.assertDenied(user, 'amazon.match.deposit', 'create', [{
                    'settlement_id': self.booked.id, 'line_ids': [[0, 0, values]],
                }])
                own = self.open_candidates(user)
                self.assertDenied(
                    user, 'amazon.match.deposit.line', 'create', [{**values, 'wizard_id': own.id}],
                )
                self.assertDenied(
                    user, 'amazon.match.deposit.line', 'write', own.line_ids.ids, values,
                )
        self.rpc(self.accountant, 'amazon.match.deposit.line', 'action_match', own.line_ids.ids)
        self.assertTrue(self.bank_line.is_reconciled)

    def test_journals_and_rules_are_handed_to_nobody(self):
        self.env['account.chart.template'].try_loading(
            self.CHART, company=self.other_company, install_demo=False,
        )
        account = self.create_account(company=self.other_company)
        account.synced_marketplace_ids = self.account.synced_marketplace_ids
        account.action_set_up_accounting()
        currency = self.env.ref('base.JPY')
        for theirs, ours, key in (
            (
                account._get_ledger(currency), self.account._get_ledger(currency),
                {'currency_id': currency.id},
            ),
            (
                account.booking_rule_ids[0], self.account.booking_rule_ids[0],
                {'category': account.booking_rule_ids[0].category},
            ),
        ):
            values = {
                name: ours[name].id for name in (
                    'journal_id', 'clearing_account_id', 'transit_account_id',
                    'reserve_account_id', 'gl_account_id',
                ) if name in ours
            }
            values['account_id'] = self.account.id
            ours.unlink()  # so that there is room for it
            with self.subTest(theirs._name):
                self.assertTrue(theirs)
                self.assertDenied(
                    self.foreign_accountant, theirs._name, 'write', theirs.ids, values,
                )
                self.assertDenied(
                    self.foreign_accountant, theirs._name, 'create', [{**values, **key}],
                )


@tagged('post_install', '-at_install', 'attacks')
class TestButtons(BooksCase):
    """A button that somebody does not see is none that they press over RPC."""

    # Kinds of money are named for all companies by people of Invoicing.
    OF_ALL_COMPANIES = ('action_accept_proposal',)
    # What people of Invoicing may do who, by Odoo's own rights, may change sales orders.
    INVOICING = ('action_confirm', 'action_cancel', 'action_draft', 'action_already_shipped')
    # What Odoo and the connector let people of the warehouse do in their company.
    WAREHOUSE = (
        'button_validate', 'action_validate_complete', 'action_validate', 'action_already_shipped',
        'action_draft',
    )

    @classmethod
    def find_methods(cls):
        """Return the public methods that the add-on has, by model; without those of every model."""
        methods = {}
        for name, model in cls.registry.items():
            if model._abstract:
                continue
            for definition in model.mro():
                if definition.__module__.startswith('odoo.addons.amazon_connector.'):
                    methods.setdefault(name, set()).update(
                        method for method, function in vars(definition).items()
                        if inspect.isfunction(function) and not method.startswith('_')
                        and not hasattr(cls.registry['base'], method)
                    )
        return {name: sorted(found) for name, found in methods.items() if found}

    def setUp(self):
        super().setUp()
        self.placed = self.order_mugs(**GRETA)
        self.delivered = self.order_mugs()
        self.picking = self.deliver(self.delivered)
        elsewhere = self.order_mugs()
        self.seller.ship(elsewhere)
        pending = self.order_mugs()
        self.env['amazon.cancel.order'].create({
            'order_ids': self.get_sale_order(pending).ids, 'code': 'NoInventory',
        }).action_cancel()
        self.account.only_matched_products = True
        self.seller.place_order('DE', 'FBM', [Item('UNMATCHED')])
        self.sync()
        self.sale_orders = self.env['sale.order'].search([
            ('amazon_account_id', '=', self.account.id),
        ])
        self.sale_orders.user_id = self.colleague
        self.env['amazon.feed'].create({
            'account_id': self.account.id, 'type': 'amazon.shipment', 'content': 'x',
            'marketplace_ids': self.sale_orders.amazon_marketplace_id.ids,
        })
        self.press(self.account, 'action_check')
        self.simulator.calls.clear()

    def get_wizard_values(self):
        """Return what an attacker would enter in the wizards; `open_candidates` makes the others.
        """
        offer = self.env['amazon.offer'].search([('sku', '=', 'UNMATCHED')])
        failed = self.env['amazon.order'].search([('state', '=', 'failed')])
        sale_order = self.get_sale_order(self.placed)
        return {
            'amazon.align.stock': {'account_id': self.account.id},
            'amazon.cancel.order': {
                'order_ids': sale_order.ids, 'code': 'NoInventory',
                'line_ids': self.get_lines(sale_order).ids,
            },
            'amazon.create.product': {'offer_id': offer.id, 'name': "Forged"},
            'amazon.fetch.order': {
                'account_id': self.account.id, 'amazon_order_ref': self.placed.order_id,
            },
            'amazon.import.order': {'order_id': failed.id},
            'amazon.incomplete.deliveries': {'picking_ids': sale_order.picking_ids.ids},
            'amazon.match.deposit': {},
            'amazon.match.deposit.line': {},
            'amazon.send.goods': {'account_id': self.account.id},
            'amazon.send.goods.line': {},
            'amazon.split.account': {
                'account_id': self.account.id, 'name': "Forged",
                'marketplace_ids': self.env.ref('amazon_connector.marketplace_de').ids,
            },
            'amazon.upload.settlement': {
                'account_id': self.account.id, 'content': 'Zm9yZ2Vk', 'file_name': 'forged.txt',
            },
            'amazon.support.report': {'account_id': self.account.id},
            'amazon.start.account': {'account_id': self.account.id},
            'amazon.authorize': {'account_id': self.account.id},
            'amazon.enter.tokens': {'account_id': self.account.id},
            'amazon.renew.secret': {'account_id': self.account.id},
            'res.config.settings': {},
            'sale.mass.cancel.orders': {'sale_order_ids': [Command.set(sale_order.ids)]},
        }

    def get_ids(self, user, model):
        """Return the records to press a button of: all that there are, a wizard made for it."""
        if not self.env[model]._transient:
            return self.env[model].sudo().with_context(active_test=False).search([]).ids
        if model == 'amazon.match.deposit.line':
            return self.open_candidates(user).line_ids.ids
        with suppress(RpcRefused):
            return self.rpc(user, model, 'create', [self.get_wizard_values()[model]])
        return []

    def take_picture(self, *models):
        """Return everything that must not change, of some models or all."""
        return {
            (model, record['id']): record
            for model in models or (
                'amazon.account', 'amazon.connection', 'amazon.sync', 'amazon.marketplace',
                'amazon.order', 'amazon.offer', 'amazon.shipment', 'amazon.cancellation',
                'amazon.feed', 'amazon.check', 'amazon.payout', 'amazon.transaction',
                'amazon.invoice.upload', *BOOKS,
                'sale.order', 'sale.order.line', 'stock.picking', 'stock.move', 'product.product',
            )
            for record in self.env[model].sudo().with_context(active_test=False).search([]).read([
                name for name, field in self.env[model]._fields.items()
                if field.store and field.column_type and name not in MAGIC_COLUMNS
            ])
        }

    def press_everything(self, user, left_out=(), models=()):
        """Press each button on each record, of some models or all; return how many there are."""
        pressed = 0
        for model, methods in self.find_methods().items():
            for method in methods if model in models or not models else ():
                if method in left_out:
                    continue
                ids = self.get_ids(user, model)
                if self.env[model]._transient and not ids:
                    continue
                for part in [[each] for each in ids[:8]] or [[]]:
                    pressed += 1
                    with suppress(RpcRefused):
                        self.rpc(user, model, method, part)
        return pressed

    def test_nobody_presses_what_they_may_not(self):
        self.make_money()
        picture = self.take_picture()
        for user, left_out in (
            (self.portal, ()),
            (self.employee, ()),
            (self.salesman, ()),
            (self.warehouseman, self.WAREHOUSE),
            (self.foreign_salesman, ()),
            (self.foreign_warehouseman, ()),
            (self.foreign_admin, ()),
            (self.foreign_accountant, self.OF_ALL_COMPANIES),
        ):
            with self.subTest(user=user.login), mute_logger('odoo.http', 'odoo.sql_db'):
                self.assertGreater(self.press_everything(user, left_out), 50)
                self.assertFalse([call.operation for call in self.simulator.calls])
                self.assertEqual(self.take_picture(), picture)

    def test_who_administers_amazon_without_invoicing_changes_no_books(self):
        self.make_money()
        picture = self.take_picture(*BOOKS)
        with mute_logger('odoo.http', 'odoo.sql_db'):
            self.assertGreater(
                self.press_everything(self.admin, models=(*BOOKS, 'amazon.match.deposit.line')), 30,
            )
        self.assertEqual(self.take_picture(*BOOKS), picture)
        self.assertFalse([call.operation for call in self.simulator.calls])

    def test_who_keeps_the_books_changes_nothing_else(self):
        self.make_money()
        picture, books = self.take_picture(*NO_BOOKS), self.take_picture(*BOOKS)
        with mute_logger('odoo.http', 'odoo.sql_db'):
            self.assertGreater(self.press_everything(self.accountant, self.INVOICING), 50)
        self.assertEqual(self.take_picture(*NO_BOOKS), picture)
        self.assertFalse([
            call.operation for call in self.simulator.calls
            if not call.operation.startswith(('get', 'list', 'search', 'download', 'lwa'))
        ])
        self.assertNotEqual(self.take_picture(*BOOKS), books)

    def test_every_model_and_every_button_is_among_them(self):
        methods = self.find_methods()
        for model, name in (
            ('amazon.account', 'action_sync_orders'), ('amazon.order', 'action_retry'),
            ('stock.picking', 'action_send_to_amazon'), ('sale.order', 'action_cancel_on_amazon'),
            ('amazon.fetch.order', 'action_fetch'),
        ):
            self.assertIn(name, methods[model])
        transient = {name for name in methods if self.env[name]._transient}
        self.assertLessEqual(transient, self.get_wizard_values().keys())

    def test_send_to_amazon_is_for_who_sees_it(self):
        button = '//button[@name="action_send_to_amazon"]'
        for user, may_send in ((self.warehouseman, False), (self.user, True)):
            user.group_ids += self.env.ref(STOCK)
            views = self.rpc(user, 'stock.picking', 'get_views', [[False, 'form']])
            self.assertEqual(button.split('"')[1] in views['views']['form']['arch'], may_send)
        self.assertDenied(
            self.warehouseman, 'stock.picking', 'action_send_to_amazon', self.picking.ids,
        )
        self.assertFalse(self.simulator.calls)
        self.rpc(self.user, 'stock.picking', 'action_send_to_amazon', self.picking.ids)
        self.assertAmazonState(self.picking, 'sent')

    def test_a_difference_is_accepted_by_who_may_change_the_order(self):
        self.account.only_matched_products = False
        order = self.seller.place_order()
        self.seller.override(order, values={'/proceeds/grandTotal/amount': '30.00'})
        self.sync()
        sale_order = self.get_sale_order(order)
        sale_order.user_id = self.colleague
        for user in (self.salesman, self.foreign_salesman, self.employee):
            self.assertDenied(
                user, 'sale.order', 'action_accept_unexplained', sale_order.ids,
            )
        self.assertFalse(sale_order.amazon_unexplained_accepted)
        self.rpc(self.colleague, 'sale.order', 'action_accept_unexplained', sale_order.ids)
        self.assertTrue(sale_order.amazon_unexplained_accepted)
