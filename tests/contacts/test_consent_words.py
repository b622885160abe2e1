from __future__ import annotations

import pytest

from scrm.contacts.consent_words import reading


class Reading:
    @pytest.mark.parametrize(
        "text", ["STOP", "stop.", " Stop ", "ＳＴＯＰ", "配信停止", "退訂", "退订", "取消訂閱", "unsubscribe", "「配信停止」"]
    )
    def test_hears_a_stop_in_four_languages(self, text):
        assert reading(text) is False

    @pytest.mark.parametrize("text", ["START", "配信再開", "恢復訂閱", "恢复订阅"])
    def test_hears_a_start(self, text):
        assert reading(text) is True

    @pytest.mark.parametrize("text", ["please stop by our shop", "The bus stop?", "停止中の商品はありますか", "", "👍"])
    def test_hears_nothing_in_sentences(self, text):
        assert reading(text) is None
