"""A project's own view that never returns."""

import logging
from threading import Event
from typing import NoReturn

from django.urls import path
from rest_framework.request import Request

from accounts.rest.views import BaseAPIView
from authproject.urls import handler404, handler500
from authproject.urls import urlpatterns as ours

__all__ = ["handler404", "handler500"]


class Block(BaseAPIView):
    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request) -> NoReturn:
        logging.getLogger(__name__).warning("the view blocks")
        while True:
            Event().wait()


urlpatterns = [path("block", Block.as_view()), *ours]
