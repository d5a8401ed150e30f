from authproject.management.commands.shell import Command


def test_shell_imports_get_services_and_no_models_of_django() -> None:
    *imported_by_django, own = Command().get_auto_imports()
    assert own == "accounts.services.get_services"
    assert not [path for path in imported_by_django if path.startswith("django.contrib.")]
