"""Hong Kong: Cantonese as people type it, with English words in between; some write standard Chinese or English."""

from __future__ import annotations

from .speech import Dialogue

_TST = {"latitude": 22.2988, "longitude": 114.1722, "name": "尖沙咀站", "address": "尖沙咀彌敦道"}

DIALOGUES: tuple[Dialogue, ...] = (
    Dialogue("hk-order-1", "HK", "zh-hk", "order_status", (
        (0, "customer", "Hello 想問下我張單去到邊呀？"),
        (2, "agent", "你好呀，張單編號係咪{order}？"),
        (3, "customer", "係呀"),
        (5, "agent", "幫你查咗，而家{state}，預計{eta}到。{tracking}"),
        (6, "customer", "好呀唔該晒🙏"),
    ), "under_way"),
    Dialogue("hk-order-2", "HK", "zh-hk", "order_status", (
        (0, "customer", "{order} 幾時到呀？我星期五要飛，怕收唔到"),
        (4, "agent", "你好，呢張單{state}，預計{eta}送到，應該趕得切㗎。"),
        (5, "agent", "{tracking}"),
        (7, "customer", "咁就好喇 thanks!"),
    ), "under_way"),
    Dialogue("hk-order-3", "HK", "zh-hk", "order_status", (
        (0, "customer", "可唔可以改順豐站自取？我屋企日頭冇人"),
        (3, "agent", "可以㗎，{order}未派送之前都改到。你想改去邊個順豐站？"),
        (5, "customer", "旺角朗豪坊嗰個"),
        (9, "agent", "改好咗喇，到咗順豐會SMS通知你。"),
        (10, "customer", "快手👍"),
    ), "on_the_way"),
    Dialogue("hk-price-1", "HK", "zh-hk", "price_inquiry", (
        (0, "customer", "iPhone15 Pro Max 256幾錢呀？"),
        (3, "agent", "你好，iPhone 15 Pro Max 256GB而家$9,299，有現貨，可以分6期免息。"),
        (6, "customer", "有咩色？"),
        (8, "agent", "原色鈦金屬、藍色、黑色同白色都有。"),
        (15, "customer", "ok 我諗諗先"),
    )),
    Dialogue("hk-price-2", "HK", "zh-hk", "price_inquiry", (
        (0, "customer", "請問神仙水230ml幾多錢？買兩支有冇平啲"),
        (2, "agent", "你好😊 SK-II神仙水230ml $1,560，買兩支有95折，即係$2,964。"),
        (4, "customer", "好 幫我留兩支"),
        (6, "agent", "冇問題，付款連結即刻send畀你，貨會留24小時。"),
        (7, "customer", "多謝😍"),
    )),
    Dialogue("hk-expensive-1", "HK", "zh-hk", "price_objection", (
        (0, "customer", "Dyson風筒有冇得平啲呀"),
        (4, "agent", "Dyson Supersonic而家$3,280，送多一個順髮風嘴。"),
        (5, "customer", "太貴喇😅 豐澤平幾百"),
        (8, "agent", "明白嘅。我哋可以6期免息，每期$547左右，會唔會好啲？"),
        (12, "customer", "都係貴，等減價先啦"),
        (13, "agent", "冇問題，有優惠第一時間通知你。"),
    )),
    Dialogue("hk-return-1", "HK", "zh-hk", "return", (
        (0, "customer", "我收到{order}，但係個tote bag色唔啱，我訂黑色㗎喎"),
        (1, "customer", {"image": "wrong_colour", "caption": "你哋send咗白色嚟"}),
        (4, "agent", "真係唔好意思🙇 係我哋執錯貨。聽日安排順豐上門收返，同時寄返個黑色畀你，得唔得？"),
        (6, "customer", "得，但係要下晝先有人"),
        (8, "agent", "收到，約咗下晝2點至6點。"),
        (9, "customer", "唔該"),
    ), "delivered"),
    Dialogue("hk-return-2", "HK", "zh-hk", "return", (
        (0, "customer", "請問未開封可唔可以退？我買重複咗"),
        (5, "agent", "可以呀，收貨後14日內未開封都可以退。{order}係咪？"),
        (6, "customer", "係，張單入面其中一支"),
        (9, "agent", "好，我安排上門收件，收到後3至5個工作天會退款返去你張卡。"),
        (10, "customer", "thank you 🙏"),
    ), "delivered"),
    Dialogue("hk-complaint-1", "HK", "zh-hk", "complaint", (
        (0, "customer", "我話明要包裝好啲，你睇下收到係咁😡"),
        (1, "customer", {"image": "leaking_bottle", "caption": ""}),
        (2, "customer", "成個盒都濕晒"),
        (6, "agent", "真係好對唔住😔 我哋即刻補寄一支新嘅畀你，舊嗰支唔使寄返。"),
        (9, "customer", "咁補寄要幾耐？"),
        (11, "agent", "今日寄出，最遲後日到，我會親自跟。"),
        (13, "customer", "好啦，希望唔好再有下次"),
    ), "delivered"),
    Dialogue("hk-complaint-2", "HK", "zh-hk", "complaint", (
        (0, "customer", "打咗三次電話都冇人聽，你哋做咩㗎"),
        (3, "agent", "唔好意思令你久等咗，今日電話比較多。請問有咩可以幫到你？"),
        (5, "customer", "我想搵經理"),
        (8, "agent", "明白，我而家轉畀主管跟進，佢15分鐘內會覆你。"),
    )),
    Dialogue("hk-product-1", "HK", "zh-hk", "product_question", (
        (0, "customer", "想問安耐曬敏感肌用唔用得？我塊面好易紅"),
        (5, "agent", "你好，ANESSA金鑽防曬乳有酒精成分，敏感肌建議先喺手臂試下。珂潤會比較溫和。"),
        (7, "customer", "珂潤嗰個面霜有貨嗎"),
        (9, "agent", "有貨，珂潤深層乳霜40g $168。"),
        (10, "customer", "好，我要一個😊"),
    )),
    Dialogue("hk-product-2", "HK", "zh-hk", "product_question", (
        (0, "customer", "XM5 同 airpods pro 邊個隔音好啲？搭MTR用"),
        (4, "agent", "WH-1000XM5係頭戴式，隔音會強啲；AirPods Pro細細個方便帶。搭地鐵兩款都夠用。"),
        (6, "customer", "夏天戴頭戴會唔會焗"),
        (8, "agent", "夏天會有少少焗，怕熱就揀AirPods Pro啦。"),
        (9, "customer", "haha 好，咁我買airpods"),
    )),
    Dialogue("hk-shop-1", "HK", "zh-hk", "shop_address", (
        (0, "customer", "你哋門市喺邊？想睇下實物"),
        (1, "customer", {"location": _TST}),
        (3, "agent", "你好，最近你嘅係尖沙咀店：廣東道28號地下，行過去大約6分鐘，開到夜晚9點半。"),
        (4, "customer", "今晚過嚟睇下"),
    )),
    Dialogue("hk-shop-2", "HK", "zh-hk", "shop_address", (
        (0, "customer", "銅鑼灣有冇分店"),
        (2, "agent", "有呀，銅鑼灣駱克道500號地下，崇光對面，朝11晚10。"),
        (3, "customer", "👌"),
    )),
    Dialogue("hk-thanks-1", "HK", "zh-hk", "thanks", (
        (0, "customer", "收到貨喇，包裝好靚呀💕 多謝晒！！"),
        (5, "agent", "多謝你支持！有需要隨時搵我哋😊"),
    ), "delivered"),
    Dialogue("hk-greeting-1", "HK", "zh-hk", "greeting", (
        (0, "customer", "Hi"),
        (2, "agent", "你好呀！多謝你聯絡Harbour Lane，有咩可以幫到你？"),
        (20, "customer", "冇嘢喇 我搵到喇 唔該"),
    )),
    Dialogue("hk-payment-1", "HK", "zh-hk", "payment", (
        (0, "customer", "可唔可以用FPS俾錢？"),
        (2, "agent", "可以呀，轉數快、PayMe、八達通同信用卡都得。"),
        (3, "customer", "好 咁我FPS"),
        (9, "customer", {"image": "receipt", "caption": "過咗數"}),
        (12, "agent", "收到款項喇，今日幫你寄出。多謝晒！"),
    )),
    Dialogue("hk-stop-1", "HK", "zh-hk", "opt_out", (
        (0, "agent", "黃小姐你好，你之前問過嘅SK-II神仙水有貨喇，今個星期有九折～"),
        (35, "customer", "唔好再send promotion畀我，STOP"),
    )),
    Dialogue("hk-english-1", "HK", "en", "order_status", (
        (0, "customer", "Hi, any update on {order}? It's a birthday gift so I'm a bit anxious 😬"),
        (4, "agent", "Hello! It's {state}, and should arrive {eta}. {tracking}"),
        (6, "customer", "Perfect, thanks for the quick reply!"),
    ), "under_way"),
)  # fmt: skip
