"""Which field a column holds, guessed from its header in English, Japanese or Chinese. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence

CUSTOM = "custom."
IGNORED = ""
# Several columns may hold one of these; of every other field there is one column.
REPEATED = frozenset({"phone", "email", "tags", "name"})

HEADERS: dict[str, str] = {
    "external_id": "id|contact id|external id|customer id|customer no|customer number|partner id|partner's id|partners id"
    "|member id|crm id"
    "|顧客id|顧客番号|会員番号|会員id|お客様番号|取引先id|客戶編號|客户编号|會員編號|会员编号|會員號|客戶id|客户id|外部id",
    "name": "name|full name|contact name|display name|customer|customer name|お名前|氏名|名前|顧客名|担当者名|姓名|名稱"
    "|名称|客戶名稱|客户名称|客戶姓名|客户姓名|聯絡人"
    "|联系人|會員姓名|会员姓名|稱呼",
    "family_name": "last name|family name|surname|姓|苗字|名字|姓氏",
    "given_name": "first name|given name|名|下の名前",
    "phone": "phone|phone number|tel|telephone|mobile|mobile phone|mobile number|cell|cell phone|whatsapp|whatsapp number"
    "|contact number|number|numbers"
    "|phone 1|phone 2|work phone|home phone|電話|電話番号|携帯|携帯電話|携帯番号|携帯電話番号|連絡先|手機|手机"
    "|手機號碼|手机号码|手機號|手机号|電話號碼|电话|电话号码|聯絡電話|联系电话|行動電話|移動電話",
    "email": "email|e-mail|mail|email address|e-mail address|e-mails|emails|メール|メールアドレス|eメール|電郵|电邮|電郵地址"
    "|電子郵件|电子邮件|電子信箱|電子郵箱|邮箱|郵箱|信箱",
    "company": "company|company name|organisation|organization|account|会社|会社名|企業名|勤務先|公司|公司名稱|公司名称|單位|单位|企业",
    "language": "language|preferred language|locale|言語|使用言語|語言|语言|語系",
    "country": "country|region|country code|country/region|国|国名|国・地域|國家|国家|地區|地区|國家/地區|国家/地区",
    "time_zone": "time zone|timezone|タイムゾーン|時間帯|時區|时区",
    "priority": "priority|優先度|優先順位|優先級|优先级|優先次序|重要度",
    "owner": "owner|contact owner|assigned to|agent|sales rep|担当者|担当|営業担当|負責人|负责人|擁有者|负责员工|跟進人|跟进人",
    "notes": "notes|note|remarks|remark|comment|comments|memo|備考|メモ|備註|备注|附註|註解|说明",
    "birthday": "birthday|birth date|date of birth|dob|生年月日|誕生日|生日|出生日期|出生年月日",
    "address": "address|street|street address|address line 1|住所|番地|地址|街道|詳細地址|详细地址|通訊地址|通讯地址",
    "city": "city|town|district|市|市区町村|都市|城市|縣市|县市|市區|市区",
    "state": "state|province|prefecture|state/region|prefecture or state|都道府県|県|省|省份|州|縣|省/州",
    "postal_code": "postal code|postcode|post code|zip|zip code|郵便番号|〒|郵遞區號|邮政编码|郵政編碼|邮编",
    "tags": "tags|tag|labels|label|タグ|ラベル|標籤|标签|标记",
    "opt_in": "opt in|opt-in|marketing|marketing consent|marketing opt in|subscribed|promotions|newsletter|配信許可|メルマガ"
    "|配信希望|販促同意|同意行銷|行銷同意|接收推廣|接收推广|同意推广|訂閱|订阅",
    "opt_out": "opt out|opt-out|unsubscribed|do not contact|stop|opted out|配信停止|受信拒否|拒收|退訂|退订|拒絕聯絡|拒绝联系",
    "consent_source": "consent source|opt in source|opt-in source|source of consent|同意取得元|同意の取得元|同意來源|同意来源",
    "consent_at": "consent date|opt in date|opt-in date|consent at|同意日|同意取得日|同意日期",
}
TARGETS = tuple(HEADERS)
# What our own files of rows to repair add behind the columns; not read again.
OWN_COLUMNS = ("scrm: problem", "scrm: line")


def folded(header: str) -> str:
    text = unicodedata.normalize("NFKC", header).casefold().replace("_", " ").replace("-", "-")
    return re.sub(r"[\s*:：()（）\"'’\ufeff]+", " ", text).strip()


_KNOWN = {folded(word): field for field, words in HEADERS.items() for word in words.split("|")}


def known(header: str) -> bool:
    return target_of(header) != IGNORED


def target_of(header: str) -> str:
    """The field that a header names, "" when it names none."""
    text = folded(header)
    if text.startswith(CUSTOM) and len(text) > len(CUSTOM):
        return header.strip()
    return _KNOWN.get(text) or _KNOWN.get(re.sub(r"\s*\d+$", "", text)) or _KNOWN.get(text.replace(" ", "")) or IGNORED


def guess(headers: Sequence[str]) -> list[str]:
    """A field for each column. A header that names none is kept as a field of its own: nothing is dropped unless a person says so."""
    found: list[str] = []
    for place, header in enumerate(headers):
        target = target_of(header)
        if header.strip() in OWN_COLUMNS:
            found.append(IGNORED)
            continue
        if target and target not in REPEATED and target in found:
            target = IGNORED
        if target == IGNORED:
            target = custom_key(header, place, found)
        found.append(target)
    return found


def custom_key(header: str, place: int, taken: Sequence[str]) -> str:
    key = re.sub(r"\s+", " ", header.replace("\ufeff", "")).strip()[:40] or f"column {place + 1}"
    target, number = CUSTOM + key, 2
    while target in taken:
        target, number = f"{CUSTOM}{key} {number}", number + 1
    return target


def headers_key(headers: Sequence[str]) -> str:
    """The same for files with the same headers, in whatever order, and for our file of their rows to repair."""
    theirs = sorted(folded(each) for each in headers if each.strip() not in OWN_COLUMNS)
    return hashlib.sha256("\0".join(theirs).encode()).hexdigest()


def remembered(headers: Sequence[str], layout: Mapping[str, str]) -> list[str]:
    """The guess, with what was chosen for these headers before."""
    return [layout.get(header, target) for header, target in zip(headers, guess(headers), strict=True)]


def check(mapping: Sequence[str]) -> list[str]:
    """The fields that more than one column would fill, which only some fields can take."""
    once = [target for target in mapping if target and target not in REPEATED]
    return sorted({target for target in once if once.count(target) > 1})
