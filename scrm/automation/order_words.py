"""What is said about an order, in five ways of writing. Pure words: facts come in, a text goes out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

# How exactly an arrival can be promised (OR1): two hours before and after the carrier's time.
WINDOW = timedelta(hours=2)


@dataclass(frozen=True)
class Words:
    greeting: str
    statuses: dict[str, str]
    carrier: str
    expected: str
    link: str
    unknown_number: str
    no_order: str
    weekdays: str
    date: str


@dataclass(frozen=True)
class OrderFacts:
    """`status` is a value of `Order.Status`; the rest is empty when it is not known."""

    number: str
    status: str
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    expected_at: datetime | None = None


WORDS: dict[str, Words] = {
    "en": Words(
        greeting="Your order {number}: {status}.",
        statuses={
            "paid": "paid, we are preparing it",
            "packed": "packed and about to be handed to the carrier",
            "shipped": "on its way",
            "out_for_delivery": "out for delivery today",
            "delivered": "delivered",
            "cancelled": "cancelled",
        },
        carrier="Carrier: {carrier}, tracking number {tracking}",
        expected="Expected: {date}, between {start} and {end}",
        link="Follow it here: {url}",
        unknown_number="I could not find order {number} under your contact. Could you check the number, please?",
        no_order="I could not find an order under your contact yet. Could you send me the order number, please? "
        "It is in your confirmation e-mail.",
        weekdays="Mon Tue Wed Thu Fri Sat Sun",
        date="{weekday} {day} {month_name}",
    ),
    "ja": Words(
        greeting="ご注文 {number} の状況です：{status}。",
        statuses={
            "paid": "お支払いを確認し、準備中です",
            "packed": "梱包が完了し、まもなく発送します",
            "shipped": "発送済みで、お届け先へ輸送中です",
            "out_for_delivery": "本日配達中です",
            "delivered": "お届け済みです",
            "cancelled": "キャンセル済みです",
        },
        carrier="配送会社：{carrier}（お問い合わせ番号 {tracking}）",
        expected="お届け予定：{date} {start}〜{end}",
        link="配送状況：{url}",
        unknown_number="ご注文番号 {number} はお客様のご注文の中に見つかりませんでした。お手数ですが、番号をご確認いただけますか。",
        no_order="お客様のご注文がまだ確認できません。恐れ入りますが、ご注文番号をお知らせいただけますか。確認メールに記載されています。",
        weekdays="月 火 水 木 金 土 日",
        date="{month}月{day}日（{weekday}）",
    ),
    "zh-hant": Words(
        greeting="您的訂單 {number}：{status}。",
        statuses={
            "paid": "已付款，正在備貨",
            "packed": "已包裝完成，即將交給物流",
            "shipped": "已出貨，正在配送途中",
            "out_for_delivery": "今天正在派送",
            "delivered": "已送達",
            "cancelled": "已取消",
        },
        carrier="物流：{carrier}，追蹤號碼 {tracking}",
        expected="預計送達：{date} {start}–{end}",
        link="查看物流進度：{url}",
        unknown_number="在您的帳戶下找不到訂單 {number}，麻煩您再確認一下號碼好嗎？",
        no_order="目前在您的帳戶下找不到訂單，麻煩提供訂單編號（確認信上有），我馬上幫您查。",
        weekdays="一 二 三 四 五 六 日",
        date="{month}月{day}日（{weekday}）",
    ),
    "zh-hk": Words(
        greeting="你嘅訂單 {number}：{status}。",
        statuses={
            "paid": "已經收到款項，準備緊貨",
            "packed": "已經包好，就嚟交畀物流",
            "shipped": "已經寄出，送緊嚟",
            "out_for_delivery": "今日派送緊",
            "delivered": "已經送到",
            "cancelled": "已經取消咗",
        },
        carrier="物流：{carrier}，追蹤編號 {tracking}",
        expected="預計送到：{date} {start}–{end}",
        link="查詢物流：{url}",
        unknown_number="喺你嘅紀錄入面搵唔到訂單 {number}，麻煩你再核對吓個號碼好嗎？",
        no_order="暫時搵唔到你嘅訂單，麻煩你畀個訂單編號我（確認電郵入面有），我即刻幫你查。",
        weekdays="一 二 三 四 五 六 日",
        date="{month}月{day}日（{weekday}）",
    ),
    "zh-hans": Words(
        greeting="您的订单 {number}：{status}。",
        statuses={
            "paid": "已付款，正在备货",
            "packed": "已打包，即将交给快递",
            "shipped": "已发货，正在运输途中",
            "out_for_delivery": "今天正在派送",
            "delivered": "已送达",
            "cancelled": "已取消",
        },
        carrier="快递：{carrier}，运单号 {tracking}",
        expected="预计送达：{date} {start}–{end}",
        link="查看物流：{url}",
        unknown_number="在您的账户下没有找到订单 {number}，麻烦您再核对一下号码好吗？",
        no_order="目前在您的账户下没有找到订单，麻烦提供订单号（确认邮件里有），我马上帮您查。",
        weekdays="一 二 三 四 五 六 日",
        date="{month}月{day}日（{weekday}）",
    ),
}

_OPEN = ("paid", "packed", "shipped", "out_for_delivery")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _expected_line(words: Words, at: datetime, zone: tzinfo) -> str:
    start, end = (at - WINDOW).astimezone(zone), (at + WINDOW).astimezone(zone)
    weekday = words.weekdays.split()[start.weekday()]
    date = words.date.format(month=start.month, day=start.day, weekday=weekday, month_name=_MONTHS[start.month - 1])
    return words.expected.format(date=date, start=f"{start:%H:%M}", end=f"{end:%H:%M}")


def order_text(order: OrderFacts, language: str, zone: tzinfo, now: datetime) -> str:
    """Number and state; carrier, the time of arrival with its window in the customer's `zone`, and the link where they are known.

    A time that has passed is not promised again.
    """
    words = WORDS[language]
    lines = [words.greeting.format(number=order.number, status=words.statuses[order.status])]
    if order.carrier and order.status != "cancelled":
        lines.append(words.carrier.format(carrier=order.carrier, tracking=order.tracking_number))
    if order.expected_at is not None and order.status in _OPEN and order.expected_at + WINDOW > now:
        lines.append(_expected_line(words, order.expected_at, zone))
    if order.tracking_url and order.status != "cancelled":
        lines.append(words.link.format(url=order.tracking_url))
    return "\n".join(lines)


def missing_text(language: str, number: str = "") -> str:
    """Nothing is known: ask for the order number, or for another look at `number`."""
    words = WORDS[language]
    return words.unknown_number.format(number=number) if number else words.no_order
