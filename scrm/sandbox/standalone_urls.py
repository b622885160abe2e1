"""The sandbox as a process of its own: nothing but its own pages."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.generic import RedirectView

from scrm.sandbox import endpoint


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


urlpatterns = [
    path("", RedirectView.as_view(url="/sandbox/")),
    path("healthz", healthz),
    path("sandbox/control/endpoint", endpoint.control),
    path("sandbox/", include("scrm.sandbox.urls")),
]
