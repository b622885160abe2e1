"""Changing a customer beside the chat: a few fields, tags and coupons, without leaving the conversation."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scrm.commerce import coupons
from scrm.commerce.models import Coupon
from scrm.contacts.family import record_behind
from scrm.contacts.fields import Offer, offer
from scrm.contacts.fields_rules import PERSON, Verdict
from scrm.contacts.models import Contact
from scrm.contacts.records import label_of
from scrm.conversations.models import Conversation
from scrm.core import clock
from scrm.staff.models import User
from scrm.tags import services as tags
from scrm.tags.models import Tag

CHANGE, TAG = "contacts.change_contact", "tags.add_tagassignment"
GIVE, USE = "commerce.add_coupon", "commerce.change_coupon"
FIELDS = ("name", "company", "language", "priority", "notes")


class PersonForm(forms.ModelForm[Contact]):
    """The form remembers what it showed: a field that somebody else changed meanwhile is not set back by saving another."""

    class Meta:
        model = Contact
        fields = FIELDS
        widgets = {"notes": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.show_hidden_initial = True
            field.widget.attrs["autocomplete"] = "off"
            if name == "notes":
                field.widget.attrs["maxlength"] = 4000


def form_for(contact: Contact) -> PersonForm:
    return PersonForm(instance=contact, prefix="person", auto_id="ix-%s")


def change(contact: Contact, data: Any, *, by: User) -> list[str]:
    """Write what was changed; sentences about what was not taken. Raises `ValidationError` for values that make no sense."""
    if not by.has_perm(CHANGE):
        raise PermissionDenied
    form = PersonForm(data, instance=contact, prefix="person")
    if not form.is_valid():
        raise ValidationError([f"{form.fields[name].label}: {' '.join(map(str, found))}" for name, found in form.errors.items()])
    values = {name: form.cleaned_data[name] for name in form.changed_data}
    if not values:
        return []
    outcome = offer([Offer(contact.pk, values, PERSON, clock.now(), by.get_username(), blanks_count=True)])[0]
    told = _("%(field)s stays as it is: a rule says who decides it. Change it there, or change the rule for this field.")
    kept = [told % {"field": label_of(name)} for name, verdict in outcome.verdicts.items() if verdict is Verdict.RULED]
    return kept + [f"{label_of(name)}: {reason}" for name, reason in outcome.refused.items()]


class CouponForm(forms.Form):
    """A code that was given by word, or by an answer of one's own."""

    code = forms.CharField(label=gettext_lazy("code"), max_length=coupons.CODE)
    text = forms.CharField(label=gettext_lazy("what it gives"), max_length=coupons.TEXT, required=False)
    until = forms.DateField(label=gettext_lazy("valid until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, prefix="coupon", auto_id="ix-%s")
        for field in self.fields.values():
            field.widget.attrs["autocomplete"] = "off"

    def clean_until(self) -> datetime | None:
        """The end of that day where the agent is."""
        day = self.cleaned_data["until"]
        ends = timezone.make_aware(datetime.combine(day, time(23, 59, 59))) if day else None
        if ends is not None and ends <= clock.now():
            raise ValidationError(_("This day is over."))
        return ends


def give_coupon(conversation: Conversation, data: Any, *, by: User) -> Coupon:
    """Note down a code that the customer was given. Raises `ValidationError` for values that make no sense."""
    if not by.has_perm(GIVE):
        raise PermissionDenied
    form = CouponForm(data)
    if not form.is_valid():
        raise ValidationError([f"{form.fields[name].label}: {' '.join(map(str, found))}" for name, found in form.errors.items()])
    home, said = record_behind(conversation.identity), form.cleaned_data
    given = Coupon(contact_id=home, code=said["code"], text=said["text"], given_at=clock.now(), expires_at=said["until"], by=by)
    coupons.give([given])
    return given


def use_coupon(coupon: Coupon, used: bool, *, by: User) -> None:
    """Its code was used, or was not after all."""
    if not by.has_perm(USE):
        raise PermissionDenied
    coupons.set_used(coupon, used)


def tag_rows(user: User) -> QuerySet[Tag]:
    """What the field for a tag offers, of names alone; nothing to who may put none."""
    rows = Tag.objects.order_by("name").only("name")[:300]
    return rows if user.has_perm(TAG) else Tag.objects.none()


def add_tag(conversation: Conversation, name: str, *, by: User) -> Tag:
    """Put a tag by its name, as the list of tags offers it. Raises `ValidationError` when there is none of that name."""
    if not by.has_perm(TAG):
        raise PermissionDenied
    tag = Tag.objects.filter(name__iexact=name.strip()).first() if name.strip() else None
    if tag is None:
        raise ValidationError(_("There is no tag of that name. Choose one from the list."))
    tags.add_tag(conversation.identity.contact, tag, by=by, conversation=conversation)
    return tag
