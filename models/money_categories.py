"""The kinds of money in Amazon's settlements, as an accountant tells them apart."""

CATEGORIES = [
    ('sale', "Sale"),
    ('shipping', "Shipping"),
    ('gift_wrap', "Gift Wrap"),
    ('tax', "Tax"),
    ('promotion', "Promotion"),
    ('tax_withheld', "Tax Withheld by Amazon"),
    ('refund_sale', "Refund of a Sale"),
    ('refund_shipping', "Refund of Shipping"),
    ('refund_gift_wrap', "Refund of Gift Wrap"),
    ('refund_tax', "Refund of Tax"),
    ('refund_promotion', "Refund of a Promotion"),
    ('refund_tax_withheld', "Refund of Tax Withheld by Amazon"),
    ('refund_other', "Goodwill, Restocking, Return Shipping"),
    ('commission', "Commission"),
    ('fba_fee', "FBA Fee"),
    ('storage', "Storage"),
    ('advertising', "Advertising"),
    ('subscription', "Subscription"),
    ('other_fee', "Other Fee"),
    ('fee_tax', "Tax on Fees"),
    ('reimbursement', "Reimbursement"),
    ('other_income', "Other Income"),
    ('tax_credit', "Own Tax Withheld by Amazon"),
    ('reserve', "Reserve"),
    ('carried', "Carried to Another Settlement"),
    ('transfer', "Transfer with the Bank"),
]
# What a buyer paid, and was refunded: it is booked on the buyer's receivable.
SALES = ('sale', 'shipping', 'gift_wrap', 'tax', 'promotion', 'tax_withheld')
REFUNDS = (
    'refund_sale', 'refund_shipping', 'refund_gift_wrap', 'refund_tax', 'refund_promotion',
    'refund_tax_withheld', 'refund_other',
)
FEES = (
    'commission', 'fba_fee', 'storage', 'advertising', 'subscription', 'other_fee', 'fee_tax',
)
INCOME = ('reimbursement', 'other_income')
TAX_CREDIT = ('tax_credit',)
