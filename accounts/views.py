"""What every view of the project shares."""

from typing import ClassVar

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.core.ports import Waits


class MediaTypeFirst(APIView):
    """Judges a body's media type before the credentials and the method, not when it is read."""

    waits: ClassVar[Waits] = Waits.ANYTHING
    """What its answer may have to wait for; an `@action(waits=...)` can say so for itself.

    What never waits is answered at once, on the server's event loop; everything else has a
    thread. So a view that says too little makes every other request wait for it.
    """

    def perform_authentication(self, request: Request) -> None:
        negotiator = self.get_content_negotiator()
        if request.stream is not None and not negotiator.select_parser(
            request, request.parsers or ()
        ):
            raise UnsupportedMediaType(request.content_type)
        super().perform_authentication(request)
