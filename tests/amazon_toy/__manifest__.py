{
    'name': "Amazon Toys",
    'version': '19.0.1.0.0',
    'category': 'Sales/Sales',
    'summary': "A way that the tests add, without changing a file of the connector",
    'author': "Amazon Connector maintainers",
    'license': 'LGPL-3',
    'depends': ['amazon_connector'],
    'data': [
        'security/ir.model.access.csv',
        'data/amazon_sync_data.xml',
        'data/ir_cron_data.xml',
        'views/amazon_account_views.xml',
    ],
}
