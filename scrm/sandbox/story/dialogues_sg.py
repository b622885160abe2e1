"""Singapore: English with a local touch, and some customers who write simplified Chinese."""

from __future__ import annotations

from .speech import Dialogue

_ORCHARD = {"latitude": 1.3040, "longitude": 103.8318, "name": "Orchard MRT", "address": "Orchard Road, Singapore"}

DIALOGUES: tuple[Dialogue, ...] = (
    Dialogue("sg-order-1", "SG", "en", "order_status", (
        (0, "customer", "Hi, where's my order ah? {order}"),
        (3, "agent", "Hi! Your order is {state}, and should reach you {eta}."),
        (4, "agent", "{tracking}"),
        (5, "customer", "Ok can, thanks!"),
    ), "under_way"),
    Dialogue("sg-order-2", "SG", "en", "order_status", (
        (0, "customer", "Can I change my delivery to after 6pm? Nobody home in the day"),
        (4, "agent", "Sure, let me check {order}. It's {state}, currently planned for {eta}."),
        (9, "agent", "I've asked Ninja Van for an evening slot, 6pm to 10pm. They'll SMS you to confirm."),
        (10, "customer", "Wah thanks so much 🙏"),
    ), "on_the_way"),
    Dialogue("sg-price-1", "SG", "en", "price_inquiry", (
        (0, "customer", "how much is the sony xm5 now?"),
        (3, "agent", "Hello! The WH-1000XM5 is S$499 with free delivery. Black and silver are in stock."),
        (6, "customer", "any discount if I buy 2?"),
        (8, "agent", "We can do 5% off for two, so S$948.10 in total."),
        (10, "customer", "ok let me ask my wife first lol"),
    )),
    Dialogue("sg-price-2", "SG", "en", "price_inquiry", (
        (0, "customer", "Hi may I know the price for iPhone 15 Pro? Got trade-in?"),
        (5, "agent", "Hi! It's S$1,499 for 128GB. Yes, we take trade-ins at our Orchard shop. Which phone do you have now?"),
        (6, "customer", "iPhone 12, 128gb, screen a bit scratched"),
        (10, "agent", "For that one it's usually S$180 to S$240, depending on the inspection."),
        (12, "customer", "Noted, will drop by"),
    )),
    Dialogue("sg-expensive-1", "SG", "en", "price_objection", (
        (0, "customer", "Dyson dryer 649?? Too expensive leh"),
        (5, "agent", "I hear you! It comes with a 2-year local warranty and a free paddle brush worth S$59."),
        (6, "customer", "Shopee selling 560. Cannot match meh"),
        (9, "agent", "I can't match that, but you can split it into 6 payments of about S$108 with no interest."),
        (13, "customer", "Still too expensive for me la, nvm"),
    )),
    Dialogue("sg-return-1", "SG", "en", "return", (
        (0, "customer", "Hi I'd like to return the lip mask from {order}, wrong flavour"),
        (4, "agent", "No problem! Is it still sealed?"),
        (5, "customer", "Yes, not opened"),
        (8, "agent", "Great, the courier will collect it tomorrow. You'll get your refund within 5 working days."),
        (9, "customer", "Thanks, very fast 👍"),
    ), "delivered"),
    Dialogue("sg-complaint-1", "SG", "en", "complaint", (
        (0, "customer", "Very disappointed. The box arrived like this 😤"),
        (1, "customer", {"image": "dented_box", "caption": "look at the corner"}),
        (5, "agent", "I'm so sorry about that. Is the item inside damaged too?"),
        (7, "customer", "Item ok but it was supposed to be a gift"),
        (10, "agent", "Understood. We'll send you a new gift box today, with a 10% code for your next order."),
        (12, "customer", "Alright, appreciate it"),
    ), "delivered"),
    Dialogue("sg-product-1", "SG", "en", "product_question", (
        (0, "customer", "Is the Anessa sunscreen ok for kids? And does it leave a white cast"),
        (4, "agent", "It's gentle, but for children under 12 we'd suggest the mild version. It dries clear, no white cast."),
        (5, "customer", {"image": "product_shelf", "caption": "this one right?"}),
        (7, "agent", "Yes, that's the one!"),
        (8, "customer", "Thank you 😊"),
    )),
    Dialogue("sg-shop-1", "SG", "en", "shop_address", (
        (0, "customer", "Where's your shop? I'm here now"),
        (1, "customer", {"location": _ORCHARD}),
        (3, "agent", "You're close! 290 Orchard Road, #02-18, about 8 minutes' walk. We're open till 9.30pm."),
        (4, "customer", "Great, see you in a bit"),
    )),
    Dialogue("sg-thanks-1", "SG", "en", "thanks", (
        (0, "customer", "Received already, everything perfect 😍 thank you!!"),
        (5, "agent", "So glad to hear that! Enjoy 😊"),
    ), "delivered"),
    Dialogue("sg-stop-1", "SG", "en", "opt_out", (
        (0, "agent", "Hi Darren, it's Harbour Lane. The Sony WH-1000XM5 you asked about is 10% off this week."),
        (12, "customer", "STOP"),
    )),
    Dialogue("sg-zh-order-1", "SG", "zh-hans", "order_status", (
        (0, "customer", "你好，请问我的快递到哪里了？"),
        (3, "agent", "您好，订单{order}目前{state}，预计{eta}送达。{tracking}"),
        (5, "customer", "好的，谢谢"),
    ), "under_way"),
    Dialogue("sg-zh-price-1", "SG", "zh-hans", "price_inquiry", (
        (0, "customer", "神仙水大瓶的多少钱？"),
        (4, "agent", "您好，SK-II神仙水230ml现在305新币，满60新币免运费。"),
        (6, "customer", "有点贵，有活动吗"),
        (9, "agent", "新会员首单九折，折后274.50新币。"),
        (11, "customer", "那可以，怎么下单？"),
        (13, "agent", "我把付款链接发给您，付款后今天就能发货。"),
    )),
    Dialogue("sg-zh-return-1", "SG", "zh-hans", "return", (
        (0, "customer", "收到的精华漏了，想换货"),
        (1, "customer", {"image": "leaking_bottle", "caption": "盒子里面都是"}),
        (5, "agent", "非常抱歉！{order}马上为您补发一瓶，漏的那瓶不用寄回。"),
        (7, "customer", "好的，辛苦了"),
    ), "delivered"),
    Dialogue("sg-zh-product-1", "SG", "zh-hans", "product_question", (
        (0, "customer", "请问戴森V15能吸猫毛吗？家里两只猫🐱"),
        (4, "agent", "可以的，V15配了防缠绕吸头，吸猫毛很方便，还能看到灰尘量。"),
        (6, "customer", "保修多久"),
        (7, "agent", "新加坡行货，保修两年。"),
        (9, "customer", "好，我周末去店里看看"),
    )),
    Dialogue("sg-zh-thanks-1", "SG", "zh-hans", "thanks", (
        (0, "customer", "已经收到了，很满意，谢谢客服小姐姐❤️"),
        (6, "agent", "感谢您的支持，有问题欢迎随时联系我们😊"),
    ), "delivered"),
)  # fmt: skip
