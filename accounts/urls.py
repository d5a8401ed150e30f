"""The endpoints under `/api/v1/`."""

from rest_framework.routers import SimpleRouter

from accounts.viewsets import AuthViewSet, ProtectedViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("auth", AuthViewSet, basename="auth")
router.register("protected", ProtectedViewSet, basename="protected")

urlpatterns = router.urls
