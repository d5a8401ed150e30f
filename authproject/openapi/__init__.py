"""The OpenAPI document, made by drf-spectacular; imported only if `API_DOCS` is enabled.

The described views have no decorators: `schema.Schema` reads what they declare, and adds the table
in `operations`.
"""
