"""Config to Django: the one place that knows both names."""

import logging
from typing import Any

import environ

from sioweb_project import admin_look
from sioweb_project.config import current_config
from sioweb_project.embedded_redis import embedded_redis_url
from sioweb_project.redis_settings import layer_host, queues_cache

CONFIG = current_config()
REDIS_URL = CONFIG.redis.url or embedded_redis_url(CONFIG.data_dir)

SECRET_KEY = CONFIG.secret_key
DEBUG = False
ALLOWED_HOSTS = list(CONFIG.allowed_hosts)
ROOT_URLCONF = "sioweb_project.urls"
ASGI_APPLICATION = "sioweb_project.asgi.application"

INSTALLED_APPS = [
    "daphne",
    "sites",
    "delivery",
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
]
if CONFIG.is_development:
    INSTALLED_APPS.append("sioweb_project.demo")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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

DATABASES = {"default": environ.Env.db_url_config(CONFIG.database_url)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # WAL lets the admin read while another process writes; IMMEDIATE makes two
    # writers queue up for `timeout` seconds instead of failing at their first write.
    DATABASES["default"]["OPTIONS"] = {
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
    }
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
UNFOLD = admin_look.UNFOLD
SERVESTATIC_USE_FINDERS = True  # the packages' own files: nothing to collect before a start

# What `serve` asks of the project, by dotted name: a context manager around whatever must run
# beside the service, and a function(url) that returns what to say once it listens, "" = none.
SERVE_WITHIN = "sioweb_project.embedded_redis.redis_of_this_service"
ON_LISTENING = "sioweb_project.demo.greeting.greet" if CONFIG.is_development else ""

# What no line shows need not be looked up for each: least of all who has called.
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
logging._srcfile = None
OWN_LEVEL = CONFIG.log.level.upper()
# What libraries have to tell at DEBUG holds whatever clients have sent, tokens too.
OTHERS_LEVEL = "INFO" if OWN_LEVEL == "DEBUG" else OWN_LEVEL
QUIET_LEVEL = "ERROR" if OWN_LEVEL == "ERROR" else "WARNING"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "no_503": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: getattr(record, "status_code", 0) != 503,
        }
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
        "daphne": {"level": QUIET_LEVEL},
        "uvicorn": {"level": QUIET_LEVEL},  # at INFO it writes each websocket's URL, with its token
        "engineio": {"level": QUIET_LEVEL},
        "socketio": {"level": "ERROR"},
    },
}
