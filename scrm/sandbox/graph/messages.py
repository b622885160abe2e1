"""POST /{phone}/messages and /{phone}/marketing_messages."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from scrm.sandbox import history
from scrm.sandbox.graph import sending
from scrm.sandbox.graph.access import caller, json_body
from scrm.sandbox.graph.answers import after_acceptance, graph_call, wrong_method
from scrm.sandbox.graph.errors import GraphError, missing_object
from scrm.sandbox.graph.message_contract import check_product


@graph_call
def messages(request: HttpRequest, phone_number_id: str, *, only_templates: bool = False) -> HttpResponseBase:
    if request.method != "POST":
        raise wrong_method(request)
    number = caller(request)
    if number.phone_number_id != phone_number_id:
        raise missing_object(phone_number_id)
    body = check_product(json_body(request))
    try:
        if "status" in body and not only_templates:
            return JsonResponse(sending.mark_read(number, body))
        accepted = sending.accept(number, body, only_templates=only_templates)
    except GraphError as error:
        history.refused(number, error.code, error.status, body, error.details)
        raise
    return after_acceptance(accepted.answer, accepted.faults)
