"""The paths of the browsable API's pages "Log in" and "Log out"."""

from django.urls import path

from accounts.browsable.views import LoginView, LogoutView

# DRF's templates link to this namespace and these names.
app_name = "rest_framework"
urlpatterns = [
    path("login", LoginView.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
]
