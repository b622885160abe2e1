"""Quick replies that agents call up with '/', and the message templates that the platform has approved.

A quick reply's text is plain and ready to send. A template has the form in which the Graph API lists it; the language codes
there are the platform's (en, ja, zh_TW, zh_HK, zh_CN).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StoryQuickReply:
    """`texts` by language; zh-hk is Hong Kong Cantonese, zh-hant Taiwan's Mandarin."""

    shortcut: str
    title: str
    texts: dict[str, str]


LANGUAGES = ("en", "ja", "zh-hk", "zh-hant", "zh-hans")


def _reply(shortcut: str, title: str, *texts: str) -> StoryQuickReply:
    return StoryQuickReply(shortcut, title, dict(zip(LANGUAGES, texts, strict=True)))


QUICK_REPLIES: tuple[StoryQuickReply, ...] = (
    _reply("hello", "Greeting",
           "Hi there! Thanks for contacting Harbour Lane. How can I help you today?",
           "お問い合わせいただきありがとうございます。Harbour Laneでございます。本日はどのようなご用件でしょうか。",
           "你好呀！多謝你聯絡Harbour Lane，有咩可以幫到你？😊",
           "您好，感謝您聯繫Harbour Lane！請問有什麼可以為您服務的呢？😊",
           "您好，感谢联系Harbour Lane！请问有什么可以帮您？😊"),
    _reply("moment", "One moment please",
           "Give me a moment, let me check that for you.",
           "ただいまお調べいたしますので、少々お待ちくださいませ。",
           "麻煩等一等，我幫你查緊，好快覆你。",
           "請您稍等一下，我馬上幫您查詢。",
           "请稍等一下，我马上为您查询。"),
    _reply("shipping", "Shipping times",
           "Orders paid before 3pm ship the same day. Delivery within Singapore takes 1 to 3 working days, and it's free above S$60.",
           "15時までにお支払いいただいたご注文は当日発送しております。お届けまでは通常1〜3日、8,000円以上のお買い上げで送料は無料でございます。",
           "下午3點前付款嘅訂單當日寄出，順豐一般1至2個工作天送到。滿HK$400免運費。",
           "下午3點前完成付款的訂單當天出貨，約1到2個工作天送達，消費滿NT$1,500免運費。",
           "下午3点前付款的订单当天发货，一般1至3个工作日送达，满额免运费。"),
    _reply("returns", "Returns and exchanges",
           "You can return unopened items within 14 days of delivery. "
           "Send us your order number and a photo, and we'll arrange a free pick-up.",
           "未開封の商品は、お届けから14日以内でしたら返品を承ります。ご注文番号とお写真をお送りいただけましたら、集荷を手配いたします。",
           "未開封嘅貨品，收貨後14日內可以退換。麻煩你將訂單編號同相片send畀我哋，我哋安排上門收件，唔使運費。",
           "未拆封的商品在到貨後14天內都可以退換貨，麻煩您提供訂單編號和照片，我們會安排宅配到府收件，運費由我們負擔。",
           "未拆封的商品在签收后14天内可以退换，请您提供订单号和照片，我们会安排免费上门取件。"),
    _reply("hours", "Opening hours",
           "Our shops are open daily from 11am, and we answer here from 9am to 9pm, including weekends.",
           "店舗は毎日11時より営業しております。こちらのチャットは土日祝日も9時から21時までご利用いただけます。",
           "門市每日上午11點開門，WhatsApp客服朝九晚九，星期六日都照常。",
           "門市每天上午11點開始營業，線上客服時間為9:00到21:00，假日也照常服務。",
           "门店每天上午11点开始营业，在线客服时间为9:00至21:00，周末照常。"),
    _reply("payment", "Ways to pay",
           "We take Visa, Mastercard, PayNow, GrabPay and Atome. Instalments over 3 months are interest-free.",
           "お支払い方法は、クレジットカード、PayPay、コンビニ払い、代金引換をご用意しております。分割払いもご利用いただけます。",
           "可以用信用卡、轉數快、PayMe、支付寶香港同八達通。部分信用卡有6個月免息分期。",
           "可以使用信用卡、LINE Pay、街口支付、ATM轉帳或貨到付款，指定銀行信用卡可分6期0利率。",
           "支持支付宝、微信支付、银联卡和信用卡，部分信用卡可享免息分期。"),
    _reply("thanks", "Thanks",
           "Thank you so much! Have a lovely day 😊",
           "ありがとうございます。またのご利用を心よりお待ちしております。",
           "多謝你支持！有需要隨時搵我哋😊",
           "謝謝您的支持，有任何問題都歡迎再跟我們聯繫喔😊",
           "感谢您的支持，有问题欢迎随时联系我们😊"),
    _reply("sorry", "Apology",
           "I'm really sorry about this. Let me look into it right away and get back to you.",
           "この度はご不便をおかけし、誠に申し訳ございません。すぐに確認し、改めてご連絡いたします。",
           "真係好對唔住，令你有咁嘅體驗。我即刻跟進，盡快覆你。",
           "造成您的不便真的非常抱歉，我馬上為您處理，確認後立即回覆您。",
           "给您带来不便，非常抱歉。我马上为您跟进，确认后第一时间回复您。"),
    _reply("instalment", "Instalment plan",
           "We can split it over 3 or 6 months with 0% interest. Shall I send you the payment link?",
           "3回または6回の分割払いを、手数料無料でご利用いただけます。お支払いページをお送りいたしましょうか。",
           "可以分3期或者6期免息，需要我send條付款連結畀你嗎？",
           "我們有3期、6期0利率的分期方案，需要我傳付款連結給您嗎？",
           "可以分3期或6期，免手续费。需要我把付款链接发给您吗？"),
    _reply("stock", "Back in stock",
           "It's sold out right now, but a new batch is on its way. Would you like me to message you once it's back?",
           "申し訳ございません、ただいま在庫を切らしております。入荷次第ご連絡を差し上げてもよろしいでしょうか。",
           "呢款暫時賣晒，新貨嚟緊，到貨即刻通知你好唔好？",
           "這款目前暫時缺貨，新貨已經在路上了，到貨時通知您好嗎？",
           "这款目前暂时缺货，新货在路上了，到货后通知您好吗？"),
    _reply("coupon", "10% code",
           "Here's 10% off your next order, valid for 7 days. Your code is on its way in the next message!",
           "次回のお買い物でご利用いただける10%割引コードをお送りいたします。有効期限は7日間でございます。",
           "送你一個九折優惠碼，7日內有效，下一個訊息send畀你！",
           "送您一組9折優惠碼，7天內有效，下一則訊息傳給您！",
           "送您一张9折优惠码，7天内有效，下一条消息发给您！"),
    _reply("bye", "Anything else?",
           "Is there anything else I can help you with?",
           "ほかにご不明な点はございませんでしょうか。",
           "仲有冇其他嘢可以幫到你？",
           "請問還有其他需要協助的地方嗎？",
           "请问还有其他可以帮到您的吗？"),
)  # fmt: skip


def _template(
    name: str,
    language: str,
    category: str,
    body: str,
    example: tuple[str, ...],
    footer: str = "",
    button: tuple[str, str, str] | None = None,
) -> dict[str, Any]:
    """One template as the Graph API lists it. `button` is (text, address ending in {{1}}, example address)."""
    components: list[dict[str, Any]] = [{"type": "BODY", "text": body, "example": {"body_text": [list(example)]}}]
    if footer:
        components.append({"type": "FOOTER", "text": footer})
    if button:
        text, url, shown = button
        components.append({"type": "BUTTONS", "buttons": [{"type": "URL", "text": text, "url": url, "example": [shown]}]})
    return {"name": name, "language": language, "category": category, "status": "APPROVED", "components": components}


_TRACK = "https://harbourlane.example/track/{{1}}"
_TRACKED = "https://harbourlane.example/track/HK-104233"

MESSAGE_TEMPLATES: tuple[dict[str, Any], ...] = (
    _template("order_update", "en", "UTILITY",
              "Hi {{1}}, your order {{2}} has been shipped with {{3}}. It should reach you by {{4}}.",
              ("Darren", "SG-104233", "Ninja Van", "24 Nov, 6pm"), button=("Track order", _TRACK, _TRACKED)),
    _template("order_update", "ja", "UTILITY",
              "{{1}}様\nご注文番号{{2}}の商品を{{3}}にて発送いたしました。"
              "お届けは{{4}}頃の予定でございます。到着まで今しばらくお待ちくださいませ。",
              ("佐藤 遥", "JP-104233", "ヤマト運輸", "11月24日 18時"), button=("配送状況を見る", _TRACK, _TRACKED)),
    _template("order_update", "zh_TW", "UTILITY",
              "{{1}}您好，您的訂單{{2}}已由{{3}}出貨，預計{{4}}前送達，請留意收件喔。",
              ("陳雅婷", "TW-104233", "黑貓宅急便", "11月24日 18:00"), button=("查詢物流", _TRACK, _TRACKED)),
    _template("order_update", "zh_HK", "UTILITY",
              "{{1}}你好，你嘅訂單{{2}}已經由{{3}}寄出，預計{{4}}前送到，請留意收件。",
              ("黃小姐", "HK-104233", "順豐速運", "11月24日 18:00"), button=("查詢運送狀態", _TRACK, _TRACKED)),
    _template("order_update", "zh_CN", "UTILITY",
              "{{1}}您好，您的订单{{2}}已由{{3}}发出，预计{{4}}前送达，请注意查收。",
              ("王女士", "SG-104233", "Ninja Van", "11月24日 18:00"), button=("查询物流", _TRACK, _TRACKED)),
    _template("delivery_today", "en", "UTILITY",
              "Hi {{1}}, order {{2}} is out for delivery and arrives today between {{3}}.",
              ("Darren", "SG-104233", "2pm and 6pm")),
    _template("delivery_today", "ja", "UTILITY",
              "{{1}}様\nご注文番号{{2}}の商品は、本日{{3}}の間にお届けの予定でございます。",
              ("佐藤 遥", "JP-104233", "14時〜18時")),
    _template("delivery_today", "zh_TW", "UTILITY",
              "{{1}}您好，您的訂單{{2}}今天配送中，預計{{3}}之間送達。",
              ("陳雅婷", "TW-104233", "14:00–18:00")),
    _template("delivery_today", "zh_HK", "UTILITY",
              "{{1}}你好，你嘅訂單{{2}}今日派送，預計{{3}}送到。",
              ("黃小姐", "HK-104233", "下午2點至6點")),
    _template("follow_up", "en", "MARKETING",
              "Hi {{1}}, it's Harbour Lane. You asked about {{2}} the other day. "
              "It's in stock, and this week you get {{3}} off with code {{4}}.",
              ("Darren", "Sony WH-1000XM5", "10%", "HELLO10"), footer="Reply STOP to opt out"),
    _template("follow_up", "ja", "MARKETING",
              "{{1}}様\n先日お問い合わせいただきました「{{2}}」が入荷いたしました。"
              "今週中にコード{{4}}をご入力いただくと、{{3}}割引でお求めいただけます。この機会にぜひご利用くださいませ。",
              ("佐藤 遥", "アネッサ パーフェクトUV", "10%", "HELLO10"), footer="配信停止をご希望の方は「配信停止」とご返信ください"),
    _template("follow_up", "zh_TW", "MARKETING",
              "{{1}}您好，這裡是Harbour Lane。您之前詢問的{{2}}到貨囉！本週輸入優惠碼{{4}}即可享{{3}}優惠，數量有限，歡迎把握。",
              ("陳雅婷", "SK-II 神仙水", "9折", "HELLO10"), footer="若不想再收到訊息，請回覆「退訂」"),
    _template("follow_up", "zh_HK", "MARKETING",
              "{{1}}你好，我哋係Harbour Lane。你之前問過嘅{{2}}有貨喇！今個星期輸入優惠碼{{4}}即享{{3}}，數量有限，快啲嚟啦。",
              ("黃小姐", "Dyson Supersonic 風筒", "九折", "HELLO10"), footer="如不想再收到訊息，請回覆「退訂」"),
)  # fmt: skip
