"""Things to try as a customer, in the customer's own language."""

SUGGESTIONS: dict[str, tuple[str, ...]] = {
    "ja": (
        "私の荷物はどこですか?",
        "一番近いお店はどこですか?",
        "iPhone15 Pro Maxの在庫はありますか?",
        "高すぎます",
        "担当者と話したいです",
        "ありがとうございます😊",
        "配信停止",
    ),
    "zh_HK": ("我的包裹到哪裡了？", "最近的門市喺邊？", "iPhone15 Pro Max 有冇貨？", "太貴喇，有冇折扣？", "我想搵真人", "多謝😊", "退訂"),
    "zh_TW": (
        "我的包裹到哪裡了？",
        "最近的門市在哪裡？",
        "iPhone15 Pro Max 有現貨嗎？",
        "太貴了，有優惠嗎？",
        "我想找真人客服",
        "謝謝😊",
        "退訂",
    ),
    "zh_CN": ("我的包裹到哪里了？", "最近的门店在哪里？", "太贵了，有折扣吗？", "我想找人工客服", "谢谢😊", "退订"),
    "ms": ("Di mana pesanan saya?", "Where is my order?", "Ada diskaun?", "Terima kasih 😊", "STOP"),
    "en": (
        "Where is my order?",
        "Where is your nearest shop?",
        "Is the iPhone15 Pro Max in stock?",
        "Too expensive, any discount?",
        "I want to talk to a person",
        "Thank you 😊",
        "STOP",
    ),
}


def suggestions_for(language: str) -> tuple[str, ...]:
    return SUGGESTIONS.get(language, SUGGESTIONS["en"])
