"""Bodies of requests and responses."""

from pydantic import BaseModel


class Credentials(BaseModel):
    email: str
    password: str


class RefreshRequest(BaseModel):
    refresh_token: str


class RegisterResponse(BaseModel):
    message: str
    email: str


class AccessTokenResponse(BaseModel):
    access_token: str
    token_type: str = "bearer"


class TokenResponse(AccessTokenResponse):
    refresh_token: str


class ProfileResponse(BaseModel):
    email: str
    message: str
