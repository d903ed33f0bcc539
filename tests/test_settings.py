from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, tagged

from odoo.addons.amazon_connector.models.amazon_secret import MASK
from odoo.addons.amazon_connector.models.shapes import explain_shape
from odoo.addons.amazon_connector.simulator import DEFAULT_SELLER

from .common import AmazonCase, AttackCase


@tagged('post_install', '-at_install')
class TestSettings(AmazonCase):
    """The company's application, and what its new accounts begin with."""

    def open_settings(self):
        return Form(self.env['res.config.settings'])

    def test_the_application_is_the_companys(self):
        with self.open_settings() as form:
            form.amazon_application_id = 'amzn1.sp.solution.1'
            form.amazon_lwa_client_id = 'amzn1.application-oa2-client.1'
            form.amazon_lwa_client_secret = 'amzn1.oa2-cs.v1.1'
        form.save().execute()
        self.assertEqual(self.company.amazon_application_id, 'amzn1.sp.solution.1')
        self.assertEqual(self.company.amazon_lwa_client_secret, MASK)
        self.assertEqual(
            self.company._get_secrets(), {'amazon_lwa_client_secret': 'amzn1.oa2-cs.v1.1'},
        )
        self.assertEqual(self.company.amazon_secret_renewed_on, fields.Date.today())
        other = self.create_company("Südwind GmbH")
        self.assertFalse(other.amazon_application_id)
        self.assertFalse(other.amazon_lwa_client_secret)
        # Saved once more, the mask is not taken for the secret.
        self.open_settings().save().execute()
        self.assertEqual(
            self.company._get_secrets(), {'amazon_lwa_client_secret': 'amzn1.oa2-cs.v1.1'},
        )

    def test_the_date_of_the_renewal_can_be_told(self):
        self.company.amazon_lwa_client_secret = 'amzn1.oa2-cs.v1.1'
        with self.open_settings() as form:
            form.amazon_secret_renewed_on = '2026-06-01'
        form.save().execute()
        self.assertEqual(self.company.amazon_secret_renewed_on, fields.Date.to_date('2026-06-01'))

    def test_the_addresses_to_register(self):
        self.env['ir.config_parameter'].set_param('web.base.url', 'https://odoo.example')
        settings = self.open_settings()
        self.assertEqual(
            settings.amazon_redirect_uri, 'https://odoo.example/amazon/authorize/return',
        )
        self.assertEqual(settings.amazon_login_uri, 'https://odoo.example/amazon/authorize/login')

    def test_what_does_not_look_like_amazons_is_said(self):
        form = self.open_settings()
        form.amazon_lwa_client_id = 'amzn1.sp.solution.1'
        self.assertIn("This looks like the Application ID", form.amazon_hints)
        form.amazon_lwa_client_id = 'amzn1.application-oa2-client.1'
        self.assertFalse(form.amazon_hints)

    def test_new_accounts_begin_with_the_defaults(self):
        warehouse = self.env['stock.warehouse'].create({
            'name': "Second", 'code': 'W2', 'company_id': self.company.id,
        })
        location = self.env['stock.location'].create({
            'name': "At Amazon", 'usage': 'internal', 'company_id': self.company.id,
        })
        team = self.env['crm.team'].create({'name': "Shops", 'company_id': self.company.id})
        pricelist = self.env['product.pricelist'].create({
            'name': "Amazon", 'company_id': self.company.id,
        })
        user = self.create_user('emil')
        with self.open_settings() as form:
            form.amazon_warehouse_id = warehouse
            form.amazon_location_id = location
            form.amazon_team_id = team
            form.amazon_user_id = user
            form.amazon_pricelist_id = pricelist
        form.save().execute()
        account = self.create_account(seller_id='A9NEW00001')
        self.assertEqual(account.warehouse_id, warehouse)
        self.assertEqual(account.location_id, location)
        self.assertEqual(account.team_id, team)
        self.assertEqual(account.user_id, user)
        self.assertEqual(account.pricelist_id, pricelist)

    def test_the_defaults_are_those_of_the_account_s_company(self):
        other = self.create_company("Südwind GmbH")
        self.company.amazon_user_id = self.create_user('emil')
        self.company.amazon_pricelist_id = self.env['product.pricelist'].create({
            'name': "Amazon", 'company_id': self.company.id,
        })
        account = self.env['amazon.account'].with_context(
            allowed_company_ids=(self.company + other).ids,
        ).create({'name': "South", 'seller_id': 'A9SOUTH001', 'company_id': other.id})
        self.assertFalse(account.user_id)
        self.assertFalse(account.pricelist_id)

    def test_what_belongs_to_another_company_is_no_default(self):
        other = self.create_company("Südwind GmbH")
        warehouse = self.env['stock.warehouse'].search([('company_id', '=', other.id)], limit=1)
        with self.assertRaisesRegex(ValidationError, "Amazon Warehouse.*Nordwind Home"):
            self.company.amazon_warehouse_id = warehouse
        with self.assertRaisesRegex(ValidationError, "Amazon Salesperson"):
            self.company.amazon_user_id = self.create_user('emma', company=other)

    def test_who_has_to_authorize_again_is_said(self):
        self.company.write({
            'amazon_lwa_client_id': DEFAULT_SELLER.client_id,
            'amazon_lwa_client_secret': DEFAULT_SELLER.client_secret,
        })
        self.account.connection_id._follow_authorization(
            DEFAULT_SELLER.seller_id, DEFAULT_SELLER.refresh_token,
        )
        form = self.open_settings()
        self.assertFalse(form.amazon_hints)
        form.amazon_lwa_client_id = 'amzn1.application-oa2-client.other'
        self.assertIn(f"authorized again with another one: {self.account.name}", form.amazon_hints)
        form.save().execute()
        with self.assertRaisesRegex(UserError, "press Authorize Again"):
            self.account.action_connect()

    def test_shapes(self):
        good = {
            'application_id': 'amzn1.sp.solution.15891a75-4618-4351-98ae-65d242ac1073',
            'lwa_client_id': DEFAULT_SELLER.client_id,
            'lwa_client_secret': 'amzn1.oa2-cs.v1.0123abcd',
            'refresh_token': 'Atzr|IwEBI-x_1.2',
            'seller_id': 'A2SIMULATOR001',
        }
        for kind, text in good.items():
            self.assertEqual(explain_shape(self.env, kind, f' {text} '), '')
            for other, name in good.items():
                if other != kind:
                    self.assertIn("looks like the", explain_shape(self.env, other, text), name)
        self.assertIn("access token", explain_shape(self.env, 'refresh_token', 'Atza|x'))
        self.assertIn("begins with “Atzr|”", explain_shape(self.env, 'refresh_token', 'IwEBI'))
        self.assertIn("nothing else", explain_shape(self.env, 'refresh_token', 'Atzr|a b'))


@tagged('post_install', '-at_install', 'attacks')
class TestSettingsAttacked(AttackCase):

    def test_who_is_no_system_administrator(self):
        admin = self.create_user('fred', 'amazon_connector.group_amazon_admin')
        user = self.create_user('gina', 'amazon_connector.group_amazon_user')
        company = self.company.sudo()
        company.amazon_lwa_client_secret = 'amzn1.oa2-cs.v1.s3cret'
        for name in ('amazon_lwa_client_secret', 'amazon_application_id', 'amazon_lwa_client_id'):
            self.assertDenied(user, 'res.company', 'read', [company.id], [name])
            for person in (user, admin):
                self.assertDenied(person, 'res.company', 'write', [company.id], {name: 'x'})
        self.assertDenied(admin, 'res.company', 'read', [company.id], ['amazon_spapi_endpoint'])
        [values] = self.rpc(
            admin, 'res.company', 'read', [company.id], ['amazon_lwa_client_secret'],
        )
        self.assertEqual(values['amazon_lwa_client_secret'], MASK)
        erp_manager = self.create_user(
            'hans', 'base.group_erp_manager', 'amazon_connector.group_amazon_admin',
        )
        self.assertDenied(erp_manager, 'res.company', 'write', [company.id], {
            'amazon_environment': 'custom',
            'amazon_spapi_endpoint': 'https://evil.example',
            'amazon_lwa_endpoint': 'https://evil.example',
        })

    def test_addresses_that_are_not_safe(self):
        system = self.create_user(
            'ida', 'base.group_system', 'amazon_connector.group_amazon_admin',
        )
        refused = self.assertDenied(system, 'res.company', 'write', [self.company.id], {
            'amazon_environment': 'custom',
            'amazon_spapi_endpoint': 'http://evil.example',
            'amazon_lwa_endpoint': 'https://evil.example',
        }, error='ValidationError')
        self.assertIn("https://", refused.sent)


@tagged('post_install', '-at_install')
class TestEnterTokens(AmazonCase):
    """The dialog in three steps, for who has a private application."""

    def setUp(self):
        super().setUp()
        self.account.unlink()
        self.company.write({
            'amazon_environment': 'custom',
            'amazon_spapi_endpoint': self.simulator.url,
            'amazon_lwa_endpoint': self.simulator.lwa_url,
        })

    def enter(self, **values):
        return self.env['amazon.enter.tokens'].create({
            'lwa_client_id': DEFAULT_SELLER.client_id,
            'lwa_client_secret': DEFAULT_SELLER.client_secret,
            'refresh_token': DEFAULT_SELLER.refresh_token,
            'seller_id': DEFAULT_SELLER.seller_id,
            **values,
        })

    def test_three_steps(self):
        form = Form(self.env['amazon.enter.tokens'])
        form.lwa_client_id = DEFAULT_SELLER.client_id
        form.lwa_client_secret = DEFAULT_SELLER.client_secret
        dialog = form.save()
        dialog.action_next()
        self.assertEqual(dialog.step, 'token')
        with Form(dialog) as form:
            form.refresh_token = DEFAULT_SELLER.refresh_token
            form.seller_id = DEFAULT_SELLER.seller_id
        self.press(dialog, 'action_connect')
        self.assertEqual((dialog.step, dialog.error), ('marketplaces', False))
        account = dialog.account_id
        self.assertEqual((account.state, account.name), ('connected', DEFAULT_SELLER.store_name))
        self.assertFalse(dialog._search_secrets())
        with Form(dialog) as form:
            form.marketplace_ids.remove(self.env.ref('amazon_connector.marketplace_jp').id)
        action = dialog.action_finish()
        self.assertEqual(action['res_model'], 'amazon.start.account')
        self.assertEqual(action['context'], {'default_account_id': account.id})
        self.assertEqual(
            set(account.synced_marketplace_ids.mapped('name')), {"Amazon.de", "Amazon.co.uk"},
        )

    def test_shapes_are_told_while_they_are_entered(self):
        form = Form(self.env['amazon.enter.tokens'])
        form.lwa_client_secret = 'Atzr|x'
        self.assertIn("LWA Client Secret: This looks like the Refresh Token", form.hints)

    def test_amazons_word_is_told_and_nothing_is_lost(self):
        dialog = self.enter(refresh_token='Atzr|wrong')
        dialog.step = 'token'
        self.press(dialog, 'action_connect')
        self.assertIn("does not accept the refresh token", dialog.error)
        account = dialog.account_id
        self.assertEqual((dialog.step, account.state), ('token', 'error'))
        dialog.refresh_token = DEFAULT_SELLER.refresh_token
        self.press(dialog, 'action_connect')
        self.assertEqual((dialog.step, dialog.account_id), ('marketplaces', account))

    def test_a_seller_who_is_known_gets_no_second_account(self):
        dialog = self.enter()
        self.press(dialog, 'action_connect')
        again = self.enter()
        self.press(again, 'action_connect')
        self.assertEqual(again.account_id, dialog.account_id)

    def test_the_companys_application_takes_the_place_of_an_own_secret(self):
        account = self.create_account(lwa_client_id='amzn1.application-oa2-client.own')
        self.company.write({
            'amazon_lwa_client_id': DEFAULT_SELLER.client_id,
            'amazon_lwa_client_secret': DEFAULT_SELLER.client_secret,
        })
        dialog = self.env['amazon.enter.tokens'].create({
            'account_id': account.id, 'lwa_client_id': DEFAULT_SELLER.client_id,
        })
        dialog.action_next()
        self.press(dialog, 'action_connect')
        self.assertFalse(dialog.error)
        self.assertTrue(account.uses_application)

    def test_another_seller_is_no_token_of_this_one(self):
        dialog = self.enter()
        self.press(dialog, 'action_connect')
        again = self.enter(account_id=dialog.account_id.id, seller_id='A9OTHER0001')
        with self.assertRaisesRegex(UserError, "belongs to the seller A2SIMULATOR001"):
            self.press(again, 'action_connect')

    def test_what_is_missing_is_named(self):
        dialog = self.env['amazon.enter.tokens'].create({})
        with self.assertRaisesRegex(Exception, "Enter LWA Client ID, LWA Client Secret first"):
            dialog.action_next()
        with self.assertRaisesRegex(Exception, "Enter Refresh Token, Seller ID first"):
            dialog.action_connect()

    def test_the_companys_application_is_offered(self):
        self.company.write({
            'amazon_lwa_client_id': DEFAULT_SELLER.client_id,
            'amazon_lwa_client_secret': DEFAULT_SELLER.client_secret,
        })
        dialog = self.env['amazon.enter.tokens'].create({
            'refresh_token': DEFAULT_SELLER.refresh_token, 'seller_id': DEFAULT_SELLER.seller_id,
        })
        self.assertTrue(dialog.has_secret)
        dialog.action_next()
        self.press(dialog, 'action_connect')
        self.assertEqual(dialog.account_id.state, 'connected')
        self.assertTrue(dialog.account_id.uses_application)
        self.assertFalse(dialog.account_id.authorized_on)


@tagged('post_install', '-at_install')
class TestRenewSecret(AmazonCase):
    """The guided way to a new client secret."""

    NEW = 'amzn1.oa2-cs.v1.new'

    def renew(self, secret):
        dialog = self.env['amazon.renew.secret'].create({
            'account_id': self.account.id, 'new_secret': secret,
        })
        return self.press(dialog, 'action_renew')

    def test_a_new_secret_that_works_is_used(self):
        self.account.secret_renewed_on = fields.Date.today() - timedelta(days=170)
        self.assertEqual(self.account.secret_end, fields.Date.today() + timedelta(days=10))
        self.simulator.renew_secret(DEFAULT_SELLER.client_id, self.NEW)
        self.renew(self.NEW)
        self.assertEqual(self.account.connection_id._get_secrets()['lwa_client_secret'], self.NEW)
        self.assertEqual(self.account.secret_end, fields.Date.today() + timedelta(days=180))
        self.assertEqual(self.account.state, 'connected')

    def test_one_that_does_not_work_changes_nothing(self):
        before = self.account.connection_id._get_secrets()
        with self.assertRaisesRegex(Exception, "The secret before stays in use.*LWA Client ID"):
            self.renew('amzn1.oa2-cs.v1.wrong')
        self.assertEqual(self.account.connection_id._get_secrets(), before)
        self.assertEqual(self.account.state, 'connected')

    def test_nothing_is_asked_in_a_copy(self):
        self.account.connection_id.is_copy = True
        with self.assertRaisesRegex(UserError, "This database is a copy"):
            self.renew(self.NEW)
        self.assertFalse(self.simulator.calls)

    def test_that_of_the_companys_application_is_renewed_for_all(self):
        self.company.write({
            'amazon_lwa_client_id': DEFAULT_SELLER.client_id,
            'amazon_lwa_client_secret': DEFAULT_SELLER.client_secret,
        })
        self.account.lwa_client_secret = False
        self.assertTrue(self.account.uses_application)
        other = self.create_account(region='fe', lwa_client_secret=False)
        other.connection_id.write({'state': 'error', 'reason': "Stopped"})
        self.simulator.renew_secret(DEFAULT_SELLER.client_id, self.NEW)
        self.renew(self.NEW)
        self.assertEqual(other.state, 'connected')
        self.assertEqual(self.company._get_secrets(), {'amazon_lwa_client_secret': self.NEW})
        self.assertTrue(self.account.uses_application)
        self.assertEqual(self.account.state, 'connected')


@tagged('post_install', '-at_install')
class TestRenewals(AmazonCase):
    """What ends is told in time, once 30 days before and once 7 days before."""

    def remind(self, days_before, end='authorization_end'):
        """Let the night come that lies so many days before something ends."""
        moment = self.account[end] - timedelta(days=days_before)
        with freeze_time(moment):
            self.account.invalidate_recordset()
            self.account._remind_of_renewals()
            notice = self.account.renewal_notice
        return self.get_activities(), notice

    def get_activities(self):
        return self.account.activity_ids.filtered(
            lambda activity: activity.activity_type_id == self.env.ref(
                'amazon_connector.mail_activity_type_renewal',
            ),
        )

    def setUp(self):
        super().setUp()
        self.account.connection_id.write({
            'authorized_on': fields.Date.today(), 'secret_renewed_on': False,
        })

    def test_reminders(self):
        activities, notice = self.remind(31)
        self.assertFalse(activities)
        self.assertFalse(notice)
        first, notice = self.remind(30)
        self.assertEqual(len(first), 1)
        self.assertIn("Authorize Again", first.note)
        self.assertIn("Authorize Again", notice)
        self.assertEqual(first.date_deadline, self.account.authorization_end)
        self.assertEqual(self.remind(20)[0], first)
        first.action_done()
        self.assertFalse(self.remind(8)[0])
        second, notice = self.remind(7)
        self.assertEqual(len(second), 1)
        self.assertEqual(self.remind(3)[0], second)

    def test_a_second_reminder_takes_the_place_of_the_first(self):
        first, _notice = self.remind(30)
        second, _notice = self.remind(7)
        self.assertEqual(len(second), 1)
        self.assertNotEqual(second, first)
        self.assertEqual(
            second.date_deadline, self.account.authorization_end - timedelta(days=7),
        )

    def test_two_ends_do_not_disturb_each_other(self):
        today = fields.Date.today()
        self.account.connection_id.write({
            'authorized_on': today - timedelta(days=340),
            'secret_renewed_on': today - timedelta(days=100),
        })
        self.account._remind_of_renewals()
        [authorization] = self.get_activities()
        self.account.connection_id.secret_renewed_on = today - timedelta(days=160)
        self.account._remind_of_renewals()
        secret = self.get_activities() - authorization
        self.assertEqual(len(self.get_activities()), 2)
        self.assertEqual(len(secret), 1)
        self.account.connection_id.secret_renewed_on = today
        self.account._remind_of_renewals()
        self.assertEqual(self.get_activities(), authorization)

    def test_each_account_of_a_connection_is_told(self):
        self.account.connection_id.authorized_on -= timedelta(days=340)
        other = self.account.copy({'connection_id': self.account.connection_id.id})
        (self.account + other)._remind_of_renewals()
        self.assertEqual(len(self.get_activities()), 1)
        self.assertTrue(other.activity_ids)

    def test_what_is_renewed_takes_them_back(self):
        self.remind(7)
        self.account.connection_id.authorized_on += timedelta(days=358)
        self.account._remind_of_renewals()
        self.assertFalse(self.get_activities())
        self.assertEqual(len(self.remind(30)[0]), 1)

    def test_the_client_secret(self):
        self.account.write({
            'authorized_on': False, 'secret_renewed_on': fields.Date.today(),
        })
        activity, notice = self.remind(30, 'secret_end')
        self.assertIn("Renew Client Secret", activity.note)
        self.assertIn("Renew Client Secret", notice)

    def test_what_a_consent_has_opened_a_consent_opens_again(self):
        self.seller.revoke_authorisation()
        self.env['amazon.access.token'].search([]).unlink()
        check = self.check('token')
        self.assertEqual((check.state, check.remedy), ('error', "Authorize Again"))
        self.assertEqual(self.press(check, 'action_remedy')['res_model'], 'amazon.authorize')
        self.account.connection_id.authorized_on = False
        self.assertEqual(self.check('token').remedy, "Connect")
        self.seller.authorise()
        self.account.lwa_client_secret = 'amzn1.oa2-cs.v1.wrong'
        check = self.check('token')
        self.assertEqual(check.remedy, "Renew Client Secret")
        self.assertEqual(self.press(check, 'action_remedy')['res_model'], 'amazon.renew.secret')

    def test_a_pasted_token_has_no_end(self):
        self.account.refresh_token = DEFAULT_SELLER.refresh_token
        self.assertFalse(self.account.authorization_end)

    def check(self, code):
        """Press *Check Now* and return the line of a check."""
        self.press(self.account, 'action_check')
        return self.account.check_ids.filtered(lambda check: check.code == code)

    def test_the_check_up_tells_it_and_reminds(self):
        self.assertEqual(self.check('authorization_end').state, 'ok')
        self.assertEqual(self.check('secret_end').state, 'unknown')
        self.account.connection_id.authorized_on -= timedelta(days=360)
        check = self.check('authorization_end')
        self.assertEqual(check.state, 'warning')
        self.assertEqual(len(self.get_activities()), 1)
        action = self.press(check, 'action_remedy')
        self.assertEqual(action['res_model'], 'amazon.authorize')
        self.account.connection_id.authorized_on -= timedelta(days=10)
        self.assertEqual(self.check('authorization_end').state, 'error')
