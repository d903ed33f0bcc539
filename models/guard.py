"""What the connector fills in on Odoo's documents is written by the connector alone."""

from contextlib import contextmanager
from contextvars import ContextVar

from odoo import api, models
from odoo.exceptions import AccessError, ValidationError

PREFIX = 'amazon_'
# No key of a context: anybody can send one over RPC.
_acts_as_connector = ContextVar('_acts_as_connector', default=False)


@contextmanager
def as_connector():
    """Let what runs meanwhile write what only the connector may; nothing that people have sent."""
    token = _acts_as_connector.set(True)
    try:
        yield
    finally:
        _acts_as_connector.reset(token)


class AmazonGuardMixin(models.AbstractModel):
    """A document of Odoo's whose `amazon_*` fields the connector fills in.

    What stands in them is sent to Amazon with the credentials of an account, and decides who is
    asked for lots, taxes and invoices. `readonly=True` only hides them from a form. Superuser mode
    is not enough, either: Odoo's own flows carry in it what people have sent.
    """

    _name = 'amazon.guard.mixin'
    _description = "Amazon Guard"

    _amazon_open_fields = ()  # those that people fill in

    # === CONSTRAINT METHODS === #

    @api.constrains(lambda self: self._get_company_check_fields())
    def _check_company_of_amazon_account(self):
        for record in self.filtered(lambda r: r.company_id and r.amazon_account_id):
            # In sudo mode: who moves a document to another company need not see the account.
            if record.sudo().amazon_account_id.company_id != record.company_id:
                raise ValidationError(self.env._(
                    "%(document)s belongs to %(company)s, its Amazon account to another company.",
                    document=record.display_name,
                    company=record.company_id.name,
                ))

    # === CRUD METHODS === #

    @api.model
    def default_get(self, fields):
        """Override of `base` to let no context and no default of a user fill in such a field."""
        defaults = super().default_get(fields)
        return {
            name: value for name, value in defaults.items() if not self._is_for_connector(name)
        }

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base` to let the connector alone fill in its fields.

        :raise AccessError: If somebody else does.
        """
        for vals in vals_list:
            self._check_for_connector(vals)
        return super().create(vals_list)

    def write(self, vals):
        """Override of `base` to let the connector alone fill in its fields.

        :raise AccessError: If somebody else does.
        """
        self._check_for_connector(vals)
        return super().write(vals)

    def copy_data(self, default=None):
        """Override of `base`: the copies that people make, a return for instance, are not those of
        the connector.
        """
        vals_list = super().copy_data(default)
        if _acts_as_connector.get():
            return vals_list
        return [
            vals and {
                name: value for name, value in vals.items()
                if name in (default or ()) or not self._is_for_connector(name)
            }
            for vals in vals_list
        ]

    # === BUSINESS METHODS === #

    @api.model
    def _get_company_check_fields(self):
        """Return the fields that tell whether account and document are of the same company.

        Where the account is another document's, Odoo's own check suffices when it is confirmed and
        done: to look earlier would mean to compute it once more for each document.

        :rtype: tuple[str, ...]
        """
        field = self._fields.get('amazon_account_id')
        return ('company_id', 'amazon_account_id') if field and not field.related else ()

    @api.model
    def _is_for_connector(self, name):
        """Return whether the connector alone fills in a field.

        :param str name: The name of the field.
        :rtype: bool
        """
        return name.startswith(PREFIX) and name not in self._amazon_open_fields

    @api.model
    def _check_for_connector(self, vals):
        """Refuse values that the connector alone may write.

        :param dict vals: Values for `create` or `write`.
        :return: None
        :raise AccessError: Naming the field.
        """
        if _acts_as_connector.get():
            return
        for name in filter(self._is_for_connector, vals):
            field = self._fields.get(name)
            raise AccessError(self.env._(
                "%(field)s (%(name)s): the Amazon connector fills it in, nobody else can.",
                field=field.get_description(self.env, ['string'])['string'] if field else name,
                name=name,
            ))
