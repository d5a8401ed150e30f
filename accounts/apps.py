from django.apps import AppConfig, apps


class AccountsConfig(AppConfig):
    name = "accounts"
    # Not `accounts`: a project may have an app with that label, as `shop.accounts`.
    label = "jwt_accounts"

    def ready(self) -> None:
        from accounts import checks  # noqa: F401, PLC0415  # the import registers them

        if apps.is_installed("drf_spectacular"):
            from accounts import openapi  # noqa: F401, PLC0415  # the same
