"""Japan: customers write plainly or politely, agents in the polite business register (ございます, いたします)."""

from __future__ import annotations

from .speech import Dialogue

_SHIBUYA = {"latitude": 35.6580, "longitude": 139.7016, "name": "渋谷駅", "address": "東京都渋谷区道玄坂1丁目"}

DIALOGUES: tuple[Dialogue, ...] = (
    Dialogue("jp-order-1", "JP", "ja", "order_status", (
        (0, "customer", "私の荷物はどこですか？"),
        (3, "agent", "お問い合わせいただきありがとうございます。ご注文番号{order}のお荷物は、現在{state}でございます。"
                     "お届けは{eta}の予定でございます。"),
        (4, "agent", "{tracking}"),
        (7, "customer", "ありがとうございます。助かります。"),
    ), "under_way"),
    Dialogue("jp-order-2", "JP", "ja", "order_status", (
        (0, "customer", "注文番号{order}なのですが、配達日時の変更はできますか？"),
        (5, "agent", "ご連絡ありがとうございます。お荷物は{state}でございます。ご希望の日時をお知らせいただけますでしょうか。"),
        (9, "customer", "土曜の午前中でお願いします"),
        (14, "agent", "かしこまりました。土曜日の午前中のお届けにて、配送業者へ手配いたしました。"),
        (15, "customer", "お手数をおかけしました😊"),
    ), "on_the_way"),
    Dialogue("jp-order-3", "JP", "ja", "order_status", (
        (0, "customer", "まだ発送されてないみたいなんですが、いつ届きますか"),
        (6, "agent", "ご心配をおかけしております。ご注文番号{order}は{state}でございまして、お届けは{eta}を見込んでおります。"),
        (8, "customer", "わかりました、待ってます"),
    ), "under_way"),
    Dialogue("jp-price-1", "JP", "ja", "price_inquiry", (
        (0, "customer", "アイフォン15プロマックスはいくらですか？"),
        (4, "agent", "お問い合わせありがとうございます。iPhone 15 Pro Max 256GBは、税込189,800円でございます。"),
        (6, "customer", "分割払いはできますか"),
        (9, "agent", "はい、6回まで手数料無料でご利用いただけます。"),
        (11, "customer", "検討します。ありがとうございます。"),
    )),
    Dialogue("jp-price-2", "JP", "ja", "price_inquiry", (
        (0, "customer", "アネッサの日焼け止め、まとめ買いすると割引ありますか？"),
        (5, "agent", "3本以上のお買い上げで5%割引とさせていただいております。1本あたり税込3,278円でございます。"),
        (8, "customer", "じゃあ3本お願いします！"),
        (10, "agent", "かしこまりました。お支払いページのご案内をお送りいたします。"),
    )),
    Dialogue("jp-expensive-1", "JP", "ja", "price_objection", (
        (0, "customer", "ダイソンの掃除機、もう少し安くなりませんか"),
        (6, "agent", "恐れ入ります。現在の価格は税込118,800円で、専用ツールを2点お付けしております。"),
        (9, "customer", "うーん、ちょっと高すぎますね…"),
        (13, "agent", "さようでございますか。6回の分割払いですと、月々19,800円でご利用いただけます。ご検討いただけますと幸いです。"),
        (18, "customer", "少し考えてみます"),
    )),
    Dialogue("jp-return-1", "JP", "ja", "return", (
        (0, "customer", "届いた商品を返品したいのですが"),
        (4, "agent", "ご連絡ありがとうございます。ご注文番号{order}のお品物でお間違いないでしょうか。"),
        (6, "customer", "はい。肌に合わなそうなので、未開封のまま返したいです。"),
        (10, "agent", "承知いたしました。未開封でしたら、お届けから14日以内は返品を承っております。"
                      "明日、集荷に伺うよう手配いたします。"),
        (12, "customer", "よろしくお願いします"),
    ), "delivered"),
    Dialogue("jp-complaint-1", "JP", "ja", "complaint", (
        (0, "customer", "届いた箱が潰れていました。ギフトなのに困ります。"),
        (1, "customer", {"image": "dented_box", "caption": "こんな状態です"}),
        (6, "agent", "この度は大変申し訳ございません。すぐに代替品をお送りいたします。"),
        (8, "customer", "明後日までに必要なんですが"),
        (12, "agent", "本日中に速達で発送し、明日の夜までにお届けいたします。ご迷惑をおかけし、重ねてお詫び申し上げます。"),
        (15, "customer", "それなら間に合います。お願いします。"),
    ), "delivered"),
    Dialogue("jp-complaint-2", "JP", "ja", "complaint", (
        (0, "customer", "問い合わせの返信が遅すぎます。昨日から待っています😠"),
        (5, "agent", "長らくお待たせしてしまい、誠に申し訳ございません。"
                     "すぐに確認いたしますので、ご用件をお聞かせいただけますでしょうか。"),
        (8, "customer", "担当の方と電話で話したいです"),
        (11, "agent", "かしこまりました。責任者より30分以内にお電話いたします。"),
    )),
    Dialogue("jp-product-1", "JP", "ja", "product_question", (
        (0, "customer", "極潤は乾燥肌でも使えますか？"),
        (4, "agent", "はい、極潤ヒアルロン液は乾燥が気になる方にもお使いいただけます。"
                     "乳液かクリームを重ねていただくと、より潤いが続きます。"),
        (7, "customer", "おすすめのクリームはありますか？"),
        (10, "agent", "キュレルの潤浸保湿フェイスクリームをおすすめいたします。税込2,530円でございます。"),
        (12, "customer", "一緒に買います😊"),
    )),
    Dialogue("jp-product-2", "JP", "ja", "product_question", (
        (0, "customer", "有機ELスイッチの在庫はありますか？"),
        (3, "agent", "はい、ホワイトとネオンブルー・ネオンレッドのどちらもご用意がございます。"),
        (5, "customer", "ラッピングもお願いできますか"),
        (7, "agent", "無料で承っております。ご注文の際に備考欄へご記入くださいませ。"),
        (8, "customer", "了解です！"),
    )),
    Dialogue("jp-shop-1", "JP", "ja", "shop_address", (
        (0, "customer", "近くにお店はありますか？"),
        (1, "customer", {"location": _SHIBUYA}),
        (4, "agent", "渋谷店が最寄りでございます。渋谷区神南1-15-3、渋谷駅より徒歩6分、20時まで営業しております。"),
        (5, "customer", "今から行きます🏃"),
    )),
    Dialogue("jp-thanks-1", "JP", "ja", "thanks", (
        (0, "customer", "今日届きました！丁寧な梱包で感動しました✨ありがとうございます😊"),
        (6, "agent", "嬉しいお言葉をいただき、誠にありがとうございます。またのご利用を心よりお待ちしております。"),
    ), "delivered"),
    Dialogue("jp-payment-1", "JP", "ja", "payment", (
        (0, "customer", "コンビニ払いはできますか？"),
        (3, "agent", "はい、全国のコンビニエンスストアでお支払いいただけます。お支払い期限はご注文から3日間でございます。"),
        (4, "customer", "助かります"),
    )),
    Dialogue("jp-quote-1", "JP", "ja", "quotation", (
        (0, "customer", "会社の景品用にモバイルバッテリーを50個ほど検討しています。見積もりをお願いできますか。"),
        (7, "agent", "お問い合わせいただきありがとうございます。50個ですと1個あたり税込3,590円、合計179,500円でご用意できます。"),
        (9, "customer", "請求書払いは可能でしょうか"),
        (14, "agent", "はい、月末締め翌月末払いで承っております。お見積書をメールにてお送りいたします。"),
        (16, "customer", "よろしくお願いいたします。"),
    )),
)  # fmt: skip
