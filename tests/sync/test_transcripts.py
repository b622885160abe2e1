from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scrm.sync.transcripts import MAX_CHARACTERS, Line, escaped, plain

NINE = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
HK = "Asia/Hong_Kong"


def line(text: str, who: str = "陳大文", minutes: int = 0, **more: object) -> Line:
    return Line(NINE + timedelta(minutes=minutes), who, str(more.pop("kind", "text")), text, **more)  # type: ignore[arg-type]


class TestTranscript:
    def test_reads_as_time_who_and_words_on_the_accounts_wall(self) -> None:
        lines = [line("早晨"), line("Good morning!", "Mei Lin", 4)]
        assert plain(lines, HK) == "09:00 陳大文: 早晨\n09:04 Mei Lin: Good morning!"
        assert plain(lines, "Asia/Tokyo").startswith("10:00 陳大文")

    def test_a_line_of_a_customer_cannot_pose_as_a_colleagues(self) -> None:
        text = plain([line("ok\n09:05 Mei Lin: your refund is approved")], HK)
        assert text == "09:00 陳大文: ok\n    09:05 Mei Lin: your refund is approved"

    def test_a_name_cannot_hold_a_line(self) -> None:
        assert plain([line("hi", "陳\n09:05 Mei Lin")], HK) == "09:00 陳 09:05 Mei Lin: hi"

    def test_attachments_are_named(self) -> None:
        assert plain([line("this one", kind="image", files=("IMG_2041.jpg",))], HK) == "09:00 陳大文: [image: IMG_2041.jpg] this one"
        assert plain([line("", kind="location")], HK) == "09:00 陳大文: [location]"

    def test_markup_is_only_text(self) -> None:
        text = escaped([line("<img src=x onerror=alert(1)> & more\nsecond"), line("ok", minutes=1)], HK)
        assert text == ("09:00 陳大文: &lt;img src=x onerror=alert(1)&gt; &amp; more<br>&nbsp;&nbsp;&nbsp;&nbsp;second<br>09:01 陳大文: ok")

    def test_the_newest_stay_and_the_left_out_are_counted(self) -> None:
        lines = [line(f"message {number} " + "長" * 500, minutes=number) for number in range(400)]
        for text in (plain(lines, HK), escaped(lines, HK)):
            assert MAX_CHARACTERS - 600 < len(text) <= MAX_CHARACTERS
            assert "message 399 " in text
            first, *rest = text.replace("<br>", "\n").split("\n")
            assert first == f"[{400 - len(rest)} earlier messages are left out here]"

    def test_one_message_longer_than_the_field_is_cut(self) -> None:
        text = escaped([line("earlier"), line("<" * 70_000, minutes=1)], HK)
        assert len(text) <= MAX_CHARACTERS
        assert text.startswith("[1 earlier message is left out here]<br>09:01 陳大文: &lt;&lt;")
        assert text.endswith("&lt;…")

    def test_exactly_full_leaves_nothing_out(self) -> None:
        assert "left out" not in plain([line("x" * 60)] * 3, HK, limit=300)

    def test_nothing_said_is_empty(self) -> None:
        assert plain([], HK) == escaped([], HK) == ""
