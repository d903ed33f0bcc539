from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from odoo.addons.amazon_connector.amazon.carriers import (
    CARRIER_CODES,
    OTHER,
    OTHER_FORBIDDEN_MARKETPLACES,
    SELF_DELIVERY,
    CarrierMatch,
    match_carrier,
    normalise,
)


@tagged('post_install', '-at_install')
class TestCarriers(BaseCase):

    def _assert_codes(self, codes, delivery_type=None):
        """Check the code of each name, which is chosen without asking."""
        for name, code in codes.items():
            with self.subTest(name=name):
                self.assertEqual(match_carrier(delivery_type, name), CarrierMatch(code))

    def _assert_suggestions(self, suggestions):
        """Check that for each name no code is chosen, and what is suggested."""
        for name, codes in suggestions.items():
            with self.subTest(name=name):
                self.assertEqual(match_carrier(None, name), CarrierMatch(None, codes))

    def test_codes_are_amazons(self):
        self.assertEqual(len(set(CARRIER_CODES)), 376)
        self.assertEqual(CARRIER_CODES[:3], ('UPS', 'UPSMI', 'FedEx'))
        self.assertLessEqual({OTHER, SELF_DELIVERY}, set(CARRIER_CODES))
        self.assertEqual(OTHER_FORBIDDEN_MARKETPLACES, {'A21TJRUUN4KGV'})

    def test_normal_form(self):
        for name in ("Colis Privé", "COLIS  PRIVÉ ", "colis-prive", "Colis\u00a0Prive\u0301"):
            self.assertEqual(normalise(name), 'colisprive')
        self.assertEqual(normalise("R+L"), 'rl')
        self.assertEqual(normalise("Straße 4_X"), 'strasse4x')
        self.assertEqual(normalise("- ! -"), '')

    def test_each_code_stands_for_itself(self):
        self._assert_codes({
            code: code for code in CARRIER_CODES
            if code not in ('Other', 'Otro', 'Andere', 'Sonstige')
        })

    def test_delivery_type_goes_before_the_name(self):
        self._assert_codes({"Express to the door": 'FedEx', "UPS": 'FedEx'}, 'fedex_rest')
        for delivery_type, code in (
            ('fedex', 'FedEx'), ('ups', 'UPS'), ('ups_rest', 'UPS'), ('usps', 'USPS'),
            ('usps_rest', 'USPS'), ('dhl', 'DHL'), ('dhl_rest', 'DHL'), ('bpost', 'BPOST'),
        ):
            self._assert_codes({"": code}, delivery_type)

    def test_delivery_type_without_a_carrier_leaves_it_to_the_name(self):
        for delivery_type in ('fixed', 'base_on_rule', 'sendcloud', 'starshipit', 'new_one', False):
            self._assert_codes({"Deutsche Post": 'Deutsche Post', "Bicycle": None}, delivery_type)

    def test_easypost_names(self):
        self._assert_codes({
            "FedexSmartPost": 'FedEx SmartPost',
            "CanadaPost": 'Canada Post',
            "DHLExpress": 'DHL Express',
            "RoyalMail": 'Royal Mail',
        }, 'easypost')

    def test_spelling(self):
        self._assert_codes({
            "dpd": 'DPD',
            " D P D ": 'DPD',
            "MONDIAL-RELAY": 'Mondial Relay',
            "chronopost": 'Chronopost',
            "kuehne + nagel": 'Kuehne+Nagel',
        })

    def test_amazons_first_spelling_unless_another_is_exact(self):
        self._assert_codes({
            "Colis Privé": 'COLIS PRIVE',
            "Colis Prive": 'Colis Prive',
            "post nl": 'Post NL',
            "postnl": 'Post NL',
            "PostNL": 'PostNL',
            "uk-mail": 'UKMail',
        })

    def test_words_of_a_name(self):
        self._assert_codes({
            "DHL Express 24h": 'DHL Express',
            "DHL 24h": 'DHL',
            "Versand mit dhl": 'DHL',
            "Post-NL Pakket": 'Post NL',
            "Colissimo à domicile": 'Colissimo',
            "GLS Express": 'GLS',
            "DHL by Sendcloud": 'DHL',
            "Upstairs": None,
            "Go by bicycle": None,
        })

    def test_two_carriers_in_a_name_are_asked_for(self):
        self._assert_suggestions({
            "GLS / DPD": ('GLS', 'DPD'),
            "La Poste Colissimo": ('La Poste', 'Colissimo'),
            "GLS, DPD, UPS, TNT": ('GLS', 'DPD', 'UPS'),
        })

    def test_near_miss_is_asked_for(self):
        self._assert_suggestions({
            "Colisimo": ('Colissimo',),
            "Colisimo Domicile": ('Colissimo',),
            "fedx": ('FedEx',),
            "Deutshe Post": ('Deutsche Post',),
            "Kühne+Nagel": ('Kuehne+Nagel',),
        })

    def test_carrier_with_the_name_of_an_ordinary_thing_is_asked_for(self):
        self._assert_suggestions({
            "Pilot project": ('Pilot',),
            "Sending by bicycle": ('Sending',),
            "Landmark of Rome": ('Landmark',),
        })

    def test_near_miss_of_more_than_what_is_spelt_is_asked_for(self):
        self._assert_suggestions({
            "Correos Expres": ('Correos Express', 'Correos'),
            "DHL Expres 24h": ('DHL Express', 'DHL'),
        })

    def test_ordinary_names_are_no_carriers(self):
        self._assert_suggestions(dict.fromkeys((
            "", " ", "!", "Standard delivery", "Free delivery charges", "Express", "Post", "Parcel",
            "Next day", "Livraison à domicile", "Economy", "Click & Collect", "Local Delivery",
        ), ()))

    def test_self_delivery_by_its_name_only(self):
        self._assert_codes({
            "self delivery": SELF_DELIVERY,
            "Self-Delivery": SELF_DELIVERY,
        })
        self._assert_suggestions({"Self delivery in Berlin": (SELF_DELIVERY,)})

    def test_other_is_never_chosen(self):
        self._assert_codes({"Other": None, "OTHER": None, "Andere": None, "Otro carrier": None})

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.none() | st.text(), st.text())
    def test_any_name_finds_codes_of_amazons_or_none(self, delivery_type, name):
        match = match_carrier(delivery_type, name)
        self.assertLessEqual({match.code, *match.suggestions}, {None, *CARRIER_CODES})
        self.assertLessEqual(len(match.suggestions), 3)
        self.assertFalse(match.code and match.suggestions)
