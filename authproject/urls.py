"""The URLs of the service."""

from django.conf import settings
from django.urls import include, path

from authproject.monitoring.health import LivenessView, MetricsView, ReadinessView
from authproject.views import APIRootView

# One view for both paths, so that DRF's breadcrumbs show it once.
api_root = APIRootView.as_view(name="API v1")

urlpatterns = [
    path("", APIRootView.as_view(), name="root"),
    path("api/v1", api_root),
    path("api/v1/", api_root, name="api-root"),
    path("api/v1/", include("accounts.urls")),
    path("health", LivenessView.as_view(), name="health"),
    path("health/ready", ReadinessView.as_view(), name="health-ready"),
]
if settings.METRICS:
    urlpatterns.append(path("metrics", MetricsView.as_view(), name="metrics"))
if settings.API_DOCS:
    # Imported only if enabled, because drf-spectacular takes memory and time to start.
    from authproject.openapi.views import OpenAPIView, PageView

    urlpatterns += [
        path("openapi.json", OpenAPIView.as_view(), name="openapi"),
        path("docs", PageView.as_view(template="authproject/swagger.html"), name="docs"),
        path("redoc", PageView.as_view(template="authproject/redoc.html"), name="redoc"),
    ]

# Errors raised by Django itself have the same JSON body as those of the API.
handler400 = "accounts.rest.exceptions.bad_request"
handler403 = "accounts.rest.exceptions.permission_denied"
handler404 = "accounts.rest.exceptions.not_found"
handler500 = "accounts.rest.exceptions.server_error"

if settings.BROWSABLE_API:
    urlpatterns.append(path("browse/", include("accounts.browsable.urls")))
    handler404 = "accounts.browsable.views.not_found"
