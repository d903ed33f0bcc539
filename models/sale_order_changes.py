from contextlib import contextmanager

from odoo import fields, models
from odoo.fields import Command

from ..amazon.orders import MISSING_ITEM_ID, Status
from .activities import plan_warning
from .guard import as_connector
from .sale_order_totals import CLOSING_CHARGES
from .stock_move import Shipment


class SaleOrder(models.Model):
    """What changes after an order has come in: on Amazon, and here.

    What has not left is never delivered any more once Amazon does not want it, whatever is
    invoiced. Only what has left, or stays invoiced, is told to a person.
    """

    _inherit = 'sale.order'

    amazon_elsewhere = fields.Json(
        help="The units that Amazon shows as shipped and that did not leave here, by order item.",
        readonly=True,
        copy=False,
    )
    amazon_cancel_told = fields.Boolean(
        help="Whether people were told that the buyer asks to cancel; the reason is forgotten in"
             " time.",
        readonly=True,
        copy=False,
    )
    amazon_shipped_elsewhere = fields.Char(
        string="Shipped Outside Odoo",
        help="What Amazon shows as shipped, but Odoo has not delivered.",
        readonly=True,
        copy=False,
    )

    # === ACTION METHODS === #

    def action_draft(self):
        """Override of `sale` to withdraw a cancellation that Amazon has not been told of yet."""
        res = super().action_draft()
        # In sudo mode: only the connector writes to the outbox.
        self.sudo().amazon_cancellation_ids._withdraw()
        return res

    def action_cancel(self):
        """Override of `sale` to ask for the reason that Amazon has to be told.

        :return: The action that asks, where Amazon has to be told.
        :rtype: dict | bool
        """
        orders = self.filtered(lambda o: o._is_open_on_amazon())
        if not orders or any(order.locked for order in self):
            self._note_untellable_rest()
            return super().action_cancel()
        (self - orders).action_cancel()
        return orders.action_cancel_on_amazon()

    def action_cancel_on_amazon(self):
        """Ask which lines are to be cancelled on Amazon, and why.

        :rtype: dict
        """
        return {
            **self.env['ir.actions.act_window']._for_xml_id(
                'amazon_connector.action_amazon_cancel_order',
            ),
            'context': {'default_order_ids': self.ids},
        }

    def action_already_shipped(self):
        """Take from stock what was shipped outside Odoo; Amazon knows of it and is told nothing.

        :return: None
        """
        self.check_access('write')
        # In sudo mode: moving goods takes more rights than a salesperson needs to have.
        self.sudo()._take_shipped_elsewhere()

    # === BUSINESS METHODS - TO AMAZON === #

    def _is_open_on_amazon(self):
        """Return whether Amazon waits for items of the order none of which has left for the
        customer, so that it has to be told if they do not come.

        :rtype: bool
        """
        self.ensure_one()
        return (
            self.amazon_channel == 'fbm'
            and self.state == 'sale'
            and Status.CANCELLED not in self.amazon_order_ids.mapped('amazon_status')
            and bool(self._get_cancellable_lines())
        )

    def _get_cancellable_lines(self):
        """Return the lines of which Amazon can be told that they are cancelled.

        Amazon takes items as a whole only. What is merely picked or packed has not left.

        :rtype: sale.order.line
        """
        told = self.amazon_cancellation_ids.filtered(
            lambda cancellation: cancellation.state in ('to_send', 'in_feed', 'sent', 'confirmed'),
        )
        return self.order_line.filtered(
            lambda line: line.amazon_charge == 'item'
            and line.amazon_quantity
            and not line.qty_delivered
            and not line.order_id.amazon_cut_over,
        ) - told.line_ids

    def _note_untellable_rest(self):
        """Say what Amazon can't be told of: that the rest of an item does not come, or an order
        that was bought before the cut-over.

        :return: None
        """
        for order in self.filtered(lambda o: o.amazon_channel == 'fbm' and o.state == 'sale'):
            rest = order.order_line.filtered(
                lambda line: line.amazon_charge == 'item'
                and line.qty_delivered < line._get_pieces(line.amazon_quantity)
                and (line.qty_delivered or line.order_id.amazon_cut_over),
            )
            if rest and order.amazon_cut_over:
                order._warn_salesperson(order.env._(
                    "Amazon is told nothing of orders that were bought before the cut-over. If it"
                    " still waits for this one, cancel it in Seller Central.",
                ))
            elif rest:
                order._warn_salesperson(order.env._(
                    "Amazon can be told of whole items only. Refund the rest in Seller Central:"
                    " %(lines)s.",
                    lines=', '.join(
                        line._describe_units(
                            line.amazon_quantity - line._count_units(line.qty_delivered),
                        ) for line in rest
                    ),
                ))

    # === BUSINESS METHODS - FROM AMAZON === #

    def _note_cancel_request(self, data):
        """Warn on the order and its deliveries that the buyer asks to cancel.

        The reason is on the order only, where the purge finds it.

        :param amazon.orders.Order data: The order as read.
        :return: None
        """
        self.ensure_one()
        if not data.cancel_reasons or self.amazon_cancel_told:
            return
        self.amazon_cancel_told = True
        self.amazon_cancel_reason = ', '.join(filter(None, data.cancel_reasons)) or self.env._(
            "no reason given",
        )
        note = self.env._(
            "The buyer asks on Amazon to cancel, with the reason that the sales order shows. This"
            " order was bought before the cut-over, so answer in Seller Central.",
        ) if self.amazon_cut_over else self.env._(
            "The buyer asks on Amazon to cancel, with the reason that the sales order shows. Press"
            " Cancel Order on the sales order before it is shipped, or ship it.",
        )
        self._warn_salesperson(note)
        for picking in self.picking_ids.filtered(lambda p: p.state not in ('done', 'cancel')):
            picking.message_post(body=note)

    def _adopt_amazon_items(self, data):
        """Take over the ids of items that Amazon had left out at first.

        :param amazon.orders.Order data: The order as read.
        :return: None
        """
        for number, item in enumerate(data.items):
            self.order_line.filtered(
                lambda line, stand_in=f'{MISSING_ITEM_ID}{number}':
                    line.amazon_order_item_ref == stand_in,
            ).write({'amazon_order_item_ref': item.item_id})

    def _update_from_amazon(self, data):
        """Carry over what changed on Amazon: requests to cancel, cancellations in part, amounts,
        and what was shipped outside Odoo.

        Whatever a person changed in Odoo stays, as long as Amazon's own figures are the same.

        :param amazon.orders.Order data: The order as read.
        :return: None
        :raise UserError: If the lines can't be changed, saying why.
        """
        self.ensure_one()
        self._note_cancel_request(data)
        quantities = {item.item_id: item.quantity for item in data.items}
        self.amazon_cancellation_ids._confirm_cancelled(quantities)
        if self.state == 'cancel':
            return
        if self.amazon_cut_over:
            self._count_as_delivered(data)
        changed_lines = self.order_line.filtered(
            lambda line: line.amazon_charge == 'item'
            and quantities.get(line.amazon_order_item_ref, 0) != line.amazon_quantity,
        )
        if changed_lines or not self._has_amazon_amounts(data):
            self._change_from_amazon(data, quantities)
        if self.amazon_cut_over:
            self._count_as_delivered(data)  # of lines that are new, too
        else:
            self._note_shipped_elsewhere(data)

    def _change_from_amazon(self, data, quantities):
        """Give the order the quantities and amounts that Amazon shows now.

        Lines of which more has left than Amazon wants stay as they are: a person is told.

        :param amazon.orders.Order data: The order as read.
        :param dict quantities: What is wanted now, by Amazon's order item id.
        :return: None
        """
        lines = self.order_line.filtered(lambda line: line.amazon_charge == 'item')
        wanted = {
            line: line._get_pieces(quantities.get(line.amazon_order_item_ref, 0)) for line in lines
        }
        too_late = lines.filtered(
            lambda line: line.qty_delivered > wanted[line] != line.product_uom_qty,
        )
        with self._unlocked():
            self._rewrite_amazon_lines(data, too_late)
            for line in lines:
                line._cut_deliveries(wanted[line])
            self.write(self._prepare_amazon_amounts(data))
            if not too_late:
                self._close_amazon_rounding(data)
        self._cancel_drafts()
        self._tell_what_stays(self.env._(
            "Amazon changed the order to %(total)s.",
            total=self.currency_id.format(float(data.total)),
        ), too_late)

    def _rewrite_amazon_lines(self, data, too_late=None):
        """Give the lines the quantities and prices that Amazon shows now.

        :param amazon.orders.Order data: The order as read.
        :param sale.order.line too_late: Lines that only learn what Amazon wants of them.
        :return: None
        """
        account = self.amazon_account_id
        offers = self.env['amazon.offer']._get_for(account, [data])
        kept_refs = set(too_late.mapped('amazon_order_item_ref')) if too_late else set()
        lines = self.order_line.filtered(
            lambda line: line.amazon_order_item_ref not in kept_refs,
        ).grouped(
            lambda line: (line.amazon_order_item_ref, line.amazon_charge, line.amazon_discount_of),
        )
        for item in data.items:
            if item.item_id in kept_refs:
                too_late.filtered(
                    lambda line, ref=item.item_id: line.amazon_order_item_ref == ref,
                ).amazon_quantity = item.quantity
                kept_refs.discard(item.item_id)
                continue
            offer = offers[self.amazon_marketplace_id.id, item.sku]
            sold = lines.get((item.item_id, 'item', False), self.order_line.browse())
            for values in self.env['sale.order.line']._prepare_amazon_values_list(
                account, item, offer, sold.product_id or offer._get_product(),
                sold.amazon_pack_size or offer._get_pack_size(),
                self.fiscal_position_id, self.currency_id,
            ):
                key = (
                    values['amazon_order_item_ref'], values['amazon_charge'],
                    values.get('amazon_discount_of', False),
                )
                line = lines.pop(key, None)
                if line:
                    line._set_amazon_price(
                        values['price_unit'],
                        product_uom_qty=values['product_uom_qty'],
                        discount=0.0,
                        tax_ids=values['tax_ids'],
                        amazon_quantity=values.get('amazon_quantity', 0),
                        **line._prepare_amazon_name_values(item.quantity),
                    )
                else:
                    self.order_line = [Command.create(values)]
        for (_item_ref, charge, _subject), gone in lines.items():
            if charge and charge not in CLOSING_CHARGES:
                gone._set_amazon_price(0.0, product_uom_qty=0, amazon_quantity=0)
        self.order_line.filtered(
            lambda line: line.amazon_order_item_ref in kept_refs,
        ).amazon_quantity = 0

    def _cancel_from_amazon(self):
        """Cancel the order and its open deliveries because it was cancelled on Amazon.

        What has left, or stays invoiced, is not undone: the salesperson is told.

        :return: None
        """
        self.ensure_one()
        self.amazon_cancellation_ids._confirm_cancelled({})
        if self.state == 'cancel':
            return
        lines = self.order_line.filtered(lambda line: line.amazon_charge == 'item')
        too_late = lines.filtered('qty_delivered')
        has_news = any(lines.mapped('amazon_quantity'))
        self._cancel_drafts()
        if too_late:
            with self._unlocked():
                for line in lines:
                    line._cut_deliveries(0)
                    line._set_amazon_price(
                        line.price_unit, product_uom_qty=line.qty_delivered, amazon_quantity=0,
                    )
        else:
            self.action_unlock()
            self._action_cancel()
            lines.amazon_quantity = 0
            self.message_post(body=self.env._("Cancelled on Amazon."))
        if has_news:
            self._tell_what_stays(self.env._("The order was cancelled on Amazon."), too_late)

    def _cancel_drafts(self):
        """Cancel draft invoices, which have amounts that Amazon does not want any more.

        :return: None
        """
        for invoice in self.invoice_ids.filtered(lambda move: move.state == 'draft'):
            note = self.env._(
                "The draft invoice was cancelled, because the order changed on Amazon. Create the"
                " invoice anew.",
            )
            invoice.button_cancel()
            invoice.message_post(body=note)
            for order in invoice.line_ids.sale_line_ids.order_id:
                order.message_post(body=note)

    def _tell_what_stays(self, news, too_late):
        """Tell the salesperson what has left although Amazon does not want it, and what is invoiced
        too much; nobody if there is neither.

        :param str news: What happened on Amazon, in a sentence.
        :param sale.order.line too_late: Lines of which more has left than Amazon wants.
        :return: None
        """
        notes = []
        if too_late:
            notes.append(self.env._(
                "Too much has left: %(lines)s. Stop or call back the parcel, then make a return.",
                lines=', '.join(
                    f'{line.qty_delivered - line._get_pieces(line.amazon_quantity):g} ×'
                    f' {line.product_id.display_name}' for line in too_late
                ),
            ))
        wanted_total = self.amazon_total if self.state != 'cancel' and any(
            self.order_line.mapped('amazon_quantity'),
        ) else 0.0
        excess = self._get_invoiced_total() - wanted_total
        if self.currency_id.compare_amounts(excess, 0) > 0:
            lines = ', '.join(
                f'{line.qty_invoiced - line._get_pieces(line.amazon_quantity):g} ×'
                f' {line.product_id.display_name}'
                for line in self.order_line
                if line.amazon_charge == 'item'
                and line.qty_invoiced > line._get_pieces(line.amazon_quantity)
            )
            notes.append(self.env._(
                "%(amount)s too much are invoiced: make a credit note for %(lines)s.",
                amount=self.currency_id.format(excess),
                lines=lines or self.env._("the difference"),
            ))
        if notes:
            self._warn_salesperson(' '.join([news, *notes]))

    def _get_invoiced_total(self):
        """Return what posted invoices and credit notes make for the order, with taxes.

        :rtype: float
        """
        return sum(
            line.price_total * (-1 if line.move_id.move_type == 'out_refund' else 1)
            for line in self.order_line.invoice_lines
            if line.parent_state == 'posted'
        )

    # === BUSINESS METHODS - SHIPPED ELSEWHERE === #

    def _note_shipped_elsewhere(self, data):
        """Warn of units that Amazon shows as shipped while their delivery is open here.

        What Amazon was told from here is no news, confirmed or not.

        :param amazon.orders.Order data: The order as read.
        :return: None
        """
        if self.amazon_channel != 'fbm' or self.state != 'sale':
            return
        items = {item.item_id: item for item in data.items}
        elsewhere = {}
        for line in self.order_line.filtered(lambda line: line.amazon_charge == 'item'):
            item = items.get(line.amazon_order_item_ref)
            if not item:
                continue
            shipped = data.count_shipped(item)
            known = max(
                line._count_units(line.qty_delivered), line.amazon_quantity - line._count_untold(),
            )
            if shipped > known:
                elsewhere[line.amazon_order_item_ref] = shipped - known
        if elsewhere == (self.amazon_elsewhere or {}):
            return
        lines = self.order_line.grouped('amazon_order_item_ref')
        self.write({
            'amazon_elsewhere': elsewhere or False,
            'amazon_shipped_elsewhere': ', '.join(
                lines[ref].filtered('amazon_quantity')._describe_units(units)
                for ref, units in elsewhere.items()
            ),
        })
        if elsewhere:
            self._warn_salesperson(self.env._(
                "Amazon shows as shipped what did not leave from here: %(items)s. Do not ship it a"
                " second time: press Already Shipped, and the goods are taken from stock.",
                items=self.amazon_shipped_elsewhere,
            ))

    @as_connector()
    def _take_shipped_elsewhere(self):
        """Take from stock what was shipped outside Odoo, and deliver it no more.

        :return: None
        """
        for order in self.filtered('amazon_elsewhere'):
            shipments = []
            for line in order.order_line.filtered(lambda line: line.amazon_charge == 'item'):
                units = order.amazon_elsewhere.get(line.amazon_order_item_ref)
                if not units:
                    continue
                quantity = line._get_pieces_to_complete(units)
                ready = line._get_open_deliveries().filtered(lambda m: m.state == 'assigned')
                shipments.append(Shipment(
                    line=line,
                    quantity=quantity,
                    serial_numbers=(),
                    location=ready[:1].location_id or order.warehouse_id.lot_stock_id,
                    shipped_at=fields.Datetime.now(),
                ))
                line._cut_deliveries_by(quantity)
            self.env['stock.move']._ship_without_delivery(shipments)
            order.message_post(body=order.env._(
                "Shipped outside Odoo: %(items)s. The goods were taken from stock; Amazon knows of"
                " it.",
                items=order.amazon_shipped_elsewhere,
            ))
            order.write({'amazon_elsewhere': False, 'amazon_shipped_elsewhere': False})

    # === HELPERS === #

    @contextmanager
    def _unlocked(self):
        """Unlock a locked order while it is changed on Amazon's behalf."""
        was_locked = self.locked
        if was_locked:
            self.action_unlock()
        yield
        if was_locked:
            self.action_lock()

    def _warn_salesperson(self, note):
        """Plan an activity for the person in charge, unless the same is planned already.

        :param str note: What happened and what to do, in a sentence.
        :return: None
        """
        self.ensure_one()
        plan_warning(self, note, (
            self.user_id.filtered('active') or self.amazon_account_id._get_person_in_charge()
        ))
