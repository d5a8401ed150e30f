"""DRF's response, in UTF-8 without asking."""

from rest_framework import response


class Response(response.Response):
    # Django works a response's charset out of settings and headers, several times for each.
    charset = "utf-8"
