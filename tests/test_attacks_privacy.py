import re
from datetime import datetime, timedelta, timezone

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.amazon_connector.models.guard import as_connector
from odoo.addons.amazon_connector.simulator import Address, Buyer, Item, TaxRegistration

from .common import AttackCase, ShippingCase

SECRETS = re.compile(
    'Quirina|Xylander|Rosenweg|Hinterhaus|76543|quirina|DE123456780|Zur Taufe|Falsche Farbe',
)


def get_now():
    return datetime.now(timezone.utc).replace(tzinfo=None)


class PrivacyCase(ShippingCase):
    """Somebody who does not want to be remembered buys something."""

    def place_private_order(self, *items, address=None, **details):
        """Let Quirina order something."""
        details.setdefault('programs', ('AMAZON_BUSINESS',))
        details.setdefault('tax_registrations', (TaxRegistration('DE123456780'),))
        return self.seller.place_order(
            items=items or [Item('MUG', gift_message='Zur Taufe\nvon Oma')],
            buyer=Buyer('Quirina Xylander', 'quirina@marketplace.amazon.de'),
            address=address or Address(
                'Quirina Xylander', line1='Rosenweg 7', line2='Hinterhaus', city='Bremen',
                postal_code='28195', country='DE', phone='+49 421 76543',
            ),
            **details,
        )

    def get_texts(self, *recordsets):
        """Return everything that is stored of records, with their chatter and activities."""
        texts = []
        for records in recordsets:
            chatter = [('res_id', 'in', records.ids)]
            messages = self.env['mail.message'].search([('model', '=', records._name), *chatter])
            activities = self.env['mail.activity'].with_context(active_test=False).search(
                [('res_model', '=', records._name), *chatter],
            )
            for found in (
                records, messages, messages.tracking_value_ids, messages.notification_ids,
                messages.mail_ids, activities,
            ):
                names = [name for name, field in found._fields.items() if field.store]
                for values in found.read(names, load=None):
                    texts += [f'{found._name}.{name}: {value}' for name, value in values.items()]
        return '\n'.join(texts)

    def assertForgotten(self, *recordsets):
        for records in recordsets:
            self.assertTrue(records)
        self.assertFalse([
            line for line in self.get_texts(*recordsets).splitlines() if SECRETS.search(line)
        ])


@tagged('post_install', '-at_install', 'attacks')
class TestPurge(PrivacyCase):
    """What Amazon tells of buyers goes in time, wherever it was written."""

    def test_whatever_amazon_promised_it_is_shipment_that_counts(self):
        far = datetime(2099, 12, 31, tzinfo=timezone.utc)
        order = self.place_private_order(deliver_by=(far, far))
        self.seller.ship(order)
        self.seller.override(order, values={'/lastUpdatedTime': '2098-01-01T00:00:00Z'})
        self.sync()
        inbox = self.get_inbox(order)
        self.purge(get_now() + timedelta(days=29))
        self.assertTrue(inbox.payload)
        self.purge(get_now() + timedelta(days=30, minutes=5))
        self.assertFalse(inbox.payload)

    def test_the_real_delivery_counts_where_amazon_tells_of_it(self):
        now = datetime.now(timezone.utc)
        order = self.place_private_order(placed_at=now - timedelta(days=25))
        self.seller.ship(order, at=now - timedelta(days=20))
        self.seller.deliver(order, at=now - timedelta(days=12))
        self.account.last_order_sync = get_now() - timedelta(days=40)
        self.sync()
        inbox = self.get_inbox(order)
        self.purge(get_now() + timedelta(days=17))
        self.assertTrue(inbox.payload)
        self.purge(get_now() + timedelta(days=19))
        self.assertFalse(inbox.payload)

    def test_later_changes_do_not_put_it_off(self):
        now = datetime.now(timezone.utc)
        order = self.place_private_order(placed_at=now - timedelta(days=25))
        self.seller.ship(order, at=now - timedelta(days=20))
        self.account.last_order_sync = get_now() - timedelta(days=40)
        self.sync()
        self.seller.override(order, values={'/packages/0/shipTime': '2097-01-01T00:00:00Z'})
        self.sync()
        self.purge(get_now() + timedelta(days=11))
        self.assertFalse(self.get_inbox(order).payload)

    def test_what_was_cancelled_or_never_shipped_goes_too(self):
        cancelled, left_open = self.place_private_order(), self.place_private_order()
        self.seller.cancel(cancelled)
        self.sync()
        self.purge(get_now() + timedelta(days=31))
        self.assertFalse(self.get_inbox(cancelled).payload)
        self.assertTrue(self.get_inbox(left_open).payload)
        self.purge(get_now() + timedelta(days=91))
        self.assertFalse(self.get_inbox(left_open).payload)

    def test_what_is_fetched_again_goes_with_the_next_run(self):
        order = self.place_private_order()
        self.seller.ship(order)
        self.seller.request_cancellation(order, 'Falsche Farbe')
        self.account.shipped_elsewhere = 'import'
        self.sync()
        inbox = self.get_inbox(order)
        self.purge(get_now() + timedelta(days=31))
        first = inbox.purged_at
        self.press(inbox, 'action_fetch_again')
        self.assertTrue(inbox.payload)
        self.assertEqual(inbox.state, 'done')
        self.assertForgotten(inbox.sale_order_id)
        self.purge(get_now() + timedelta(minutes=5))
        self.assertFalse(inbox.payload)
        self.assertEqual(inbox.purged_at, first)

    def test_what_has_just_come_is_imported_first(self):
        order = self.place_private_order()
        self.seller.ship(order)
        self.sync()
        inbox = self.get_inbox(order)
        self.purge(get_now() + timedelta(days=31))
        inbox._store_payloads(self.account, [{'orderId': order.order_id}], force=True)
        self.assertEqual(inbox.state, 'to_do')
        self.purge(get_now() + timedelta(minutes=5))
        self.assertTrue(inbox.payload)
        self.purge(get_now() + timedelta(days=2))
        self.assertFalse(inbox.payload)

    def test_an_order_that_is_deleted_from_the_inbox_is_forgotten_first(self):
        order = self.place_private_order()
        self.seller.request_cancellation(order, 'Falsche Farbe')
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertIn('Zur Taufe', sale_order.picking_ids.note)
        self.get_inbox(order).with_user(
            self.create_user('adele', 'amazon_connector.group_amazon_admin'),
        ).unlink()
        self.assertFalse(sale_order.amazon_cancel_reason)
        self.assertFalse(any(sale_order.order_line.mapped('amazon_gift_message')))
        self.assertFalse(sale_order.picking_ids.note)

    def test_deliveries_of_a_deleted_sales_order_keep_no_gift_message_but_what_people_wrote(self):
        order, other = self.place_private_order(), self.place_private_order()
        self.sync()
        sale_orders = self.get_sale_order(order) | self.get_sale_order(other)
        deliveries = [sale_order.picking_ids for sale_order in sale_orders]
        deliveries[1].note = "Ring twice"
        sale_orders._action_cancel()
        sale_orders.unlink()
        self.assertEqual([bool(delivery.note) for delivery in deliveries], [False, True])

    def test_nothing_is_left_of_gifts_and_requests_to_cancel(self):
        order = self.place_private_order()
        self.seller.request_cancellation(order, 'Falsche Farbe')
        self.sync()
        sale_order = self.get_sale_order(order)
        delivery = sale_order.picking_ids
        self.assertEqual(sale_order.amazon_cancel_reason, 'Falsche Farbe')
        self.assertIn('Zur Taufe', delivery.note)
        for document in (sale_order, delivery):
            document.message_post(body="She writes: zur Taufe von Oma, please!")
            document.message_post(body="Handle with care")
            document.activity_schedule('mail.mail_activity_data_todo', note="falsche  Farbe?")
        self.deliver(order)
        self.seller.ship(order)
        self.sync()
        delivery.amazon_shipment_ids.answer = "Amazon refuses “Falsche Farbe”."
        self.purge(get_now() + timedelta(days=31))
        self.assertFalse(
            re.findall(r'(?i)Taufe|\bOma\b|Farbe', self.get_texts(
                sale_order, sale_order.order_line, delivery, delivery.move_ids,
                self.get_inbox(order), delivery.amazon_shipment_ids,
            )),
        )
        for document in (sale_order, delivery):
            self.assertIn("Handle with care", ''.join(document.message_ids.mapped('body')))

    def test_activities_and_chatter_quote_nobody_in_the_first_place(self):
        order = self.place_private_order()
        self.seller.request_cancellation(order, 'Falsche Farbe')
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertTrue(sale_order.activity_ids)
        for records in (sale_order.message_ids, sale_order.picking_ids.message_ids,
                        sale_order.activity_ids):
            self.assertTrue(records)
            self.assertForgotten(records)

    def test_what_a_failure_said_goes_too(self):
        order = self.place_private_order()
        self.sync()
        inbox = self.get_inbox(order)
        inbox.write({'state': 'failed', 'reason': "Quirina Xylander has no valid VAT number"})
        self.purge(get_now() + timedelta(days=91))
        self.assertForgotten(inbox)
        self.assertIn("Fetch Again", inbox.reason)
        self.assertFalse(inbox.next_try)

    def test_one_that_can_not_be_purged_stops_no_other_and_is_not_quoted(self):
        orders = [self.place_private_order() for _number in range(3)]
        for order in orders:
            self.seller.ship(order)
            self.seller.request_cancellation(order, 'Falsche Farbe')
        self.account.shipped_elsewhere = 'import'
        self.sync()
        bad = self.get_sale_order(orders[1])
        self.env.cr.execute(
            "ALTER TABLE sale_order ADD CONSTRAINT kept"
            " CHECK (id != %s OR amazon_cancel_reason IS NOT NULL)", [bad.id],
        )
        with self.assertLogs('odoo', 'ERROR') as logs:
            self.purge(get_now() + timedelta(days=31))
        self.assertFalse(SECRETS.findall('\n'.join(logs.output)))
        self.assertEqual([bool(self.get_inbox(order).payload) for order in orders],
                         [False, True, False])
        self.assertEqual(bad.amazon_cancel_reason, 'Falsche Farbe')

    def test_it_goes_on_in_a_neutralized_copy(self):
        order = self.place_private_order()
        self.sync()
        inbox = self.get_inbox(order)
        inbox.stored_at = get_now() - timedelta(days=91)
        crons = self.env['ir.cron'].search([])
        crons.active = False
        cron = self.env.ref('base.autovacuum_job')
        cron.active = True
        self.assertIs(cron.method_direct_trigger(), True)
        self.assertFalse(inbox.payload)
        self.assertTrue(inbox.purged_at)


@tagged('post_install', '-at_install', 'attacks')
class TestBuyersAreForgotten(PrivacyCase):
    """Contacts are known by name while orders, deliveries or invoices need it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['account.chart.template'].try_loading(
            'generic_coa', company=cls.company, install_demo=False,
        )

    def deliver_privately(self, **details):
        """Let Quirina order something that is shipped as she wants, and return the sales order."""
        order = self.place_private_order(**details)
        self.account.shipped_elsewhere = 'import'
        self.seller.ship(order)
        self.sync()
        return self.get_sale_order(order)

    def invoice(self, sale_order):
        """Post the invoice of a sales order."""
        sale_order.order_line.product_id.invoice_policy = 'order'
        invoice = sale_order._create_invoices()
        invoice.action_post()
        return invoice

    def get_family(self, sale_order):
        return self.env['res.partner'].with_context(active_test=False).search([
            ('id', 'child_of', sale_order.partner_id.ids),
        ])

    def assertKept(self, sale_order, at):
        self.purge(at)
        self.assertEqual(sale_order.partner_id.name, 'Quirina Xylander')
        self.assertTrue(sale_order.partner_id.active)

    def test_a_buyer_whom_nothing_needs_is_anonymized(self):
        address = Address('Quirina Xylander', line1='Rosenweg 9', city='Kiel', postal_code='24103',
                          country='DE', phone='+49 431 76543')
        sale_order = self.deliver_privately()
        other = self.deliver_privately(address=address)
        family = self.get_family(sale_order)
        self.assertEqual(other.partner_id, sale_order.partner_id)
        self.assertEqual(len(family), 2)
        self.assertIn('DE123456780', family[0].comment)
        self.assertTrue(self.env['mail.blacklist'].search([('email', 'like', 'quirina')]))
        sale_order.message_post(body="Called Quirina Xylander, who is fine")
        sale_order.partner_id.message_post(body="Moved to Rosenweg 9")
        sale_order.message_post(
            body="It is on its way", partner_ids=sale_order.partner_id.ids,
            message_type='comment', subtype_xmlid='mail.mt_comment',
        )
        self.assertTrue(sale_order.message_ids.notification_ids)
        sale_order.partner_id.with_context(tracking_disable=False).phone = '+49 421 765432'
        self.purge(get_now() + timedelta(days=400))
        self.assertForgotten(family, sale_order, other)
        self.assertFalse(any(family.mapped('active')))
        self.assertEqual(set(family.mapped('country_id.code')), {'DE'})
        self.assertIn("Amazon buyer", sale_order.partner_id.name)
        self.assertFalse(self.env['mail.blacklist'].with_context(active_test=False).search(
            [('email', 'like', 'quirina')],
        ))
        # Who comes again is somebody else.
        again = self.deliver_privately()
        self.assertNotEqual(again.partner_id, sale_order.partner_id)

    def say(self, sale_order, records):
        """Let Odoo quote the buyer wherever something fails."""
        words = "Quirina Xylander has no valid VAT number"
        with as_connector():
            sale_order.amazon_invoice_answer = words
            for record in records:
                record.answer = words

    def test_what_failures_say_after_the_purge_goes_with_the_buyer(self):
        sale_order = self.deliver_privately()
        shared = {
            'account_id': self.account.id, 'company_id': self.company.id,
            'currency_id': sale_order.currency_id.id,
        }
        refund = self.env['amazon.refund'].create({
            **shared, 'sale_order_id': sale_order.id, 'posted_at': get_now(),
            'source': 'transaction',
        })
        settlements = self.env['amazon.settlement'].create([
            {**shared, 'settlement_ref': ref} for ref in ('1', '2')
        ])
        refs = sale_order.amazon_order_ref, '302-1'
        for settlement, ref in zip(settlements, refs, strict=True):
            self.env['amazon.settlement.line'].create({
                'settlement_id': settlement.id, 'company_id': self.company.id,
                'currency_id': sale_order.currency_id.id, 'order_ref': ref,
                'kind_id': self.env['amazon.money.kind'].search([], limit=1).id,
            })
        said = [refund, *settlements]
        for days in (91, 500):
            self.say(sale_order, said)
            self.purge(get_now() + timedelta(days=days))
            self.assertForgotten(sale_order, refund, settlements[0])
            self.assertTrue(settlements[1].answer, "It is of somebody else")
            self.assertEqual(sale_order.partner_id.amazon_anonymized, days == 500)

    def test_labels_of_deliveries_go_with_the_buyer(self):
        order = self.place_private_order()
        self.sync()
        delivery = self.deliver(order)
        label = self.env['ir.attachment'].create({
            'name': 'label.pdf', 'raw': b'Quirina', 'res_model': 'stock.picking',
            'res_id': delivery.id,
        })
        self.purge(get_now() + timedelta(days=400))
        self.assertIn("Amazon buyer", self.get_sale_order(order).partner_id.name)
        self.assertFalse(label.exists())

    def test_an_open_delivery_needs_the_buyer(self):
        order = self.place_private_order()
        self.sync()
        sale_order = self.get_sale_order(order)
        self.assertKept(sale_order, get_now() + timedelta(days=500))
        self.deliver(order)
        self.purge(get_now() + timedelta(days=500))
        self.assertForgotten(sale_order.partner_id)

    def test_an_invoice_needs_the_buyer_for_years(self):
        sale_order = self.deliver_privately()
        invoice = self.invoice(sale_order)
        end = datetime(invoice.date.year + 11, 1, 1)
        self.assertKept(sale_order, end - timedelta(hours=1))
        self.purge(end + timedelta(hours=1))
        self.assertForgotten(sale_order.partner_id, invoice)

    def test_who_may_still_get_an_invoice_is_kept_for_a_year(self):
        sale_order = self.deliver_privately()
        self.assertKept(sale_order, get_now() + timedelta(days=360))

    def test_the_account_says_whether_and_for_how_long(self):
        sale_order = self.deliver_privately()
        self.invoice(sale_order)
        self.account.invoiced_buyer_years = 0
        self.assertKept(sale_order, get_now() + timedelta(days=20_000))
        self.account.write({'invoiced_buyer_years': 1, 'buyer_retention': 'keep'})
        self.assertKept(sale_order, get_now() + timedelta(days=1000))
        self.account.buyer_retention = 'anonymize'
        self.purge(get_now() + timedelta(days=1000))
        self.assertForgotten(sale_order.partner_id)

    def test_who_is_more_than_a_buyer_is_kept(self):
        sale_order = self.deliver_privately()
        buyer = sale_order.partner_id
        sale = self.env['sale.order'].create({
            'partner_id': buyer.id,
            'company_id': self.company.id,
            'order_line': [Command.create({'product_id': self.mug.id})],
        })
        self.assertKept(sale_order, get_now() + timedelta(days=400))
        sale.partner_id = self.env['res.partner'].create({'name': "Somebody"})
        sale.partner_invoice_id = sale.partner_shipping_id = sale.partner_id
        user = self.create_user('quirina')
        with as_connector():
            user.partner_id.write({
                'amazon_account_id': self.account.id, 'amazon_email': 'q@marketplace.amazon.de',
            })
        self.purge(get_now() + timedelta(days=400))
        self.assertEqual(user.partner_id.name, 'Quirina')
        self.assertIn("Amazon buyer", buyer.name)


@tagged('post_install', '-at_install', 'attacks')
class TestAccessIsRecorded(AttackCase):
    """Who opens what Amazon sent is known for a year, without whose data it was."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = cls.create_user(
            'adele', 'amazon_connector.group_amazon_admin', 'base.group_allow_export',
        )
        cls.user = cls.create_user('uwe', 'amazon_connector.group_amazon_user')

    def setUp(self):
        super().setUp()
        order = self.seller.place_order(buyer=Buyer('Quirina Xylander', 'q@marketplace.amazon.de'))
        self.sync()
        self.inbox = self.get_inbox(order)
        self.get_log().unlink()  # That the credentials were entered is recorded, too.

    def get_log(self):
        return self.env['amazon.access.log'].search([])

    def test_whoever_changes_credentials_is_recorded(self):
        for values in (
            {'refresh_token': 'Atzr|another'},
            {'lwa_client_secret': 'another'},
            {'lwa_client_id': 'another'},
            {'seller_id': 'A2ANOTHER'},
        ):
            with self.subTest(**values):
                self.rpc(self.admin, 'amazon.account', 'write', self.account.ids, values)
                [log] = self.get_log()
                self.assertEqual((log.user_id, log.what), (self.admin, 'credentials'))
                self.assertNotIn('another', log.reference)
                log.unlink()

    @mute_logger('odoo.http')
    def test_whoever_opens_amazons_data_is_recorded(self):
        action = self.rpc(self.admin, 'amazon.order', 'action_open_data', self.inbox.ids)
        self.assertEqual(action['target'], 'new')
        self.assertFalse(self.get_log())
        [values] = self.rpc(self.admin, 'amazon.order', 'web_read', self.inbox.ids,
                            specification={'readable_payload': {}})
        self.assertIn('Quirina Xylander', values['readable_payload'])
        log = self.get_log()
        self.assertEqual(
            (log.user_id, log.what, log.reference, log.company_id),
            (self.admin, 'data', self.inbox.amazon_order_ref, self.company),
        )
        self.rpc(self.admin, 'amazon.order', 'export_data', self.inbox.ids, ['readable_payload'])
        self.assertEqual(len(self.get_log()), 2)

    def test_the_form_of_an_order_opens_nothing(self):
        views = self.rpc(self.admin, 'amazon.order', 'get_views', [[False, 'form']])
        arch = views['views']['form']['arch']
        self.assertIn('action_open_data', arch)
        self.assertNotIn('payload"', arch)
        names = [name for name in views['models']['amazon.order']['fields'] if f'"{name}"' in arch]
        self.rpc(self.admin, 'amazon.order', 'read', self.inbox.ids, names)
        self.assertFalse(self.get_log())

    def test_nobody_reads_them_past_the_record(self):
        for user in (self.admin, self.user):
            self.assertDenied(user, 'amazon.order', 'read', self.inbox.ids, ['payload'])
            self.assertDenied(user, 'amazon.order', 'search', [('payload', 'like', 'Xylander')])
        self.assertDenied(self.user, 'amazon.order', 'read', self.inbox.ids, ['readable_payload'])

    def test_the_record_is_kept_from_everybody(self):
        self.env['amazon.access.log'].with_user(self.admin)._note('credentials', self.account)
        log = self.get_log()
        self.assertEqual(log.reference, self.account.name)
        system = self.create_user('sybille', 'base.group_system')
        stranger = self.create_user(
            'stefan', 'amazon_connector.group_amazon_admin', company=self.create_company("Süd"),
        )
        for user in (self.user, system):
            self.assertDenied(user, 'amazon.access.log', 'search_read', [], ['reference'])
        self.assertFalse(self.rpc(stranger, 'amazon.access.log', 'search_read', [], ['reference']))
        self.assertEqual(
            [values['reference'] for values in self.rpc(
                self.admin, 'amazon.access.log', 'search_read', [], ['reference'],
            )],
            [self.account.name],
        )
        for user in (self.admin, self.user, system, stranger):
            for method, *args in (
                ('create', {'what': 'data'}), ('write', log.ids, {'reference': 'x'}),
                ('unlink', log.ids),
            ):
                self.assertDenied(user, 'amazon.access.log', method, *args)

    def test_it_is_forgotten_after_a_year(self):
        self.env['amazon.access.log']._note('data', self.inbox)
        log = self.get_log()
        log.date = get_now() - timedelta(days=364)
        self.env['amazon.access.log']._gc_old()
        self.assertTrue(log.exists())
        log.date = get_now() - timedelta(days=366)
        self.env['amazon.access.log']._gc_old()
        self.assertFalse(log.exists())
