"""Taiwan: Mandarin in traditional characters with local usage (出貨, 宅配, 超商取貨, 刷卡, 囉, 喔)."""

from __future__ import annotations

from .speech import Dialogue

_CITY_HALL = {"latitude": 25.0411, "longitude": 121.5651, "name": "捷運市政府站", "address": "台北市信義區忠孝東路五段"}

DIALOGUES: tuple[Dialogue, ...] = (
    Dialogue("tw-order-1", "TW", "zh-hant", "order_status", (
        (0, "customer", "您好，請問我的訂單出貨了嗎？"),
        (3, "agent", "您好，幫您查詢到訂單{order}目前{state}，預計{eta}送達。"),
        (4, "agent", "{tracking}"),
        (6, "customer", "了解，謝謝您～"),
    ), "under_way"),
    Dialogue("tw-order-2", "TW", "zh-hant", "order_status", (
        (0, "customer", "不好意思，我的包裹到哪裡了？{order}"),
        (5, "agent", "您好，包裹{state}喔，預計{eta}。請問那個時間方便收件嗎？"),
        (8, "customer", "可以請管理員代收嗎"),
        (10, "agent", "可以的，已經幫您備註「管理室代收」囉。"),
        (11, "customer", "太好了，感謝😊"),
    ), "on_the_way"),
    Dialogue("tw-order-3", "TW", "zh-hant", "order_status", (
        (0, "customer", "可以改成超商取貨嗎？這幾天都要加班"),
        (4, "agent", "您好，{order}目前{state}，這邊幫您跟物流確認看看能不能改，請稍等。"),
        (15, "agent", "物流說可以改到離您最近的門市自取，會再簡訊通知您喔。"),
        (17, "customer", "好的，麻煩你了"),
    ), "on_the_way"),
    Dialogue("tw-price-1", "TW", "zh-hant", "price_inquiry", (
        (0, "customer", "請問三星S24 Ultra現在多少錢？有現貨嗎"),
        (4, "agent", "您好，S24 Ultra 256GB優惠價NT$38,900，有現貨，今天下單今天出貨。"),
        (7, "customer", "刷卡可以分期嗎"),
        (9, "agent", "指定銀行可以分6期0利率喔。"),
        (12, "customer", "好，我晚上再下單"),
    )),
    Dialogue("tw-price-2", "TW", "zh-hant", "price_inquiry", (
        (0, "customer", "雪花秀潤燥精華的價錢？"),
        (2, "agent", "您好，雪花秀潤燥精華60ml是NT$3,200，本月加送體驗組。"),
        (5, "customer", "有折扣嗎"),
        (6, "agent", "新會員首購可以打9折，需要幫您加入會員嗎？"),
        (8, "customer", "好啊"),
    )),
    Dialogue("tw-expensive-1", "TW", "zh-hant", "price_objection", (
        (0, "customer", "Dyson V15怎麼那麼貴啊，蝦皮才兩萬一"),
        (6, "agent", "您好，我們是台灣公司貨，有兩年保固和到府收送維修，平行輸入的就沒有保固喔。"),
        (8, "customer", "還是太貴了啦😭"),
        (11, "agent", "了解～可以考慮6期0利率，一期大約NT$4,150。"),
        (14, "customer", "我再考慮看看"),
    )),
    Dialogue("tw-return-1", "TW", "zh-hant", "return", (
        (0, "customer", "你好我要退貨，買錯尺寸的神仙水了，還沒拆"),
        (4, "agent", "您好，未拆封14天內都可以退喔。請問訂單是{order}嗎？"),
        (5, "customer", "對"),
        (8, "agent", "已經安排宅配明天到府收件，收到商品後5個工作天內退款。"),
        (9, "customer", "好的謝謝"),
    ), "delivered"),
    Dialogue("tw-complaint-1", "TW", "zh-hant", "complaint", (
        (0, "customer", "收到的卸妝油壓頭是壞的😡"),
        (1, "customer", {"image": "broken_pump", "caption": "根本壓不下去"}),
        (5, "agent", "真的非常抱歉！馬上幫您補寄一瓶新的，原本的那瓶不用寄回喔。"),
        (9, "customer", "什麼時候可以收到"),
        (11, "agent", "今天寄出，預計後天送達。造成您的困擾真的很不好意思。"),
        (13, "customer", "好吧，謝謝處理"),
    ), "delivered"),
    Dialogue("tw-complaint-2", "TW", "zh-hant", "complaint", (
        (0, "customer", "訂單寫今天送達，等了一整天都沒人來，我要投訴"),
        (4, "agent", "非常抱歉讓您久等了，我馬上跟黑貓確認{order}的狀況。"),
        (12, "agent", "確認過了，包裹{state}，預計{eta}送達，這次的運費會退還給您。"),
        (16, "customer", "希望真的會到"),
    ), "on_the_way"),
    Dialogue("tw-product-1", "TW", "zh-hant", "product_question", (
        (0, "customer", "請問肌研極潤化妝水適合油性肌膚嗎？"),
        (4, "agent", "適合的，極潤質地清爽，油肌用一下下就吸收了，不會悶喔。"),
        (6, "customer", "那跟珂潤的乳霜可以一起用嗎"),
        (8, "agent", "可以，先上化妝水再擦乳霜，T字部位薄薄一層就好。"),
        (9, "customer", "了解了謝謝你～好專業👍"),
    )),
    Dialogue("tw-product-2", "TW", "zh-hant", "product_question", (
        (0, "customer", "switch oled有白色主機嗎？想送小孩"),
        (3, "agent", "有的，白色和電光紅藍都有現貨，NT$10,480。"),
        (6, "customer", "有保固嗎"),
        (7, "agent", "台灣公司貨保固一年喔。"),
    )),
    Dialogue("tw-shop-1", "TW", "zh-hant", "shop_address", (
        (0, "customer", "請問台北有實體店面嗎？"),
        (1, "customer", {"location": _CITY_HALL}),
        (4, "agent", "您好，信義店離您最近：台北市信義區松壽路12號1樓，走路大約8分鐘，營業到晚上9點半。"),
        (5, "customer", "好近！下班過去看看"),
    )),
    Dialogue("tw-thanks-1", "TW", "zh-hant", "thanks", (
        (0, "customer", "東西收到了，出貨超快🥰謝謝小編"),
        (6, "agent", "謝謝您的喜歡，期待您再次光臨喔😊"),
    ), "delivered"),
    Dialogue("tw-payment-1", "TW", "zh-hant", "payment", (
        (0, "customer", "可以貨到付款嗎"),
        (3, "agent", "可以的，貨到付款酌收手續費NT$30；LINE Pay或刷卡則免手續費喔。"),
        (5, "customer", "那我用LINE Pay好了"),
    )),
    Dialogue("tw-greeting-1", "TW", "zh-hant", "greeting", (
        (0, "customer", "哈囉在嗎"),
        (1, "agent", "您好，在的！請問有什麼可以為您服務的呢？"),
        (4, "customer", "想問週年慶什麼時候開始"),
        (6, "agent", "週年慶從12月3日開始，全館8折起，歡迎先把喜歡的商品加入購物車喔。"),
        (7, "customer", "收到🫶"),
    )),
)  # fmt: skip
