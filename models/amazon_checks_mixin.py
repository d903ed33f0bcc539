from odoo import models
from odoo.exceptions import UserError


class AmazonChecksMixin(models.AbstractModel):
    """Records that are made for many Amazon orders at once, of which Odoo's checks may refuse one.

    Odoo checks them all together and tells no caller which one it was. Here it is looked for, so
    that it is the only one to be left out, see `_do_together_or_apart`.
    """

    _name = 'amazon.checks.mixin'
    _description = "Amazon Checks"

    _amazon_order_ref_path = 'amazon_order_ref'

    def _check_company(self, fnames=None):
        """Override of `odoo.models.BaseModel` to blame the order that is refused."""
        self._check_by_order(
            lambda records: super()._check_company(fnames),
        )

    def _validate_fields(self, field_names, excluded_names=()):
        """Override of `odoo.models.BaseModel` to blame the order that is refused."""
        field_names, excluded_names = set(field_names), set(excluded_names)
        self._check_by_order(
            lambda records: super()._validate_fields(
                field_names, excluded_names,
            ),
        )

    def _check_by_order(self, check):
        """Check all records or, if that fails, those of one order after the other.

        :param check: Takes a recordset and raises if it is refused.
        :return: None
        :raise UserError: What `check` raises, with the order in the inbox that is to blame.
        """
        try:
            check(self)
        except UserError:
            by_order = self.grouped(
                lambda record: (record.company_id, *record.mapped(self._amazon_order_ref_path)),
            )
            if len(by_order) > 1:
                for (company, order_ref), records in by_order.items():
                    try:
                        check(records)
                    except UserError as exception:
                        # In sudo mode: who edits sales orders may have no access to the inbox.
                        exception.culprit = self.env['amazon.order'].sudo().search([
                            ('company_id', '=', company.id), ('amazon_order_ref', '=', order_ref),
                        ])
                        raise
            raise
