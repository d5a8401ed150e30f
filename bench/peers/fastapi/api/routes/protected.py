"""What needs a token."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api.dependencies import get_current_user
from api.models import ProfileResponse

router = APIRouter(prefix="/api/v1/protected")


@router.get("/profile")
async def get_profile(email: Annotated[str, Depends(get_current_user)]) -> ProfileResponse:
    return ProfileResponse(email=email, message="This is protected data")
