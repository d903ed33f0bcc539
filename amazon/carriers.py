"""Amazon's carrier codes, and which of them a delivery method stands for.

Amazon takes a confirmation with a code that it does not know and then shows no package. Hence a
code is matched when a delivery method is set up, and a doubtful one is only suggested.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

# Source: the enumeration `CarrierCode` of amzn-base.xsd, in its order; without the two codes of a
# letter in old copies of it, which Amazon's list does not have.
CARRIER_CODES = (
    'UPS', 'UPSMI', 'FedEx', 'DHL', 'Fastway', 'GLS', 'GO!', 'Hermes Logistik Gruppe', 'Royal Mail',
    'Parcelforce', 'City Link', 'TNT', 'Target', 'SagawaExpress', 'NipponExpress',
    'YamatoTransport', 'DHL Global Mail', 'UPS Mail Innovations', 'FedEx SmartPost', 'OSM',
    'OnTrac', 'Streamlite', 'Newgistics', 'Canada Post', 'Blue Package', 'Chronopost',
    'Deutsche Post', 'DPD', 'La Poste', 'Parcelnet', 'Poste Italiane', 'SDA', 'Smartmail',
    'FEDEX_JP', 'JP_EXPRESS', 'NITTSU', 'SAGAWA', 'YAMATO', 'BlueDart', 'AFL/Fedex', 'Aramex',
    'India Post', 'Professional', 'DTDC', 'Overnite Express', 'First Flight', 'Delhivery',
    'Lasership', 'Yodel', 'Other', 'Amazon Shipping', 'Seur', 'Correos', 'MRW', 'Endopack',
    'Chrono Express', 'Nacex', 'Otro', 'Correios', 'Toll Global Express', 'China Post',
    'AUSSIE_POST', 'EUB', 'Australia Post', 'Yun Express', '4PX', 'Hermes', 'SF Express', 'BRT',
    'Australia Post-Consignment', 'Australia Post-ArticleId', 'Sendle', 'CouriersPlease', 'A-1',
    'AAA Cooper', 'ABF', 'ALLJOY', 'Aras Kargo', 'Arkas', 'Arrow XL', 'Asendia', 'Asgard', 'Assett',
    'AT POST', 'ATS', 'Balnak', 'Beijing Quanfeng Express', 'Best Buy', 'Best Express', 'BJS',
    'Bombax', 'Cart2India', 'CDC', 'CELERITAS', 'CEVA', 'Ceva Lojistik', 'Cititrans', 'Coliposte',
    'Colissimo', 'Conway', 'Correos Express', 'Couriers Please', 'CTTExpress', 'DB Schenker',
    'DHL eCommerce', 'DHL Express', 'DHL Freight', 'DHL Home Delivery', 'DHL Kargo', 'DHL-Paket',
    'DHLPL', 'Digital Delivery', 'DirectLog', 'Dotzot', 'DSV', 'DX Freight', 'ECMS', 'Ecom Express',
    'Emirates Post', 'Energo', 'Envialia', 'Estafeta', 'Estes', 'Fedex Freight', 'Fillo Kargo',
    'First Flight China', 'First Mile', 'Gati', 'GEL Express', 'geodis', 'Geodis Calberson',
    'Geopost Kargo', 'Hermes Einrichtungsservice', 'Home Logistics', 'Hongkong Post',
    'Horoz Lojistik', 'HS code', 'Hunter Logistics', 'ICC Worldwide', 'IDS Netzwerk', 'InPost',
    'iParcel', 'Japan Post', 'JCEX', 'Kargokar', 'Kuehne+Nagel', 'Landmark', 'Metro Kargo',
    'MNG Kargo', 'Narpost Kargo', 'Nexive', 'Ninjavan', 'Old Dominion', 'OneWorldExpress',
    'Panther', 'Pilot', 'Pilot Freight', 'Polish Post', 'Post NL', 'PostNord', 'PTT Kargo',
    'PUROLATOR', 'QExpress', 'Qxpress', 'R+L', 'Raben Group', 'Rhenus', 'Rieck', 'Rivigo',
    'Roadrunner', 'Safexpress', 'Saia', 'Seino', 'SEINO TRANSPORTATION', 'Selem Kargo',
    'Self Delivery', 'SENDLE', 'SFC', 'Ship Delight', 'Ship Global US', 'ShipEconomy', 'ShipGlobal',
    'Shree Maruti Courier', 'Shree Tirupati Courier', 'Shunfeng Express', 'Singapore Post',
    'South Eastern Freight Lines', 'Speedex', 'Spoton', 'StarTrack-ArticleID',
    'StarTrack-Consignment', 'STO Express', 'Tezel Lojistik', 'The Professional Couriers', 'TIPSA',
    'TNT Kargo', 'TNTIT', 'Total Express', 'Trackon', 'TransFolha', 'Tuffnells', 'UPS Freight',
    'Urban Express', 'VIR', 'VNLIN', 'WanbExpress', 'Watkins and Shepard', 'Whizzard', 'WINIT',
    'XDP', 'XPO Freight', 'Xpressbees', 'YDH', 'Yellow Freight', 'YTO Express', 'Yunda Express',
    'ZTO Express', 'Tourline', 'Centex', 'iMile', 'Chukou1', 'CNE', 'Equick', 'UBI', 'Sunyou',
    'COLIS PRIVE', 'Colis Prive', 'DASCHER', 'DACHSER', 'France Express', 'Heppner', 'Kuehne Nagel',
    'Arco Spedizioni', 'FAST EST', 'FERCAM', 'Fercam', 'Liccardi', 'Milkman', 'Zust Ambrosetti',
    'Yanwen', 'ROYAL_MAIL', 'Whistl', 'Hermes (Corporate)', 'AMAUK', 'The Delivery Group', 'RMLGB',
    'UKMail', 'APC', 'Jersey Post', 'Caribou', 'Hermes UK', 'DPD Local', 'UK MAIL', 'APC Overnight',
    'USPS', 'DX Express', 'DX Secure', 'Parcel Station', 'AMZL_UK', 'DX', 'APC-Overnight',
    'B2C Europe', 'ITD Global', 'Parcelhub', 'HubEurope', 'Huxloe Logistics', 'GFS', 'Spring GDS',
    'Verage Shipping', 'MHI', 'Truline', 'Delivery Group', 'PDC Logistics', 'PARCEL2GO.COM',
    'DEL Deliveries', 'Parcelink Logistics', 'Cubyn', 'Hotpoint Logistics', 'AT Post', 'GEL', 'IDS',
    'Raben', 'AO Deutschland', 'MZZ-Briefdienst', 'Der Kurier', 'REDUR', 'Europaczka', 'Emons',
    'Seven Senders', 'Sendcloud', 'Mail Alliance', 'Mainpost', 'PIN', 'Post Modern', 'Trans-o-Flex',
    'Exapaq', 'Trakpak', 'BPOST', 'UPakWeShip', 'Mondial Relay', 'Swiss post',
    'Consegna Mezzi Propri', 'DACSHER', 'GEODIS', 'XPO', 'NACEX', 'Sprint', 'Susa', 'Zeleris',
    'TWS', 'Sailpost', 'WPX', 'HRP', 'Sending', 'CBL', 'DYNAMIC EXPRESS', 'EINSA SOURCING',
    'GRUPO LOGISTIC', 'KEAVO', 'NTL', 'SPRING', 'Szendex', 'TDN', 'TSB', 'TXT', 'TyD',
    'Via Xpress', 'CTT EXPRESS', 'FRANCE EXPRESS', 'Bartolini', 'AMZL', 'Andere', 'AO', 'B2C',
    'CargoLine', 'Citypost', 'Delivengo', 'DPB', 'EKI Trans', 'FRACHTPOST', 'Hellmann', 'Hlog',
    'honesteye', 'Huxloe', 'Interlink', 'Interno', 'Intersoft', 'JPL UPU', 'Kybotech',
    'Landmark Global', 'MBE', 'Mezzi propri', 'MZZ Briefdienst', 'NOVEO', 'OCS Worldwide', 'ONTIME',
    'Palletline', 'Palletways', 'Parcel Hub', 'Parcel Monkey', 'Parcel2go', 'ParcelDenOnline',
    'ParcelOne', 'PostNL', 'RBNA', 'RR Donnelley', 'Schweizer Post', 'Shipmate', 'Sonstige',
    'Stahlmann and Sachs', 'Stampit', 'STG', 'Transaher', 'Translink', 'Transoflex',
    'Upsilon',
)

SELF_DELIVERY = 'Self Delivery'
OTHER = 'Other'
# Source: Amazon's notice of July 2021 on carrier codes, for Self Ship orders in India.
OTHER_FORBIDDEN_MARKETPLACES = {'A21TJRUUN4KGV'}

# What Odoo's delivery types with one carrier stand for. The types of brokers, such as EasyPost and
# Sendcloud, say nothing of the carrier.
DELIVERY_TYPE_CODES = {
    'bpost': 'BPOST',
    'dhl': 'DHL',
    'dhl_rest': 'DHL',
    'fedex': 'FedEx',
    'fedex_rest': 'FedEx',
    'ups': 'UPS',
    'ups_rest': 'UPS',
    'usps': 'USPS',
    'usps_rest': 'USPS',
}

# A person may choose these, but a name that holds one says nothing of a carrier whom Amazon tracks.
_CATCH_ALLS = {OTHER, 'Otro', 'Andere', 'Sonstige'}
# Codes that other names hold by chance, as ordinary words or as names of trades.
_AMBIGUOUS_CODES = {
    'Best Buy', 'Best Express', 'Consegna Mezzi Propri', 'Delivery Group', 'Digital Delivery',
    'First Flight', 'First Mile', 'GEL', 'HS code', 'Home Logistics', 'IDS', 'Interno', 'Landmark',
    'Mail Alliance', 'Mezzi propri', 'Milkman', 'ONTIME', 'PIN', 'Panther', 'Pilot', 'Professional',
    'SPRING', SELF_DELIVERY, 'Sendcloud', 'Sending', 'Smartmail', 'Sprint', 'TXT', 'Target',
    'Total Express', 'Urban Express',
}
# Near to Delhivery, BPOST, iParcel and others, but by themselves no misspelling of them.
_ORDINARY_WORDS = {'deliveries', 'delivery', 'express', 'freight', 'parcel', 'post'}
_MIN_LENGTH = 3
_MAX_WORDS = 5
_MAX_SUGGESTIONS = 3
_SIMILARITY = 0.85


@dataclass(frozen=True)
class CarrierMatch:
    """The carrier code that something stands for, or else the codes that may be meant."""

    code: str | None
    suggestions: tuple[str, ...] = ()


def normalise(name: str) -> str:
    """Return a name without case, accents, spaces and punctuation."""
    return ''.join(_split(name))


def _split(name: str) -> list[str]:
    """Return the words of a name without case and accents."""
    plain = ''.join(
        sign for sign in unicodedata.normalize('NFKD', name) if not unicodedata.combining(sign)
    )
    return re.findall(r'[^\W_]+', plain.casefold())


# Where several codes differ in nothing but spelling, Amazon's first stands for all of them.
_CODES = {
    normalise(code): code for code in reversed(CARRIER_CODES) if code not in _CATCH_ALLS
}
_UNAMBIGUOUS_CODES = {
    name: code for name, code in _CODES.items()
    if len(name) >= _MIN_LENGTH and code not in _AMBIGUOUS_CODES
}


def match_carrier(delivery_type: str | None, name: str) -> CarrierMatch:
    """Return the carrier code that a delivery method stands for.

    :param delivery_type: The technical name of Odoo's delivery type.
    :param name: The name of the delivery method; with a broker, the broker's name of the carrier.
    """
    code = DELIVERY_TYPE_CODES.get(delivery_type) or _match_spelling(name)
    if code:
        return CarrierMatch(code)
    contained, similar = _find_contained(name), _find_similar(name)
    if len(contained) == 1:
        similar = [code for code in similar if _is_longer(code, contained[0])]
        if not similar:
            return CarrierMatch(contained[0])
    return CarrierMatch(None, tuple(dict.fromkeys([*similar, *contained]))[:_MAX_SUGGESTIONS])


def _match_spelling(name: str) -> str | None:
    """Return the code that a name spells, exactly or in another way."""
    is_exact = name in CARRIER_CODES and name not in _CATCH_ALLS
    return name if is_exact else _CODES.get(normalise(name))


def _is_longer(code: str, start: str) -> bool:
    """Tell whether a code begins with another and goes on, as DHL Express does after DHL."""
    return normalise(code) != normalise(start) and normalise(code).startswith(normalise(start))


def _find_contained(name: str) -> list[str]:
    """Return the codes that words of a name spell, without those within a longer one."""
    found: dict[range, str] = {}
    for span, text in _get_spans(name):
        code = _UNAMBIGUOUS_CODES.get(text)
        if code and not any(set(span) <= set(longer) for longer in found):
            found[span] = code
    return list(found.values())


def _find_similar(name: str) -> list[str]:
    """Return the codes that a name or words of it spell, or nearly."""
    return [
        _CODES[similar]
        for _span, text in _get_spans(name)
        if len(text) > _MIN_LENGTH and text not in _ORDINARY_WORDS
        for similar in get_close_matches(text, _CODES, cutoff=_SIMILARITY)
    ]


def _get_spans(name: str) -> Iterator[tuple[range, str]]:
    """Yield the runs of neighbouring words in a name, the longest first, each written as one."""
    words = _split(name)
    for length in range(min(len(words), _MAX_WORDS), 0, -1):
        for start in range(len(words) - length + 1):
            yield range(start, start + length), ''.join(words[start:start + length])
