{
    'name': "Amazon Connector",
    'version': '19.0.1.0.0',
    'category': 'Sales/Sales',
    'summary': "Amazon orders (FBA and FBM) as sales orders, deliveries and stock moves",
    'description': " ",  # Keeps Odoo from rendering README.md as reStructuredText.
    'author': "Amazon Connector maintainers",
    'license': 'LGPL-3',
    'depends': ['sale_management', 'stock_delivery', 'base_vat'],
    'external_dependencies': {'python': ['python-amazon-sp-api']},
    'excludes': ['sale_amazon'],
    'data': [
        'security/amazon_security.xml',
        'security/ir.model.access.csv',
        'data/amazon_marketplace_data.xml',
        'data/ir_cron_data.xml',
        'data/mail_activity_type_data.xml',
        'data/product_data.xml',
    ],
    'application': True,
}
