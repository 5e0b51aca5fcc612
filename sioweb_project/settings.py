"""Config to Django: the one place that knows both names."""

import logging
import os
from datetime import timedelta
from typing import Any

from sioweb_project import admin_look, page_policy
from sioweb_project.config import PROJECT_DIR, current_config
from sioweb_project.database_settings import database
from sioweb_project.embedded_redis import embedded_redis_url
from sioweb_project.log_lines import Record
from sioweb_project.redis_settings import layer_host, queues_cache
from sioweb_project.systemd_socket import take_systemd_socket

CONFIG = current_config()
REDIS_URL = CONFIG.redis.url or embedded_redis_url(CONFIG.data_dir)

SECRET_KEY = CONFIG.secret_key
DEBUG = False
ALLOWED_HOSTS = list(CONFIG.allowed_hosts)
ROOT_URLCONF = "sioweb_project.urls"
ASGI_APPLICATION = "sioweb_project.asgi.application"

INSTALLED_APPS = [
    "sites",
    "delivery",  # before daphne, for its runserver
    "daphne",
    "sioweb_project.control.apps.ControlConfig",
    "sioweb_project.apps.SiowebProjectConfig",
    "unfold",  # before the admin, whose templates it replaces; after those who extend its own
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
]
if CONFIG.is_development:
    INSTALLED_APPS.append("sioweb_project.demo")

MIDDLEWARE = [
    "sioweb_project.forwarded.forwarded_proto",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "sioweb_project.page_policy.page_policy",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
SECOND_FACTOR_MIDDLEWARE = [
    "sioweb_project.forwarded.forwarded_proto",
    "django_otp.middleware.OTPMiddleware",
    "sioweb_project.second_factor.gate.gate",
]
if CONFIG.admin.second_factor != "off":
    MIDDLEWARE += SECOND_FACTOR_MIDDLEWARE
OTP_TOTP_ISSUER = "sioweb"

# A cookie of a page that came by TLS is never sent without. `admin.https: true` says that all
# do, as https behind a proxy that does not tell would not be seen.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = CONFIG.admin.is_https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True  # pages have the token in their forms
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# From trusted proxies: forwarded.py drops it from all others.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = CONFIG.admin.is_https
SECURE_REDIRECT_EXEMPT = [r"^(?!admin/)"]  # backends and probes may be told http addresses
SECURE_HSTS_SECONDS = CONFIG.admin.hsts_seconds
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = page_policy.POLICY
# The first one only refuses those who have failed too often; see logins.py.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
AXES_FAILURE_LIMIT = CONFIG.admin.login_failures
AXES_COOLOFF_TIME = timedelta(seconds=CONFIG.admin.login_pause_seconds)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "sioweb_project.logins.client_address"
AXES_LOCKOUT_CALLABLE = "sioweb_project.logins.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # nobody can lock others out for ever
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = AXES_VERBOSE = False
SILENCED_SYSTEM_CHECKS = [
    # Names below this service's belong to others, and browsers' built-in lists take whole domains.
    "security.W005",
    "security.W021",
    # sioweb.W009 says in the names of config.yml what these say in Django's.
    "security.W004",
    "security.W008",
    "security.W012",
    "security.W016",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": database(CONFIG.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Queues live in a cache alias of their own: nothing may call clear() on it, as
# django-redis runs FLUSHDB for that.
QUEUES_CACHE = "queues"
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    QUEUES_CACHE: queues_cache(REDIS_URL, CONFIG.redis.wait_replicas),
}

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "delivery.channel_layer.ConfirmedPubSubChannelLayer",
        "CONFIG": {
            "hosts": [layer_host(REDIS_URL)],
            "prefix": f"{CONFIG.redis.prefix}.",
        },
    }
}

LANGUAGE_CODE = "en-us"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATICFILES_DIRS = [("clients", PROJECT_DIR / "sioweb_project" / "clients" / "browser")]
UNFOLD = admin_look.UNFOLD
SERVESTATIC_USE_FINDERS = True  # the packages' own files: nothing to collect before a start

# What `serve` asks of the project: a socket to listen on, if any; and by dotted name a context
# manager around whatever must run beside the service, and a function(url) that returns what to
# say once it listens, "" = none.
SYSTEMD_SOCKET = take_systemd_socket(os.environ)
SERVE_WITHIN = "sioweb_project.embedded_redis.redis_of_this_service"
ON_LISTENING = "sioweb_project.demo.greeting.greet" if CONFIG.is_development else ""

# What no line shows need not be looked up for each: least of all who has called.
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
logging._srcfile = None
logging.setLogRecordFactory(Record)
OWN_LEVEL = CONFIG.log.level.upper()
# What libraries have to tell at DEBUG holds whatever clients have sent, tokens too.
OTHERS_LEVEL = "INFO" if OWN_LEVEL == "DEBUG" else OWN_LEVEL
QUIET_LEVEL = "ERROR" if OWN_LEVEL == "ERROR" else "WARNING"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "first_of_a_minute": {"()": "sioweb_project.log_lines.FirstOfAMinute"},
        "no_503": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: getattr(record, "status_code", 0) != 503,
        },
    },
    "formatters": {
        "json": {"()": "sioweb_project.log_lines.JsonLines"},
        "text": {"()": "sioweb_project.log_lines.TextLines"},
    },
    "handlers": {
        "stderr": {"class": "sioweb_project.log_lines.Lines", "formatter": CONFIG.log.format}
    },
    "root": {"handlers": ["stderr"], "level": OTHERS_LEVEL},
    "loggers": {
        **{
            name: {"level": OWN_LEVEL} for name in ("delivery", "sites", "sioweb_project", "sioweb")
        },
        # The access log tells of refused requests, and the step that found Redis gone of a 503.
        "django.request": {"level": "ERROR", "filters": ["no_503"]},
        # Whoever writes a strange Host header has 400; it is no fault of the service's.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "axes": {"level": "ERROR"},  # logins.py says it, without what was posted
        # Why there is no connection, which whoever waits for one is not told.
        "psycopg.pool": {"level": "WARNING", "filters": ["first_of_a_minute"]},
        "daphne": {"level": QUIET_LEVEL},
        "uvicorn": {"level": QUIET_LEVEL},  # at INFO it writes each websocket's URL, with its token
        "engineio": {"level": QUIET_LEVEL},
        "socketio": {"level": "ERROR"},
    },
}
