"""`manage.py shell`, with `get_services` imported in place of the models of Django's users."""

from django.core.management.commands import shell


class Command(shell.Command):
    def get_auto_imports(self) -> list[str]:
        models = super().get_auto_imports() or []
        own = [path for path in models if not path.startswith("django.contrib.")]
        return [*own, "accounts.services.get_services"]
