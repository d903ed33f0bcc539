"""The control API: what a test does to the simulator in another process.

`POST /control/NAME` does what `Seller`, `World` or `Control` does under that name, with the
arguments as a JSON object; `?seller=ID` names the seller, the first one unless told. Times are
ISO 8601, amounts strings.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from .bulk_settlements import bulk_settlement
from .errors import json_response
from .orders import Address, Buyer, Item, Order, TaxRegistration
from .rendering import INCLUDED_DATA, render_order, to_iso
from .scenarios import SCENARIOS, bulk, live_a_month
from .state import Participation, Seller, SellerProfile
from .world import World

# Actions that are methods of `Seller`, about one order.
ORDER_ACTIONS = (
    'place_order',
    'pay',
    'ship',
    'deliver',
    'cancel',
    'cancel_item',
    'request_cancellation',
    'edit',
    'edit_item',
    'touch',
    'override',
)
# Actions that are methods of `Seller`, about one listing.
LISTING_ACTIONS = ('add_listing', 'change_listing', 'find_listing', 'show_quantity')
# Actions that are methods of `Seller`, about the stock of one SKU.
FBA_ACTIONS = (
    'set_fba_stock',
    'change_fba_stock',
    'receive_inbound',
    'lose',
    'find_again',
    'find_fba_stock',
)
# Actions that are methods of `Seller`, about its money.
MONEY_ACTIONS = (
    'refund',
    'retrocharge',
    'charge_fee',
    'reimburse',
    'liquidate',
    'adjust_debt',
    'post_money',
    'fail_transfer',
    'close_settlement',
)
_MOMENTS = (
    'at', 'placed_at', 'updated_at', 'opened', 'updated', 'start', 'end', 'deposit', 'until',
)
_WINDOWS = ('ship_by', 'deliver_by', 'scheduled_delivery')


class Control:
    """Answer the requests of the control API."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._actions: dict[str, Callable[..., Any]] = {
            'orders': self._orders,
            'feeds': self._feeds,
            'set_finances_lag': lambda seller, **options: self._world.set_finances_lag(**options),
            'set_finance_pages': lambda seller, **options: self._world.set_finance_pages(**options),
            'set_transaction_oddity': (
                lambda seller, **options: seller.set_transaction_oddity(**options)
            ),
            'set_payout_oddity': lambda seller, **options: seller.set_payout_oddity(**options),
            'expect_payouts': lambda seller, **options: seller.expect_payouts(**options),
            'transactions': self._transactions,
            'payouts': lambda seller: [seller.render_payout(it) for it in seller.settlements],
            'defer': self._defer,
            'release': self._release,
            'arrive': self._arrive,
            'fail_payout': self._fail_payout,
            'vat_invoices': lambda seller: [it.as_json() for it in seller.vat_invoices],
            'finish_feeds': lambda seller: self._world.finish_feeds(),
            'set_feed_pace': lambda seller, **options: self._world.set_feed_pace(**options),
            'reports': lambda seller: [it.as_json() for it in self._world.reports.of(seller)],
            'request_report': self._request_report,
            'finish_reports': lambda seller: self._world.finish_reports(),
            'set_report_pace': lambda seller, **options: self._world.set_report_pace(**options),
            'set_report_cache': lambda seller, **options: self._world.set_report_cache(**options),
            'set_report_mood': self._set_report_mood,
            'fba_stock': self._fba_stock,
            'sell_fba_stock': lambda seller, **options: seller.sell_fba_stock(**options),
            'share_fba_stock': lambda seller, **options: seller.share_fba_stock(**options),
            'remove_fba_stock': lambda seller, **options: seller.remove_fba_stock(**options),
            'listings': self._listings,
            'add_listings': self._add_listings,
            'remove_listing': lambda seller, **options: seller.remove_listing(**options),
            'sell_listings': lambda seller, **options: seller.sell_listings(**options),
            'set_listing_lag': lambda seller, **options: self._world.set_listing_lag(**options),
            'money': lambda seller: [event.as_json() for event in seller.money],
            'settlements': lambda seller: [it.as_json() for it in seller.settlements],
            'set_reserve': lambda seller, **options: seller.set_reserve(**options),
            'charge_card': self._charge_card,
            'reissue': self._reissue,
            'bulk_settlement': self._bulk_settlement,
            'calls': self._calls,
            'clear_calls': lambda seller: self._world.calls.clear(),
            'clock': self._clock,
            'arm': self._arm,
            'disarm': lambda seller: self._world.disarm(),
            'set_throttle': lambda seller, **options: self._world.set_throttle(**options),
            'reset': lambda seller: self._world.reset(),
            'add_seller': self._add_seller,
            'revoke_authorisation': lambda seller: seller.revoke_authorisation(),
            'authorise': lambda seller: seller.authorise(),
            'revoke_role': lambda seller, role: seller.revoke_role(role),
            'grant_role': lambda seller, role: seller.grant_role(role),
            'register_application': self._register_application,
            'renew_secret': lambda seller, **options: self._world.renew_secret(**options),
            'issue_code': lambda seller, **options: {
                'code': self._world.issue_code(seller, **options),
            },
            'set_clock_skew': lambda seller, **options: self._world.set_clock_skew(**options),
            'revoke_tokens': lambda seller: self._world.tokens.revoke_tokens(seller),
            'load_scenario': lambda seller, name: SCENARIOS[name](seller),
            'live_a_month': lambda seller, **options: live_a_month(seller, **options),
            'bulk': lambda seller, **options: bulk(seller, **options),
        }

    def answer(self, request: Request) -> Response:
        """Do what is asked; 400 with `{"error"}` when it makes no sense."""
        name = request.path.removeprefix('/control/')
        try:
            arguments = json.loads(request.get_data() or '{}')
            with self._world.lock:
                seller = self._seller(request.args.get('seller'))
                return json_response(self._act(seller, name, arguments))
        except (LookupError, TypeError, ValueError) as error:
            return json_response({'error': f'{type(error).__name__}: {error}'}, 400)

    def _act(self, seller: Seller, name: str, arguments: dict[str, Any]) -> Any:
        if name in ORDER_ACTIONS:
            return _summary(getattr(seller, name)(**_decoded(arguments)))
        if name in LISTING_ACTIONS or name in FBA_ACTIONS:
            return getattr(seller, name)(**_decoded(arguments)).as_json()
        if name in MONEY_ACTIONS:
            # What is refunded is told otherwise than what is ordered.
            items = {'items': arguments.pop('items')} if 'items' in arguments else {}
            return getattr(seller, name)(**_decoded(arguments), **items).as_json()
        result = self._actions[name](seller, **arguments)
        return {} if result is None else result

    def _seller(self, seller_id: str | None) -> Seller:
        return self._world.sellers[seller_id] if seller_id else self._world.seller

    def _orders(self, seller: Seller) -> list[dict[str, Any]]:
        now = self._world.clock.now()
        return [
            render_order(order, INCLUDED_DATA, seller.roles, now=now)
            for order in seller.orders.values()
        ]

    def _listings(self, seller: Seller, marketplace_id: str = '') -> list[dict[str, Any]]:
        return [listing.as_json() for listing in seller.walk_listings(marketplace_id)]

    def _add_listings(self, seller: Seller, **options: Any) -> None:
        seller.add_listings(**_decoded(options))

    def _feeds(self, seller: Seller) -> list[dict[str, Any]]:
        return [
            {
                **feed.as_json(),
                'content': (feed.content or b'').decode(errors='replace'),
                'feedOptions': dict(feed.options),
            }
            for feed in self._world.feeds.of(seller)
        ]

    def _request_report(self, seller: Seller, **options: Any) -> dict[str, Any]:
        return self._world.request_report(seller, **options).as_json()

    def _set_report_mood(self, seller: Seller, kind: str, **options: Any) -> None:
        self._world.set_report_mood(kind, **options)

    def _fba_stock(self, seller: Seller, marketplace_id: str = '') -> list[dict[str, Any]]:
        return [stock.as_json() for stock in seller.walk_fba_stock(marketplace_id)]

    def _transactions(self, seller: Seller) -> list[dict[str, Any]]:
        return [
            seller.render_transaction(it)
            for it in seller.list_transactions(self._world.clock.now())
        ]

    def _defer(self, seller: Seller, **options: Any) -> list[dict[str, Any]]:
        return [event.as_json() for event in seller.defer(**_decoded(options))]

    def _release(self, seller: Seller, **options: Any) -> list[dict[str, Any]]:
        return [event.as_json() for event in seller.release(**_decoded(options))]

    def _arrive(self, seller: Seller, **options: Any) -> dict[str, Any]:
        return seller.render_payout(seller.arrive(**_decoded(options)))

    def _fail_payout(self, seller: Seller, **options: Any) -> dict[str, Any]:
        return seller.render_payout(seller.fail_payout(**_decoded(options)))

    def _charge_card(self, seller: Seller, **options: Any) -> list[dict[str, Any]]:
        return [event.as_json() for event in seller.charge_card(**_decoded(options))]

    def _reissue(
        self, seller: Seller, settlements: list[str], **options: Any,
    ) -> dict[str, Any]:
        return {'report_id': seller.reissue(*settlements, **options)}

    def _bulk_settlement(self, seller: Seller, **options: Any) -> dict[str, Any]:
        return bulk_settlement(seller, **_decoded(options)).as_json()

    def _calls(self, seller: Seller) -> list[dict[str, Any]]:
        return [call.as_json() for call in self._world.calls]

    def _clock(
        self, seller: Seller, freeze: bool | str | None = None, **duration: float,
    ) -> dict[str, str]:
        """Stop (true, or a time), let run (false) or move the clock; tell the time."""
        clock = self._world.clock
        if freeze:
            clock.freeze(None if freeze is True else _moment(freeze))
        elif freeze is False:
            clock.unfreeze()
        return {'now': to_iso(clock.advance(**duration))}

    def _arm(self, seller: Seller, kind: str, **options: Any) -> None:
        self._world.arm(kind, **options)

    def _register_application(self, seller: Seller, **options: Any) -> None:
        self._world.register_application(**options)

    def _add_seller(
        self, seller: Seller, participations: list[Any], **profile: Any,
    ) -> None:
        self._world.add_seller(SellerProfile(
            participations=tuple(
                Participation(**entry) if isinstance(entry, dict) else Participation(entry)
                for entry in participations
            ),
            **profile,
        ))


def _summary(order: Order) -> dict[str, Any]:
    return {
        'order_id': order.order_id,
        'status': order.status,
        'items': [{'item_id': item.item_id, 'sku': item.sku} for item in order.items],
    }


def _decoded(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a method of `Seller` for those in JSON."""
    decoded = dict(arguments)
    for name, value in arguments.items():
        if value is None:
            continue
        if name in _MOMENTS:
            decoded[name] = _moment(value)
        elif name in _WINDOWS:
            decoded[name] = tuple(_moment(moment) for moment in value)
        elif name == 'items':
            decoded[name] = [Item(**_decoded(item)) for item in value]
        elif name == 'buyer':
            decoded[name] = Buyer(**value)
        elif name == 'address':
            decoded[name] = Address(**value)
        elif name == 'tax_registrations':
            decoded[name] = tuple(TaxRegistration(**_decoded(entry)) for entry in value)
    return decoded


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value.replace('Z', '+00:00'))
    if moment.tzinfo is None:
        raise ValueError(f'{value} has no time zone')
    return moment
