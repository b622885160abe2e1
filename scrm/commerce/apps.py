from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CommerceConfig(AppConfig):
    name = "scrm.commerce"
    label = "commerce"
    verbose_name = _("Commerce")

    def ready(self) -> None:
        from scrm.commerce import privacy, purchases, terms  # noqa: F401 - registers what matching and conditions can ask
        from scrm.commerce.models import Coupon, Order
        from scrm.contacts.histories import History, register

        register(History("orders", _("orders"), Order))
        register(History("coupons", _("coupons"), Coupon))
        privacy.register()
