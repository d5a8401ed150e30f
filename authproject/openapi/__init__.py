"""The OpenAPI document, made by drf-spectacular; imported only if `API_DOCS` is enabled.

The described views have no decorators: `extensions` adds the descriptions of `operations` to them.
"""
