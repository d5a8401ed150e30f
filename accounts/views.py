"""What every view of the project shares."""

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.views import APIView


class MediaTypeFirst(APIView):
    """Judges a body's media type before the credentials and the method, not when it is read."""

    def perform_authentication(self, request: Request) -> None:
        negotiator = self.get_content_negotiator()
        if request.stream is not None and not negotiator.select_parser(
            request, request.parsers or ()
        ):
            raise UnsupportedMediaType(request.content_type)
        super().perform_authentication(request)
