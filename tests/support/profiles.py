"""A project's own fields, as `PROFILE_SERIALIZER` names them, and the URLs of a service with them.

A service maps PATCH when its URLs are loaded. Tests load them once, without such fields.
"""

from typing import Any

from django.urls import path
from rest_framework import serializers

from accounts.domain.interfaces import StoreAccess
from accounts.domain.users import User
from accounts.profiles import build_class
from accounts.viewsets import ProtectedViewSet
from authproject.urls import handler404, handler500
from authproject.urls import urlpatterns as ours

PATH = "tests.support.profiles.PersonSerializer"
__all__ = ["handler404", "handler500"]


class AddressSerializer(serializers.Serializer[Any]):
    street = serializers.CharField(max_length=10)
    city = serializers.CharField()


class PersonSerializer(serializers.Serializer[Any]):
    display_name = serializers.CharField(max_length=20)
    born = serializers.DateField(required=False)
    nickname = serializers.CharField(required=False, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=5), default=list)
    address = AddressSerializer(required=False)
    score = serializers.IntegerField(required=False)
    anything = serializers.JSONField(required=False)
    plan = serializers.CharField(read_only=True, default="free")
    initials = serializers.SerializerMethodField()
    invitation = serializers.CharField(write_only=True, required=False)

    def get_initials(self, profile: Any) -> str:
        return str(profile.get("display_name", ""))[:1]

    def validate_invitation(self, value: str) -> str:
        if value != "welcome":
            raise serializers.ValidationError("Unknown invitation.", "unknown")
        return value

    def validate(self, attrs: Any) -> Any:
        if attrs.get("display_name") == attrs.get("nickname", ...):
            raise serializers.ValidationError("Two different names, please.", "same")
        return attrs


def get_claims(user: User) -> dict[str, Any]:
    return {"plan": user.profile.get("plan", "free")}


class ClashingSerializer(serializers.Serializer[Any]):
    email = serializers.CharField()
    message = serializers.CharField()


profile = ProtectedViewSet.as_view(
    {"get": "profile", "patch": "update_profile"},
    serializer_class=build_class(PersonSerializer),
    store_access=StoreAccess.IDENTITY,
    name="Profile",
    detail=False,
    basename="protected",
)
urlpatterns = [path("api/v1/protected/profile", profile, name="protected-profile"), *ours]
