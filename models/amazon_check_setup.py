import ipaddress
import re

from odoo import api, models
from odoo.exceptions import UserError

from .amazon_check import Finding

# With the name and password that some addresses hold.
ADDRESS = re.compile(r'(https?)://(?:[^/@?#]*@)?(\[[^]/]+\]|[^:/?#\s]+)', re.IGNORECASE)
LOCAL_NAMES = ('localhost', '.localhost', '.local', '.lan', '.internal', '.home.arpa')


class AmazonCheck(models.Model):
    """The checks of Odoo itself: its address, and the e-mails that it sends to buyers."""

    _inherit = 'amazon.check'

    @api.model
    def _get_codes(self):
        """Override of `amazon_connector` to check the address and e-mails."""
        return [
            *super()._get_codes(),
            ('base_url', self.env._("Address of Odoo")),
            ('mail', self.env._("E-Mails to Buyers")),
        ]

    # === BUSINESS METHODS - ADDRESS === #

    @api.model
    def _check_base_url(self, checkup):
        """Find out whether Amazon can send a browser back to Odoo. Nothing is called for it."""
        # In sudo mode: parameters are the system's.
        match = ADDRESS.match(
            self.env['ir.config_parameter'].sudo().get_param('web.base.url') or '',
        )
        scheme, host = (match[1].lower(), match[2].lower().strip('[]')) if match else ('', '')
        is_local = not host or _is_local(host)
        if is_local and checkup.connection.environment == 'custom':
            return Finding('ok', self.env._(
                "%(host)s: enough to try the connector out on this machine.", host=host,
            ))
        remedy = self.env._("Open System Parameters")
        if is_local:
            return Finding('warning', self.env._(
                "%(host)s: nobody can reach this address from outside, so that Authorize on Amazon"
                " can't come back from there. Correct web.base.url under Settings ▸ Technical ▸"
                " System Parameters; tokens can be pasted without it.",
                host=host or 'web.base.url',
            ), remedy)
        if scheme != 'https':
            return Finding('warning', self.env._(
                "%(host)s is called without HTTPS, which Amazon wants for Authorize on Amazon. Set"
                " up HTTPS, then correct web.base.url under Settings ▸ Technical ▸ System"
                " Parameters; tokens can be pasted without it.",
                host=host,
            ), remedy)
        return Finding('ok', self.env._("%(host)s is called by HTTPS.", host=host))

    def _remedy_base_url(self):
        """Open the parameter."""
        action = self._open_for_system('base.ir_config_list_action')
        return {**action, 'domain': [('key', '=', 'web.base.url')]}

    # === BUSINESS METHODS - E-MAIL === #

    @api.model
    def _check_mail(self, checkup):
        """Find out whether e-mails reach buyers, and their answers Odoo.

        Amazon forwards e-mails to buyers only from addresses that the seller has approved.
        """
        company = checkup.account.company_id
        if not company.alias_domain_id:
            return Finding('warning', self.env._(
                "Alias Domain: the company has none, so that what buyers answer to Odoo's e-mails"
                " does not come back into Odoo. Set one up under Settings ▸ General Settings ▸"
                " Emails.",
            ), self.env._("Open Settings"))
        domain = company.alias_domain_id
        return Finding('ok', self.env._(
            "Answers come back to %(catchall)s. Amazon forwards to buyers only what comes from"
            " addresses that you have approved: add those of your people and %(default_from)s under"
            " Seller Central ▸ Messaging ▸ Approved Senders.",
            catchall=company.catchall_email or domain.name,
            default_from=company.default_from_email or company.email or domain.name,
        ))

    def _remedy_mail(self):
        """Open the settings."""
        return self._open_for_system('base_setup.action_general_configuration')

    @api.model
    def _open_for_system(self, xmlid):
        """Return an action of system administrators.

        :param str xmlid: The action.
        :rtype: dict
        :raise UserError: If the user is none.
        """
        if not self.env.user._is_system():
            raise UserError(self.env._(
                "Only a system administrator may change this: ask one to look at the check-up.",
            ))
        return self.env['ir.actions.act_window']._for_xml_id(xmlid)


def _is_local(host):
    """Return whether nobody outside can reach a host, as far as its name tells."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return '.' not in host or host.endswith(LOCAL_NAMES)
