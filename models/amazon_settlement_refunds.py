from odoo import fields, models


class AmazonSettlement(models.Model):
    """The refunds in a settlement: they are known when it is proven, and what each line is."""

    _inherit = 'amazon.settlement'

    are_refunds_taken = fields.Boolean(
        help="Whether its refunds are known.", readonly=True, copy=False,
    )
    refund_ids = fields.One2many(
        comodel_name='amazon.refund',
        inverse_name='settlement_id',
        string="Refunds",
        readonly=True,
    )

    # === BUSINESS METHODS === #

    def _prove(self, data):
        """Override of `amazon_connector` to take up the refunds of what is proven."""
        super()._prove(data)
        if self.state == 'proven':
            self.env['amazon.refund']._wake()

    def _begin_again(self):
        """Override of `amazon_connector` to forget what refunds were by the lines that go."""
        super()._begin_again()
        self.are_refunds_taken = False
        self.refund_ids._forget_settlement()


class AmazonSettlementLine(models.Model):
    """Which refund a line is of."""

    _inherit = 'amazon.settlement.line'

    refund_id = fields.Many2one(
        comodel_name='amazon.refund',
        string="Refund",
        readonly=True,
        index='btree_not_null',
        ondelete='set null',
    )
    is_refund_taken = fields.Boolean(
        help="Whether it was checked for being a refund.", readonly=True, copy=False,
    )


class AmazonMoneyKind(models.Model):
    """Who names a kind lets the refunds go on that may have it."""

    _inherit = 'amazon.money.kind'

    # === BUSINESS METHODS === #

    def _release_settlements(self):
        """Override of `amazon_connector`."""
        super()._release_settlements()
        self.env['amazon.refund']._wake()
