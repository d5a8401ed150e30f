"""drf-spectacular in another project than `authproject`."""

from tests.support.processes import run_to_end

DESCRIBE = """
import django
from django.conf import settings

apps = ["django.contrib.auth", "django.contrib.contenttypes", "drf_spectacular", "accounts"]
schemas = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
settings.configure(
    SECRET_KEY="s" * 50, INSTALLED_APPS=apps, ROOT_URLCONF="accounts.urls", REST_FRAMEWORK=schemas
)
django.setup()
from drf_spectacular.generators import SchemaGenerator

print(SchemaGenerator().get_schema(public=True)["components"]["securitySchemes"])
"""


def test_document_of_another_project_has_the_bearer_scheme() -> None:
    """Without a warning, which `manage.py spectacular --fail-on-warn` counts."""
    run = run_to_end("-c", DESCRIBE)
    scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    assert (run.stdout, run.stderr) == (f"{ {'bearer': scheme} }\n", "")
