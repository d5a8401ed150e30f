"""What the views of operations share."""

from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from accounts.renderers import JSONRenderer
from accounts.views import BaseView


class OpenView(BaseView):
    """Needs no token and answers in JSON."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (JSONRenderer,)


class FixedTypeView(OpenView):
    """Answers with one media type whatever the client accepts; DRF renders only its errors."""

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        return JSONRenderer(), JSONRenderer.media_type
