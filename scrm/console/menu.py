"""The menu beside every page. An entry shows when the person may view what it leads to."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

Entry = dict[str, Any]


def _entry(title: str, icon: str, address: str, permission: str, query: str = "") -> Entry | None:
    """None when the page is not part of this installation."""
    try:
        link = reverse(address) + query
    except NoReverseMatch:
        return None
    return {"title": title, "icon": icon, "link": link, "permission": lambda request: request.user.has_perm(permission)}


def _group(title: str, *entries: Entry | None) -> Entry:
    return {"title": title, "separator": bool(title), "collapsible": False, "items": [entry for entry in entries if entry]}


def navigation(request: HttpRequest) -> list[Entry]:
    return [_work(), _records(), _sending(), _automation(), _joined(), _staff()]


def _work() -> Entry:
    return _group(
        "",
        _entry(_("Inbox"), "inbox", "console:inbox", "conversations.view_conversation"),
        _entry(_("Contacts"), "group", "admin:contacts_contact_changelist", "contacts.view_contact"),
        _entry(_("Duplicates"), "join_inner", "console:duplicates", "contacts.view_duplicatecase"),
        _entry(_("How duplicates are found"), "tune", "admin:contacts_matchrules_changelist", "contacts.view_matchrules"),
        _entry(_("Differences"), "difference", "console:differences", "contacts.view_fieldconflict"),
        _entry(_("Merges"), "merge", "admin:contacts_merge_changelist", "contacts.view_merge"),
        _entry(_("Numbers to repair"), "build", "admin:contacts_identity_changelist", "contacts.view_identity", "?repair=1"),
        _entry(_("Settled numbers"), "fact_check", "admin:contacts_numbersettlement_changelist", "contacts.view_numbersettlement"),
        _entry(
            _("Addresses to look at"), "alt_route", "admin:contacts_identitycase_changelist", "contacts.view_identitycase", "?state=open"
        ),
        _entry(_("Imports"), "upload_file", "console:imports", "contacts.import_contact"),
        _entry(_("Export contacts"), "download", "console:export", "contacts.export_contact"),
        _entry(_("Reports"), "monitoring", "reports:index", "conversations.view_response"),
    )


def _records() -> Entry:
    return _group(
        _("Shop"),
        _entry(_("Orders"), "shopping_bag", "admin:commerce_order_changelist", "commerce.view_order"),
        _entry(_("Coupons"), "sell", "admin:commerce_coupon_changelist", "commerce.view_coupon"),
        _entry(_("Products"), "inventory_2", "admin:commerce_product_changelist", "commerce.view_product"),
        _entry(_("Segments"), "pie_chart", "admin:campaigns_segment_changelist", "campaigns.view_segment"),
    )


def _sending() -> Entry:
    return _group(
        _("Messages"),
        _entry(_("Campaigns"), "campaign", "admin:campaigns_campaign_changelist", "campaigns.view_campaign"),
        _entry(_("Messages and outbox"), "outbox", "admin:conversations_message_changelist", "conversations.view_message"),
        _entry(_("Scheduled messages"), "schedule_send", "admin:conversations_latermessage_changelist", "conversations.view_latermessage"),
        _entry(_("Decisions"), "gavel", "admin:conversations_decision_changelist", "conversations.view_decision"),
        _entry(_("Received files"), "attachment", "admin:conversations_attachment_changelist", "conversations.view_conversation"),
        _entry(_("Quick replies"), "bolt", "admin:conversations_quickreply_changelist", "conversations.view_quickreply"),
        _entry(_("Macros"), "play_circle", "admin:console_macro_changelist", "console.view_macro"),
        _entry(_("Satisfaction surveys"), "thumbs_up_down", "admin:conversations_surveyplan_changelist", "conversations.view_surveyplan"),
        _entry(_("Message prices"), "payments", "admin:conversations_messageprice_changelist", "conversations.view_messageprice"),
        _entry(_("Templates"), "article", "admin:conversations_messagetemplate_changelist", "conversations.view_messagetemplate"),
    )


def _automation() -> Entry:
    return _group(
        _("Automation"),
        _entry(_("Rules"), "smart_toy", "admin:automation_rule_changelist", "automation.view_rule"),
        _entry(_("What rules did"), "history", "admin:automation_run_changelist", "automation.view_run"),
        _entry(_("Tags"), "sell", "admin:tags_tag_changelist", "tags.view_tag"),
        _entry(_("Tag rules"), "match_word", "admin:tags_tagrule_changelist", "tags.view_tagrule"),
    )


def _joined() -> Entry:
    return _group(
        _("Connections"),
        _entry(_("Connect something"), "add_link", "console:setup", "connections.add_connection"),
        _entry(_("Connections"), "cable", "admin:connections_connection_changelist", "connections.view_connection"),
        _entry(_("Alerts"), "notifications", "admin:connections_alert_changelist", "connections.view_alert", "?open=1"),
        _entry(_("Ledger"), "receipt_long", "console:ledger", "intake.view_inboundevent"),
        _entry(_("Sync health"), "monitor_heart", "console:sync-health", "sync.view_push"),
        _entry(_("Mapping report"), "rule", "console:mapping-report", "sync.view_push"),
        _entry(_("CRM reads"), "cloud_download", "admin:sync_pull_changelist", "sync.view_pull"),
        _entry(_("CRM differences"), "difference", "admin:sync_syncconflict_changelist", "sync.view_syncconflict", "?state=open"),
        _entry(_("CRM writes"), "cloud_sync", "admin:sync_push_changelist", "sync.view_push"),
        _entry(_("CRM records"), "link", "admin:sync_externalrecord_changelist", "sync.view_externalrecord"),
        _entry(_("Postal codes"), "markunread_mailbox", "admin:sync_postalcompletion_changelist", "sync.view_postalcompletion"),
        _entry(_("Field mappings"), "swap_horiz", "admin:sync_fieldmapping_changelist", "sync.view_fieldmapping"),
        _entry(_("Outgoing webhooks"), "webhook", "admin:hooks_endpoint_changelist", "hooks.view_endpoint"),
        _entry(_("Webhook deliveries"), "outgoing_mail", "admin:hooks_delivery_changelist", "hooks.view_delivery"),
        _entry(_("Partner tokens"), "key", "admin:api_partnertoken_changelist", "api.view_partnertoken"),
    )


def _staff() -> Entry:
    return _group(
        _("People and jobs"),
        _entry(_("Users"), "badge", "admin:staff_user_changelist", "staff.view_user"),
        _entry(_("Teams"), "groups", "admin:staff_team_changelist", "staff.view_team"),
        _entry(_("Business hours"), "schedule", "admin:staff_businesshours_changelist", "staff.view_businesshours"),
        _entry(_("Shifts"), "calendar_month", "admin:staff_shift_changelist", "staff.view_shift"),
        _entry(_("Roles"), "admin_panel_settings", "admin:auth_group_changelist", "auth.view_group"),
        _entry(_("Erasures"), "delete_forever", "admin:contacts_erasure_changelist", "contacts.view_erasure"),
        _entry(_("Audit"), "policy", "admin:core_auditentry_changelist", "core.view_auditentry"),
        _entry(_("Backups"), "backup", "admin:core_backuprun_changelist", "core.view_backuprun"),
        _entry(_("Periodic jobs"), "schedule", "admin:core_timetable_changelist", "core.view_timetable"),
        _entry(_("Workers"), "monitor_heart", "admin:core_heartbeat_changelist", "core.view_heartbeat"),
    )
