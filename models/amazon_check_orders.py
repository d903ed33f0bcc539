from odoo import api, models
from odoo.fields import Domain

from ..amazon import orders, roles
from ..amazon.errors import NotFound, Rejected
from ..amazon.payload import load_json
from .amazon_check import Finding

# Well formed, and nobody's: that Amazon does not know it shows that it would tell.
NOBODYS_ORDER = '000-0000000-0000000'
RECENT_ORDERS = 50  # among which one is looked for that shows what is to be found out


class AmazonCheck(models.Model):
    """The checks of orders: whether they may be read, and what waits for a person."""

    _inherit = 'amazon.check'

    @api.model
    def _get_codes(self):
        """Override of `amazon_connector` to check orders."""
        return [
            *super()._get_codes(),
            ('role_orders', self.env._("Role: Orders")),
            ('role_personal_data', self.env._("Role: Names and Addresses")),
            ('role_tax', self.env._("Role: Tax Data")),
            ('orders', self.env._("Orders")),
        ]

    @api.model
    def _get_crons(self, account):
        """Override of `amazon_connector` to look at the one that imports, too."""
        return [
            *super()._get_crons(account),
            (
                self.env._("Import of Orders"),
                self.env.ref('amazon_connector.ir_cron_import_orders').sudo(),
            ),
        ]

    # === BUSINESS METHODS - ROLES === #

    @api.model
    def _check_role_orders(self, checkup):
        """Find out whether orders may be read."""
        order = self._find_order_to_ship(checkup.account) or self._get_recent_orders(
            checkup.account, limit=1,
        )
        order_ref = order.amazon_order_ref or NOBODYS_ORDER
        return self._check_role(
            checkup,
            roles.ORDERS,
            lambda client: orders.fetch_order(client, order_ref),
            self.env._("Granted: orders can be read."),
            Finding('error', self.env._("Missing: no orders come in, and no deliveries go out.")),
        )

    @api.model
    def _check_role_personal_data(self, checkup):
        """Find out whether Amazon shows who gets a parcel."""
        order = self._find_order_to_ship(checkup.account)
        return self._check_shown(
            checkup,
            roles.PERSONAL_DATA,
            order,
            roles.shows_personal_data,
            Finding('ok', self.env._("Granted: Amazon shows names and addresses.")),
            Finding('error', self.env._(
                "Missing: Amazon shows no name and street of an order that you have to ship, so"
                " that parcels can't be addressed.",
            )),
            Finding('unknown', self.env._(
                "Only an order that you have to ship yourself shows it. Press Check Now again when"
                " there is one; if Amazon ships all your orders, you do not need the role.",
            )),
        )

    @api.model
    def _check_role_tax(self, checkup):
        """Find out whether Amazon shows the tax data of buyers.

        Not every business has a number, so that only what was shown once proves anything.
        """
        order, was_shown = self._find_order_with_tax(checkup.account)
        return self._check_shown(
            checkup,
            roles.TAX,
            order,
            lambda payload: roles.shows_tax_data(payload) or (False if was_shown else None),
            Finding('ok', self.env._("Granted: Amazon shows the tax data of buyers.")),
            Finding('warning', self.env._(
                "Missing: Amazon does not show the tax number of a buyer any more that it has shown"
                " before, so that invoices to businesses lack it.",
            )),
            Finding('unknown', self.env._(
                "Only the order of a business with a tax number shows it. Press Check Now again"
                " when there is one. If Amazon never shows tax numbers, your app lacks the role"
                " “%(role)s”.",
                role=roles.TAX,
            )),
        )

    @api.model
    def _check_shown(self, checkup, role, order, read, granted, missing, unproven):
        """Find out whether Amazon shows something in an order, which it leaves out without a role.

        :param Checkup checkup: What the checks share.
        :param str role: Amazon's name of the role.
        :param amazon.order order: An order that shows it if any does; may be empty.
        :param read: Takes the order as Amazon sent it; tells whether it shows it, `None` if that
                     proves nothing.
        :param Finding granted: What is found where it shows it.
        :param Finding missing: What is found where it does not though it must.
        :param Finding unproven: What is found where that can't be told.
        :rtype: Finding
        """
        if self._check_role_orders(checkup).state != 'ok':
            return Finding('unknown', self.env._("Orders can't be read, see Role: Orders."))
        if not order:
            return unproven
        order_ref = order.amazon_order_ref
        # The question that `_check_role_orders` asks, if it is about the same order.
        is_same = order == self._find_order_to_ship(checkup.account)
        try:
            is_shown = read(checkup.ask(
                roles.ORDERS if is_same else role,
                lambda client: orders.fetch_order(client, order_ref),
            ))
        except (NotFound, Rejected):
            return unproven
        if is_shown is None:
            return unproven
        return granted if is_shown else self._describe_missing_role(role, missing)

    @api.model
    def _get_recent_orders(self, account, domain=Domain.TRUE, limit=RECENT_ORDERS):
        """Return the orders of an account that changed last on Amazon and can be asked for.

        :param amazon.account account: The account, in sudo mode.
        :param Domain domain: Which of them.
        :param int limit: How many at most.
        :rtype: amazon.order
        """
        return self.env['amazon.order'].sudo().search(
            Domain('account_id', '=', account.id)
            & Domain('amazon_order_ref', 'not like', '?')
            & Domain('is_sold_elsewhere', '=', False)
            & domain,
            limit=limit,
        )

    @api.model
    def _find_order_to_ship(self, account):
        """Return an order that the seller has to ship, empty if there is none.

        :param amazon.account account: The account, in sudo mode.
        :rtype: amazon.order
        """
        return self._get_recent_orders(
            account,
            Domain('channel', '=', 'fbm') & Domain('amazon_status', 'in', orders.Status.TO_SHIP),
            limit=1,
        )

    @api.model
    def _find_order_with_tax(self, account):
        """Return an order that shows tax data, or else one of a business, which may.

        :param amazon.account account: The account, in sudo mode.
        :return: The order, empty if there is none; and whether it has shown them before.
        :rtype: tuple[amazon.order, bool]
        """
        payloads = {
            order: load_json(order.payload)
            for order in self._get_recent_orders(account) if order.payload
        }
        for read in (roles.shows_tax_data, roles.is_of_business):
            for order, payload in payloads.items():
                if read(payload):
                    return order, read is roles.shows_tax_data
        return self.env['amazon.order'], False

    # === BUSINESS METHODS - WHAT WAITS === #

    @api.model
    def _check_orders(self, checkup):
        """Count the orders that wait for a person."""
        account = checkup.account
        parts = [
            sentence % {'count': count}
            for count, sentence in (
                (account.failed_count, self.env._(
                    "Orders that could not be imported: %(count)s. Amazon ▸ Orders ▸ Amazon Orders,"
                    " filter Needs Attention, shows each with its reason.",
                )),
                (account.unexplained_count, self.env._(
                    "Orders whose total Amazon's amounts do not explain: %(count)s. Their invoices"
                    " wait until somebody has looked at them under Amazon ▸ Orders ▸ Sales Orders,"
                    " filter Not Explained.",
                )),
            ) if count
        ]
        if parts:
            return Finding('warning', ' '.join(parts), self.env._("Open Orders"))
        return Finding('ok', self.env._("No order needs attention."))

    def _remedy_orders(self):
        """Open the orders that wait for a person."""
        account = self.account_id
        if account.failed_count:
            return account.action_open_failed_orders()
        return account.action_open_unexplained_orders()
