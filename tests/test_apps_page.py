import re
import struct
from pathlib import Path
from urllib.parse import urlsplit

from lxml import html

from odoo.modules import Manifest
from odoo.tests import BaseCase, TransactionCase, tagged

HOME = Path(__file__).parents[1]
PICTURES = HOME / 'static' / 'description'
MAX_SIZE = 150_000  # bytes
SCREEN_WIDTH = 1366
COVER_SIZE = (1120, 560)
ICON_SIZE = 128  # at least, where people see it large
ADDRESS_ATTRIBUTES = ('action', 'background', 'data', 'href', 'poster', 'src', 'srcset')
# What an Apps list shows; all else is dropped there, or in Odoo itself.
TAGS = {
    'b', 'code', 'div', 'h2', 'h4', 'i', 'img', 'li', 'ol', 'p', 'section', 'table', 'tbody', 'td',
    'th', 'tr', 'ul',
}
ATTRIBUTES = {'alt', 'class', 'src', 'start'}


def read_page():
    """Return the description that the Apps list shows."""
    return html.fromstring((PICTURES / 'index.html').read_text(encoding='utf-8'))


def read_words(text):
    """Return a text as people read it, whatever the spaces in it."""
    return ' '.join(text.split())


def read_size(path):
    """Return the width and the height of a picture.

    :raise AssertionError: If it is no PNG.
    """
    head = path.read_bytes()[:24]
    assert head.startswith(b'\x89PNG\r\n\x1a\n'), f"{path.name} is no PNG"
    return struct.unpack('>II', head[16:24])


@tagged('post_install', '-at_install')
class TestAppsPage(BaseCase):
    """What people see on the Apps list before they install the add-on."""

    def test_page_holds_nothing_that_is_dropped_or_comes_from_elsewhere(self):
        for element in read_page().iter():
            self.assertIn(element.tag, TAGS)
            self.assertLessEqual(set(element.attrib), ATTRIBUTES, html.tostring(element))
            for name in ADDRESS_ATTRIBUTES:
                address = urlsplit(element.get(name, ''))
                self.assertFalse(address.scheme or address.netloc, element.get(name))

    def test_pictures_of_the_page_are_beside_it(self):
        pictures = read_page().findall('.//img')
        self.assertTrue(pictures)
        for picture in pictures:
            self.assertRegex(picture.get('src'), r'^\w+\.png$', "Odoo adds the folder by itself.")
            self.assertTrue((PICTURES / picture.get('src')).is_file(), picture.get('src'))
            self.assertTrue(picture.get('alt'), picture.get('src'))

    def test_pictures_are_small_and_of_one_size(self):
        for name in {picture.get('src') for picture in read_page().findall('.//img')}:
            self.assertLess((PICTURES / name).stat().st_size, MAX_SIZE, name)
            self.assertEqual(read_size(PICTURES / name)[0], SCREEN_WIDTH, name)

    def test_every_picture_is_shown(self):
        shown = {'icon.png', 'icon.svg'}
        shown.update(picture.get('src') for picture in read_page().findall('.//img'))
        shown.update(Path(name).name for name in Manifest.for_addon('amazon_connector')['images'])
        files = {path.name for path in PICTURES.iterdir()} - {'index.html'}
        self.assertEqual(files - shown, set())

    def test_pictures_of_the_readme_are_there(self):
        pictures = re.findall(r'!\[[^\]]+\]\(([^)]+)\)', (HOME / 'README.md').read_text())
        self.assertTrue(pictures)
        for picture in pictures:
            self.assertTrue((HOME / picture).is_file(), picture)

    def test_manifest_names_pictures_with_the_cover_first(self):
        images = Manifest.for_addon('amazon_connector')['images']
        self.assertTrue(images)
        for image in images:
            self.assertTrue((HOME / image).is_file(), image)
            self.assertLess((HOME / image).stat().st_size, MAX_SIZE, image)
        self.assertEqual(read_size(HOME / images[0]), COVER_SIZE)

    def test_manifest_says_what_an_administrator_needs(self):
        manifest = Manifest.for_addon('amazon_connector')
        self.assertTrue(manifest['application'])
        self.assertEqual(manifest['license'], 'LGPL-3')
        self.assertIn('sale_amazon', manifest['excludes'])
        for key in ('author', 'category', 'name', 'summary'):
            self.assertTrue(manifest[key], key)
        self.assertFalse(manifest['website'], "With one, Odoo hides the button Module Info.")

    def test_icon_is_a_square_that_is_large_enough(self):
        width, height = read_size(PICTURES / 'icon.png')
        self.assertEqual(width, height)
        self.assertGreaterEqual(width, ICON_SIZE)
        self.assertEqual(
            Manifest.for_addon('amazon_connector')['icon'],
            '/amazon_connector/static/description/icon.png',
        )


@tagged('post_install', '-at_install')
class TestModuleInfo(TransactionCase):
    """What people see under Apps ▸ Amazon Connector ▸ Module Info."""

    def test_odoo_shows_the_whole_page(self):
        module = self.env.ref('base.module_amazon_connector')
        shown = html.fromstring(module.description_html)
        page = read_page()
        self.assertEqual(read_words(shown.text_content()), read_words(page.text_content()))
        for tag in TAGS:
            self.assertEqual(len(shown.findall(f'.//{tag}')), len(page.findall(f'.//{tag}')), tag)
        self.assertEqual(
            [picture.get('src') for picture in shown.findall('.//img')],
            [f'/amazon_connector/static/description/{picture.get("src")}'
             for picture in page.findall('.//img')],
        )
        self.assertEqual(
            [element.get('start') for element in shown.findall('.//ol')],
            [element.get('start') for element in page.findall('.//ol')],
        )
