"""Mounted at /admin/ before the admin's own addresses."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from scrm.console import files, ledger, mapping_report, merges, sync_health, why
from scrm.console.access import SEE_CHATS, UNDO_MERGES, done_by_agents, done_with, having, seen_by_agents, seen_with
from scrm.console.imports.urls import urlpatterns as import_addresses
from scrm.console.inbox import actions, answering, templates, views
from scrm.console.people.urls import urlpatterns as person_addresses
from scrm.console.review import cases, conflicts
from scrm.console.second_factor import views as second_factor
from scrm.console.setup.urls import urlpatterns as setup_addresses

app_name = "console"

urlpatterns = [
    path("", admin.site.admin_view(views.landing), name="landing"),
    path("second-factor/", admin.site.admin_view(second_factor.page), name="second-factor"),
    path("second-factor/set-up/", admin.site.admin_view(second_factor.set_up), name="second-factor-set-up"),
    path("inbox/", seen_by_agents(views.inbox), name="inbox"),
    path("inbox/live/", seen_by_agents(views.live), name="live"),
    path("inbox/older/", seen_by_agents(views.older_conversations), name="older-conversations"),
    path("inbox/<int:pk>/", seen_by_agents(views.inbox), name="conversation"),
    path("inbox/<int:pk>/older/", seen_by_agents(views.older_messages), name="older-messages"),
    path("inbox/<int:pk>/beside/", seen_by_agents(views.beside), name="beside"),
    path("inbox/<int:pk>/verdict/", seen_by_agents(views.verdict), name="verdict"),
    path("inbox/<int:pk>/quick-replies/", seen_by_agents(views.quick_replies), name="quick-replies"),
    path("inbox/<int:pk>/templates/", seen_by_agents(templates.picker), name="templates"),
    path("inbox/<int:pk>/send/", done_by_agents(actions.send), name="send"),
    path("inbox/<int:pk>/claim/", done_by_agents(answering.claim), name="claim"),
    path("inbox/next/", done_by_agents(answering.next_waiting), name="next-waiting"),
    path("inbox/<int:pk>/typing/", done_by_agents(actions.typing), name="typing"),
    path("inbox/<int:pk>/read/", done_by_agents(actions.read), name="read"),
    path("inbox/<int:pk>/assign/", done_by_agents(actions.assign), name="assign"),
    path("inbox/<int:pk>/transfer/", done_by_agents(actions.transfer), name="transfer"),
    path("inbox/presence/", done_by_agents(actions.presence), name="presence"),
    path("inbox/guide/hide/", done_with(SEE_CHATS)(actions.hide_guide), name="hide-guide"),
    path("inbox/<int:pk>/close/", done_by_agents(actions.close), name="close"),
    path("inbox/<int:pk>/reopen/", done_by_agents(actions.reopen), name="reopen"),
    path("inbox/<int:pk>/snooze/", done_by_agents(actions.snooze), name="snooze"),
    path("inbox/<int:pk>/macros/", seen_by_agents(views.macro_menu), name="macro-menu"),
    path("inbox/<int:pk>/macros/<int:macro>/", done_by_agents(actions.use_macro), name="macro"),
    path("inbox/<int:pk>/person/", done_by_agents(actions.edit_person), name="edit-person"),
    path("inbox/<int:pk>/tag/", done_by_agents(actions.add_tag), name="add-tag"),
    path("inbox/<int:pk>/coupon/", done_by_agents(actions.give_coupon), name="give-coupon"),
    path("inbox/<int:pk>/hand-back/", done_by_agents(actions.hand_back), name="hand-back"),
    path("inbox/messages/<int:pk>/react/", done_by_agents(actions.react), name="react"),
    path("inbox/messages/<int:pk>/resend/", done_by_agents(actions.review), {"decision": "resend"}, name="resend"),
    path("inbox/messages/<int:pk>/give-up/", done_by_agents(actions.review), {"decision": "give-up"}, name="give-up"),
    path("inbox/messages/<int:pk>/cancel/", done_by_agents(actions.review), {"decision": "cancel"}, name="cancel"),
    path("inbox/later/<int:pk>/cancel/", done_by_agents(actions.change_later), {"decision": "cancel"}, name="later-cancel"),
    path("inbox/later/<int:pk>/send/", done_by_agents(actions.change_later), {"decision": "now"}, name="later-send"),
    path("inbox/files/<int:pk>/fetch/", done_by_agents(actions.fetch_again), name="fetch-again"),
    path("inbox/tags/<int:pk>/remove/", done_by_agents(actions.untag), name="untag"),
    path("inbox/coupons/<int:pk>/use/", done_by_agents(actions.use_coupon), name="use-coupon"),
    path("messages/<int:pk>/why/", seen_by_agents(why.of_message), name="why"),
    path("review/duplicates/", cases.page, name="duplicates"),
    path("review/duplicates/next/", cases.following, name="duplicate-next"),
    path("review/duplicates/<int:pk>/", cases.page, name="duplicate"),
    path("review/duplicates/<int:pk>/effect/", cases.effect, name="duplicate-effect"),
    path("review/duplicates/<int:pk>/undo/", cases.take_back, name="duplicate-undo"),
    path("review/duplicates/<int:pk>/merge/", cases.decide, {"verdict": "merge"}, name="duplicate-merge"),
    path("review/duplicates/<int:pk>/apart/", cases.decide, {"verdict": "apart"}, name="duplicate-apart"),
    path("review/duplicates/<int:pk>/link/", cases.decide, {"verdict": "link"}, name="duplicate-link"),
    path("review/duplicates/<int:pk>/later/", cases.decide, {"verdict": "later"}, name="duplicate-later"),
    path("review/differences/", conflicts.conflicts, name="differences"),
    path("review/differences/<int:pk>/rule/", conflicts.make_rule, name="difference-rule"),
    path("review/differences/rules/<int:pk>/drop/", conflicts.drop_rule, name="difference-rule-drop"),
    path("review/differences/<int:pk>/confirm/", conflicts.decide, {"answer": "confirm"}, name="difference-confirm"),
    path("review/differences/<int:pk>/revert/", conflicts.decide, {"answer": "revert"}, name="difference-revert"),
    path("merges/<int:pk>/undo/", having(UNDO_MERGES)(merges.undo), name="undo-merge"),
    *person_addresses,
    *import_addresses,
    *setup_addresses,
    path("sync/health/", seen_with("sync.view_push")(sync_health.page), name="sync-health"),
    path("sync/mapping/", seen_with("sync.view_push")(mapping_report.page), name="mapping-report"),
    path("sync/mapping/<int:pk>/<slug:what>/", seen_with("sync.view_push")(mapping_report.records), name="mapping-records"),
    path("sync/samples/<int:pk>/", seen_with("sync.view_push")(sync_health.sample), name="sync-sample"),
    path("sync/samples/<int:pk>/answer/", having("sync.change_push")(sync_health.answer), name="sync-answer"),
    path("ledger/", seen_with("intake.view_inboundevent")(ledger.sums), name="ledger"),
    path("files/<int:pk>/", seen_by_agents(files.attachment), name="attachment"),
    path("files/message/<int:pk>/", seen_by_agents(files.message_file), name="message-file"),
]
