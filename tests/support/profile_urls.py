"""The URLs of a service with `PersonSerializer`.

A service chooses them when its URLs are loaded. Tests load them once, without fields of a project.
"""

from django.urls import path

from accounts.domain.interfaces import StoreAccess
from accounts.profiles import build_class
from accounts.viewsets import ProtectedViewSet
from authproject.urls import handler404, handler500
from authproject.urls import urlpatterns as ours
from tests.support.profiles import PersonSerializer

__all__ = ["handler404", "handler500"]

profile = ProtectedViewSet.as_view(
    {"get": "profile", "patch": "update_profile"},
    serializer_class=build_class(PersonSerializer),
    store_access=StoreAccess.IDENTITY,
    name="Profile",
    detail=False,
    basename="protected",
)
urlpatterns = [path("api/v1/protected/profile", profile, name="protected-profile"), *ours]
