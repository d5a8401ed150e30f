from authproject.management.commands.shell import Command


def test_shell_imports_get_services_and_no_models_of_django() -> None:
    assert Command().get_auto_imports() == ["accounts.services.get_services"]
