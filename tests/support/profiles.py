"""What a project adds to accounts: `PROFILE_SERIALIZER` and `TOKEN_CLAIMS` name it."""

from typing import Any

from rest_framework import serializers

from accounts.domain.users import User

PATH = "tests.support.profiles.PersonSerializer"


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


class OddNamesSerializer(serializers.Serializer[Any]):
    """DRF calls a method `validate_NAME` of a serializer with the value of the field NAME."""

    profile = serializers.CharField()
    changes = serializers.CharField()
