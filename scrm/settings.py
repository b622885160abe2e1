"""All settings in one file. Each is read from the environment by a typed reader and has a default that suits `make run`.

SCRM_ENV decides the kind of place: `sandbox` (default: this machine alone, with stand-ins for WhatsApp and a CRM), `test`, or `production`.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import django_stubs_ext
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from scrm.core import env

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = env.text("SCRM_ENV", "sandbox", choices=("sandbox", "test", "production"))
PRODUCTION = ENVIRONMENT == "production"
SANDBOX = env.flag("SCRM_SANDBOX", not PRODUCTION)
if PRODUCTION and SANDBOX:
    raise ImproperlyConfigured("SCRM_SANDBOX=1 cannot be combined with SCRM_ENV=production: the sandbox is a toy without locks.")
DEBUG = env.flag("DEBUG", False)

VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)
PORT = env.number("PORT", 8000, least=1, most=65535)
PUBLIC_URL = env.url("PUBLIC_URL", None if PRODUCTION else f"http://127.0.0.1:{PORT}")
SANDBOX_PORT = env.number("SANDBOX_PORT", min(PORT + 1, 65535), least=1, most=65535)
SANDBOX_URL = env.url("SANDBOX_URL", f"http://127.0.0.1:{SANDBOX_PORT}")
SANDBOX_ALLOW_REMOTE = env.flag("SANDBOX_ALLOW_REMOTE", False)


def _own_secret(name: str, file: str, make: Any) -> str:
    return env.text(name) if PRODUCTION else env.text(name, env.secret_file(VAR_DIR / file, make))


SECRET_KEY = _own_secret("SECRET_KEY", "secret_key", lambda: secrets.token_urlsafe(50))
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
ENCRYPTION_KEYS = _own_secret("SCRM_ENCRYPTION_KEYS", "encryption_key", lambda: Fernet.generate_key().decode()).split(",")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "" if PRODUCTION else "127.0.0.1,localhost,testserver")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    "scrm.console.site.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_q",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "import_export",
    "scrm.core",
    "scrm.connections",
    "scrm.contacts",
    "scrm.commerce",
    "scrm.staff",
    "scrm.conversations",
    "scrm.tags",
    "scrm.campaigns",
    "scrm.automation",
    "scrm.sync",
    "scrm.hooks",
    "scrm.intake",
    "scrm.console",
    "scrm.api",
    "reports",
]
if SANDBOX:
    INSTALLED_APPS += ["scrm.sandbox.apps.SandboxConfig", "scrm.sandbox.crm.apps.SandboxCrmConfig"]

MIDDLEWARE = [
    # Outermost: a webhook is stored and answered before sessions, languages and the rest are even looked at.
    "scrm.intake.middleware.WebhookMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "scrm.core.security.SecurityHeadersMiddleware",
    "scrm.console.inbox.polls.QuietPollsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "scrm.staff.middleware.PreferencesMiddleware",
    "scrm.core.audit_actor.AuditActorMiddleware",
    "scrm.staff.sessions.SessionRulesMiddleware",
    "scrm.staff.second_factor_gate.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "scrm.urls"
WSGI_APPLICATION = "scrm.wsgi.application"
AUTH_USER_MODEL = "staff.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# SQLITE_SYNCHRONOUS=NORMAL survives a killed process, FULL also a power cut; what was acknowledged to a platform deserves FULL.
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.database(
        "DATABASE_URL",
        "sqlite:///var/db.sqlite3" if VAR_DIR == BASE_DIR / "var" else f"sqlite:///{VAR_DIR / 'db.sqlite3'}",
        BASE_DIR,
        synchronous=env.text("SQLITE_SYNCHRONOUS", "FULL", choices=("FULL", "NORMAL")),
    )
}
DATABASE_ROUTERS: list[str] = []
if SANDBOX:
    DATABASES["sandbox"] = env.sqlite(VAR_DIR / "sandbox.sqlite3", synchronous="NORMAL")
    DATABASE_ROUTERS = ["scrm.sandbox.router.SandboxRouter"]

REDIS_URL = env.text("REDIS_URL", "")
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "scrm.core.caches.LenientRedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

WEB_WORKERS = env.number("WEB_WORKERS", 1 if DATABASES["default"]["ENGINE"].endswith("sqlite3") else 2, least=1, most=64)
WEB_THREADS = env.number("WEB_THREADS", 4, least=1, most=64)
# What comes in, two batches of rules, what goes out and the sync are at work at once when it is busy; on SQLite one writer serves all.
WORKERS = env.number("WORKERS", 4 if DATABASES["default"]["ENGINE"].endswith("sqlite3") else 5, least=1, most=64)
JOBS_ENABLED = env.flag("JOBS_ENABLED", ENVIRONMENT != "test")
# So many jobs can wait unstarted only when nobody works: then none is added until the watchdog has emptied the queue.
TICK_BACKLOG = 50
# Every figure has its reason in scrm/core/checks.py or in django-q2's own behaviour: one attempt because our rows count attempts, a
# retry far above the timeout because its lock starts when a job is fetched, no stored successes because each finished job would lock
# them all.
Q_CLUSTER = {
    "name": "scrm",
    "orm": "default",
    "workers": WORKERS,
    "queue_limit": WORKERS,
    "bulk": 1,
    "timeout": 60,
    "retry": 300,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "save_limit": -1,
    "recycle": 500,
    "max_rss": 600_000,
    "poll": 0.1,
    "scheduler": False,
    "label": "Jobs",
}

SPOOL_DIR = Path(env.text("SPOOL_DIR", str(VAR_DIR / "spool")))
SPOOL_LIMIT_BYTES = env.number("SPOOL_LIMIT_BYTES", 2**30)
SPOOL_LEAST_FREE_BYTES = env.number("SPOOL_LEAST_FREE_BYTES", 500 * 2**20)
WEBHOOK_BODY_LIMIT = 3 * 2**20

# Outside the database and outside its backups: says whom to erase again after an older copy was restored. All hosts share it.
LEDGER_DIR = Path(env.text("LEDGER_DIR", str(VAR_DIR / "ledger")))
EXPORTS_DIR = Path(env.text("EXPORTS_DIR", str(VAR_DIR / "exports")))
# Where backups go (see scrm/core/backup/places.py), and with which keys they are encrypted, newest first. Empty: none are made.
BACKUP_URL = env.text("BACKUP_URL", "")
BACKUP_KEY = env.text("BACKUP_KEY", "")
if BACKUP_URL and not BACKUP_KEY:
    raise ImproperlyConfigured("BACKUP_URL is set and BACKUP_KEY is not: manage.py backup --new-key makes one. Keep it elsewhere as well.")
# A copy of an erased person's data is gone from all backups after so many days.
BACKUP_KEEP_DAYS = env.number("BACKUP_KEEP_DAYS", 35, least=1, most=35)
# The hour of the night in TIME_ZONE.
BACKUP_HOUR = env.number("BACKUP_HOUR", 3, most=23)
# What was said longer ago than this is compressed; 0: never.
HISTORY_COMPRESS_DAYS = env.number("HISTORY_COMPRESS_DAYS", 90, most=36500)
# What was said longer ago than this is removed; 0: kept for ever.
HISTORY_KEEP_DAYS = env.number("HISTORY_KEEP_DAYS", 0, most=36500)
if 0 < HISTORY_KEEP_DAYS < 180:
    raise ImproperlyConfigured(f"HISTORY_KEEP_DAYS={HISTORY_KEEP_DAYS} must be 0 (kept for ever) or at least 180 days.")
EXPORT_DAYS = env.number("EXPORT_DAYS", 7, least=1, most=60)

MEDIA_ROOT = env.text("MEDIA_ROOT", str(VAR_DIR / "media"))
MEDIA_URL = "/media/"
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "scrm.core.storage.WholeFileStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
WHITENOISE_USE_FINDERS = not PRODUCTION

# Alerts go by mail to these addresses; without any they are shown in the console only.
ALERT_EMAILS = env.words("ALERT_EMAILS")
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.number("EMAIL_PORT", 25, least=1, most=65535)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = env.flag("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "scrm@localhost")

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ja", "日本語"), ("zh-hant", "繁體中文"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "scrm" / "locale"]
FORMAT_MODULE_PATH = ["scrm.core.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "Asia/Hong_Kong")

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["scrm.staff.backends.SlowBackend"]
# A log-in lasts so long in all, and so long without anybody at work. The sandbox is used by one person at their own desk.
SESSION_HOURS = env.number("SESSION_HOURS", 12, least=1)
SESSION_IDLE_MINUTES = env.number("SESSION_IDLE_MINUTES", 30 if PRODUCTION else 720, least=1)
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
# Who has to give a code besides the password: nobody, those who see all customers or change rights, or everybody.
SECOND_FACTOR = env.text("SECOND_FACTOR", "supervisors" if PRODUCTION else "off", choices=("off", "supervisors", "everybody"))
# The name that the code stands under in people's apps.
SECOND_FACTOR_ISSUER = env.text("SECOND_FACTOR_ISSUER", "SCRM")
# Proxies in front of the web server that write the caller's address into X-Forwarded-For.
PROXIES = env.number("PROXIES", 1 if PRODUCTION else 0, least=0, most=5)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PRODUCTION:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_NAME = "__Host-csrf"
    SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", True)
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
    # Whether other hosts of the domain speak TLS only is not ours to promise.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 2**20

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["scrm.api.authentication.PartnerTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["scrm.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["scrm.api.parsers.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "scrm.api.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["scrm.api.throttling.PartnerThrottle"],
    "DEFAULT_THROTTLE_RATES": {"partner": env.text("API_RATE", "600/min")},
    "EXCEPTION_HANDLER": "scrm.api.errors.answer",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SCRM partner API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # Several have a field `state`; each set of its values has a name of its own.
    "ENUM_NAME_OVERRIDES": {
        "MessageStateEnum": "scrm.conversations.models.Message.State",
        "CampaignStateEnum": "scrm.campaigns.models.Campaign.State",
        "RecipientStateEnum": "scrm.campaigns.models.Recipient.State",
    },
}

# The library asks nobody for a right unless it is told which.
IMPORT_EXPORT_IMPORT_PERMISSION_CODE = "import"
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "export"
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True

# The business rules' figures (SPEC AU6, AU4, CV5). A connection may set its own caps and quiet hours.
POLICY = {
    "first_response_minutes": env.number("FIRST_RESPONSE_MINUTES", 6, least=1),
    "human_pause_hours": env.number("HUMAN_PAUSE_HOURS", 12),
    "daily_cap_standard": env.number("DAILY_CAP_STANDARD", 1000),
    "daily_cap_enterprise": env.number("DAILY_CAP_ENTERPRISE", 10000),
    "same_content_per_month": env.number("SAME_CONTENT_PER_MONTH", 5),
    "service_notice_gap_hours": env.number("SERVICE_NOTICE_GAP_HOURS", 6),
    # Promotions go out once a week: 0 is Monday.
    "promotion_weekday": env.number("PROMOTION_WEEKDAY", 2),
    "promotion_hour": env.number("PROMOTION_HOUR", 14),
}
# Lead grades: see scrm/tags/grades.py.
GRADES = {
    "high_questions": env.number("GRADE_HIGH_QUESTIONS", 3, least=1),
    "high_days": env.number("GRADE_HIGH_DAYS", 7, least=1),
    "potential_days": env.number("GRADE_POTENTIAL_DAYS", 30, least=1),
    "lost_days": env.number("GRADE_LOST_DAYS", 60, least=1),
}
RULES_RECHECK_SECONDS = 0.0 if ENVIRONMENT == "test" else 1.0
RULE_SETTLE_SECONDS = env.number("RULE_SETTLE_SECONDS", 5)
# Networks inside the house that addresses typed by administrators may lead to (a CRM at 10.1.2.3, say). Only public addresses otherwise.
OUTBOUND_ALLOW = env.words("OUTBOUND_ALLOW", "127.0.0.0/8,::1/128" if SANDBOX else "")
SYNC_RETRY_MINUTES = env.number("SYNC_RETRY_MINUTES", 5, least=1)
SYNC_COALESCE_SECONDS = 0.8
SYNC_RETRIES = env.number("SYNC_RETRIES", 3)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django-q": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "httpcore2": {"level": "WARNING"},
    },
}

from scrm.console.appearance import UNFOLD  # noqa: E402, F401
