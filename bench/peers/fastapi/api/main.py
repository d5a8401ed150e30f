"""The application: `uvicorn api.main:app`."""

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from api.config import settings
from api.routes import auth, protected

app = FastAPI(title="Authentication API")
if settings.CORS_ORIGINS:
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.CORS_ORIGINS,
        allow_credentials=True,
        allow_methods=["*"],
        allow_headers=["*"],
    )
app.include_router(auth.router)
app.include_router(protected.router)


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "healthy"}
