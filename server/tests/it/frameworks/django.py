import django
from django.conf import settings
from django.http import JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.urls import path, reverse

settings.configure(
    SECRET_KEY="known to everybody who reads this test",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["django.contrib.sessions"],
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
)
django.setup()


def home(request):
    return JsonResponse({
        "user": request.session.get("user"),
        "url": request.build_absolute_uri(),
        "link": reverse("shop"),
        "address": request.META["REMOTE_ADDR"],
    })


def login(request):
    if request.method == "POST":
        request.session["user"] = request.POST["user"]
        return redirect("home")
    return JsonResponse({"token": get_token(request)})


def shop(request):
    return JsonResponse({"user": request.session.get("user")})


urlpatterns = [path("", home, name="home"), path("login/", login), path("shop/", shop, name="shop")]

from django.core.wsgi import get_wsgi_application

app = get_wsgi_application()
