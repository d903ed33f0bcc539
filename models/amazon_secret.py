from odoo import api, fields, models

from . import vault

MASK = '••••••••'


class AmazonSecret(models.Model):
    """What lets in whoever knows it: nobody may read it, the connector decrypts it to use it.

    It is not kept with what it belongs to, for PostgreSQL prints whole rows where one is refused.
    """

    _name = 'amazon.secret'
    _description = "Amazon Secret"
    _log_access = False

    res_model = fields.Char(help="The model of the record that it belongs to.", required=True)
    res_id = fields.Many2oneReference(model_field='res_model', required=True)
    name = fields.Char(help="The field in which people enter it.", required=True)
    value = vault.EncryptedText(required=True)

    _owner_name_uniq = models.Constraint(
        'UNIQUE(res_model, res_id, name)', "The record has this secret already.",
    )

    # === BUSINESS METHODS === #

    @api.model
    def _begin(self):
        """Let the database have a key, as soon as the add-on is installed.

        :return: None
        """
        vault.begin(self.env)


class AmazonSecretsMixin(models.AbstractModel):
    """A record with secrets: people enter them into fields that show a mask from then on.

    The fields in `_secret_names` are computed by `_compute_masked_secrets` and hand what is entered
    to `_store_secret`.
    """

    _name = 'amazon.secrets.mixin'
    _description = "Amazon Secrets"

    _secret_names = ()  # to be overridden

    # === COMPUTE METHODS === #

    def _compute_masked_secrets(self):
        stored = self._search_secrets().grouped(lambda secret: (secret.res_id, secret.name))
        for record in self:
            for name in self._secret_names:
                record[name] = MASK if (record._origin.id, name) in stored else False

    # === CRUD METHODS === #

    def unlink(self):
        """Override of `base` to delete the secrets, too."""
        secrets = self._search_secrets()
        res = super().unlink()
        secrets.unlink()
        return res

    # === BUSINESS METHODS === #

    def _search_secrets(self, *names):
        """Return the secrets of these records, of some names or all.

        :rtype: amazon.secret
        """
        # In sudo mode: nobody may read secrets, all may know whether there are any.
        return self.env['amazon.secret'].sudo().search([
            ('res_model', '=', self._name),
            ('res_id', 'in', self._origin.ids),
            ('name', 'in', names or self._secret_names),
        ])

    def _get_secrets(self):
        """Return the secrets of the record in plain text, to be used and not to be kept.

        :return: By name; those that nobody has entered are missing.
        :rtype: dict[str, str]
        :raise KeyUnusable: If they can't be decrypted.
        """
        self.ensure_one()
        return {secret.name: secret.value for secret in self._search_secrets()}

    def _store_secret(self, name):
        """Keep what was entered for a secret, unless it is the mask that stands for it.

        :param str name: One of `_secret_names`.
        :return: The records that have another one now.
        :raise KeyUnusable: If it can't be encrypted.
        """
        changed = self.browse()
        for record in self:
            value = (record[name] or '').strip()
            if value == MASK:
                continue
            stored = record._search_secrets(name)
            if not (value or stored):
                continue
            self.env['amazon.access.log']._note('credentials', record)
            if not value:
                stored.unlink()
                continue
            changed |= record
            if stored:
                stored.value = value
            else:
                stored.create({
                    'res_model': self._name, 'res_id': record.id, 'name': name, 'value': value,
                })
        # What was entered reads as the mask from now on.
        self.invalidate_recordset([name])
        return changed
