"""Sites and API keys in the Django admin: which class shows which table.

`site_admin` and `key_admin` hold the pages; `access` says who sees what.
"""

from django.contrib import admin

from sites.key_admin import ApiKeyAdmin
from sites.models import ApiKey, Site
from sites.site_admin import SiteAdmin

admin.site.register(Site, SiteAdmin)
admin.site.register(ApiKey, ApiKeyAdmin)
