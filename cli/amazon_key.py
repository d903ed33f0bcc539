import argparse
import sys

from odoo import SUPERUSER_ID, api
from odoo.cli import Command
from odoo.modules.registry import Registry
from odoo.service.model import retrying
from odoo.tools import SQL, config

BATCH_SIZE = 1000


class AmazonKey(Command):
    """Change the key that Amazon's credentials and data are encrypted with."""

    name = 'amazon_key'
    epilog = """
    rotate  Encrypt everything with a new key. Where the operator gives the key, in odoo.conf or in
            the environment, put the new one before the former, with a comma between them, restart
            Odoo, then rotate. Else a new one is made. The former key is kept.
    forget  Drop the former keys, when all databases of this server are given and nothing in them
            needs one any more.
    reset   Forget what can't be decrypted, after the key was lost for good: credentials have to be
            entered again, and what Amazon sent has to be fetched again.
    show    Say where the key comes from and whether it is the one of the databases.
    """

    def run(self, cmdargs):
        """Override of `odoo.cli.Command`."""
        self.parser.add_argument('action', choices=('rotate', 'forget', 'reset', 'show'))
        self.parser.add_argument('-c', '--config', help="odoo.conf")
        self.parser.add_argument('-D', '--data-dir', help="Odoo's data directory")
        self.parser.add_argument(
            '-d', '--database', required=True, help="the databases, separated by commas",
        )
        self.parser.formatter_class = argparse.RawDescriptionHelpFormatter
        options, others = self.parser.parse_known_args(cmdargs)
        config.parse_config([
            *(['-c', options.config] if options.config else []),
            *(['-D', options.data_dir] if options.data_dir else []),
            *others, '--no-http',
        ], setup_logging=True)
        databases = options.database.split(',')
        Registry(databases[0])  # The add-on can be imported once a database has loaded it.
        from odoo.addons.amazon_connector.models import vault
        self.vault = vault
        getattr(self, f'_{options.action}')(databases)

    def _rotate(self, databases):
        keys = self.vault.read_keys()
        if not self.vault.is_key_given():
            keys = (self.vault.generate_key(), *keys)
            self.vault.write_keys(keys)
        elif len(keys) < 2:
            sys.exit(f"Put a new key before the former one first, for example"
                     f" {self.vault.generate_key()}")
        for database in databases:
            self._do(database, self._encrypt_anew)
        self._say("Done. Back up the key, apart from the databases.")

    def _forget(self, databases):
        keys = self.vault.read_keys()
        if self.vault.is_key_given():
            sys.exit("The operator gives the keys: take the former ones away there")
        self._former_count = 0
        for database in databases:
            self._do(database, self._count_former)
        if self._former_count:
            sys.exit(f"{self._former_count} values still need a former key: rotate once more")
        self.vault.write_keys(keys[:1])
        self._say("The former keys are dropped.")

    def _count_former(self, env):
        """Count what the first key alone does not open."""
        key = self.vault.read_keys()[0]
        for model, name in self.vault.get_encrypted_fields(env):
            rows = env.execute_query(SQL(
                "SELECT %(name)s FROM %(table)s WHERE %(name)s IS NOT NULL",
                name=SQL.identifier(name), table=SQL.identifier(env[model]._table),
            ))
            self._former_count += sum(not self.vault.opens(key, token) for [token] in rows)

    def _reset(self, databases):
        if not self.vault.read_keys():
            self.vault.make_key_file()
        for database in databases:
            self._do(database, self._forget_unreadable)

    def _show(self, databases):
        place = self.vault.get_key_file()
        if self.vault.is_key_given():
            place = f"odoo.conf or {self.vault.VARIABLE}"
        self._say(f"{len(self.vault.read_keys())} key(s) from {place}")
        for database in databases:
            self._do(database, lambda env: self._say(f"{env.cr.dbname}: {self._judge(env)}"))

    def _judge(self, env):
        try:
            self.vault.check_key(env)
        except self.vault.KeyUnusable as error:
            return error
        return "the key fits"

    def _encrypt_anew(self, env):
        """Encrypt all that is encrypted once more, with the first key, and commit it in parts."""
        count = self._visit(env, lambda record, name: record.write({name: record[name]}))
        self.vault.adopt(env)
        self._say(f"{env.cr.dbname}: {count} values encrypted anew")

    def _forget_unreadable(self, env):
        """Let the database have the key that there is, without what that can't decrypt."""
        self.vault.adopt(env)
        env.registry.clear_cache()
        lost = 0

        def forget(record, name):
            nonlocal lost
            try:
                return record[name]
            except self.vault.KeyUnusable:
                lost += 1
                if record._fields[name].required:
                    return record.unlink()
                return record.write({name: False})

        self._visit(env, forget)
        self._say(f"{env.cr.dbname}: {lost} values forgotten; enter the credentials anew")

    def _visit(self, env, action):
        """Do something with everything that is encrypted; return how much it was."""
        count = 0
        for model, name in self.vault.get_encrypted_fields(env):
            last_id = 0
            while records := env[model].with_context(active_test=False).search(
                [('id', '>', last_id), (name, '!=', False)], order='id', limit=BATCH_SIZE,
            ):
                last_id = records[-1].id
                count += len(records)

                def do_batch(records=records, name=name):
                    for record in records:
                        action(record, name)
                    env.flush_all()

                retrying(do_batch, env)  # Odoo may be at work with the same records.
        return count

    def _do(self, database, action):
        with Registry(database).cursor() as cr:
            action(api.Environment(cr, SUPERUSER_ID, {}))

    def _say(self, text):
        print(text)
