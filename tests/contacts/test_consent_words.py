"""Requests to stop and to start, and the sentences that only look like one."""

from __future__ import annotations

import pytest

from scrm.contacts import consent_words
from scrm.contacts.consent_words import Wish, reading
from scrm.contacts.models import Identity
from scrm.conversations.models import Message
from scrm.intake import pipeline
from tests import people

STOP, NO_PROMOTIONS, START = Wish("all", allowed=False), Wish("marketing", allowed=False), Wish("all", allowed=True)

STOPS = (
    *("STOP", "stop", "Stop.", " stop ", "ＳＴＯＰ", "ｓｔｏｐ！", "S​top", "STOP STOP STOP", "Stop!!!", "“STOP”", "stop 🙏"),
    *("🛑 Stop", "/stop"),
    *("please stop", "Stop please", "pls stop", "Hi, please stop.", "stop, thank you", "STOP ALL", "stop messaging me"),
    *("Stop spamming me!!",),
    *("unsubscribe", "Unsubscribe me", "UNSUB", "please unsubscribe me, thanks", "opt out", "Opt-out", "OPTOUT", "I want to opt out"),
    *("Don't message me", "Don’t contact me", "do not text me", "No more messages please", "remove me from your list"),
    *("Take me off the list",),
    *("配信停止", "「配信停止」", "配信停止。", "配信を停止してください", "配信停止お願いします"),
    *("配信停止でお願いいたします🙇", "配信停止希望"),
    *("配信停止を希望します", "ﾒﾙﾏｶﾞ解除", "メルマガ解除して", "めるまが停止", "もう送らないでください"),
    *("登録解除したいです", "停止", "停止して下さい"),
    *("すみません、配信停止お願いします", "受信拒否", "オプトアウト"),
    *("退訂", "退订", "退 訂", "我要退訂", "請幫我退訂，謝謝", "麻煩退訂", "取消訂閱", "取消订阅", "取消訂閲"),
    *("我想取消訂閱", "停止訂閱", "不要再傳了"),
    *("不要再发了", "请勿再发", "別再傳訊息", "拒收", "拒收🚫", "TD", "ＴＤ", "回覆TD", "请不要再联系我", "停止發送", "停止停止"),
    *("唔好再send", "唔好再SEND俾我", "唔該唔好再send啦", "唔好再搵我", "唔好再傳訊息", "停止", "唔想再收到訊息"),
)
NO_PROMOTION = (
    *("Stop promotions", "STOP PROMOTIONS", "stop promos please", "No more ads", "opt out of promotions", "please stop ads"),
    *("プロモーションを停止", "広告を停止してください", "広告不要です", "停止推廣", "停止推广", "停止促銷訊息"),
    *("不要再傳廣告", "唔好再send廣告"),
)
STARTS = (
    *("START", "start", "ＳＴＡＲＴ", "unstop", "Subscribe", "opt in", "配信再開", "配信再開お願いします", "再開"),
    *("恢復訂閱", "恢复订阅", "重新訂閱", "我要訂閱"),
)

SENTENCES = (
    # English: the word in a sentence, a question, an order
    *("please stop by our shop tomorrow", "The bus stop?", "Which bus stop is near the shop?", "I'll stop by at 5"),
    *("non-stop flight to HK",),
    *("Don't stop sending offers", "can't stop, won't stop 😂", "stop?", "Stop it hurts my skin, what do I do", "It stopped working"),
    *("how do I unsubscribe?", "I did not unsubscribe", "can I opt out of gift wrapping", "Cancel", "cancel my order please"),
    *("cancel order 10023",),
    *("the end", "End", "quit smoking patch", "no more stock?", "no promotions today?", "remove me from the waiting list for size M"),
    *("please remove my old address", "delete my number ending 4567 from the order", "start date?"),
    *("when does the sale start", "let's get started"),
    *("I want to stop using the cream at night", "stop loss", "Stop the shipping to the old address", "history"),
    *("is this the last message",),
    *("subscribe to save 10%?", "how to subscribe", "top", "stopwatch", "unstoppable", "Optimum size", "ok", "thanks", "hi"),
    *("no", "TDS", "today"),
    # Japanese
    *("停止中の商品はありますか", "配信停止しないでください", "配信停止になっていますか", "配信停止の方法を教えて"),
    *("配信はいつ再開しますか",),
    *("一時停止中ですか？", "キャンセル", "注文をキャンセルしたい", "解約", "定期便を解約したい", "停止？", "販売停止"),
    *("カードが停止された",),
    *("登録解除できますか", "送らないでと言いましたよね、住所変更です", "まだ送らないで、来週届けて", "広告を見ました"),
    *("広告の商品はどれ", "不要です", "連絡不要です", "メッセージカード不要"),
    *("会員登録したい", "再開はいつ", "配信楽しみにしています", "バス停", "停電です", "お願いします", "もういいです"),
    # Chinese
    *("停止營業了嗎", "你們停止營業未", "停止了", "唔好停", "不要停止", "停止供應？", "退訂單可以嗎", "可以退訂房間嗎"),
    *("怎麼退訂", "退訂要多久"),
    *("退訂金嗎", "訂閱費多少", "如何取消訂閱？", "取消", "取消訂單", "取消订单", "我要取消訂單", "不要再貴了", "不要香菜"),
    *("不要再傳錯貨了",),
    *("唔好再send錯貨", "唔好再遲到", "唔好意思", "唔該", "拒收包裹怎麼辦", "快遞拒收了", "停車場在哪", "別再缺貨了好嗎"),
    *("訂閱了嗎", "恢復正常了嗎"),
    *("不要廣告上那個顏色", "廣告那個有貨嗎", "推廣期到幾時", "促銷到幾號", "請問", "我想", "謝謝"),
    # Nothing said
    *("", " ", "👍", "...", "?", "1", "0", "🛑🛑🛑", "​", "x" * 2000, "stop " * 40, "停止" * 40),
)


class Reading:
    @pytest.mark.parametrize("text", STOPS)
    def test_hears_a_stop_in_four_languages(self, text: str) -> None:
        assert reading(text) == STOP

    @pytest.mark.parametrize("text", NO_PROMOTION)
    def test_hears_a_no_to_promotions_alone(self, text: str) -> None:
        assert reading(text) == NO_PROMOTIONS

    @pytest.mark.parametrize("text", STARTS)
    def test_hears_a_start(self, text: str) -> None:
        assert reading(text) == START

    @pytest.mark.parametrize("text", SENTENCES)
    def test_hears_nothing_in_sentences_that_hold_the_word(self, text: str) -> None:
        assert reading(text) is None


class TheWords:
    @pytest.mark.parametrize("word", [*consent_words.STOP, *consent_words.STOP_PROMOTIONS, *consent_words.START])
    def test_are_each_heard_by_themselves_in_capitals_and_full_width(self, word: str) -> None:
        assert reading(word) is not None
        assert reading(word.upper()) == reading(word)
        assert reading("".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in word)) == reading(word)

    def test_mean_one_thing_each(self) -> None:
        words = [*consent_words.STOP, *consent_words.STOP_PROMOTIONS, *consent_words.START]
        assert len(words) == len(set(words))


class HeardInAMessage:
    """Through the webhook, as customers write it."""

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        ("said", "out", "declined"), [("我要退訂", True, True), ("停止推廣", False, True), ("可以退訂房間嗎", False, False)]
    )
    def test_sets_what_was_asked_for_with_the_message_as_proof(self, said: str, out: bool, declined: bool) -> None:
        assert people.post(people.hong_kong(), people.body(people.hong_kong(), messages=[people.text_message(said)])) == 200
        while pipeline.drain():
            pass
        identity = Identity.objects.get(value="85291234567")
        assert (identity.opted_out_at is not None, identity.marketing_opted_out_at is not None) == (out, declined)
        proof = [f"message:{pk}" for pk in Message.objects.values_list("pk", flat=True)] if declined else []
        assert list(identity.consents.values_list("evidence", flat=True)) == proof
