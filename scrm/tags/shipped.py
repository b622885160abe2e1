"""The tags and rules that come with the product, for English, Japanese, Mandarin and Cantonese.

Keywords are given in one Chinese script; matching folds traditional and simplified. Words that matter as a compound in
katakana are listed as well, because a katakana keyword does not match inside a longer katakana word.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from scrm.tags import rules
from scrm.tags.models import Tag, TagRule


@dataclass(frozen=True)
class ShippedRule:
    slug: str
    name: str
    color: str
    keywords: str
    exceptions: str = ""
    heeds_negation: bool = False
    opens_deal: bool = False
    opens_case: bool = False


RULES = (
    ShippedRule(
        "order-status",
        "Order status",
        "blue",
        """where is my order|where's my order|wheres my order|where is the order|order status|status of my order|track my order
        tracking number|tracking code|tracking link
        where is my parcel|where's my parcel|where is my package|where's my package|where is my delivery|my parcel|my package
        parcel|has my order shipped|order shipped|shipped yet
        when will my order|when will it arrive|when will it be delivered|not arrived|hasn't arrived|haven't received my order
        did not arrive|delivery status|out for delivery
        荷物|お荷物|小包|配送状況|配達状況|発送状況|注文状況|出荷状況|発送されました|発送しました|いつ届|いつ届きます|いつとどき
        いつ着きます|いつ発送|まだ届|届いていません|届いてません|届かない|到着予定|追跡番号|問い合わせ番号|お届け予定
        注文した商品は|トラッキング|トラッキング番号
        包裹|快遞|快递|貨到哪|訂單到|訂單狀態|訂單嘅狀態|訂單的狀態|訂單進度|物流|追蹤號碼|追蹤編號|運單號|單號|快遞單號
        什麼時候到貨|甚麼時候到|什麼時候送到|什麼時候發貨|發貨了|寄出了|還沒收到|未收到貨|幾時到|幾時送到|幾時出貨|寄出未|寄咗未
        出咗貨|到邊度|到咗邊|送到邊|去咗邊|收唔到貨|仲未到|出貨了|出貨沒|配送進度
        注文番号|注文の状況|嘅狀態|的狀態|查訂單|查一下訂單|查下張單|訂單號|訂單編號""",
        opens_deal=True,
    ),
    ShippedRule(
        "price",
        "Price",
        "green",
        """price|pricing|how much|what does it cost|how much does it cost|costs|price list
        いくら|おいくら|値段|価格|料金|単価|税込|金額|プライス
        多少錢|多少钱|價格|價錢|售價|單價|怎麼賣|怎么卖|幾錢|幾多錢|點賣|報價表|價目""",
        opens_deal=True,
    ),
    ShippedRule(
        "price-sensitive",
        "Price-sensitive",
        "orange",
        """discount|coupon|promo code|voucher|cheaper|too expensive|any deal|on sale|best price|over my budget
        割引|値引|値下げ|安くなり|安くして|もっと安|高いです|高すぎ|クーポン|クーポンコード|セール|セール中|予算オーバー
        折扣|優惠|優惠券|優惠碼|便宜|打折|減價|特價|平啲|平少少|有冇得平|太貴|好貴|超預算|超出我的預算|減啲|折頭""",
    ),
    ShippedRule(
        "return-refund",
        "Return or refund",
        "orange",
        """refund|money back|return this|return it|return my|return the|return policy|returning|exchange it|exchange for
        返品|返金|払い戻し|交換したい|交換でき|交換して
        退貨|退款|退錢|換貨|退返|退番|想退|可以退|能退|想換|退換
        可以換嗎|能換嗎|退給我""",
        heeds_negation=True,
        opens_case=True,
    ),
    ShippedRule(
        "complaint",
        "Complaint",
        "red",
        """complaint|complain|broken|damaged|defective|faulty|not working|doesn't work|does not work|stopped working|wrong item
        wrong size|terrible|awful|unacceptable|disappointed|rip off|scam
        苦情|クレーム|壊れ|破損|故障|不良品|不具合|最悪|ひどい|酷い|対応が悪い|違う商品|間違った商品|届いた商品が違|がっかり
        動きません|動かない
        投訴|壞了|爛咗|壞咗|整爛|故障|瑕疵|破損|寄錯|發錯|送錯|貨不對|太差|好差|失望|離譜|騙人|呃人|用不了|用唔到|差評
        scratched|poor quality|bad quality|傷があり|傷が付|品質が悪|動かなくな|刮痕|划痕|不能用了|壞的|爛的""",
        heeds_negation=True,
        opens_case=True,
    ),
    ShippedRule(
        "shop-address",
        "Shop address",
        "teal",
        """shop address|store address|where is your shop|where is your store|where are you located|nearest shop|nearest store
        opening hours|store hours|what time do you open|what time do you close|physical store|branch near
        店舗の場所|店の場所|お店はどこ|店舗はどこ|お店の住所|店の住所|最寄りの店|近くの店|営業時間|何時から|何時まで|何時に開
        定休日|実店舗
        店鋪地址|門市地址|門市在哪|店在哪|地址在哪|哪裡有店|哪裡有門市|附近門市|附近的店|營業時間|幾點開|幾點關|實體店|舖頭喺邊
        鋪頭喺邊|門市喺邊|間舖喺邊|邊度有舖|幾點閂|幾點收""",
    ),
    ShippedRule(
        "quotation",
        "Quotation",
        "purple",
        """quotation|quote|bulk order|wholesale|bulk price|invoice for company|purchase order
        見積|見積もり|お見積り|卸売|卸価格|法人価格|大量注文|まとめて購入
        報價|报价|估價|批發|大量訂購|大量採購|團購|公司採購|企業採購|報個價""",
        opens_deal=True,
    ),
    ShippedRule(
        "thanks",
        "Thanks",
        "gray",
        """thanks|thank you|thx|many thanks|appreciate it|🙏
        ありがとう|有難う|有り難う|助かりました|感謝し|サンキュー
        謝謝|谢谢|多謝|唔該晒|感謝|感恩|辛苦了""",
    ),
    ShippedRule(
        "human-please",
        "Human please",
        "pink",
        """speak to a human|talk to a human|human please|real person|speak to someone|talk to someone|speak to an agent
        talk to an agent|live agent|customer service representative|speak with someone|talk to a person|speak to a person
        担当者|オペレーター|人と話|人に代わ|スタッフと話|有人対応|直接話し|人間と話
        人工客服|真人|轉人工|转人工|找客服|搵真人|搵客服|真人客服|同真人講|同職員講|人工服務|專人
        agent please|connect me with customer service|want a bot|人間で対応|人間に代わ|機械人|機器人|打電話給我""",
        heeds_negation=True,
    ),
    ShippedRule(
        "cancel",
        "Cancel",
        "orange",
        """cancel|cancellation|call off my order
        キャンセル|キャンセルポリシー|取り消し|取消し|取り消した|解約|注文をやめ
        取消|唔要喇|唔要啦|不要了|撤單|退訂單|cut單""",
        exceptions="取消訂閱|取消關注|unsubscribe|cancel my subscription",
        heeds_negation=True,
    ),
)


def _keywords(text: str) -> str:
    return "\n".join(word.strip() for line in text.splitlines() for word in line.split("|") if word.strip())


@transaction.atomic
def install() -> int:
    """Create the tags and rules that are missing and return how many rules are new. What exists is left as people edited it."""
    new = 0
    for shipped in RULES:
        tag, _ = Tag.objects.get_or_create(slug=shipped.slug, defaults={"name": shipped.name, "color": shipped.color})
        defaults = {
            "tag": tag,
            "keywords": _keywords(shipped.keywords),
            "exceptions": _keywords(shipped.exceptions),
            "heeds_negation": shipped.heeds_negation,
            "opens_deal": shipped.opens_deal,
            "opens_case": shipped.opens_case,
        }
        _, created = TagRule.objects.get_or_create(name=shipped.name, defaults=defaults)
        new += created
    transaction.on_commit(rules.forget)
    return new
