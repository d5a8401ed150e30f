"""Describes `JWTAuthentication` to drf-spectacular. Imported only if that is an installed app."""

from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme


class BearerScheme(SimpleJWTScheme):
    target_class = "accounts.authentication.JWTAuthentication"
    name = "bearer"
