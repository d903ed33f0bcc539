"""The key that secrets and personal data are encrypted with, which the database does not hold.

It is the first of these that there is: `AMAZON_CONNECTOR_KEY` in the environment,
`amazon_connector_key` in odoo.conf, a file in Odoo's data directory, which is made when the add-on
is installed. Each may hold several keys: the first encrypts, the others only decrypt, which is how
a key is changed (see `cli/amazon_key.py`). Encrypted is by Fernet: AES in CBC mode, authenticated
by HMAC with SHA-256.
"""

import os
import zlib
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from odoo import fields
from odoo.exceptions import UserError
from odoo.tools import config

VARIABLE = 'AMAZON_CONNECTOR_KEY'
OPTION = 'amazon_connector_key'
# What is encrypted with the database's own key, so that another one is known for wrong.
PROOF_PARAMETER = 'amazon_connector.key_proof'
PROOF = 'amazon_connector'


class KeyUnusable(UserError):
    """What is encrypted can't be read, and nothing may be encrypted with another key."""


def get_key_file():
    """Return where the key is, unless the operator gives one.

    :rtype: Path
    """
    return Path(config['data_dir']) / 'amazon_connector.key'


def is_key_given():
    """Return whether the operator gives the key, so that the file does not count.

    :rtype: bool
    """
    return bool(os.environ.get(VARIABLE) or config.get(OPTION))


def read_keys():
    """Return the keys, as they are at this moment.

    :return: The first one encrypts; empty if there is none.
    :rtype: tuple[str, ...]
    """
    text = os.environ.get(VARIABLE) or config.get(OPTION) or ''
    if not text:
        with suppress(OSError, UnicodeError):  # What can't be read is missing.
            text = get_key_file().read_text(encoding='ascii')
    return tuple(text.replace(',', ' ').split())


def write_keys(keys):
    """Write the key file, which nobody but the server's own user can read. Others see it whole.

    :param keys: The keys, the one that encrypts first.
    :return: None
    """
    _write_draft(keys).replace(get_key_file())


def make_key_file():
    """Make the key file, unless another process is faster.

    :return: None
    """
    draft = _write_draft([generate_key()])
    with suppress(FileExistsError):
        os.link(draft, get_key_file())
    draft.unlink()


def _write_draft(keys):
    """Write keys beside the key file, and return where."""
    path = get_key_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f'.{os.getpid()}')
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as file:
        file.write('\n'.join(keys) + '\n')
        file.flush()
        os.fsync(file.fileno())
    return draft


def generate_key():
    """Return a new key.

    :rtype: str
    """
    return Fernet.generate_key().decode()


def encrypt(env, text):
    """Return a text as it may be stored.

    :param Environment env: Its database has to know the key.
    :param str text: What nobody may read.
    :rtype: str
    :raise KeyUnusable: If the key is missing, or is not the one of this database.
    """
    return _get_fernet(env).encrypt(zlib.compress(text.encode(), 1)).decode()


def decrypt(env, token):
    """Return what was encrypted.

    :param Environment env: As in `encrypt`.
    :param str token: What `encrypt` returned.
    :rtype: str
    :raise KeyUnusable: If the key is missing, or is not the one that it was encrypted with.
    """
    try:
        return zlib.decompress(_get_fernet(env).decrypt(token.encode())).decode()
    except InvalidToken:
        raise _get_wrong_key(env) from None


def opens(key, token):
    """Return whether a key decrypts something.

    :param str key: One of the keys.
    :param str token: What `encrypt` returned.
    :rtype: bool
    """
    try:
        Fernet(key).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def check_key(env):
    """Refuse to go on with a key that is not the one of this database.

    :param Environment env: Of the database.
    :return: None
    :raise KeyUnusable: Saying what to do.
    """
    _get_fernet(env)


def begin(env):
    """Let a database that has none have a key, made if the server has none either.

    :param Environment env: Of the database.
    :return: None
    """
    # In sudo mode, here and below: the proof is no secret, but parameters are the system's.
    Parameter = env['ir.config_parameter'].sudo()
    if Parameter.get_param(PROOF_PARAMETER):
        return
    if not read_keys():
        make_key_file()
    adopt(env)


def adopt(env):
    """Make the first of the keys the one of the database.

    :param Environment env: Of the database.
    :return: None
    """
    fernet = _build_fernet(env, read_keys())
    env['ir.config_parameter'].sudo().set_param(
        PROOF_PARAMETER, fernet.encrypt(PROOF.encode()).decode(),
    )


def _get_fernet(env):
    """Return what encrypts and decrypts in a database.

    :raise KeyUnusable: If that can't be done.
    """
    begin(env)
    fernet = _build_fernet(env, read_keys())
    proof = env['ir.config_parameter'].sudo().get_param(PROOF_PARAMETER)
    if not _is_proven(fernet, proof):
        raise _get_wrong_key(env)
    return fernet


def _build_fernet(env, keys):
    if not keys:
        raise KeyUnusable(env._(
            "The key of Amazon's credentials and data is missing, so that they can't be read."
            " Nothing is lost: put back the file %(file)s of this server, or %(option)s in"
            " odoo.conf, then press Connect.",
            file=get_key_file(),
            option=OPTION,
        ))
    try:
        return _get_fernet_of(keys)
    except ValueError:
        raise KeyUnusable(env._(
            "The key of Amazon's credentials and data is not valid: %(option)s in odoo.conf, or"
            " the file %(file)s, has to hold 32 bytes in Base64, as the command amazon_key makes"
            " them.",
            file=get_key_file(),
            option=OPTION,
        )) from None


def _get_wrong_key(env):
    return KeyUnusable(env._(
        "The key of Amazon's credentials and data is another one than they were encrypted with."
        " Nothing is lost: add the former key to the file %(file)s of this server, or to %(option)s"
        " in odoo.conf, then press Connect. If it is gone for good, the command amazon_key reset"
        " forgets what can't be read.",
        file=get_key_file(),
        option=OPTION,
    ))


@lru_cache(maxsize=8)
def _get_fernet_of(keys):
    return MultiFernet([Fernet(key) for key in keys])


@lru_cache(maxsize=64)
def _is_proven(fernet, proof):
    try:
        return fernet.decrypt(proof.encode()) == PROOF.encode()
    except InvalidToken:
        return False


class EncryptedText(fields.Text):
    """A text that is encrypted as soon as it is assigned, and decrypted when it is read.

    What is in the cache, in the database and in statements that end in a log is encrypted.
    """

    def convert_to_cache(self, value, record, validate=True):
        """Override of `odoo.fields.Field` to encrypt."""
        value = super().convert_to_cache(value, record, validate)
        return value and encrypt(record.env, value)

    def convert_to_record(self, value, record):
        """Override of `odoo.fields.Field` to decrypt.

        :raise KeyUnusable: If it can't be done.
        """
        return decrypt(record.env, value) if value else False

    def get_column_update(self, record):
        """Override of `odoo.fields.Field`: what is in the cache is encrypted already."""
        return record.env.transaction.field_data[self][record.id]


def get_encrypted_fields(env):
    """Return what is encrypted in a database.

    :param Environment env: Of the database.
    :return: Models with the names of fields.
    :rtype: list[tuple[str, str]]
    """
    return [
        (model, name)
        for model, records in env.items() if not records._abstract and records._auto
        for name, field in records._fields.items()
        if isinstance(field, EncryptedText) and field.store
    ]
