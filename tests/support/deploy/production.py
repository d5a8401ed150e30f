"""The settings of a production service for tests."""

from tests.support.valkey import Server


def build_production_settings(valkey: Server) -> dict[str, str]:
    return {
        "ENVIRONMENT": "production",
        "ALLOWED_HOSTS": "127.0.0.1",
        "STORE_URL": f"valkey://127.0.0.1:{valkey.port}",
        "BCRYPT_ROUNDS": "10",
        "BROWSABLE_API": "false",
        "LOG_LEVEL": "INFO",
    }
