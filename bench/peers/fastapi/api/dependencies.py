"""Who sends the request."""

import jwt
from fastapi import Header, HTTPException, status

from api.auth.tokens import decode_token


async def get_current_user(authorization: str = Header(...)) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise unauthorized("Invalid authentication scheme")
    try:
        claims = decode_token(token)
    except jwt.InvalidTokenError as error:
        raise unauthorized("Invalid or expired token") from error
    if claims.get("type") != "access" or "sub" not in claims:
        raise unauthorized("Invalid token")
    return claims["sub"]


def unauthorized(detail: str) -> HTTPException:
    return HTTPException(
        status.HTTP_401_UNAUTHORIZED, detail=detail, headers={"WWW-Authenticate": "Bearer"}
    )
