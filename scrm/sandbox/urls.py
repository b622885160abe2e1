"""Everything under /sandbox/."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from scrm.sandbox import control, fault_page, phone, template_page

_control = [
    path("inbound", control.inbound),
    path("inbound_bulk", control.inbound_bulk),
    path("read", control.read),
    path("people", control.people),
    path("preferences", control.preferences),
    path("change_phone", control.change_phone),
    path("faults/<slug:slug>", control.fault_knobs),
    path("numbers/<slug:slug>", control.number_settings),
    path("templates/<slug:slug>", control.template_status),
    path("log", control.log),
    path("summary", control.summary),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", phone.page, name="sandbox-phone"),
    path("phone/people/", phone.people, name="sandbox-phone-people"),
    path("phone/chat/", phone.chat, name="sandbox-phone-chat"),
    path("phone/open/", phone.open_chat, name="sandbox-phone-open"),
    path("phone/send/", phone.send, name="sandbox-phone-send"),
    path("phone/new/", phone.new_person, name="sandbox-phone-new"),
    path("phone/change/", phone.change_person, name="sandbox-phone-change"),
    path("phone/media/<str:media_id>/", phone.media, name="sandbox-phone-media"),
    path("language/", set_language, name="sandbox-language"),
    path("faults/", fault_page.fault_page, name="sandbox-faults"),
    path("templates/", template_page.template_page, name="sandbox-templates"),
    path("control/", include(_control)),
    path("graph/", include("scrm.sandbox.graph.urls")),
    path("crm/", include("scrm.sandbox.crm.urls")),
    path("salesforce/", include("scrm.sandbox.salesforce.urls")),
    path("zoho/", include("scrm.sandbox.zoho.urls")),
]
