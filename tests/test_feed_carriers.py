from odoo.tests import TransactionCase, tagged


@tagged('post_install', '-at_install')
class TestCarriers(TransactionCase):
    """Feeds and outboxes find their ways by themselves."""

    def test_carriers_are_found_with_what_people_call_them(self):
        self.assertEqual(
            dict(self.env['amazon.feed']._fields['type']._description_selection(self.env)),
            {
                'amazon.shipment': "Shipments",
                'amazon.cancellation': "Cancellations",
                'amazon.stock.level': "Stock Levels",
                'amazon.invoice.upload': "Invoices",
            },
        )

    def test_each_carrier_has_a_type_of_amazons_and_says_how_its_feeds_are_written(self):
        carriers = self.env['amazon.feed']._get_carriers()
        self.assertTrue(carriers)
        for carrier in carriers:
            with self.subTest(carrier):
                self.assertTrue(self.env[carrier]._feed_type)
                self.assertTrue(self.env[carrier]._feed_content_type)

    def test_outboxes_are_found(self):
        self.assertEqual(
            set(self.env['amazon.outbox.mixin']._get_outboxes()),
            {'amazon.shipment', 'amazon.cancellation', 'amazon.invoice.upload'},
        )
