"""Settings, from the environment."""

import os


class Settings:
    JWT_SECRET_KEY = os.environ["JWT_SECRET_KEY"]
    JWT_ALGORITHM = "HS256"
    ACCESS_TOKEN_EXPIRE_MINUTES = int(os.environ.get("ACCESS_TOKEN_EXPIRE_MINUTES", "15"))
    REFRESH_TOKEN_EXPIRE_DAYS = int(os.environ.get("REFRESH_TOKEN_EXPIRE_DAYS", "7"))
    CORS_ORIGINS = [one for one in os.environ["CORS_ORIGINS"].split(",") if one]
    BCRYPT_ROUNDS = 12
    MIN_PASSWORD_LENGTH = 8


settings = Settings()
